//! Data that are ready: three sets of examples, and what their numbers mean.

use sha2::{Digest, Sha256};

use crate::config::Kind;
use crate::examples::Examples;
use crate::normalize::Normalization;
use crate::tabular::Encoding;

/// What a tokenizer is called beside the weights of a network that needs it.
pub const TOKENIZER_FILE: &str = "tokenizer.json";

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
    /// What [`fingerprint`](Self::fingerprint) is: SHA-256 over every example and all that outputs mean, in hexadecimal digits. It
    /// reads them all, so it is computed where data are prepared, and kept with them.
    pub(crate) fn digest(&self) -> String {
        let mut digest = Sha256::new();
        [&self.train, &self.validation, &self.test].iter().for_each(|set| set.digest(&mut digest));
        for (name, text) in self.legend() {
            digest.update(format!("{name}={text}\n"));
        }
        digest.update(self.tokenizer.as_deref().unwrap_or_default());
        hex::encode(digest.finalize())
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
