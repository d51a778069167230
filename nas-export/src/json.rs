//! A network as JSON: the graph with shapes and counts.

use std::collections::BTreeMap;

use nas_api::graph::count::count;
use nas_api::graph::weights::slots;
use serde_json::{Value, json as object};

use crate::{ExportError, Model, Weights};

/// The graph as the space built it; every node with its shape and, where it has weights, their number.
pub fn json(model: &Model) -> Result<Value, ExportError> {
    let (whole, shapes) = (&model.whole, &model.whole_shapes);
    let counts = count(whole, shapes)?;
    let mut weights = vec![0_u64; whole.nodes.len()];
    // An open choice has no single set of weights; the graph can be shown nevertheless.
    for slot in slots(whole, shapes).unwrap_or_default() {
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

/// What every exported file says about its network, by name.
pub(crate) fn texts(model: &Model, weights: &Weights) -> BTreeMap<String, String> {
    let mut texts = weights.texts();
    texts.insert("space".into(), model.about.space.clone());
    texts.insert("genotype".into(), model.about.text.clone());
    texts.insert("task".into(), object!(model.task).to_string());
    texts
}
