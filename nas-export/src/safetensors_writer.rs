//! Writes weights as a safetensors file.

use std::collections::HashMap;
use std::path::Path;

use nas_api::file::write_atomic_with;
use nas_api::graph::weights::{TensorSpec, tensor_specs};
use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};

use crate::metadata::metadata;
use crate::{ExportError, Model, Weights};

/// A tensor that is to be written.
pub struct Entry<'s> {
    /// The tensor's name in the file.
    pub name: String,
    /// The weights to write; `None` for PyTorch's count of batches, which is written as a 64-bit 0 without axes.
    pub slot: Option<&'s TensorSpec>,
}

/// Writes the weights of a network as safetensors, named as `nas train` names them.
///
/// # Errors
/// Fails if the weights are not those of the network, or the file cannot be written.
pub fn write(model: &Model, weights: &Weights, path: &Path) -> Result<(), ExportError> {
    let slots = tensor_specs(&model.graph, &model.shapes)?;
    let entries: Vec<Entry<'_>> =
        slots.iter().map(|slot| Entry { name: slot.name.clone(), slot: Some(slot) }).collect();
    write_entries(model, &entries, weights, path)
}

/// Writes these tensors as safetensors.
///
/// # Errors
/// Fails if the weights are not those of the network, or the file cannot be written.
pub fn write_entries(model: &Model, entries: &[Entry<'_>], weights: &Weights, path: &Path) -> Result<(), ExportError> {
    for slot in entries.iter().filter_map(|entry| entry.slot) {
        weights.check(std::slice::from_ref(slot))?;
    }
    let mut end = 0;
    let mut infos = Vec::with_capacity(entries.len());
    // Tensors of eight-byte numbers come first, so that all tensors are aligned.
    let (counters, floats): (Vec<_>, Vec<_>) = entries.iter().partition(|entry| entry.slot.is_none());
    for entry in counters.iter().chain(&floats) {
        let (dtype, shape, size) = match entry.slot {
            None => (Dtype::I64, Vec::new(), 8),
            Some(slot) => (Dtype::F32, slot.shape.clone(), 4 * slot.numbers() as usize),
        };
        infos.push((entry.name.clone(), TensorInfo { dtype, shape, data_offsets: (end, end + size) }));
        end += size;
    }
    let metadata: HashMap<String, String> = metadata(model, weights).into_iter().collect();
    let damaged = |problem: String| ExportError::Weights { origin: path.display().to_string(), problem };
    let header = Metadata::new(Some(metadata), infos).map_err(|error| damaged(error.to_string()))?;
    let mut header = serde_json::to_vec(&header).map_err(|error| damaged(error.to_string()))?;
    header.resize(header.len().next_multiple_of(8), b' ');
    write_atomic_with(path, |out| {
        out.write_all(&(header.len() as u64).to_le_bytes())?;
        out.write_all(&header)?;
        for entry in counters.iter().chain(&floats) {
            match entry.slot {
                None => out.write_all(&0_i64.to_le_bytes()),
                Some(slot) => weights.stream(slot, out),
            }?;
        }
        Ok(())
    })?;
    Ok(())
}
