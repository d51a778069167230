//! Imports ONNX files as networks of the vocabulary, without their weights.
//!
//! A file may be hostile. Its fields are counted before anything is built from it ([`budget`]), its tensors stay in
//! the file's bytes, files that it names are never opened, and products of sizes are checked for overflow.

mod budget;
mod multi_input;
mod node;
mod operators;
mod pattern;
mod reader;
mod shape_ops;
mod shared_layers;
mod space;
#[cfg(test)]
mod tests;
mod value_facts;
mod windows;

use std::path::Path;

use nas_api::Graph;
use prost::Message;
use prost::bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::onnx::proto;

pub use space::ImportedSpace;

/// The largest file in bytes: protocol buffers count lengths in 31 bits.
const LARGEST_FILE: u64 = i32::MAX as u64;

/// Why a file cannot be imported.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{origin}' cannot be imported: {problem}")]
pub struct ImportError {
    /// The file.
    pub origin: String,
    /// What is wrong with the file, with the node's name where it is a node.
    pub problem: String,
}

/// The network of a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Imported {
    /// The file's name without its extension, in kebab case.
    pub name: String,
    /// The shape of one example, without the batch.
    pub input_shape: Vec<i64>,
    /// How many numbers the network's first output has for one example.
    pub outputs: u32,
    /// The network.
    pub graph: Graph,
}

/// Imports the network of an ONNX file.
///
/// # Errors
/// Fails if the file cannot be read, is damaged, or has an operator or a form that the vocabulary lacks.
pub fn import(path: &Path) -> Result<Imported, ImportError> {
    let origin = path.display().to_string();
    let refused = |problem: String| ImportError { origin: origin.clone(), problem };
    let size = std::fs::metadata(path).map_err(|error| refused(format!("it cannot be read: {error}")))?.len();
    if size > LARGEST_FILE {
        return Err(refused(format!(
            "it has {size} bytes, more than an ONNX file can have; large weights belong in a file beside it"
        )));
    }
    let bytes = std::fs::read(path).map_err(|error| refused(format!("it cannot be read: {error}")))?;
    let stem = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    import_bytes(bytes, &stem).map_err(|error| ImportError { origin: origin.clone(), ..error })
}

/// Imports the network of an ONNX file's bytes. `name` is used in messages and for the network's name.
///
/// # Errors
/// Fails if the file is damaged, or has an operator or a form that the vocabulary lacks.
pub fn import_bytes(bytes: Vec<u8>, name: &str) -> Result<Imported, ImportError> {
    let refused = |problem: String| ImportError { origin: name.to_owned(), problem };
    budget::check(&bytes).map_err(&refused)?;
    // Decoding from `Bytes` makes tensors views of these bytes instead of copies.
    let model = proto::Model::decode(Bytes::from(bytes))
        .map_err(|error| refused(format!("it is not an ONNX file, or a damaged one ({error})")))?;
    let (graph, input_shape, outputs) = reader::read(&model).map_err(&refused)?;
    Ok(Imported { name: kebab(name), input_shape, outputs, graph })
}

/// Imports an ONNX file as the text from which [`ImportedSpace`] is opened.
///
/// # Errors
/// Fails as [`import`] does.
pub fn definition(path: &Path) -> Result<String, ImportError> {
    let imported = import(path)?;
    serde_json::to_string(&imported)
        .map_err(|error| ImportError { origin: path.display().to_string(), problem: error.to_string() })
}

fn kebab(name: &str) -> String {
    let lower = name.chars().take(60).map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' });
    let words: String = lower.collect();
    let words: Vec<&str> = words.split('-').filter(|word| !word.is_empty()).collect();
    if words.is_empty() { "imported".into() } else { words.join("-") }
}

/// Returns a name in quotation marks for a message, cut short, because a hostile file may have names of megabytes.
fn quoted(name: &str) -> String {
    const LONGEST: usize = 100;
    match name.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("'{}...'", &name[..end]),
        None => format!("'{name}'"),
    }
}
