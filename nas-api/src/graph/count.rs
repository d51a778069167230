//! Parameters, multiply-accumulates, FLOPs and depth.

use super::{Graph, GraphError, Node, Shape, operators};

/// What a graph costs for one example.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Trainable numbers: weights and biases of `Conv` and `Gemm`, scale and shift of `BatchNormalization`.
    pub params: u64,
    /// Multiply-accumulates of convolutions and matrix products.
    pub macs: u64,
    /// In the convention of the NAS literature: one per multiply-accumulate and one per bias addition.
    pub flops: u64,
    /// The longest path, counted in `Conv` and `Gemm` nodes.
    pub depth: u64,
}

/// Counts every node, also those that no output needs and every choice of a `Choice`. `shapes` are those that
/// [`infer`](super::shape::infer) gave for this graph. A number too great for 64 bits is an error.
pub fn count(graph: &Graph, shapes: &[Shape]) -> Result<Counts, GraphError> {
    if shapes.len() != graph.nodes.len() {
        let (nodes, shapes) = (graph.nodes.len(), shapes.len());
        return Err(GraphError::whole(format!(
            "has {nodes} nodes, but {shapes} shapes came with it; infer them first"
        )));
    }
    let mut counts = Counts { depth: depth(graph), ..Counts::default() };
    for (node, shape) in graph.nodes.iter().zip(shapes) {
        let input = node.inputs.first().and_then(|&input| shapes.get(input as usize));
        let (params, macs, biases) = cost(node, input.map_or(&[], Vec::as_slice), shape)?;
        let too_great = || GraphError::new(node, "the graph's counts exceed 64 bits here");
        let add = |total: u64, more: u64| total.checked_add(more).ok_or_else(too_great);
        counts.params = add(counts.params, params)?;
        counts.macs = add(counts.macs, macs)?;
        counts.flops = add(counts.flops, add(macs, biases)?)?;
    }
    Ok(counts)
}

/// Parameters, multiply-accumulates and bias additions of one node.
fn cost(node: &Node, input: &[i64], output: &[i64]) -> Result<(u64, u64, u64), GraphError> {
    let product = |sizes: &[i64]| {
        let mut product: u64 = 1;
        for &size in sizes {
            let size = u64::try_from(size).map_err(|_| GraphError::new(node, "a negative size"))?;
            product = product.checked_mul(size).ok_or_else(|| GraphError::new(node, "its count exceeds 64 bits"))?;
        }
        Ok(product)
    };
    let with_bias = |weights: u64, bias: u64| {
        weights.checked_add(bias).ok_or_else(|| GraphError::new(node, "its count exceeds 64 bits"))
    };
    match node.op.as_str() {
        "Conv" => {
            let conv = operators::convolution(node, input)?;
            let [_, height, width] = output else { return Err(GraphError::new(node, "its shape is not inferred")) };
            let weights = [conv.out_channels, input[0] / conv.group, conv.kernel[0], conv.kernel[1]];
            let macs = product(&[&weights[..], &[*height, *width]].concat())?;
            let bias = i64::from(conv.bias);
            let params = with_bias(product(&weights)?, product(&[conv.out_channels, bias])?)?;
            Ok((params, macs, product(&[conv.out_channels, *height, *width, bias])?))
        }
        "Gemm" => {
            let macs = product(&[product(input)? as i64, product(output)? as i64])?;
            let bias = product(&[product(output)? as i64, node.int("bias", Some(1))?])?;
            Ok((with_bias(macs, bias)?, macs, bias))
        }
        "BatchNormalization" => Ok((product(&[2, input.first().copied().unwrap_or(0)])?, 0, 0)),
        _ => Ok((0, 0, 0)),
    }
}

/// The longest path through a graph, counted in `Conv` and `Gemm` nodes.
pub fn depth(graph: &Graph) -> u64 {
    let mut depths: Vec<u64> = Vec::with_capacity(graph.nodes.len());
    for node in &graph.nodes {
        let before = node.inputs.iter().filter_map(|&input| depths.get(input as usize)).max().copied().unwrap_or(0);
        depths.push(before + u64::from(matches!(node.op.as_str(), "Conv" | "Gemm")));
    }
    depths.into_iter().max().unwrap_or(0)
}

/// Positions of the nodes that no output needs, ascending; an evaluator need not compute them.
pub fn unused(graph: &Graph) -> Vec<u32> {
    let mut needed = vec![false; graph.nodes.len()];
    for &output in &graph.outputs {
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
    // A graph has at most `MAX_NODES` nodes.
    needed.iter().enumerate().filter(|(_, needed)| !**needed).map(|(position, _)| position as u32).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::graph::shape::infer;
    use crate::graph::{Attribute, GraphBuilder, Window};

    /// Figures worked out by hand from the definitions.
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
    fn overflow_is_an_error_and_not_a_wrapped_number() {
        let mut graph = GraphBuilder::new();
        let x = graph.input();
        let mut last = x;
        // Each has 2^31 weights over 2^15 positions: great, but countable.
        for i in 0..4 {
            let window = Window { kernel: 1, stride: 1, padding: 0 };
            last = graph.conv(format!("conv{i}"), x, 1 << 16, window);
        }
        let graph = graph.finish(&[last]);
        let shapes = infer(&graph, &[1 << 15, 1 << 8, 1 << 7]).unwrap();
        let counts = count(&graph, &shapes).unwrap();
        assert_eq!(counts.macs, 4 << (31 + 15));
        let absurd = vec![vec![1 << 15, 1 << 31, 1 << 31]; 5];
        let error = count(&graph, &absurd).unwrap_err().to_string();
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
    fn unused_nodes_are_those_no_output_needs() {
        let mut graph = GraphBuilder::new();
        let x = graph.input();
        let used = graph.op("used", "Relu", &[x]);
        let dead = graph.op("dead", "Relu", &[used]);
        graph.op("deader", "Relu", &[dead]);
        let graph = graph.finish(&[used]);
        assert_eq!(unused(&graph), [2, 3]);
    }
}
