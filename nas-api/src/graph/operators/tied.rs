//! Nodes that use the weights of an earlier node, which their attribute `tied` names.

use super::check::last;
use crate::graph::Node;
use crate::graph::shape::GraphError;

/// Returns whether a node uses the weights of another one.
pub fn is_tied(node: &Node) -> bool {
    node.attribute("tied").is_some()
}

/// Returns the error that the attribute `tied` names no earlier node with suitable weights.
pub fn unknown_owner(node: &Node) -> GraphError {
    let owners = if node.op == "Gemm" { "Gather or Gemm" } else { &node.op };
    GraphError::attribute(node, "tied", &format!("must name an earlier {owners}"))
}

/// Checks that a node with an input of shape `input` can use the weights of `owner`, whose input has the shape `read`.
pub fn tied(node: &Node, input: &[i64], owner: &Node, read: &[i64]) -> Result<(), GraphError> {
    if is_tied(owner) {
        let problem = "names a node that is tied itself; name the one it is tied to";
        return Err(GraphError::attribute(node, "tied", problem));
    }
    if node.op == "Gemm" { check_matrix(node, input, owner, read) } else { check_layer(node, input, owner, read) }
}

/// A `Gemm` uses only the matrix, and has its own bias.
fn check_matrix(node: &Node, input: &[i64], owner: &Node, read: &[i64]) -> Result<(), GraphError> {
    let name = &owner.name;
    let matrix = match owner.op.as_str() {
        "Gather" => [owner.int("num_embeddings", None)?, owner.int("embedding_dim", None)?],
        "Gemm" => [owner.int("out_features", None)?, last(owner, read)?],
        _ => return Err(unknown_owner(node)),
    };
    let needed = [node.int("out_features", None)?, last(node, input)?];
    if matrix == needed {
        return Ok(());
    }
    let problem = format!("names '{name}', whose matrix is {matrix:?}, but {needed:?} [out, in] is needed");
    Err(GraphError::attribute(node, "tied", &problem))
}

/// Other operators reuse the whole layer, on another value with the same number of channels.
fn check_layer(node: &Node, input: &[i64], owner: &Node, read: &[i64]) -> Result<(), GraphError> {
    if owner.op != node.op {
        return Err(unknown_owner(node));
    }
    let wrong = |problem: String| Err(GraphError::attribute(node, "tied", &problem));
    let (needed, channels) = (input.first(), read.first());
    if needed != channels {
        let count = |channels: Option<&i64>| channels.copied().unwrap_or(0);
        return wrong(format!("names a node of {} channels, but {} are read", count(channels), count(needed)));
    }
    let mut names = node.attributes.iter().chain(&owner.attributes).map(|(name, _)| name.as_str());
    match names.find(|&name| name != "tied" && node.attribute(name) != owner.attribute(name)) {
        Some(name) => wrong(format!("names a node that differs in '{name}', but a tied {} is the same", node.op)),
        None => Ok(()),
    }
}
