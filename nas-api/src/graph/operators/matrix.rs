//! Matrix products, embeddings and `Weight`.

use super::check::{flag, last, number, plus, positive, product, required, size, times, weights};
use super::tied::is_tied;
use super::{Cost, combine};
use crate::graph::shape::{GraphError, Shape};
use crate::graph::{Attribute, Node};

pub fn gemm(node: &Node, inputs: &[&[i64]]) -> Result<Shape, GraphError> {
    let from = last(node, inputs[0])?;
    let to = size(node, "out_features")?;
    flag(node, "bias", 1)?;
    number(node, "rate", 1.0, 0.0, 1.0)?;
    weights(node, &[from, to])?;
    let mut shape = inputs[0].to_vec();
    shape[inputs[0].len() - 1] = to;
    Ok(shape)
}

pub fn gemm_cost(node: &Node, inputs: &[&[i64]], output: &[i64]) -> Result<Cost, GraphError> {
    let (from, to) = (last(node, inputs[0])?, last(node, output)?);
    let bias = flag(node, "bias", 1)?;
    let matrix = if is_tied(node) { 0 } else { product(node, &[from, to])? };
    let params = plus(node, matrix, if bias { product(node, &[to])? } else { 0 })?;
    let outputs = product(node, output)?;
    let macs = times(node, outputs, product(node, &[from])?)?;
    let biases = if bias { outputs } else { 0 };
    match number(node, "rate", 1.0, 0.0, 1.0)? {
        1.0 => Ok(Cost { params, macs, biases }),
        rate => Ok(Cost { params, macs: share(macs, rate), biases: share(biases, rate) }),
    }
}

/// Returns a share of a count, rounded to the nearest whole number. `rate` is between 0 and 1.
fn share(count: u64, rate: f64) -> u64 {
    libm::round(count as f64 * rate) as u64
}

pub fn product_of_two(node: &Node, inputs: &[&[i64]]) -> Result<Shape, GraphError> {
    let (a, b) = (inputs[0], inputs[1]);
    let wrong =
        || GraphError::new(node, format!("the shapes {a:?} and {b:?} are no matrices [.., m, k] and [.., k, n]"));
    let ([leading_a @ .., m, k], [leading_b @ .., rows, n]) = (a, b) else { return Err(wrong()) };
    if k != rows {
        return Err(wrong());
    }
    let mut shape = combine::broadcast(leading_a, leading_b).ok_or_else(wrong)?;
    shape.extend([*m, *n]);
    Ok(shape)
}

pub fn product_of_two_cost(node: &Node, inputs: &[&[i64]], output: &[i64]) -> Result<Cost, GraphError> {
    let macs = times(node, product(node, output)?, product(node, &[last(node, inputs[0])?])?)?;
    Ok(Cost { macs, ..Cost::default() })
}

pub fn gather(node: &Node, inputs: &[&[i64]]) -> Result<Shape, GraphError> {
    let (rows, width) = (size(node, "num_embeddings")?, size(node, "embedding_dim")?);
    weights(node, &[rows, width])?;
    let mut shape = Shape::with_capacity(inputs[0].len() + 1);
    shape.extend_from_slice(inputs[0]);
    shape.push(width);
    Ok(shape)
}

pub fn gather_cost(node: &Node, _inputs: &[&[i64]], _output: &[i64]) -> Result<Cost, GraphError> {
    let params = product(node, &[size(node, "num_embeddings")?, size(node, "embedding_dim")?])?;
    Ok(Cost { params, ..Cost::default() })
}

pub fn weight(node: &Node, _inputs: &[&[i64]]) -> Result<Shape, GraphError> {
    let shape = required(node, "shape")?;
    if shape.is_empty() {
        return Err(GraphError::attribute(node, "shape", "needs at least one axis"));
    }
    for &size in shape {
        positive(node, "shape", size)?;
    }
    match node.attribute("init") {
        None => {}
        Some(Attribute::Text(init)) if matches!(init.as_str(), "zeros" | "ones" | "normal") => {}
        Some(_) => return Err(GraphError::attribute(node, "init", "must be 'zeros', 'ones' or 'normal'")),
    }
    weights(node, shape)?;
    Ok(shape.to_vec())
}

pub fn weight_cost(node: &Node, _inputs: &[&[i64]], output: &[i64]) -> Result<Cost, GraphError> {
    Ok(Cost { params: product(node, output)?, ..Cost::default() })
}
