//! The definition of a grammar as TOML, before it is checked.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The whole definition.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    pub name: String,
    pub version: String,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub reference: String,
    /// The rule from which every network is derived.
    pub start: String,
    /// The largest number of rules nested in one another.
    pub depth: Option<usize>,
    /// The alternatives of every rule.
    pub rules: BTreeMap<String, Vec<String>>,
}
