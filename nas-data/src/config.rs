//! Which data: the source, what is predicted, and how rows become three sets.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::coco;

/// The data that come with the evaluator.
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
    /// What is predicted of these data where nobody says.
    pub fn of(source: &str) -> Self {
        match () {
            () if is_text(source) => Self::Language,
            () if coco::is_folder(Path::new(source)) => Self::Detection,
            () => Self::Classification,
        }
    }

    /// As `task` has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Classification => "classification",
            Self::Regression => "regression",
            Self::Language => "language",
            Self::Detection => "detection",
        }
    }
}

/// Whether this is the name of a text.
pub fn is_text(source: &str) -> bool {
    source.to_ascii_lowercase().ends_with(".txt")
}

/// What the tokens of a text are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Tokens {
    /// Each character of the text.
    Characters,
    /// Sub-words of a byte-level BPE that is trained on the training part of the text.
    Trained {
        /// Tokens at most.
        vocabulary: usize,
    },
    /// Sub-words as a `tokenizer.json` has them.
    File(PathBuf),
}

/// Which data, and how they are split. Fractions are of all rows.
#[derive(Clone, Debug, Serialize)]
pub struct DataConfig {
    /// `digits`, a folder of idx files, of CIFAR's binary ones, of images or of COCO's annotations, or a `.csv`, `.csv.gz`,
    /// `.parquet` or `.txt` file.
    pub source: String,
    /// Tables: the column to predict; empty: the last.
    pub target: String,
    /// Tables: columns that are left out.
    pub ignore: Vec<String>,
    /// Tables: columns that hold names, even where they look like numbers.
    pub categories: Vec<String>,
    /// Tables: names of one column that get a number of their own, at most.
    pub category_limit: usize,
    /// What is predicted.
    pub kind: Kind,
    /// Decides the split, and nothing else does.
    pub split_seed: u32,
    /// For validation, of the examples that are not apart as test examples; not used where validation examples are apart.
    pub validation: f64,
    /// For testing; not used where test examples are apart.
    pub test: f64,
    /// Training examples at most; 0: all.
    pub train_limit: usize,
    /// Validation examples at most; 0: all.
    pub validation_limit: usize,
    /// Side length that images are resized to; 0: as they are.
    pub size: usize,
    /// Positions of one example of a text.
    pub context: usize,
    /// What stands at a position of a text.
    pub tokens: Tokens,
}

impl DataConfig {
    /// All of this source, a fifth each for validation and for testing; what is predicted is guessed from the source.
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
