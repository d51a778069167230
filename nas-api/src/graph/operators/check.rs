//! Attributes and sizes, checked: whatever a component sends becomes a number in a stated range or an error.

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

/// A positive whole number that must be set.
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

/// Any finite number.
pub fn finite(node: &Node, name: &str, default: f64) -> Result<f64, GraphError> {
    number(node, name, default, f64::NEG_INFINITY, f64::INFINITY)
}

/// A finite number above 0.
pub fn above_zero(node: &Node, name: &str, default: f64) -> Result<f64, GraphError> {
    match number(node, name, default, 0.0, f64::INFINITY)? {
        0.0 => Err(GraphError::attribute(node, name, "must be above 0")),
        value => Ok(value),
    }
}

/// What a normalisation adds to the variance.
pub fn epsilon(node: &Node) -> Result<(), GraphError> {
    if number(node, "epsilon", 1e-5, 0.0, 1.0)? == 0.0 {
        return Err(GraphError::attribute(node, "epsilon", "must be above 0"));
    }
    Ok(())
}

/// Whole numbers, where they are set.
pub fn list<'n>(node: &'n Node, name: &str) -> Result<Option<&'n [i64]>, GraphError> {
    match node.attribute(name) {
        Some(Attribute::Ints(values)) => Ok(Some(values)),
        Some(_) => Err(GraphError::attribute(node, name, "must be whole numbers")),
        None => Ok(None),
    }
}

/// Whole numbers that must be set.
pub fn required<'n>(node: &'n Node, name: &str) -> Result<&'n [i64], GraphError> {
    list(node, name)?.ok_or_else(|| GraphError::attribute(node, name, "is missing"))
}

/// Exactly `count` whole numbers, where they are set.
pub fn listed<'n>(node: &'n Node, name: &str, count: usize) -> Result<Option<&'n [i64]>, GraphError> {
    match list(node, name)? {
        Some(values) if values.len() != count => {
            Err(GraphError::attribute(node, name, &format!("must be {count} whole numbers")))
        }
        values => Ok(values),
    }
}

/// An axis as ONNX counts it, as a position in a shape of `rank` axes.
pub fn position(node: &Node, name: &str, given: i64, rank: usize) -> Result<usize, GraphError> {
    // At most MAX_RANK.
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

/// The last axis of a value, which has axes: only a constant has none, and few operators take one.
pub fn last(node: &Node, shape: &[i64]) -> Result<i64, GraphError> {
    shape.last().copied().ok_or_else(|| GraphError::new(node, "takes a value of at least one axis"))
}

/// Whether the weights of one node are few enough.
pub fn weights(node: &Node, sizes: &[i64]) -> Result<(), GraphError> {
    let words = |problem| GraphError::new(node, format!("its weights are {problem}"));
    elements(sizes).map(|_| ()).map_err(words)
}

/// Why `part` must divide `whole`.
pub fn divides(node: &Node, name: &str, part: i64, whole: i64, what: &str) -> Result<(), GraphError> {
    if whole % part == 0 {
        return Ok(());
    }
    Err(GraphError::attribute(node, name, &format!("is {part}, which does not divide the {whole} {what}")))
}

/// The shape of the only input.
pub fn same(_node: &Node, inputs: &[&[i64]]) -> Result<Shape, GraphError> {
    Ok(inputs[0].to_vec())
}

/// The product of sizes, none of which is negative, or that it exceeds 64 bits.
pub fn product(node: &Node, sizes: &[i64]) -> Result<u64, GraphError> {
    let mut product: u64 = 1;
    for &size in sizes {
        let size = u64::try_from(size).map_err(|_| GraphError::new(node, "a negative size"))?;
        product = product.checked_mul(size).ok_or_else(|| GraphError::new(node, "its count exceeds 64 bits"))?;
    }
    Ok(product)
}

/// `a` times `b`, or that it exceeds 64 bits.
pub fn times(node: &Node, a: u64, b: u64) -> Result<u64, GraphError> {
    a.checked_mul(b).ok_or_else(|| GraphError::new(node, "its count exceeds 64 bits"))
}

/// `a` plus `b`, or that it exceeds 64 bits.
pub fn plus(node: &Node, a: u64, b: u64) -> Result<u64, GraphError> {
    a.checked_add(b).ok_or_else(|| GraphError::new(node, "its count exceeds 64 bits"))
}
