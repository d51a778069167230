//! The parts of a graph that only training uses: drop paths and auxiliary heads.

use std::borrow::Cow;

use super::count::{needed, reached};
use super::{Graph, Symbol};

/// The operator of an output that only training reads.
pub const AUXILIARY: &str = "Auxiliary";
/// The operator of a path that training drops at random.
pub const DROP_PATH: &str = "DropPath";

/// Returns the positions of the `Auxiliary` nodes.
pub fn auxiliaries(graph: &Graph) -> Vec<u32> {
    (0_u32..).zip(&graph.nodes).filter(|(_, node)| node.op == AUXILIARY).map(|(position, _)| position).collect()
}

/// Returns for every node whether it serves auxiliary heads only: an `Auxiliary` needs it, and no output does. Returns
/// `None` if the graph has no `Auxiliary`.
pub fn training_only(graph: &Graph) -> Option<Vec<bool>> {
    let heads = auxiliaries(graph);
    if heads.is_empty() {
        return None;
    }
    let owners = weight_owners(graph, &needed(graph));
    let for_owners = reached(graph, &owners);
    let kept = needed(graph).into_iter().zip(for_owners).map(|(needed, for_owners)| needed || for_owners);
    let only = reached(graph, &heads).into_iter().zip(kept).zip(&graph.nodes);
    Some(only.map(|((serves, kept), node)| serves && !kept && node.op != "Input").collect())
}

/// Returns the nodes whose weights the needed nodes use through `tied`.
fn weight_owners(graph: &Graph, needed: &[bool]) -> Vec<u32> {
    let users = graph.nodes.iter().zip(needed).filter(|(_, needed)| **needed).map(|(node, _)| node);
    let names: Vec<&str> =
        users.filter_map(|node| node.text("tied", "").ok()).filter(|name| !name.is_empty()).collect();
    (0_u32..).zip(&graph.nodes).filter(|(_, node)| names.contains(&node.name.as_str())).map(|(at, _)| at).collect()
}

/// Returns the graph for training: every `Auxiliary` becomes an output after the others, in the order of the nodes.
pub fn with_auxiliaries(graph: &Graph) -> Graph {
    let mut training = graph.clone();
    for position in auxiliaries(graph) {
        training.nodes[position as usize].op = "Identity".into();
        training.outputs.push(position);
    }
    training
}

/// Returns the graph for inference, without auxiliary heads and `DropPath` nodes. A `DropPath` that is an output
/// becomes an `Identity`, so that the number of outputs does not change.
pub fn inference(graph: &Graph) -> Cow<'_, Graph> {
    let only = training_only(graph);
    if only.is_none() && !graph.nodes.iter().any(|node| node.op == DROP_PATH) {
        return Cow::Borrowed(graph);
    }
    let only = only.unwrap_or_else(|| vec![false; graph.nodes.len()]);
    let mut new_positions: Vec<u32> = Vec::with_capacity(graph.nodes.len());
    let mut kept = Graph::default();
    for ((position, node), only) in (0_u32..).zip(&graph.nodes).zip(only) {
        let new_position = |input: u32| new_positions.get(input as usize).copied().unwrap_or(u32::MAX);
        // A dead node that reads a head's values is removed with them.
        let only = only || node.inputs.iter().any(|&input| new_position(input) == u32::MAX);
        match node.inputs[..] {
            _ if only => new_positions.push(u32::MAX),
            [input] if node.op == DROP_PATH && !graph.outputs.contains(&position) => {
                new_positions.push(new_position(input))
            }
            _ => {
                let op = if node.op == DROP_PATH { Symbol::from("Identity") } else { node.op.clone() };
                let inputs = node.inputs.iter().map(|&input| new_position(input)).collect();
                // A graph has at most `MAX_NODES` nodes.
                new_positions.push(kept.nodes.len() as u32);
                kept.nodes.push(super::Node { op, inputs, ..node.clone() });
            }
        }
    }
    kept.outputs = graph.outputs.iter().filter_map(|&output| new_positions.get(output as usize).copied()).collect();
    Cow::Owned(kept)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::graph::count::count;
    use crate::graph::memory::memory;
    use crate::graph::shape::infer;
    use crate::{GraphBuilder, Window};

    /// A convolution and a classifier; with `training`, also a drop path and an auxiliary head.
    fn network(training: bool) -> Graph {
        let mut graph = GraphBuilder::new();
        let input = graph.input();
        let conv = graph.conv("conv", input, 4, Window::same(3, 1));
        let mut path = graph.op("relu", "Relu", &[conv]);
        if training {
            path = graph.drop_path("relu.path", path);
        }
        let sum = graph.add("sum", conv, path);
        if training {
            let flat = graph.op("aside.flat", "Flatten", &[sum]);
            let logits = graph.gemm("aside.logits", flat, 3);
            graph.auxiliary("aside", logits);
        }
        let means = graph.global_average("means", sum);
        let logits = graph.gemm("logits", means, 3);
        graph.finish(&[logits])
    }

    #[test]
    fn nodes_for_training_only_are_neither_counted_nor_kept() {
        let (plain, training) = (network(false), network(true));
        let shapes = |graph: &Graph| infer(graph, &[2, 5, 5]).unwrap();
        let counts = |graph: &Graph| count(graph, &shapes(graph)).unwrap();
        assert_eq!(counts(&training), counts(&plain));
        assert_eq!(inference(&training).into_owned(), plain);
        assert!(matches!(inference(&plain), Cow::Borrowed(_)));
        let names: Vec<&str> = training.nodes.iter().map(|node| node.name.as_str()).collect();
        let only = training_only(&training).unwrap();
        let only: Vec<&str> = names.into_iter().zip(only).filter(|(_, only)| *only).map(|(name, _)| name).collect();
        assert_eq!(only, ["aside.flat", "aside.logits", "aside"]);
        let inference = |graph: &Graph| memory(graph, &shapes(graph), 1, 4).unwrap().inference;
        assert_eq!(inference(&training), inference(&plain));
    }

    #[test]
    fn an_auxiliary_layer_whose_weights_are_used_elsewhere_is_kept() {
        let mut graph = GraphBuilder::new();
        let input = graph.input();
        let aside = graph.gemm("aside.logits", input, 3);
        graph.auxiliary("aside", aside);
        let logits = graph.gemm("logits", input, 3);
        let mut graph = graph.finish(&[logits]);
        let at = graph.nodes.iter().position(|node| node.name == "logits").unwrap();
        graph.nodes[at].attributes.push(crate::graph::builder::text("tied", "aside.logits"));
        let kept = inference(&graph).into_owned();
        let params = |graph: &Graph| count(graph, &infer(graph, &[4]).unwrap()).unwrap().params;
        assert_eq!((params(&graph), params(&kept)), (18, 18));
        assert!(!kept.nodes.iter().any(|node| node.op == AUXILIARY));
    }

    #[test]
    fn dead_nodes_that_read_a_head_are_removed_with_it() {
        let mut graph = network(true);
        let at = graph.nodes.iter().position(|node| node.name == "aside.logits").unwrap() as u32;
        let dead = crate::graph::Node { name: "dead".into(), op: "Relu".into(), inputs: vec![at], attributes: vec![] };
        graph.nodes.push(dead);
        assert!(infer(&graph, &[2, 5, 5]).is_ok());
        assert_eq!(inference(&graph).into_owned(), network(false));
    }

    #[test]
    fn a_drop_path_that_is_an_output_becomes_an_identity() {
        let mut graph = GraphBuilder::new();
        let input = graph.input();
        let (a, b) = (graph.drop_path("a", input), graph.drop_path("b", input));
        let graph = graph.finish(&[a, b]);
        let kept = inference(&graph);
        assert!(infer(&kept, &[3]).is_ok());
        assert_eq!(kept.outputs, [1, 2]);
        assert!(kept.nodes[1..].iter().all(|node| node.op == "Identity"));
    }

    #[test]
    fn an_auxiliary_is_neither_an_output_nor_read() {
        let mut graph = GraphBuilder::new();
        let input = graph.input();
        let aside = graph.auxiliary("aside", input);
        let words = |graph: &Graph| infer(graph, &[3]).unwrap_err().to_string();
        let output = words(&graph.clone().finish(&[aside]));
        assert!(output.starts_with("node 'aside' (Auxiliary)") && output.contains("output"), "{output}");
        let read = graph.op("read", "Relu", &[aside]);
        let read = words(&graph.finish(&[read]));
        assert!(read.starts_with("node 'read' (Relu)") && read.contains("'aside'"), "{read}");
    }
}
