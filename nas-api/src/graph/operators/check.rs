//! Checks of attributes and sizes: whatever a component sends becomes a number in a known range or an error.

use crate::graph::shape::{GraphError, MAX_ELEMENTS, Shape, elements};
use crate::graph::{Attribute, Node};

pub fn rank(node: &Node, shape: &[i64], allowed: &[usize]) -> Result<(), GraphError> {
    if allowed.contains(&shape.len()) {
        return Ok(());
    }
    let allowed: Vec<String> = allowed.iter().map(usize::to_string).collect();
    let axes = allowed.join(" or ");
    Err(GraphError::new(node, format!("takes a value of {axes} axes, not one of shape {shape:?}")))
}

pub fn positive(node: &Node, name: &str, value: i64) -> Result<i64, GraphError> {
    within(node, name, value, 1, MAX_ELEMENTS as i64)
}

pub fn within(node: &Node, name: &str, value: i64, min: i64, max: i64) -> Result<i64, GraphError> {
    if (min..=max).contains(&value) {
        return Ok(value);
    }
    Err(GraphError::attribute(node, name, &format!("is {value}, but must lie between {min} and {max}")))
}

/// Returns a required attribute that is a positive whole number.
pub fn size(node: &Node, name: &str) -> Result<i64, GraphError> {
    positive(node, name, node.int(name, None)?)
}

pub fn flag(node: &Node, name: &str, default: i64) -> Result<bool, GraphError> {
    match node.int(name, Some(default))? {
        0 => Ok(false),
        1 => Ok(true),
        other => Err(GraphError::attribute(node, name, &format!("is {other}, but must be 0 or 1"))),
    }
}

pub fn number(node: &Node, name: &str, default: f64, min: f64, max: f64) -> Result<f64, GraphError> {
    let value = node.float(name, default)?;
    if !value.is_finite() {
        return Err(GraphError::attribute(node, name, &format!("is {value}, but must be finite")));
    }
    if value < min || value > max {
        return Err(GraphError::attribute(node, name, &format!("is {value}, but must lie between {min} and {max}")));
    }
    Ok(value)
}

/// Returns an attribute that is a finite number.
pub fn finite(node: &Node, name: &str, default: f64) -> Result<f64, GraphError> {
    number(node, name, default, f64::NEG_INFINITY, f64::INFINITY)
}

/// Returns an attribute that is a finite number above 0.
pub fn above_zero(node: &Node, name: &str, default: f64) -> Result<f64, GraphError> {
    match number(node, name, default, 0.0, f64::INFINITY)? {
        0.0 => Err(GraphError::attribute(node, name, "must be above 0")),
        value => Ok(value),
    }
}

/// Checks `epsilon`, which a normalisation adds to the variance.
pub fn epsilon(node: &Node) -> Result<(), GraphError> {
    if number(node, "epsilon", 1e-5, 0.0, 1.0)? == 0.0 {
        return Err(GraphError::attribute(node, "epsilon", "must be above 0"));
    }
    Ok(())
}

/// Returns an attribute that is a list of whole numbers, if it is set.
pub fn list<'n>(node: &'n Node, name: &str) -> Result<Option<&'n [i64]>, GraphError> {
    match node.attribute(name) {
        Some(Attribute::Ints(values)) => Ok(Some(values)),
        Some(_) => Err(GraphError::attribute(node, name, "must be whole numbers")),
        None => Ok(None),
    }
}

/// Returns a required attribute that is a list of whole numbers.
pub fn required<'n>(node: &'n Node, name: &str) -> Result<&'n [i64], GraphError> {
    list(node, name)?.ok_or_else(|| GraphError::attribute(node, name, "is missing"))
}

/// Returns an attribute that is a list of exactly `count` whole numbers, if it is set.
pub fn listed<'n>(node: &'n Node, name: &str, count: usize) -> Result<Option<&'n [i64]>, GraphError> {
    match list(node, name)? {
        Some(values) if values.len() != count => {
            Err(GraphError::attribute(node, name, &format!("must be {count} whole numbers")))
        }
        values => Ok(values),
    }
}

/// Converts an axis as ONNX counts it to an index into a shape of `rank` axes.
pub fn position(node: &Node, name: &str, given: i64, rank: usize) -> Result<usize, GraphError> {
    // The rank is at most MAX_RANK.
    let rank = rank as i64;
    let axis = if given < 0 { rank.checked_add(given) } else { given.checked_sub(1) };
    match axis {
        Some(axis) if (0..rank).contains(&axis) => Ok(axis as usize),
        _ => Err(GraphError::attribute(
            node,
            name,
            &format!("is {given}, but must lie in 1 to {rank} (0 is the batch) or -{rank} to -1"),
        )),
    }
}

/// Returns the size of the last axis. A constant has no axes, but few operators accept one.
pub fn last(node: &Node, shape: &[i64]) -> Result<i64, GraphError> {
    shape.last().copied().ok_or_else(|| GraphError::new(node, "takes a value of at least one axis"))
}

/// Checks that the weights of one node are within the limit.
pub fn weights(node: &Node, sizes: &[i64]) -> Result<(), GraphError> {
    let error = |problem| GraphError::new(node, format!("its weights are {problem}"));
    elements(sizes).map(|_| ()).map_err(error)
}

/// Checks that `part` divides `whole`.
pub fn divides(node: &Node, name: &str, part: i64, whole: i64, what: &str) -> Result<(), GraphError> {
    if whole % part == 0 {
        return Ok(());
    }
    Err(GraphError::attribute(node, name, &format!("is {part}, which does not divide the {whole} {what}")))
}

/// Returns the shape of the only input.
pub fn same(_node: &Node, inputs: &[&[i64]]) -> Result<Shape, GraphError> {
    Ok(inputs[0].to_vec())
}

/// Returns the product of sizes, or an error if one is negative or the product exceeds 64 bits.
pub fn product(node: &Node, sizes: &[i64]) -> Result<u64, GraphError> {
    let mut product: u64 = 1;
    for &size in sizes {
        let size = u64::try_from(size).map_err(|_| GraphError::new(node, "a negative size"))?;
        product = product.checked_mul(size).ok_or_else(|| GraphError::new(node, "its count exceeds 64 bits"))?;
    }
    Ok(product)
}

/// Returns `a` times `b`, or an error if it exceeds 64 bits.
pub fn times(node: &Node, a: u64, b: u64) -> Result<u64, GraphError> {
    a.checked_mul(b).ok_or_else(|| GraphError::new(node, "its count exceeds 64 bits"))
}

/// Returns `a` plus `b`, or an error if it exceeds 64 bits.
pub fn plus(node: &Node, a: u64, b: u64) -> Result<u64, GraphError> {
    a.checked_add(b).ok_or_else(|| GraphError::new(node, "its count exceeds 64 bits"))
}
