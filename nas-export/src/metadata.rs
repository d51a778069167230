//! The metadata of exported files.

use std::collections::BTreeMap;

use serde_json::json;

use crate::{Model, Weights};

/// Returns what an exported file says about its network, by key: `space`, `genotype`, `task`, and the metadata of the
/// weights' file.
pub fn metadata(model: &Model, weights: &Weights) -> BTreeMap<String, String> {
    let mut metadata = weights.metadata();
    metadata.insert("space".into(), model.about.space.clone());
    metadata.insert("genotype".into(), model.about.text.clone());
    metadata.insert("task".into(), json!(model.task).to_string());
    metadata
}
