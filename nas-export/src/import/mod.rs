//! ONNX files as networks of the vocabulary, without their weights.
//!
//! A file may be hostile. It is walked once before anything is built from it ([`budget`]), its tensors stay where they are
//! in the file's bytes, files that it names are never opened, and sizes are checked before they are multiplied.

mod budget;
mod joining;
mod known;
mod moving;
mod node;
mod operators;
mod pattern;
mod reader;
mod sharing;
mod space;
#[cfg(test)]
mod tests;
mod windows;

use std::path::Path;

use nas_api::Graph;
use prost::Message;
use prost::bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::onnx::proto;

pub use space::ImportedSpace;

/// Protocol buffers count lengths in 31 bits.
const LARGEST_FILE: u64 = i32::MAX as u64;

/// Why a file is no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{origin}' cannot be imported: {problem}")]
pub struct ImportError {
    /// The file.
    pub origin: String,
    /// What is wrong with it, and with which of its nodes.
    pub problem: String,
}

/// What a file describes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Imported {
    /// Kebab case, from the file's name.
    pub name: String,
    /// One example, without the batch.
    pub input_shape: Vec<i64>,
    /// Numbers that the network's first output has for one example.
    pub outputs: u32,
    /// The network.
    pub graph: Graph,
}

/// Reads a file.
pub fn import(path: &Path) -> Result<Imported, ImportError> {
    let origin = path.display().to_string();
    let refused = |problem: String| ImportError { origin: origin.clone(), problem };
    let size = std::fs::metadata(path).map_err(|error| refused(format!("it cannot be read: {error}")))?.len();
    if size > LARGEST_FILE {
        return Err(refused(format!(
            "it has {size} bytes, more than an ONNX file can have; large weights lie beside it"
        )));
    }
    let bytes = std::fs::read(path).map_err(|error| refused(format!("it cannot be read: {error}")))?;
    let stem = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    import_bytes(bytes, &stem).map_err(|error| ImportError { origin: origin.clone(), ..error })
}

/// Reads a file's bytes; `name` is for messages and for the network's name.
pub fn import_bytes(bytes: Vec<u8>, name: &str) -> Result<Imported, ImportError> {
    let refused = |problem: String| ImportError { origin: name.to_owned(), problem };
    budget::check(&bytes).map_err(&refused)?;
    // Tensors become views of these bytes, not copies.
    let model = proto::Model::decode(Bytes::from(bytes))
        .map_err(|error| refused(format!("it is no ONNX file, or a damaged one ({error})")))?;
    let (graph, input_shape, outputs) = reader::read(&model).map_err(&refused)?;
    Ok(Imported { name: kebab(name), input_shape, outputs, graph })
}

/// The text from which [`ImportedSpace`] is opened.
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

/// A name of the file as a message quotes it: hostile files have names of megabytes.
fn quoted(name: &str) -> String {
    const LONGEST: usize = 100;
    match name.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("'{}...'", &name[..end]),
        None => format!("'{name}'"),
    }
}
