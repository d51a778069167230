//! Parameters.

use std::time::Duration;

use nas_api::{Error, FinalTraining, Parameter, ParameterKind, Result, Role, Settings, Value};
use nas_data::{DataConfig, Kind, MOST_TOKENS, Tokens, located};
use nas_network::device::Place;

use crate::hyperparameters::{self, Training};

/// Tokens of `bpe` where nothing is said.
const VOCABULARY: u32 = 512;
/// Each character of a text is a token.
const CHARACTERS: &str = "characters";

/// What a user may set; `device` is where networks are trained where nobody says.
pub fn parameters(device: Place) -> Vec<Parameter> {
    let mut parameters = vec![
        Parameter::text(
            "recipe",
            "",
            "settings by name, or in a .toml file: they hold where nothing else is set; empty: none",
        )
        .with_role(Role::Recipe),
        Parameter::text(
            "data",
            "digits",
            "`digits`, a folder of idx files (MNIST), of CIFAR's, of images or of COCO's annotations, or a .csv, .csv.gz, .parquet or \
             .txt file",
        )
        .with_role(Role::Data),
        Parameter::one_of(
            "task",
            "auto",
            &["auto", "classification", "regression", "language", "detection"],
            "what is predicted; auto: the next character of a text, the objects in annotated images, else classes",
        ),
        Parameter::text("target", "", "the column to predict (tables); empty: the last"),
        texts("ignore", "columns that are left out (tables)"),
        texts("categories", "columns that hold names, even where they look like numbers (tables)"),
        Parameter::integer(
            "category_limit",
            64,
            1,
            4096,
            "names of a column with an input of their own, at most (tables)",
        ),
        Parameter::integer(
            "split_seed",
            0,
            0,
            u32::MAX,
            "decides which examples are for training, validation and test",
        ),
        Parameter::number(
            "validation",
            0.2,
            0.01,
            0.9,
            "fraction of the examples for validation, where none are apart",
        ),
        Parameter::number("test", 0.2, 0.01, 0.9, "fraction for testing, where no test examples are apart"),
        Parameter::integer(
            "train_limit",
            0,
            0,
            u32::MAX,
            "training examples at most, a random stratified part; 0: all",
        ),
        Parameter::integer("validation_limit", 0, 0, u32::MAX, "validation examples at most, likewise; 0: all"),
        Parameter::integer("context", 128, 1, 1 << 16, "positions of one example of a text"),
        Parameter::text(
            "tokens",
            CHARACTERS,
            "of a text: `characters`, `bpe` (sub-words, trained on its training part), or a tokenizer.json",
        )
        .with_role(Role::Path),
        Parameter::integer(
            "vocabulary",
            VOCABULARY,
            257,
            MOST_TOKENS as u32,
            "tokens of `bpe` at most; the first 256 are the bytes",
        ),
        Parameter::integer("size", 0, 0, 512, "side length in pixels that images are resized to; 0: as they are"),
        Parameter::integer(
            "validate_every",
            0,
            0,
            100_000,
            "epochs from one validation to the next; 0: at the end alone, or after each one where a pruner judges",
        ),
        Parameter::number(
            "checkpoint_seconds",
            60.0,
            0.0,
            1e9,
            "seconds from one kept state of a running training to the next; 0: after every epoch",
        ),
    ];
    parameters.extend(hyperparameters::parameters());
    let places = "where networks are trained: cpu, or in the CUDA library cuda:0, ...";
    parameters.push(Parameter::text("device", &device.to_string(), places).with_role(Role::Device));
    parameters
}

/// What may be set for the final training: how networks are trained, where, and on how many examples.
pub fn final_training() -> FinalTraining {
    FinalTraining {
        recipe: hyperparameters::parameters().into_iter().map(|parameter| parameter.name).collect(),
        others: ["train_limit", "validation_limit", "device"].map(str::to_owned).to_vec(),
        without_effect: [
            ("validate_every", "validation examples are trained on here, so that nothing is validated"),
            ("checkpoint_seconds", "final training keeps no checkpoints"),
        ]
        .map(|(name, reason)| (name.to_owned(), reason.to_owned()))
        .to_vec(),
    }
}

/// A list of texts, empty where nothing is set.
fn texts(name: &str, description: &str) -> Parameter {
    let default = Value::Texts(Vec::new());
    Parameter::new(name, ParameterKind::Texts, default, description)
}

/// Checked parameters.
#[derive(Clone, Debug)]
pub struct Config {
    /// Which data.
    pub data: DataConfig,
    /// How networks are trained.
    pub training: Training,
    /// Final training.
    pub epochs: u32,
    /// Where networks are trained.
    pub device: Place,
    /// Epochs from one validation to the next; 0: at the end alone.
    pub validate_every: u32,
    /// From one kept state of a running training to the next.
    pub checkpoint: Duration,
}

impl Config {
    /// Reads the settings, which hold every declared parameter.
    pub fn of(settings: &Settings) -> Result<Self> {
        let size = |name| settings.integer(name).map(|number| number as usize);
        let source = located(settings.text("data")?);
        let kind = match settings.text("task")? {
            "regression" => Kind::Regression,
            "classification" => Kind::Classification,
            "language" => Kind::Language,
            "detection" => Kind::Detection,
            _ => Kind::of(&source),
        };
        let (validation, test) = (settings.number("validation")?, settings.number("test")?);
        if validation + test >= 1.0 {
            let problem = format!(
                "'validation' ({validation}) and 'test' ({test}) leave nothing for training: their sum must be below 1"
            );
            return Err(Error::new(problem));
        }
        let data = DataConfig {
            source,
            target: settings.text("target")?.to_owned(),
            ignore: list(settings, "ignore"),
            categories: list(settings, "categories"),
            category_limit: size("category_limit")?,
            kind,
            split_seed: settings.integer("split_seed")?,
            validation,
            test,
            train_limit: size("train_limit")?,
            validation_limit: size("validation_limit")?,
            size: size("size")?,
            context: size("context")?,
            tokens: tokens(settings)?,
        };
        let training = Training::of(settings, kind)?;
        let device = Place::named(settings.text("device")?)?;
        Ok(Self {
            data,
            training,
            epochs: settings.integer("epochs")?,
            device,
            validate_every: settings.integer("validate_every")?,
            checkpoint: Duration::from_secs_f64(settings.number("checkpoint_seconds")?),
        })
    }
}

/// What `tokens` says.
fn tokens(settings: &Settings) -> Result<Tokens> {
    let tokens = match settings.text("tokens")? {
        CHARACTERS => Tokens::Characters,
        "bpe" => return Ok(Tokens::Trained { vocabulary: settings.integer("vocabulary")? as usize }),
        file if file.to_ascii_lowercase().ends_with(".json") => Tokens::File(file.into()),
        other => {
            return Err(Error::new(format!(
                "'tokens' is \"{other}\", but must be \"{CHARACTERS}\", \"bpe\" or a file that ends in .json"
            )));
        }
    };
    if settings.integer("vocabulary")? != VOCABULARY {
        return Err(Error::new(
            "'vocabulary' is for sub-words that are learnt: set 'tokens' to \"bpe\", or leave it out",
        ));
    }
    Ok(tokens)
}

/// The texts of a list, which is there.
fn list(settings: &Settings, name: &str) -> Vec<String> {
    let found = settings.0.iter().find(|setting| setting.name == name);
    match found.map(|setting| &setting.value) {
        Some(Value::Texts(texts)) => texts.clone(),
        _ => Vec::new(),
    }
}
