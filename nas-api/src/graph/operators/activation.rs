//! Elementwise functions, and functions along one axis.

use super::check::{above_zero, finite, number};
use crate::graph::shape::{GraphError, Shape};
use crate::graph::{Attribute, Node};

pub fn gelu(node: &Node, inputs: &[&[i64]]) -> Result<Shape, GraphError> {
    match node.text("approximate", "none")? {
        "none" | "tanh" => Ok(inputs[0].to_vec()),
        _ => Err(GraphError::attribute(node, "approximate", "must be 'none' or 'tanh'")),
    }
}

/// Functions with the attribute `alpha`, and possibly `beta`.
pub fn sloped(node: &Node, inputs: &[&[i64]]) -> Result<Shape, GraphError> {
    finite(node, "alpha", 0.0)?;
    finite(node, "beta", 0.0)?;
    Ok(inputs[0].to_vec())
}

pub fn swish(node: &Node, inputs: &[&[i64]]) -> Result<Shape, GraphError> {
    above_zero(node, "alpha", 1.0)?;
    Ok(inputs[0].to_vec())
}

pub fn clip(node: &Node, inputs: &[&[i64]]) -> Result<Shape, GraphError> {
    let (min, max) = (finite(node, "min", f64::MIN)?, finite(node, "max", f64::MAX)?);
    if min > max {
        let problem = format!("is {min}, above the attribute 'max', {max}");
        return Err(GraphError::attribute(node, "min", &problem));
    }
    Ok(inputs[0].to_vec())
}

pub fn softmax(node: &Node, inputs: &[&[i64]]) -> Result<Shape, GraphError> {
    node.axis("axis", Some(-1), inputs[0].len()).map(|_| inputs[0].to_vec())
}

pub fn dropout(node: &Node, inputs: &[&[i64]]) -> Result<Shape, GraphError> {
    if number(node, "ratio", 0.5, 0.0, 1.0)? == 1.0 {
        return Err(GraphError::attribute(node, "ratio", "must be below 1, else nothing passes"));
    }
    Ok(inputs[0].to_vec())
}

pub fn constant(node: &Node, _inputs: &[&[i64]]) -> Result<Shape, GraphError> {
    match node.attribute("value_float") {
        None => Err(GraphError::attribute(node, "value_float", "is missing")),
        Some(Attribute::Float(_) | Attribute::Int(_)) => finite(node, "value_float", 0.0).map(|_| Vec::new()),
        Some(_) => Err(GraphError::attribute(node, "value_float", "must be a number")),
    }
}
