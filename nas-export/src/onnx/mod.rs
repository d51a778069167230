//! Writes ONNX files.

mod builder;
mod lower;
pub(crate) mod proto;
mod sequence;
mod shaping;
mod write;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use nas_api::graph::GraphError;
use prost::Message;

use crate::metadata::metadata;
use crate::{ExportError, Model, Weights};
use builder::{Builder, Value};
use nas_api::graph::weights::{TensorSpec, shared_owner, tensor_specs};
use proto::{Entry, FLOAT, INT64, ValueInfo};

/// The largest file in bytes: protocol buffers count lengths in 31 bits.
const LARGEST_FILE: u64 = i32::MAX as u64;

/// Writes the network with its weights, and returns the paths of the files. If one file would exceed two gigabytes, the
/// weights go to `<file>.data` beside it.
///
/// # Errors
/// Fails if the graph has an operator that the export does not know, the weights are not those of the network, or a
/// file cannot be written.
pub fn write(model: &Model, weights: &Weights, path: &Path) -> Result<Vec<PathBuf>, ExportError> {
    write_up_to(model, weights, path, LARGEST_FILE)
}

/// Writes as [`write()`] does, with the weights in a file of their own if one file would exceed `largest` bytes.
///
/// # Errors
/// Fails as [`write()`] does.
pub fn write_up_to(model: &Model, weights: &Weights, path: &Path, largest: u64) -> Result<Vec<PathBuf>, ExportError> {
    let slots = tensor_specs(&model.graph, &model.shapes)?;
    weights.check(&slots)?;
    let mut message = message(model, &slots)?;
    message.metadata_props = metadata(model, weights).iter().map(|(key, value)| Entry::new(key, value)).collect();
    write::write(message, &slots, weights, path, largest)
}

/// Returns the version of the operator set that the network needs, at least 17.
pub fn opset(model: &Model) -> i64 {
    model.graph.nodes.iter().map(|node| lower::opset(&node.op)).max().unwrap_or(17).max(17)
}

/// Returns the first version of the file format for an operator set, from the specification's table of versions.
fn ir_version(opset: i64) -> i64 {
    match opset {
        ..=18 => 8,
        19 | 20 => 9,
        21 | 22 => 10,
        _ => 11,
    }
}

/// Returns the whole file except the weights and the metadata.
fn message(model: &Model, slots: &[TensorSpec]) -> Result<proto::Model, GraphError> {
    let opset = opset(model);
    let own_names = model.graph.nodes.iter().map(|node| node.name.clone());
    let mut graph = Builder::new(opset, slots.iter().map(|slot| slot.name.clone()), own_names);
    let mut values: Vec<Value> = Vec::with_capacity(model.graph.nodes.len());
    let mut inputs = Vec::new();
    let names: HashMap<&str, usize> =
        model.graph.nodes.iter().enumerate().map(|(position, node)| (node.name.as_str(), position)).collect();
    // The slots of each node, in the order of the nodes.
    let mut rest = slots;
    let mut own: Vec<&[TensorSpec]> = Vec::with_capacity(model.graph.nodes.len());
    for position in 0..model.graph.nodes.len() {
        let (these, others) = rest.split_at(rest.iter().take_while(|slot| slot.node == position).count());
        own.push(these);
        rest = others;
    }
    for (position, node) in model.graph.nodes.iter().enumerate() {
        let shape = model.shape(position as u32);
        if node.op == "Input" {
            let name = graph.fresh(&node.name);
            graph.input.clone_from(&name);
            graph.input_is_whole = holds_indices(model, position as u32);
            inputs.push(ValueInfo::batched(&name, if graph.input_is_whole { INT64 } else { FLOAT }, shape));
            values.push(Value { name, shape: shape.to_vec(), batched: true });
            continue;
        }
        graph.current.clone_from(&node.name);
        let mut weights: HashMap<&'static str, String> =
            own[position].iter().map(|slot| (slot.what, slot.name.clone())).collect();
        if let tied @ 1.. = node.text("tied", "").unwrap_or_default().len() {
            let source = &node.text("tied", "")?[..tied];
            let all = shared_owner(node)?.is_some();
            let lent = names.get(source).map_or(&[][..], |&at| own[at]).iter();
            weights.extend(lent.filter(|slot| all || slot.what == "weight").map(|slot| (slot.what, slot.name.clone())));
            if !weights.contains_key("weight") {
                return Err(GraphError::attribute(node, "tied", "names a node without a weight"));
            }
        }
        let inputs = node.inputs.iter().map(|&input| values[input as usize].clone()).collect();
        values.push(lower::lower(&mut graph, &lower::Context { node, shape, inputs, weights })?);
    }
    graph.current.clear();
    let mut outputs = Vec::new();
    let mut returned = HashSet::new();
    for &output in &model.graph.outputs {
        let value = &values[output as usize];
        let mut name = graph.with_batch(value);
        // An output must be computed by a node, and must differ from the other outputs.
        if name == graph.input || !returned.insert(name.clone()) {
            name = graph.node(&format!("{name}.output"), "Identity", &[&name], Vec::new());
        }
        outputs.push(ValueInfo::batched(&name, FLOAT, model.shape(output)));
    }
    Ok(proto::Model {
        ir_version: Some(ir_version(opset)),
        producer_name: "nas".into(),
        producer_version: env!("CARGO_PKG_VERSION").into(),
        graph: Some(proto::Graph {
            node: graph.nodes,
            name: if model.about.space.is_empty() { "network".into() } else { model.about.space.clone() },
            initializer: graph.constants,
            input: inputs,
            output: outputs,
        }),
        opset_import: vec![proto::Opset { domain: String::new(), version: Some(opset) }],
        metadata_props: Vec::new(),
    })
}

/// Whether only embeddings read the value, so that it holds whole numbers.
fn holds_indices(model: &Model, value: u32) -> bool {
    let mut readers = model.graph.nodes.iter().filter(|node| node.inputs.contains(&value)).peekable();
    readers.peek().is_some() && readers.all(|node| node.op == "Gather") && !model.graph.outputs.contains(&value)
}

/// Returns the file's bytes, without metadata, for small networks that are handed to another program in memory.
///
/// # Errors
/// Fails if the graph has an operator that the export does not know, or the weights are not those of the network.
pub fn bytes(model: &Model, weights: &Weights) -> Result<Vec<u8>, ExportError> {
    let slots = tensor_specs(&model.graph, &model.shapes)?;
    weights.check(&slots)?;
    let mut message = message(model, &slots)?;
    let memory = |source| ExportError::Access { path: "memory".into(), source };
    for slot in &slots {
        let mut raw = Vec::new();
        weights.stream(slot, &mut raw).map_err(memory)?;
        let mut tensor = write::header(slot);
        tensor.raw_data = raw.into();
        if let Some(graph) = &mut message.graph {
            graph.initializer.push(tensor);
        }
    }
    Ok(message.encode_to_vec())
}
