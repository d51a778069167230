//! What is exported: a checked network and what it was made for.

use nas_api::graph::shape::infer;
use nas_api::graph::{GraphError, Shape, inference, needed};
use nas_api::{Graph, Task};

/// Where a network comes from, for the reader of the exported file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// The space's name.
    pub space: String,
    /// The genotype in the space's own form.
    pub text: String,
}

/// A network that can be exported.
#[derive(Clone, Debug)]
pub struct Model {
    /// As the space built it.
    pub whole: Graph,
    /// The shape of every node's value in `whole`, without the batch.
    pub whole_shapes: Vec<Shape>,
    /// Without what is for training alone and the nodes that no output needs; these are what has weights and is computed.
    pub graph: Graph,
    /// The shape of every node's value in `graph`, without the batch.
    pub shapes: Vec<Shape>,
    /// What it is for.
    pub task: Task,
    /// Where it comes from.
    pub about: About,
}

impl Model {
    /// Checks the graph for the task's input shape.
    pub fn new(graph: &Graph, task: &Task, about: About) -> Result<Self, GraphError> {
        let whole_shapes = infer(graph, &task.input_shape)?;
        let needed = without_unused(&inference(graph));
        let shapes = infer(&needed, &task.input_shape)?;
        Ok(Self { whole: graph.clone(), whole_shapes, graph: needed, shapes, task: task.clone(), about })
    }

    /// The shape of the value of a node.
    pub(crate) fn shape(&self, node: u32) -> &[i64] {
        &self.shapes[node as usize]
    }
}

/// The graph without what no output needs. The input stays: a network that ignores it still has one.
fn without_unused(graph: &Graph) -> Graph {
    let needed = needed(graph);
    let mut place = vec![0; graph.nodes.len()];
    let mut kept = Graph::default();
    let stays = |position: usize| needed[position] || graph.nodes[position].op == "Input";
    for (position, node) in graph.nodes.iter().enumerate().filter(|(position, _)| stays(*position)) {
        // A graph has at most `MAX_NODES` nodes.
        place[position] = kept.nodes.len() as u32;
        let mut node = node.clone();
        node.inputs = node.inputs.iter().map(|&input| place[input as usize]).collect();
        kept.nodes.push(node);
    }
    kept.outputs = graph.outputs.iter().map(|&output| place[output as usize]).collect();
    kept
}
