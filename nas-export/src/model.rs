//! The network that is exported.

use nas_api::graph::shape::infer;
use nas_api::graph::{GraphError, Shape, inference, needed};
use nas_api::{Graph, Task};

/// Where a network comes from, as the metadata of an exported file state it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// The space's name.
    pub space: String,
    /// The genotype as the space formats it.
    pub text: String,
}

/// A checked network that can be exported.
#[derive(Clone, Debug)]
pub struct Model {
    /// The graph as the space built it.
    pub whole: Graph,
    /// The shapes of the values of `whole`, node by node, without the batch.
    pub whole_shapes: Vec<Shape>,
    /// The graph for inference: without the nodes that only training uses or that no output needs.
    pub graph: Graph,
    /// The shapes of the values of `graph`, node by node, without the batch.
    pub shapes: Vec<Shape>,
    /// The task that the network is for.
    pub task: Task,
    /// Where it comes from.
    pub about: About,
}

impl Model {
    /// Infers the shapes for the task's input, and removes what inference does not need.
    ///
    /// # Errors
    /// Fails if the graph is invalid for the task's input shape.
    pub fn new(graph: &Graph, task: &Task, about: About) -> Result<Self, GraphError> {
        let whole_shapes = infer(graph, &task.input_shape)?;
        let needed = without_unused(&inference(graph));
        let shapes = infer(&needed, &task.input_shape)?;
        Ok(Self { whole: graph.clone(), whole_shapes, graph: needed, shapes, task: task.clone(), about })
    }

    /// Returns the shape of the value of a node of `graph`, without the batch.
    pub(crate) fn shape(&self, node: u32) -> &[i64] {
        &self.shapes[node as usize]
    }
}

/// Removes the nodes that no output needs. The input stays, even where the network ignores it.
fn without_unused(graph: &Graph) -> Graph {
    let needed = needed(graph);
    let mut new_position = vec![0; graph.nodes.len()];
    let mut kept = Graph::default();
    let stays = |position: usize| needed[position] || graph.nodes[position].op == "Input";
    for (position, node) in graph.nodes.iter().enumerate().filter(|(position, _)| stays(*position)) {
        // A graph has at most `MAX_NODES` nodes.
        new_position[position] = kept.nodes.len() as u32;
        let mut node = node.clone();
        node.inputs = node.inputs.iter().map(|&input| new_position[input as usize]).collect();
        kept.nodes.push(node);
    }
    kept.outputs = graph.outputs.iter().map(|&output| new_position[output as usize]).collect();
    kept
}
