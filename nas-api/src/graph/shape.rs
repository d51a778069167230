//! Shape inference and validation.
use super::{Graph, Node};

/// The shape of one value, without the batch.
pub type Shape = Vec<i64>;

/// Why a graph is no network: always names node and operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("node '{node}' ({op}): {problem}")]
pub struct GraphError {
    /// The node's name.
    pub node: String,
    /// Its operator.
    pub op: String,
    /// What is wrong with it.
    pub problem: String,
}

impl GraphError {
    /// A problem of a node.
    pub fn new(node: &Node, problem: impl Into<String>) -> Self {
        Self { node: node.name.clone(), op: node.op.clone(), problem: problem.into() }
    }

    /// A problem of one attribute of a node.
    pub fn attribute(node: &Node, name: &str, problem: &str) -> Self {
        Self::new(node, format!("attribute '{name}' {problem}"))
    }
}

/// The shape of every node's value, in the order of the nodes.
pub fn infer(graph: &Graph, input_shape: &[i64]) -> Result<Vec<Shape>, GraphError> {
    let _ = (graph, input_shape);
    Ok(Vec::new())
}
