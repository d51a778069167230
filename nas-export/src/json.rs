//! Writes a network as JSON: the graph with shapes and counts.

use nas_api::graph::count::count;
use nas_api::graph::weights::tensor_specs;
use serde_json::{Value, json as object};

use crate::{ExportError, Model};

/// Returns the graph as the space built it. Every node has its shape (one example, without the batch) and the number of
/// its trainable parameters.
///
/// # Errors
/// Fails if the graph's operations cannot be counted.
pub fn json(model: &Model) -> Result<Value, ExportError> {
    let (whole, shapes) = (&model.whole, &model.whole_shapes);
    let counts = count(whole, shapes)?;
    let mut weights = vec![0_u64; whole.nodes.len()];
    // A supernet has no single set of weights, but its graph can be shown.
    for slot in tensor_specs(whole, shapes).unwrap_or_default() {
        if !slot.what.starts_with("running") {
            weights[slot.node] += slot.numbers();
        }
    }
    let nodes: Vec<Value> = whole
        .nodes
        .iter()
        .enumerate()
        .map(|(position, node)| {
            object!({
                "name": node.name, "op": node.op, "inputs": node.inputs, "attributes": node.attributes,
                "shape": shapes[position], "params": weights[position],
            })
        })
        .collect();
    Ok(object!({
        "space": model.about.space, "text": model.about.text, "task": model.task,
        "counts": {"params": counts.params, "macs": counts.macs, "flops": counts.flops, "depth": counts.depth},
        "graph": {"nodes": nodes, "outputs": whole.outputs},
    }))
}
