//! What is said of a name that stands for no plugin, and the space that takes the place of one that is not named.

use std::path::Path;

use nas_api::{Setting, Task};

use super::{Kind, PluginError};
use crate::names::did_you_mean;

/// A space for a task, chosen because the user names none.
#[derive(Clone, Debug, PartialEq)]
pub struct ChosenSpace {
    /// The name of the space.
    pub name: String,
    /// Settings of the task that the space starts with, unless the user gives others.
    pub task_settings: Vec<Setting>,
    /// What it is about the task that the space fits.
    pub reason: String,
}

/// Chooses a space for a task; `None` if no space is known to fit.
pub type SpaceChooser = fn(&Task) -> Option<ChosenSpace>;

/// The error for a reference that is neither a name nor a file of a plugin. `names` are those that are known.
pub(super) fn unknown(kind: Kind, reference: &str, mut names: Vec<String>) -> PluginError {
    if Path::new(reference).extension().is_some() {
        let (endings, guide) = match kind {
            Kind::Space => (".wasm, .toml or .onnx", "docs/spaces.md"),
            Kind::Strategy => (".wasm", "docs/guides/write-a-strategy.md"),
            Kind::Evaluator => (".wasm, or as a native library does", "docs/guides/write-an-evaluator.md"),
        };
        let remedy = format!("a {kind} that is a file ends in {endings} ({guide})");
        return refused(kind, reference, "is neither the name of one nor a file that can be one", &remedy);
    }
    names.sort();
    names.dedup();
    let nearest = did_you_mean(reference, names.iter().map(String::as_str));
    let known = format!("{nearest}known: {}", names.join(", "));
    refused(kind, reference, &format!("there is no {kind} of this name"), &known)
}

/// An error about a plugin that could not be found or loaded.
pub(super) fn refused(kind: Kind, reference: &str, problem: &str, remedy: &str) -> PluginError {
    let plugin = format!("{kind} '{reference}'");
    PluginError { plugin, call: String::new(), problem: problem.to_owned(), remedy: remedy.to_owned() }
}
