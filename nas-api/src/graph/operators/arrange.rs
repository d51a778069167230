//! Operators that rearrange elements: flatten, transpose, reshape, slice, pad.

use super::check::{finite, listed, positive, required};
use crate::graph::Node;
use crate::graph::shape::{GraphError, MAX_ELEMENTS, MAX_RANK, Shape, elements};

pub fn flatten(node: &Node, inputs: &[&[i64]]) -> Result<Shape, GraphError> {
    let elements = elements(inputs[0]).map_err(|problem| GraphError::new(node, problem))?;
    // The number is at most MAX_ELEMENTS, so it fits.
    Ok(vec![elements as i64])
}

/// The attribute `perm` counts the batch, which stays first.
pub fn transpose(node: &Node, inputs: &[&[i64]]) -> Result<Shape, GraphError> {
    let input = inputs[0];
    let axes = input.len() + 1;
    let perm = listed(node, "perm", axes)?.ok_or_else(|| GraphError::attribute(node, "perm", "is missing"))?;
    let wrong = || {
        let last = axes - 1;
        let problem = format!("is {perm:?}, but must hold 0 (the batch) first, then each of 1 to {last} once");
        GraphError::attribute(node, "perm", &problem)
    };
    let mut shape = Shape::with_capacity(input.len());
    for (position, &from) in perm.iter().enumerate() {
        if perm[..position].contains(&from) || (position == 0) != (from == 0) {
            return Err(wrong());
        }
        if position > 0 {
            let from = usize::try_from(from).ok().and_then(|from| input.get(from.checked_sub(1)?));
            shape.push(*from.ok_or_else(wrong)?);
        }
    }
    Ok(shape)
}

/// One size may be −1, which stands for the rest.
pub fn reshape(node: &Node, inputs: &[&[i64]]) -> Result<Shape, GraphError> {
    let wanted = required(node, "shape")?;
    let wrong = |problem: String| GraphError::attribute(node, "shape", &problem);
    if wanted.is_empty() || wanted.len() > MAX_RANK {
        return Err(wrong(format!("has {} axes, but must have 1 to {MAX_RANK}", wanted.len())));
    }
    let total = elements(inputs[0]).map_err(|problem| GraphError::new(node, problem))?;
    let mut shape = wanted.to_vec();
    let (mut known, mut open) = (1_u64, None);
    for (position, &size) in wanted.iter().enumerate() {
        if size == -1 && open.is_none() {
            open = Some(position);
        } else if size > 0 {
            known = known.checked_mul(size as u64).filter(|&known| known <= MAX_ELEMENTS).unwrap_or(0);
        } else {
            return Err(wrong(format!("is {wanted:?}, but sizes are at least 1, and one of them may be -1")));
        }
    }
    // `known` is 0 if it exceeds the maximum of elements.
    let rest = if known == 0 || total % known != 0 { 0 } else { total / known };
    match open {
        Some(position) if rest > 0 => shape[position] = rest as i64,
        None if rest == 1 => {}
        _ => return Err(wrong(format!("is {wanted:?}, which does not hold the {total} numbers of {:?}", inputs[0]))),
    }
    Ok(shape)
}

pub fn slice(node: &Node, inputs: &[&[i64]]) -> Result<Shape, GraphError> {
    let axis = node.axis("axis", None, inputs[0].len())?;
    let mut shape = inputs[0].to_vec();
    let size = shape[axis];
    // Negative positions count from the end.
    let bound = |name: &str| {
        let given = node.int(name, None)?;
        let position = if given < 0 { given.checked_add(size) } else { Some(given) };
        position
            .filter(|position| (0..=size).contains(position))
            .ok_or_else(|| GraphError::attribute(node, name, &format!("is {given}, but the axis has {size} positions")))
    };
    let (start, end) = (bound("start")?, bound("end")?);
    if start >= end {
        return Err(GraphError::new(node, format!("keeps nothing: it starts at {start} and ends before {end}")));
    }
    shape[axis] = end - start;
    Ok(shape)
}

pub fn pad(node: &Node, inputs: &[&[i64]]) -> Result<Shape, GraphError> {
    let input = inputs[0];
    finite(node, "value", 0.0)?;
    let count = 2 * input.len();
    let pads = listed(node, "pads", count)?.ok_or_else(|| GraphError::attribute(node, "pads", "is missing"))?;
    let mut shape = input.to_vec();
    for (position, &pad) in pads.iter().enumerate() {
        if pad != 0 {
            positive(node, "pads", pad)?;
        }
        // This cannot overflow: the size and both pads are at most 2^31.
        shape[position % input.len()] += pad;
    }
    Ok(shape)
}
