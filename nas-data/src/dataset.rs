//! Prepared data: three sets of examples, and what their numbers mean.

use sha2::{Digest, Sha256};

use crate::config::Kind;
use crate::examples::Examples;
use crate::normalize::Normalization;
use crate::tabular::Encoding;

/// The name of a tokenizer's file, which is saved beside the weights of a network that needs it.
pub const TOKENIZER_FILE: &str = "tokenizer.json";

/// Normalised data in three sets that share no example.
#[derive(Clone, Debug)]
pub struct Data {
    /// What is predicted.
    pub kind: Kind,
    /// The examples that networks are trained on.
    pub train: Examples,
    /// The examples whose results strategies see.
    pub validation: Examples,
    /// The examples for final results, which nothing else uses.
    pub test: Examples,
    /// How inputs and targets were scaled.
    pub normalization: Normalization,
    /// The characters of a text, in the order of their tokens; empty for other data and other tokens.
    pub vocabulary: String,
    /// The tokenizer that split a text into sub-words, as a `tokenizer.json`; `None` for other data.
    pub tokenizer: Option<String>,
    /// How the rows of a table became numbers; `None` for other data.
    pub encoding: Option<Encoding>,
    /// The names of the classes, in order; empty if they have none.
    pub classes: Vec<String>,
    /// Digest of the prepared data. Equal data have equal digests, whatever their path.
    pub fingerprint: String,
}

impl Data {
    /// The [`fingerprint`](Self::fingerprint): SHA-256 over every example and the meaning of the outputs, in
    /// hexadecimal digits. It reads all examples, so it is computed once, when data are prepared, and kept with them.
    pub(crate) fn digest(&self) -> String {
        let mut digest = Sha256::new();
        [&self.train, &self.validation, &self.test].iter().for_each(|set| set.digest(&mut digest));
        for (name, text) in self.legend() {
            digest.update(format!("{name}={text}\n"));
        }
        digest.update(self.tokenizer.as_deref().unwrap_or_default());
        hex::encode(digest.finalize())
    }

    /// Names and values of all that is needed to use a network on raw inputs: how inputs and targets were scaled and
    /// encoded, and what the outputs mean.
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
