//! An ONNX file with its weights, which are never in memory together.
//!
//! A protocol buffer's message is a row of fields, in any order, each with its length before it. So the weights' fields
//! come last in the graph, and the graph last in the file; only lengths have to be known before.

use std::path::{Path, PathBuf};

use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};

use super::proto::{Entry, FLOAT, Model, Tensor};
use crate::{ExportError, Weights, file};
use nas_api::graph::weights::Slot;

/// `ModelProto.graph`.
const GRAPH: u32 = 7;
/// `GraphProto.initializer`.
const INITIALIZER: u32 = 5;
/// `TensorProto.raw_data`.
const RAW_DATA: u32 = 9;
/// Where a tensor begins in a file of weights: at a multiple of this, so that it can be mapped into memory as it is.
const ALIGNMENT: u64 = 64;

/// A tensor without its numbers.
pub fn header(slot: &Slot) -> Tensor {
    let dims = slot.shape.iter().map(|&size| size as i64).collect();
    Tensor { name: slot.name.clone(), data_type: FLOAT, dims, ..Tensor::default() }
}

/// A field's key and length.
fn field(tag: u32, length: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_key(tag, WireType::LengthDelimited, &mut bytes);
    encode_varint(length, &mut bytes);
    bytes
}

/// Writes `message`, whose graph lacks the slots.
pub fn write(
    mut message: Model,
    slots: &[Slot],
    weights: &Weights,
    path: &Path,
    largest: u64,
) -> Result<Vec<PathBuf>, ExportError> {
    let mut graph = message.graph.take().unwrap_or_default();
    let access = |source| ExportError::access(path, source);
    // What comes before each tensor's numbers, and how long they are.
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
        file::write(path, |out| {
            out.write_all(&start).map_err(access)?;
            out.write_all(&field(GRAPH, graph_length)).map_err(access)?;
            out.write_all(&graph.encode_to_vec()).map_err(access)?;
            for (slot, head) in slots.iter().zip(&heads) {
                out.write_all(head).map_err(access)?;
                weights.stream(slot, out).map_err(access)?;
            }
            Ok(())
        })?;
        return Ok(vec![path.to_owned()]);
    }

    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".data");
    let data = path.with_file_name(&name);
    let location = name.to_string_lossy().into_owned();
    file::write(&data, |out| {
        let access = |source| ExportError::access(&data, source);
        let mut end = 0_u64;
        for slot in slots {
            let offset = end.next_multiple_of(ALIGNMENT);
            out.write_all(&vec![0; (offset - end) as usize]).map_err(access)?;
            weights.stream(slot, out).map_err(access)?;
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
    file::write(path, |out| out.write_all(&message.encode_to_vec()).map_err(access))?;
    Ok(vec![path.to_owned(), data])
}
