//! The static metrics of a graph: parameters, multiply-accumulates, FLOPs and depth.

use super::training::training_only;
use super::{Graph, GraphError, Shape, operators};

/// The static metrics of a graph, for one example.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// The number of trainable parameters: weights and biases, scales and shifts of normalisations, embeddings, and
    /// `Weight` nodes. Tied weights count once.
    pub params: u64,
    /// The multiply-accumulates of convolutions, matrix products and attention. A `Gemm` with a `rate` counts that
    /// share.
    pub macs: u64,
    /// The FLOPs by the convention of the NAS literature: one per multiply-accumulate and one per bias addition.
    pub flops: u64,
    /// The length of the longest path in convolutions and matrix products. An `Attention` counts as one.
    pub depth: u64,
}

/// Counts the static metrics of a graph, whose node shapes are `shapes` (see [`infer`](super::shape::infer)).
///
/// Nodes that no output needs and every input of a `Choice` count; nodes that serve
/// [auxiliary heads only](super::training::training_only) do not.
///
/// # Errors
///
/// Returns an error if `shapes` do not belong to this graph, or if a count exceeds 64 bits.
///
/// # Examples
///
/// ```
/// use nas_api::GraphBuilder;
/// use nas_api::graph::{count::count, shape::infer};
///
/// let mut graph = GraphBuilder::new();
/// let input = graph.input();
/// let logits = graph.gemm("head", input, 10);
/// let graph = graph.finish(&[logits]);
/// let shapes = infer(&graph, &[64])?;
/// assert_eq!(shapes, [vec![64], vec![10]]);
/// let counts = count(&graph, &shapes)?;
/// assert_eq!((counts.params, counts.macs, counts.flops, counts.depth), (650, 640, 650, 1));
/// # Ok::<(), nas_api::graph::GraphError>(())
/// ```
pub fn count(graph: &Graph, shapes: &[Shape]) -> Result<Counts, GraphError> {
    check_matching(graph, shapes)?;
    let mut counts = Counts::default();
    let mut depths: Vec<u64> = Vec::with_capacity(graph.nodes.len());
    let mut inputs: Vec<&[i64]> = Vec::new();
    let training = training_only(graph);
    for (position, (node, shape)) in graph.nodes.iter().zip(shapes).enumerate() {
        if training.as_ref().is_some_and(|only| only[position]) {
            depths.push(0);
            continue;
        }
        let operator = operators::find(&node.op);
        let before = node.inputs.iter().filter_map(|&input| depths.get(input as usize)).max().copied().unwrap_or(0);
        let depth = before + u64::from(operator.is_some_and(|operator| operator.layer));
        depths.push(depth);
        counts.depth = counts.depth.max(depth);
        let Some(cost) = operator.and_then(|operator| operator.cost) else { continue };
        inputs.clear();
        inputs.extend(node.inputs.iter().filter_map(|&input| shapes.get(input as usize)).map(Vec::as_slice));
        if inputs.len() != node.inputs.len() || inputs.is_empty() != (node.op == "Weight") {
            return Err(GraphError::new(node, "its shape is not inferred"));
        }
        let cost = cost(node, &inputs, shape)?;
        let too_great = || GraphError::new(node, "the graph's counts exceed 64 bits here");
        let add = |total: u64, more: u64| total.checked_add(more).ok_or_else(too_great);
        counts.params = add(counts.params, cost.params)?;
        counts.macs = add(counts.macs, cost.macs)?;
        counts.flops = add(counts.flops, add(cost.macs, cost.biases)?)?;
    }
    Ok(counts)
}

/// Checks that there is one shape for every node.
pub(super) fn check_matching(graph: &Graph, shapes: &[Shape]) -> Result<(), GraphError> {
    if shapes.len() == graph.nodes.len() {
        return Ok(());
    }
    let (nodes, shapes) = (graph.nodes.len(), shapes.len());
    Err(GraphError::whole(format!("has {nodes} nodes, but {shapes} shapes were given; infer them first")))
}

/// Returns the length of the longest path through a graph in convolutions and matrix products, as [`Counts::depth`].
pub fn depth(graph: &Graph) -> u64 {
    let mut depths: Vec<u64> = Vec::with_capacity(graph.nodes.len());
    let training = training_only(graph);
    for (position, node) in graph.nodes.iter().enumerate() {
        if training.as_ref().is_some_and(|only| only[position]) {
            depths.push(0);
            continue;
        }
        let before = node.inputs.iter().filter_map(|&input| depths.get(input as usize)).max().copied().unwrap_or(0);
        let layer = operators::find(&node.op).is_some_and(|operator| operator.layer);
        depths.push(before + u64::from(layer));
    }
    depths.into_iter().max().unwrap_or(0)
}

/// Returns for every node whether an output needs it. The others need not be computed.
pub fn needed(graph: &Graph) -> Vec<bool> {
    reached(graph, &graph.outputs)
}

/// Returns for every node whether one of `from` needs it or is it.
pub(super) fn reached(graph: &Graph, from: &[u32]) -> Vec<bool> {
    let mut needed = vec![false; graph.nodes.len()];
    for &output in from {
        if let Some(node) = needed.get_mut(output as usize) {
            *node = true;
        }
    }
    for (position, node) in graph.nodes.iter().enumerate().rev() {
        if !needed[position] {
            continue;
        }
        for &input in &node.inputs {
            if let Some(node) = needed.get_mut(input as usize) {
                *node = true;
            }
        }
    }
    needed
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::graph::shape::infer;
    use crate::graph::{Attribute, GraphBuilder, Window};

    /// The expected numbers are worked out by hand from the definitions.
    #[test]
    fn counts_agree_with_hand_calculation() {
        let mut graph = GraphBuilder::new();
        let x = graph.input();
        let plain = graph.conv("plain", x, 16, Window::same(3, 1));
        let norm = graph.op("norm", "BatchNormalization", &[plain]);
        let grouped = graph.node(
            "grouped",
            "Conv",
            &[norm],
            vec![
                ("out_channels".into(), Attribute::Int(32)),
                ("kernel_shape".into(), Attribute::Ints(vec![1, 2])),
                ("group".into(), Attribute::Int(4)),
            ],
        );
        let flat = graph.op("flat", "Flatten", &[grouped]);
        let head = graph.gemm("head", flat, 10);
        let graph = graph.finish(&[head]);
        let counts = count(&graph, &infer(&graph, &[3, 8, 8]).unwrap()).unwrap();
        let plain = 16 * 3 * 9;
        let grouped = 32 * 4 * 2;
        let head = 32 * 8 * 7 * 10;
        assert_eq!(counts.params, plain + 32 + (grouped + 32) + (head + 10));
        assert_eq!(counts.macs, plain * 64 + grouped * 56 + head);
        assert_eq!(counts.flops, counts.macs + 32 * 56 + 10);
        assert_eq!(counts.depth, 3);
    }

    #[test]
    fn overflow_is_an_error() {
        let mut graph = GraphBuilder::new();
        let x = graph.input();
        let mut last = x;
        // Each has 2^31 weights over 2^15 positions, which 64 bits can count.
        for i in 0..4 {
            let window = Window { kernel: 1, stride: 1, padding: 0 };
            last = graph.conv(format!("conv{i}"), x, 1 << 16, window);
        }
        let graph = graph.finish(&[last]);
        let shapes = infer(&graph, &[1 << 15, 1 << 8, 1 << 7]).unwrap();
        let counts = count(&graph, &shapes).unwrap();
        assert_eq!(counts.macs, 4 << (31 + 15));
        let too_large = vec![vec![1 << 15, 1 << 31, 1 << 31]; 5];
        let error = count(&graph, &too_large).unwrap_err().to_string();
        assert!(error.contains("node 'conv0' (Conv)") && error.contains("64 bits"), "{error}");
    }

    #[test]
    fn shapes_of_another_graph_are_refused() {
        let mut graph = GraphBuilder::new();
        let x = graph.input();
        let graph = graph.finish(&[x]);
        assert!(count(&graph, &[]).unwrap_err().to_string().contains("infer them first"));
    }

    #[test]
    fn nodes_that_no_output_needs_are_found() {
        let mut graph = GraphBuilder::new();
        let x = graph.input();
        let used = graph.op("used", "Relu", &[x]);
        let dead = graph.op("dead", "Relu", &[used]);
        graph.op("deader", "Relu", &[dead]);
        let graph = graph.finish(&[used]);
        let unneeded: Vec<usize> = (0..graph.nodes.len()).filter(|&node| !needed(&graph)[node]).collect();
        assert_eq!(unneeded, [2, 3]);
    }
}
