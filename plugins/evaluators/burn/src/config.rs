//! Parameters.

use nas_api::{Error, Parameter, ParameterKind, Result, Settings, Value};

use crate::data::{DataConfig, Kind, located};
use crate::loss::Loss;
use crate::optimizer::{Method, OptimizerConfig, Schedule};
use crate::train::Training;

/// What a user may set.
pub fn parameters() -> Vec<Parameter> {
    vec![
        Parameter::text(
            "data",
            "digits",
            "`digits`, a folder of idx files (MNIST), of CIFAR's or of images, or a .csv, .csv.gz, .parquet or .txt file",
        ),
        Parameter::one_of(
            "task",
            "auto",
            &["auto", "classification", "regression", "language"],
            "what is predicted; auto: the next character of a text, else classes",
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
        Parameter::integer("size", 0, 0, 512, "side length in pixels that images are resized to; 0: as they are"),
        Parameter::integer("epochs", 10, 1, 100_000, "full training of one trial, and the horizon of the schedule"),
        Parameter::integer("batch_size", 64, 1, 1 << 20, "examples in one step"),
        Parameter::one_of("optimizer", "adamw", &["sgd", "adam", "adamw"], "how weights are changed"),
        Parameter::number("learning_rate", 0.003, 1e-9, 100.0, "at the start of training"),
        Parameter::number("momentum", 0.9, 0.0, 0.999_999, "of sgd"),
        Parameter::number(
            "weight_decay",
            0.01,
            0.0,
            1000.0,
            "λ of the optimizer: coupled in sgd and adam, decoupled in adamw",
        ),
        Parameter::one_of("schedule", "cosine", &["cosine", "constant"], "how the learning rate goes over the epochs"),
        Parameter::one_of(
            "loss",
            "auto",
            &["auto", "cross_entropy", "mse"],
            "auto: cross entropy for classes, else mse",
        ),
        Parameter::number("l1", 0.0, 0.0, 1e6, "λ of the sum of absolute weights, added to the loss"),
        Parameter::number("l2", 0.0, 0.0, 1e6, "λ of the sum of squared weights, added to the loss"),
    ]
}

/// A list of texts, empty where nothing is set.
fn texts(name: &str, description: &str) -> Parameter {
    let default = Value::Texts(Vec::new());
    Parameter { name: name.into(), kind: ParameterKind::Texts, default, description: description.into() }
}

/// Checked parameters.
#[derive(Clone, Debug)]
pub struct Config {
    /// Which data.
    pub data: DataConfig,
    /// How networks are trained.
    pub training: Training,
    /// Full training.
    pub epochs: u32,
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
        };
        let loss = match (settings.text("loss")?, kind) {
            ("cross_entropy", Kind::Regression) => {
                return Err(Error::new(
                    "'loss' cannot be \"cross_entropy\" where 'task' is \"regression\": there are no classes",
                ));
            }
            ("mse", Kind::Language) => {
                return Err(Error::new("'loss' cannot be \"mse\" for a text: its tokens are no numbers"));
            }
            ("cross_entropy", _) | ("auto", Kind::Classification | Kind::Language) => Loss::CrossEntropy,
            _ => Loss::MeanSquaredError,
        };
        let optimizer = OptimizerConfig {
            method: match settings.text("optimizer")? {
                "sgd" => Method::Sgd,
                "adam" => Method::Adam,
                _ => Method::AdamW,
            },
            learning_rate: settings.number("learning_rate")?,
            momentum: settings.number("momentum")?,
            weight_decay: settings.number("weight_decay")?,
            schedule: match settings.text("schedule")? {
                "constant" => Schedule::Constant,
                _ => Schedule::Cosine,
            },
        };
        let (l1, l2) = (settings.number("l1")?, settings.number("l2")?);
        let training = Training { batch_size: size("batch_size")?, loss, l1, l2, optimizer };
        Ok(Self { data, training, epochs: settings.integer("epochs")? })
    }
}

/// The texts of a list, which is there.
fn list(settings: &Settings, name: &str) -> Vec<String> {
    let found = settings.0.iter().find(|setting| setting.name == name);
    match found.map(|setting| &setting.value) {
        Some(Value::Texts(texts)) => texts.clone(),
        _ => Vec::new(),
    }
}
