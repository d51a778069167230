//! Which data are used: the source, what is predicted, and how the rows are split.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::coco;

/// The name of the built-in data.
pub const DIGITS: &str = "digits";

/// What is predicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// One of several classes.
    Classification,
    /// A number.
    Regression,
    /// The next token at every position of a text.
    Language,
    /// The objects in an image, with their classes and boxes.
    Detection,
}

impl Kind {
    /// The default for a source: language for a text, detection for a folder with COCO's annotations, else
    /// classification.
    pub fn of(source: &str) -> Self {
        match () {
            () if is_text(source) => Self::Language,
            () if coco::is_folder(Path::new(source)) => Self::Detection,
            () => Self::Classification,
        }
    }

    /// The value of the parameter `task`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Classification => "classification",
            Self::Regression => "regression",
            Self::Language => "language",
            Self::Detection => "detection",
        }
    }
}

/// Whether a source is a text, by its ending.
pub fn is_text(source: &str) -> bool {
    source.to_ascii_lowercase().ends_with(".txt")
}

/// What the tokens of a text are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Tokens {
    /// Every character of the text is a token.
    Characters,
    /// The tokens are sub-words of a byte-level BPE that is trained on the training part of the text.
    Trained {
        /// Largest number of tokens.
        vocabulary: usize,
    },
    /// The tokens are the sub-words of a `tokenizer.json`.
    File(PathBuf),
}

/// Which data are used, and how they are split. Fractions refer to all rows.
#[derive(Clone, Debug, Serialize)]
pub struct DataConfig {
    /// `digits`, a folder (of MNIST's idx files, CIFAR's binary files, images or COCO's annotations), or a `.csv`,
    /// `.csv.gz`, `.parquet` or `.txt` file.
    pub source: String,
    /// The column of a table to predict; if empty, the last one.
    pub target: String,
    /// Columns of a table that are left out.
    pub ignore: Vec<String>,
    /// Columns of a table that hold categories, even if their values look like numbers.
    pub categories: Vec<String>,
    /// Largest number of categories of one column that get an input of their own.
    pub category_limit: usize,
    /// What is predicted.
    pub kind: Kind,
    /// The seed of the split, which depends on nothing else.
    pub split_seed: u32,
    /// Fraction of the examples (without those of a separate test set) for validation. Unused if the source has a
    /// validation set of its own.
    pub validation: f64,
    /// Fraction of the examples for testing. Unused if the source has a test set of its own.
    pub test: f64,
    /// Largest number of training examples; 0 means all.
    pub train_limit: usize,
    /// Largest number of validation examples; 0 means all.
    pub validation_limit: usize,
    /// Side length in pixels that images are resized to; 0 keeps their size.
    pub size: usize,
    /// Positions of one example of a text.
    pub context: usize,
    /// What the tokens of a text are.
    pub tokens: Tokens,
}

impl DataConfig {
    /// All examples of a source, a fifth each for validation and for testing. The kind is [`Kind::of`] the source.
    pub fn new(source: &str) -> Self {
        Self {
            source: source.to_owned(),
            target: String::new(),
            ignore: Vec::new(),
            categories: Vec::new(),
            category_limit: 64,
            kind: Kind::of(source),
            split_seed: 0,
            validation: 0.2,
            test: 0.2,
            train_limit: 0,
            validation_limit: 0,
            size: 0,
            context: 128,
            tokens: Tokens::Characters,
        }
    }
}
