//! The memory that a network needs besides its weights.

use super::count::{check_matching, needed};
use super::operators::product;
use super::{Graph, GraphError, Shape, operators};

/// The memory of a graph's values for one batch, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// The peak at inference, if nodes are computed in the graph's order. A value lives from its node to the last node
    /// that reads it.
    pub inference: u64,
    /// The sum over all values, which training keeps for the gradients.
    pub training: u64,
    /// The size of the key-value cache for one position of one example: the keys and values of every causal
    /// `Attention`.
    pub cache_per_token: u64,
}

/// Estimates the memory of a graph's values for `batch` examples with `bytes` bytes per number. The graph's node shapes
/// are `shapes` (see [`infer`](super::shape::infer)).
///
/// Every value counts with its own memory, as if nothing were computed in place. Nodes that no output needs, `Weight`
/// and `Constant` nodes, and temporary memory of operators (the scores of an `Attention`) do not count.
///
/// # Errors
///
/// Returns an error if `shapes` do not belong to this graph, if a node reads a later one, or if a size exceeds 64 bits.
pub fn memory(graph: &Graph, shapes: &[Shape], batch: u32, bytes: u32) -> Result<Memory, GraphError> {
    check_matching(graph, shapes)?;
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
    let bytes_per_number = u64::from(batch) * u64::from(bytes);
    let mut sizes: Vec<u64> = Vec::with_capacity(graph.nodes.len());
    for (position, (node, shape)) in graph.nodes.iter().zip(shapes).enumerate() {
        if !needed[position] || matches!(node.op.as_str(), "Weight" | "Constant") {
            sizes.push(0);
            continue;
        }
        let too_great = || GraphError::new(node, "the memory of the graph's values exceeds 64 bits here");
        let size = product(node, shape)?.checked_mul(bytes_per_number).ok_or_else(too_great)?;
        sizes.push(size);
        memory.training = memory.training.checked_add(size).ok_or_else(too_great)?;
        // This cannot overflow: it is at most `memory.training`.
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
