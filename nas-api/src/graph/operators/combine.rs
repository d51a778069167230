//! Operators with several inputs: elementwise arithmetic with broadcasting, sums, choices, concatenation.

use crate::graph::Node;
use crate::graph::shape::{GraphError, Shape};

/// Broadcasts as numpy does, on shapes without the batch: aligned at the end, sizes are equal or one of them is 1.
pub fn elementwise(node: &Node, inputs: &[&[i64]]) -> Result<Shape, GraphError> {
    broadcast(inputs[0], inputs[1]).ok_or_else(|| {
        let (a, b) = (inputs[0], inputs[1]);
        GraphError::new(node, format!("the shapes {a:?} and {b:?} cannot be broadcast together"))
    })
}

/// Returns the shape to which both shapes broadcast, if there is one.
pub fn broadcast(a: &[i64], b: &[i64]) -> Option<Shape> {
    let (long, short) = if a.len() >= b.len() { (a, b) } else { (b, a) };
    let mut joined = long.to_vec();
    for (size, &other) in joined[long.len() - short.len()..].iter_mut().zip(short) {
        if *size == 1 {
            *size = other;
        } else if *size != other && other != 1 {
            return None;
        }
    }
    Some(joined)
}

pub fn alike(node: &Node, inputs: &[&[i64]]) -> Result<Shape, GraphError> {
    match inputs.iter().find(|input| **input != inputs[0]) {
        Some(other) => {
            let problem = format!("its inputs have the shapes {:?} and {other:?}, but must all be alike", inputs[0]);
            Err(GraphError::new(node, problem))
        }
        None => Ok(inputs[0].to_vec()),
    }
}

pub fn choice(node: &Node, inputs: &[&[i64]]) -> Result<Shape, GraphError> {
    if node.text("decision", "")?.is_empty() {
        return Err(GraphError::attribute(node, "decision", "must name a decision"));
    }
    alike(node, inputs)
}

pub fn concatenate(node: &Node, inputs: &[&[i64]]) -> Result<Shape, GraphError> {
    let first = inputs[0];
    let axis = node.axis("axis", None, first.len())?;
    let mut joined = first.to_vec();
    for input in &inputs[1..] {
        let fits = input.len() == first.len() && (0..first.len()).all(|at| at == axis || input[at] == first[at]);
        if !fits {
            let problem = format!("the shapes {first:?} and {input:?} differ in more than axis {}", axis + 1);
            return Err(GraphError::new(node, problem));
        }
        let total = joined[axis].checked_add(input[axis]);
        joined[axis] = total.ok_or_else(|| GraphError::new(node, "the joined axis is too long"))?;
    }
    Ok(joined)
}
