//! Reductions along axes: means, sums, maxima and minima.

use super::check::{flag, position, required};
use crate::graph::Node;
use crate::graph::shape::{GraphError, Shape};

pub fn reduce(node: &Node, inputs: &[&[i64]]) -> Result<Shape, GraphError> {
    let (input, axes) = (inputs[0], required(node, "axes")?);
    if axes.is_empty() || axes.len() > input.len() {
        let problem = format!("are {axes:?}, but must name 1 to {} axes", input.len());
        return Err(GraphError::attribute(node, "axes", &problem));
    }
    let mut shape = input.to_vec();
    for &axis in axes {
        let axis = position(node, "axes", axis, input.len())?;
        if shape[axis] == 0 {
            return Err(GraphError::attribute(node, "axes", &format!("name axis {} twice", axis + 1)));
        }
        // Sizes are positive, so 0 marks an axis to reduce.
        shape[axis] = 0;
    }
    if flag(node, "keepdims", 1)? {
        shape.iter_mut().filter(|size| **size == 0).for_each(|size| *size = 1);
    } else {
        shape.retain(|&size| size != 0);
    }
    if shape.is_empty() {
        return Err(GraphError::attribute(node, "axes", "leave no axis; set keepdims to 1"));
    }
    Ok(shape)
}
