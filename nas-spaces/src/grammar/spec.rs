//! The text of a grammar as TOML reads it, unchecked.

use std::collections::BTreeMap;

use nas_api::{Error, Result};
use serde::Deserialize;

/// The whole text.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    pub name: String,
    pub version: String,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub reference: String,
    /// The rule that every network is derived from.
    pub start: String,
    /// How many rules are nested in one another at most.
    pub depth: Option<usize>,
    /// The alternatives of every rule.
    pub rules: BTreeMap<String, Vec<String>>,
}

impl Spec {
    /// The text as TOML, or where it is none (with the line).
    pub fn read(text: &str) -> Result<Self> {
        toml::from_str(text).map_err(|error| Error::new(format!("the definition of the grammar: {error}")))
    }
}
