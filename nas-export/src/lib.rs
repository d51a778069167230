//! Networks for the world outside: ONNX, PyTorch, safetensors, JSON and DOT from a graph, and a graph from an ONNX file.
//!
//! A [`Model`] is a checked graph with its shapes and what it was made for. Weights come from a seed or from a file that
//! `nas train` wrote, and pass through tensor by tensor, so that a network need not fit into memory.

mod dot;
mod error;
mod file;
mod import;
mod json;
mod model;
mod names;
pub mod onnx;
mod pytorch;
mod weights;

pub use dot::dot;
pub use error::ExportError;
pub use file::text as write_text;
pub use import::{ImportError, Imported, ImportedSpace, definition, import, import_bytes};
pub use json::json;
pub use model::{About, Model};
pub use pytorch::{module, write as write_pytorch};
pub use weights::{Weights, write as write_safetensors};
