//! Operators that move, cut, pad, enlarge or summarise values.

use nas_api::graph::GraphError;
use nas_api::{Attribute as Given, Node};

use super::builder::Builder;
use super::lower::Context;
use super::proto::Attribute;

/// Since this version the axes of every reduction are an input; before, those of sums alone.
const AXES_ARE_INPUTS: i64 = 18;

/// Writes a node of this family; the name of its value comes back.
pub fn lower(graph: &mut Builder, at: &Context<'_>, x: &str) -> Result<String, GraphError> {
    let node = at.node;
    match node.op.as_str() {
        "Transpose" => {
            let perm = node.ints("perm", at.shape.len() + 1, None)?;
            Ok(at.node(graph, &[x], vec![Attribute::ints("perm", perm)]))
        }
        "Reshape" => {
            // Sizes are known, so that nothing is left to guess; 0 keeps the batch.
            let shape = graph.ints(&[&[0][..], at.shape].concat());
            Ok(at.node(graph, &[x, &shape], Vec::new()))
        }
        "Slice" => {
            let (start, end) = (node.int("start", None)?, node.int("end", None)?);
            let axis = node.int("axis", None)?;
            let [start, end, axis] = [start, end, axis].map(|value| graph.ints(&[value]));
            Ok(at.node(graph, &[x, &start, &end, &axis], Vec::new()))
        }
        "Pad" => {
            let axes = at.shape.len();
            let pads = node.ints("pads", 2 * axes, None)?;
            let pads = graph.ints(&[&[0][..], &pads[..axes], &[0], &pads[axes..]].concat());
            let value = graph.float(node.float("value", 0.0)?);
            Ok(at.node(graph, &[x, &pads, &value], vec![Attribute::text("mode", "constant")]))
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
            Ok(at.node(graph, &[x, "", &scales], attributes))
        }
        "DepthToSpace" | "SpaceToDepth" => {
            Ok(at.node(graph, &[x], vec![Attribute::int("blocksize", node.int("blocksize", None)?)]))
        }
        _ => {
            let (axes, keep) = (axes(node)?, Attribute::int("keepdims", node.int("keepdims", Some(1))?));
            if node.op == "ReduceSum" || graph.opset >= AXES_ARE_INPUTS {
                let axes = graph.ints(&axes);
                return Ok(at.node(graph, &[x, &axes], vec![keep]));
            }
            Ok(at.node(graph, &[x], vec![Attribute::ints("axes", axes), keep]))
        }
    }
}

/// The axes that a reduction takes together.
pub fn axes(node: &Node) -> Result<Vec<i64>, GraphError> {
    match node.attribute("axes") {
        Some(Given::Ints(axes)) => Ok(axes.clone()),
        Some(_) => Err(GraphError::attribute(node, "axes", "must be whole numbers")),
        None => Err(GraphError::attribute(node, "axes", "is missing")),
    }
}
