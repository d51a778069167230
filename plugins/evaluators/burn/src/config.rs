//! The parameters of the evaluator, and the configuration that they are read into.

use std::time::Duration;

use nas_api::{Error, FinalTraining, Parameter, ParameterKind, Result, Role, Settings, Value};
use nas_data::{DataConfig, Kind, MAX_TOKENS, Tokens, located};
use nas_network::device::Place;

use crate::hyperparameters::{self, Training};

/// The default of `vocabulary`.
const VOCABULARY: u32 = 512;
/// The value of `tokens` by which every character is a token.
const CHARACTERS: &str = "characters";

/// The parameters that users may set. `device` is the default device.
pub fn parameters(device: Place) -> Vec<Parameter> {
    let mut parameters = vec![
        Parameter::text(
            "recipe",
            "",
            "a recipe by name or as a .toml file; its settings apply to parameters that are not set; empty: none",
        )
        .with_role(Role::Recipe),
        Parameter::text(
            "data",
            "digits",
            "`digits`, the name of a fetched data set, a folder (of MNIST's idx files, CIFAR's binary files, images or \
             images with COCO's annotations), or a .csv, .csv.gz, .parquet or .txt file",
        )
        .with_role(Role::Data),
        Parameter::one_of(
            "task",
            "auto",
            &["auto", "classification", "regression", "language", "detection"],
            "what is predicted; auto: language for texts, detection for images with boxes, else classification",
        ),
        Parameter::text("target", "", "the column to predict (tables); empty: the last one"),
        texts("ignore", "columns that are not used (tables)"),
        texts("categories", "columns that hold categories even if they look like numbers (tables)"),
        Parameter::integer(
            "category_limit",
            64,
            1,
            4096,
            "largest number of categories of a column that have their own input (tables)",
        ),
        Parameter::integer(
            "split_seed",
            0,
            0,
            u32::MAX,
            "decides which examples are for training, validation and testing",
        ),
        Parameter::number(
            "validation",
            0.2,
            0.01,
            0.9,
            "fraction of the examples for validation, unless the data have a validation set of their own",
        ),
        Parameter::number(
            "test",
            0.2,
            0.01,
            0.9,
            "fraction of the examples for testing, unless the data have a test set of their own",
        ),
        Parameter::integer(
            "train_limit",
            0,
            0,
            u32::MAX,
            "largest number of training examples, a stratified sample; 0: all",
        ),
        Parameter::integer(
            "validation_limit",
            0,
            0,
            u32::MAX,
            "largest number of validation examples, a stratified sample; 0: all",
        ),
        Parameter::integer("context", 128, 1, 1 << 16, "number of positions of one example (texts)"),
        Parameter::text(
            "tokens",
            CHARACTERS,
            "kind of tokens (texts): `characters`, `bpe` (sub-words, trained on the training part), or a \
             tokenizer.json",
        )
        .with_role(Role::Path),
        Parameter::integer(
            "vocabulary",
            VOCABULARY,
            257,
            MAX_TOKENS as u32,
            "largest number of `bpe` tokens; the first 256 are the bytes",
        ),
        Parameter::integer("size", 0, 0, 512, "side length in pixels that images are resized to; 0: not resized"),
        Parameter::integer(
            "validate_every",
            0,
            0,
            100_000,
            "epochs between validations; 0: only at the end, or after every epoch with a pruner or early stopping",
        ),
        Parameter::number(
            "checkpoint_seconds",
            60.0,
            0.0,
            1e9,
            "seconds between checkpoints of a running training; 0: after every epoch",
        ),
    ];
    parameters.extend(hyperparameters::parameters());
    let places = "device on which networks are trained: cpu, or with the CUDA library cuda:0, cuda:1, ...";
    parameters.push(Parameter::text("device", &device.to_string(), places).with_role(Role::Device));
    parameters
}

/// The parameters that may be set for the final training: the recipe, the device, and the numbers of examples.
pub fn final_training() -> FinalTraining {
    FinalTraining {
        recipe: hyperparameters::parameters().into_iter().map(|parameter| parameter.name).collect(),
        safe: ["train_limit", "validation_limit", "device"].map(str::to_owned).to_vec(),
        without_effect: [
            ("validate_every", "final training also trains on the validation examples, so nothing is validated"),
            ("checkpoint_seconds", "final training keeps no checkpoints"),
        ]
        .map(|(name, reason)| (name.to_owned(), reason.to_owned()))
        .to_vec(),
    }
}

/// A parameter that is a list of texts, empty by default.
fn texts(name: &str, description: &str) -> Parameter {
    let default = Value::Texts(Vec::new());
    Parameter::new(name, ParameterKind::Texts, default, description)
}

/// Checked parameters.
#[derive(Clone, Debug)]
pub struct Config {
    /// Which data are used.
    pub data: DataConfig,
    /// How networks are trained.
    pub training: Training,
    /// Epochs of one trial at the highest fidelity, and of the final training.
    pub epochs: u32,
    /// The device on which networks are trained.
    pub device: Place,
    /// Epochs between validations; 0 means only at the end, or after every epoch if a pruner judges the trial.
    pub validate_every: u32,
    /// Time between checkpoints of a running training.
    pub checkpoint: Duration,
}

impl Config {
    /// Reads the settings, which hold every declared parameter.
    ///
    /// # Errors
    ///
    /// Fails if a value is not allowed, or if values contradict each other.
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

/// Reads `tokens` and `vocabulary`.
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
            "'vocabulary' is for sub-words that are learnt: set 'tokens' to \"bpe\", or leave 'vocabulary' out",
        ));
    }
    Ok(tokens)
}

/// The texts of a setting that is a list.
fn list(settings: &Settings, name: &str) -> Vec<String> {
    let found = settings.0.iter().find(|setting| setting.name == name);
    match found.map(|setting| &setting.value) {
        Some(Value::Texts(texts)) => texts.clone(),
        _ => Vec::new(),
    }
}
