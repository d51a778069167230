//! Exports a graph as ONNX, PyTorch, safetensors, JSON and DOT, and imports a graph from an ONNX file.
//!
//! A [`Model`] is a checked graph with its shapes and its task. Weights come from a seed or from a file that
//! `nas train` wrote. They are copied tensor by tensor, so that a network need not fit into memory.

mod dot;
mod error;
mod import;
mod json;
mod metadata;
mod model;
mod names;
pub mod onnx;
mod pytorch;
mod safetensors_writer;
mod weights;

use std::path::Path;

use nas_api::file::write_atomic;

pub use dot::dot;
pub use error::ExportError;
pub use import::{ImportError, Imported, ImportedSpace, definition, import, import_bytes};
pub use json::json;
pub use model::{About, Model};
pub use pytorch::{module, write as write_pytorch};
pub use safetensors_writer::write as write_safetensors;
pub use weights::Weights;

/// Writes a text, such as the one that [`dot`] returns. The file is complete or absent, and its folder is created.
///
/// # Errors
/// Fails if the file cannot be written.
pub fn write_text(path: &Path, text: &str) -> Result<(), ExportError> {
    Ok(write_atomic(path, text.as_bytes())?)
}
