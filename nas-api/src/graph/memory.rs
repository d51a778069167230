//! What a network keeps in memory besides its weights.

use super::count::{matching, needed};
use super::operators::product;
use super::{Graph, GraphError, Shape, operators};

/// Bytes of values, for a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// The most that is alive at once at inference, in the graph's order: a value lives from its node to the last node
    /// that reads it.
    pub inference: u64,
    /// Every value, as training keeps them for the gradients.
    pub training: u64,
    /// What generating text keeps of every position of one example: keys and values of each causal `Attention`.
    pub cache_per_token: u64,
}

/// The memory of a graph's values at a batch size and a number of bytes per number. `shapes` are those that
/// [`infer`](super::shape::infer) gave for this graph.
///
/// Nodes that no output needs are left out. Every value has memory of its own: nothing is computed in place, and what an
/// operator needs while it runs (the scores of an `Attention`) is not counted. `Weight` and `Constant` are no values.
pub fn memory(graph: &Graph, shapes: &[Shape], batch: u32, bytes: u32) -> Result<Memory, GraphError> {
    matching(graph, shapes)?;
    let needed = needed(graph);
    let mut last_read: Vec<usize> = (0..graph.nodes.len()).collect();
    for (position, node) in graph.nodes.iter().enumerate().filter(|(position, _)| needed[*position]) {
        for &input in &node.inputs {
            let read = last_read.get_mut(input as usize).filter(|_| (input as usize) < position);
            *read.ok_or_else(|| GraphError::new(node, "reads a node that does not come before it"))? = position;
        }
    }
    for &output in &graph.outputs {
        if let Some(read) = last_read.get_mut(output as usize) {
            *read = graph.nodes.len();
        }
    }

    let mut memory = Memory::default();
    let mut alive: u64 = 0;
    let each = u64::from(batch) * u64::from(bytes);
    let mut sizes: Vec<u64> = Vec::with_capacity(graph.nodes.len());
    for (position, (node, shape)) in graph.nodes.iter().zip(shapes).enumerate() {
        if !needed[position] || matches!(node.op.as_str(), "Weight" | "Constant") {
            sizes.push(0);
            continue;
        }
        let too_great = || GraphError::new(node, "the memory of the graph's values exceeds 64 bits here");
        let size = product(node, shape)?.checked_mul(each).ok_or_else(too_great)?;
        sizes.push(size);
        memory.training = memory.training.checked_add(size).ok_or_else(too_great)?;
        // At most what training keeps.
        alive += size;
        memory.inference = memory.inference.max(alive);
        for (at, &input) in node.inputs.iter().enumerate() {
            if last_read[input as usize] == position && !node.inputs[..at].contains(&input) {
                alive -= sizes[input as usize];
            }
        }
        if let Some(cached) = operators::cached(node, shapes)? {
            let cached = cached.checked_mul(u64::from(bytes)).ok_or_else(too_great)?;
            memory.cache_per_token = memory.cache_per_token.checked_add(cached).ok_or_else(too_great)?;
        }
    }
    Ok(memory)
}
