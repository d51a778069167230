//! Translates operators that permute, slice, pad, resize or reduce values.

use nas_api::graph::GraphError;
use nas_api::{Attribute as Given, Node};

use super::builder::Builder;
use super::lower::Context;
use super::proto::Attribute;

/// The version since which every reduction has its axes as an input. Before, only sums had.
const AXES_ARE_INPUTS: i64 = 18;

/// Adds the node that computes an operator on shapes, and returns the name of its value.
///
/// # Errors
/// Fails if an attribute is missing or invalid.
pub fn lower(graph: &mut Builder, context: &Context<'_>, x: &str) -> Result<String, GraphError> {
    let node = context.node;
    match node.op.as_str() {
        "Transpose" => {
            let perm = node.ints("perm", context.shape.len() + 1, None)?;
            Ok(context.node(graph, &[x], vec![Attribute::ints("perm", perm)]))
        }
        "Reshape" => {
            // All sizes are known, so that none is given as -1; 0 keeps the batch.
            let shape = graph.ints(&[&[0][..], context.shape].concat());
            Ok(context.node(graph, &[x, &shape], Vec::new()))
        }
        "Slice" => {
            let (start, end) = (node.int("start", None)?, node.int("end", None)?);
            let axis = node.int("axis", None)?;
            let [start, end, axis] = [start, end, axis].map(|value| graph.ints(&[value]));
            Ok(context.node(graph, &[x, &start, &end, &axis], Vec::new()))
        }
        "Pad" => {
            let axes = context.shape.len();
            let pads = node.ints("pads", 2 * axes, None)?;
            let pads = graph.ints(&[&[0][..], &pads[..axes], &[0], &pads[axes..]].concat());
            let value = graph.float(node.float("value", 0.0)?);
            Ok(context.node(graph, &[x, &pads, &value], vec![Attribute::text("mode", "constant")]))
        }
        "Resize" => {
            let scales = node.ints("scales", 2, None)?;
            let scales = [1, 1, scales[0], scales[1]];
            let name = format!("scales_{}_{}", scales[2], scales[3]);
            let scales = graph.floats(&[4], scales.map(|scale| scale as f64), &name);
            let mode = node.text("mode", "nearest")?;
            let coordinates = if mode == "nearest" { "asymmetric" } else { "half_pixel" };
            let mut attributes =
                vec![Attribute::text("mode", mode), Attribute::text("coordinate_transformation_mode", coordinates)];
            if mode == "nearest" {
                attributes.push(Attribute::text("nearest_mode", "floor"));
            }
            Ok(context.node(graph, &[x, "", &scales], attributes))
        }
        "DepthToSpace" | "SpaceToDepth" => {
            Ok(context.node(graph, &[x], vec![Attribute::int("blocksize", node.int("blocksize", None)?)]))
        }
        _ => {
            let (axes, keep) = (axes(node)?, Attribute::int("keepdims", node.int("keepdims", Some(1))?));
            if node.op == "ReduceSum" || graph.opset >= AXES_ARE_INPUTS {
                let axes = graph.ints(&axes);
                return Ok(context.node(graph, &[x, &axes], vec![keep]));
            }
            Ok(context.node(graph, &[x], vec![Attribute::ints("axes", axes), keep]))
        }
    }
}

/// Returns the axes that are reduced.
fn axes(node: &Node) -> Result<Vec<i64>, GraphError> {
    match node.attribute("axes") {
        Some(Given::Ints(axes)) => Ok(axes.clone()),
        Some(_) => Err(GraphError::attribute(node, "axes", "must be whole numbers")),
        None => Err(GraphError::attribute(node, "axes", "is missing")),
    }
}
