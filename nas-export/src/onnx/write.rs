//! Writes an ONNX file without holding all of its weights in memory.
//!
//! A protocol buffer's message is a sequence of fields in any order, each with its length before it. So the weights
//! come last in the graph, and the graph comes last in the file; only their lengths must be known in advance.

use std::path::{Path, PathBuf};

use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};

use super::proto::{Entry, FLOAT, Model, Tensor};
use crate::{ExportError, Weights};
use nas_api::file::{write_atomic, write_atomic_with};
use nas_api::graph::weights::TensorSpec;

/// The tag of `ModelProto.graph`.
const GRAPH: u32 = 7;
/// The tag of `GraphProto.initializer`.
const INITIALIZER: u32 = 5;
/// The tag of `TensorProto.raw_data`.
const RAW_DATA: u32 = 9;
/// The alignment of tensors in a file of weights, in bytes, so that they can be mapped into memory.
const ALIGNMENT: u64 = 64;

/// Returns the tensor of a slot without its numbers.
pub fn header(slot: &TensorSpec) -> Tensor {
    let dims = slot.shape.iter().map(|&size| size as i64).collect();
    Tensor { name: slot.name.clone(), data_type: FLOAT, dims, ..Tensor::default() }
}

/// Returns the bytes of a field's key and length.
fn field(tag: u32, length: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_key(tag, WireType::LengthDelimited, &mut bytes);
    encode_varint(length, &mut bytes);
    bytes
}

/// Writes `message` with the slots, which its graph lacks, and returns the paths of the files.
///
/// # Errors
/// Fails if a file cannot be written.
pub fn write(
    mut message: Model,
    slots: &[TensorSpec],
    weights: &Weights,
    path: &Path,
    largest: u64,
) -> Result<Vec<PathBuf>, ExportError> {
    let mut graph = message.graph.take().unwrap_or_default();
    // The bytes before each tensor's numbers.
    let mut heads = Vec::with_capacity(slots.len());
    let mut graph_length = graph.encoded_len() as u64;
    for slot in slots {
        let (header, size) = (header(slot).encode_to_vec(), 4 * slot.numbers());
        let raw = field(RAW_DATA, size);
        let length = (header.len() + raw.len()) as u64 + size;
        let head = [field(INITIALIZER, length), header, raw].concat();
        graph_length += head.len() as u64 + size;
        heads.push(head);
    }
    let start = message.encode_to_vec();
    if start.len() as u64 + graph_length + 16 <= largest {
        write_atomic_with(path, |out| {
            out.write_all(&start)?;
            out.write_all(&field(GRAPH, graph_length))?;
            out.write_all(&graph.encode_to_vec())?;
            for (slot, head) in slots.iter().zip(&heads) {
                out.write_all(head)?;
                weights.stream(slot, out)?;
            }
            Ok(())
        })?;
        return Ok(vec![path.to_owned()]);
    }

    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".data");
    let data = path.with_file_name(&name);
    let location = name.to_string_lossy().into_owned();
    write_atomic_with(&data, |out| {
        let mut end = 0_u64;
        for slot in slots {
            let offset = end.next_multiple_of(ALIGNMENT);
            out.write_all(&vec![0; (offset - end) as usize])?;
            weights.stream(slot, out)?;
            let length = 4 * slot.numbers();
            end = offset + length;
            let mut tensor = header(slot);
            tensor.data_location = 1;
            tensor.external_data = vec![
                Entry::new("location", &location),
                Entry::new("offset", offset.to_string()),
                Entry::new("length", length.to_string()),
            ];
            graph.initializer.push(tensor);
        }
        Ok(())
    })?;
    message.graph = Some(graph);
    write_atomic(path, &message.encode_to_vec())?;
    Ok(vec![path.to_owned(), data])
}
