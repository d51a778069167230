//! Normalisations, with the scale and shift that they learn.

use super::Cost;
use super::check::{divides, epsilon, flag, number, product, rank, size, times};
use super::tied::is_tied;
use crate::graph::Node;
use crate::graph::shape::{GraphError, Shape};

pub fn batch(node: &Node, inputs: &[&[i64]]) -> Result<Shape, GraphError> {
    rank(node, inputs[0], &[1, 2, 3])?;
    epsilon(node)?;
    number(node, "momentum", 0.9, 0.0, 1.0)?;
    Ok(inputs[0].to_vec())
}

/// Normalises over `axis` and the axes after it. Each element of these axes has its own scale.
pub fn layer(node: &Node, inputs: &[&[i64]]) -> Result<Shape, GraphError> {
    epsilon(node)?;
    flag(node, "bias", 1)?;
    node.axis("axis", Some(-1), inputs[0].len())?;
    Ok(inputs[0].to_vec())
}

pub fn layer_cost(node: &Node, inputs: &[&[i64]], _output: &[i64]) -> Result<Cost, GraphError> {
    let each = if node.op == "LayerNormalization" && flag(node, "bias", 1)? { 2 } else { 1 };
    let axis = node.axis("axis", Some(-1), inputs[0].len())?;
    Ok(Cost { params: times(node, product(node, &inputs[0][axis..])?, each)?, ..Cost::default() })
}

/// Normalises over groups of channels (the first axis) and over all axes after it.
pub fn group(node: &Node, inputs: &[&[i64]]) -> Result<Shape, GraphError> {
    instance(node, inputs)?;
    divides(node, "num_groups", size(node, "num_groups")?, inputs[0][0], "channels")?;
    Ok(inputs[0].to_vec())
}

/// Normalises over the axes after the channels.
pub fn instance(node: &Node, inputs: &[&[i64]]) -> Result<Shape, GraphError> {
    if inputs[0].len() < 2 {
        let shape = inputs[0];
        return Err(GraphError::new(node, format!("takes a value of at least 2 axes, not one of shape {shape:?}")));
    }
    epsilon(node)?;
    Ok(inputs[0].to_vec())
}

/// Counts a scale and a shift per channel.
pub fn channels_cost(node: &Node, inputs: &[&[i64]], _output: &[i64]) -> Result<Cost, GraphError> {
    if is_tied(node) {
        return Ok(Cost::default());
    }
    let channels = inputs[0].first().copied().unwrap_or(0);
    Ok(Cost { params: product(node, &[2, channels])?, ..Cost::default() })
}
