//! The data sets that networks are trained on: read, split by a seed, normalised by the training set, and cached.
//!
//! A source is the built-in `digits`, a folder of images (MNIST's idx, CIFAR's binary, classes as folders, COCO with boxes),
//! a table (`.csv`, `.csv.gz`, `.parquet`) or a text. [`Data`] holds three sets of [`Examples`] that share no example. Inputs
//! lie one after the other as 32-bit floats, each in the [`shape`](Examples::shape) `[channels, height, width]`, `[features]`
//! or `[positions]` of tokens; but for tokens they have zero mean and unit standard deviation over the training set.
//!
//! Equal sources and parameters give equal bits on every machine; [`fingerprint`](Data::fingerprint) proves it. This crate
//! knows nothing of networks: it depends on no framework.
//!
//! ```
//! use nas_data::{Data, DataConfig};
//!
//! let data = Data::open(&DataConfig::new("digits"))?;
//! assert_eq!(data.train.shape, [1, 8, 8]);
//! assert_eq!([&data.train, &data.validation, &data.test].map(|set| set.len()), [1079, 359, 359]);
//! # Ok::<(), nas_data::DataError>(())
//! ```

mod boxes;
mod bpe;
mod buffer;
mod cache;
mod cifar;
mod coco;
mod decode;
mod describe;
mod digits;
mod error;
mod examples;
mod folder;
mod idx;
mod lazy_images;
mod locate;
mod normalize;
mod prepare;
mod prepared_file;
mod resize;
mod split;
mod tabular;
#[cfg(test)]
mod tests;
mod text;
mod tokenizer;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use boxes::{Boxes, Object};
pub use buffer::Buffer;
pub use describe::{ClassCount, Description, Values, describe};
pub use error::DataError;
pub use examples::{Examples, Targets};
pub use locate::{data_folders, located, own_data_folder};
pub use normalize::Normalization;
pub use split::shuffled;
pub use tabular::Encoding;
pub use tokenizer::MOST as MOST_TOKENS;

/// The data that come with the evaluator.
const DIGITS: &str = "digits";
/// What a tokenizer is called beside the weights of a network that needs it.
pub const TOKENIZER_FILE: &str = "tokenizer.json";

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

fn is_text(source: &str) -> bool {
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

/// Normalised data in three sets that share no example.
#[derive(Clone, Debug)]
pub struct Data {
    /// What is predicted.
    pub kind: Kind,
    /// What networks are trained on.
    pub train: Examples,
    /// What strategies see results of.
    pub validation: Examples,
    /// For final results alone.
    pub test: Examples,
    /// How inputs and targets were scaled.
    pub normalization: Normalization,
    /// The characters of a text, in the order of their tokens; empty for other data and other tokens.
    pub vocabulary: String,
    /// What took a text apart into sub-words, as a `tokenizer.json`; `None` of other data.
    pub tokenizer: Option<String>,
    /// How the rows of a table became numbers.
    pub encoding: Option<Encoding>,
    /// The names of the classes, in order, where they have names.
    pub classes: Vec<String>,
    /// Data that were prepared to anything else have another one, wherever they come from.
    pub fingerprint: String,
}

impl Data {
    /// Data that this process shares with others that need the same, where there is a folder to keep them.
    pub fn shared(config: &DataConfig) -> Result<Self, DataError> {
        match cache::folder() {
            Some(folder) => cache::open(config, &folder),
            None => Self::open(config),
        }
    }

    /// Reads, splits and normalises.
    pub fn open(config: &DataConfig) -> Result<Self, DataError> {
        let data = prepare::prepare(config)?;
        Ok(Self { fingerprint: data.digest(), ..data })
    }

    /// What [`fingerprint`](Self::fingerprint) is: SHA-256 over every example and all that outputs mean, in hexadecimal digits. It
    /// reads them all, so it is computed where data are prepared, and kept with them.
    fn digest(&self) -> String {
        let mut digest = Sha256::new();
        [&self.train, &self.validation, &self.test].iter().for_each(|set| set.digest(&mut digest));
        for (name, text) in self.legend() {
            digest.update(format!("{name}={text}\n"));
        }
        digest.update(self.tokenizer.as_deref().unwrap_or_default());
        digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// What must be known to use a network on raw inputs, by name: how inputs and targets were scaled and encoded, and what
    /// outputs mean.
    pub fn legend(&self) -> Vec<(&'static str, String)> {
        let list = |numbers: &[f32]| numbers.iter().map(f32::to_string).collect::<Vec<_>>().join(",");
        let scale = &self.normalization;
        let mut legend = vec![
            ("input_mean", list(&scale.mean)),
            ("input_std", list(&scale.std)),
            ("target_mean", scale.target_mean.to_string()),
            ("target_std", scale.target_std.to_string()),
        ];
        if !self.vocabulary.is_empty() {
            legend.push(("vocabulary", self.vocabulary.clone()));
        }
        if self.tokenizer.is_some() {
            legend.push(("tokenizer", TOKENIZER_FILE.to_owned()));
        }
        if let Some(encoding) = &self.encoding {
            legend.push(("columns", encoding.to_text()));
        }
        if !self.classes.is_empty() {
            legend.push(("classes", serde_json::Value::from(self.classes.clone()).to_string()));
        }
        legend
    }
}
