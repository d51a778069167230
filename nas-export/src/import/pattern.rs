//! What is computed before the network runs, and what several ONNX nodes say that is one of ours.

use super::known::{self, BATCH, Known, Part};
use super::node::{At, int};
use super::reader::Reader;
use crate::onnx::proto::{FLOAT, Tensor};

/// Reads a node that computes sizes, moves weights, or is part of a larger operator; `false` where it is none.
pub fn read<'m>(reader: &mut Reader<'m>, at: &At<'m>) -> Result<bool, String> {
    let known = match (at.node.op_type.as_str(), at.optional(0)) {
        ("Constant", None) => constant(at)?,
        // An alias: nothing is computed. Weights keep their owner.
        ("Identity", Some(known @ (Known::Tensor { .. } | Known::Ints(_) | Known::Float(_)))) => known.clone(),
        // Indices of embeddings are whole numbers already.
        ("Cast", Some(known)) => known.clone(),
        ("Shape", Some(Known::Node { node, shape })) => sizes(at, *node, shape)?,
        ("Gather", Some(Known::Ints(values))) => {
            let Some(indices) = at.sizes(1, "")? else { return at.wrong("has no indices") };
            let count = values.len() as i64;
            let pick = |&index: &i64| {
                let index = if index < 0 { index + count } else { index };
                usize::try_from(index).ok().and_then(|index| values.get(index)).copied()
            };
            let Some(picked) = indices.iter().map(pick).collect() else {
                return at.wrong("picks a size that is not there");
            };
            Known::Ints(picked)
        }
        ("Concat", Some(Known::Ints(_) | Known::Tensor { .. })) => {
            let mut joined = Vec::new();
            for position in 0..at.inputs.len() {
                joined.extend(at.sizes(position, "")?.unwrap_or_default());
                if joined.len() > 64 {
                    return at.wrong("joins too many sizes");
                }
            }
            Known::Ints(joined)
        }
        ("Unsqueeze" | "Squeeze", Some(Known::Ints(values))) => Known::Ints(values.clone()),
        ("Unsqueeze", Some(Known::Positions { .. })) => {
            Known::Positions { column: at.sizes(1, "axes")?.as_deref() == Some(&[1]) }
        }
        ("Transpose", Some(Known::Tensor { tensor, dims, .. })) => {
            let perm = at.ints("perm")?.unwrap_or_else(|| (0..dims.len() as i64).rev().collect());
            let moved =
                perm.iter().map(|&axis| dims.get(usize::try_from(axis).ok()?).copied()).collect::<Option<Vec<_>>>();
            match moved.filter(|moved| moved.len() == dims.len()) {
                Some(dims) => Known::Tensor { tensor, dims, turned: true },
                None => return at.wrong("has no such axes"),
            }
        }
        ("Range", _) if at.number(0, "").is_ok() || at.sizes(0, "").is_ok() => {
            let ends = [at.sizes(0, "")?, at.sizes(2, "")?];
            if ends != [Some(vec![0]), Some(vec![1])] {
                return at.wrong("counts otherwise than 0, 1, 2, ...");
            }
            Known::Positions { column: false }
        }
        ("Expand", Some(Known::Positions { column })) => Known::Positions { column: *column },
        ("Sub", Some(Known::Positions { column: true })) => match at.optional(1) {
            Some(Known::Positions { column: false }) => Known::Distance,
            _ => return Ok(false),
        },
        ("Less", Some(Known::Distance)) => match at.sizes(1, "")?.as_deref() {
            Some(&[window]) if window > 0 => Known::Window(window),
            _ => return at.wrong("compares positions with what is no known number above 0"),
        },
        ("Expand", Some(Known::Tensor { tensor, dims, .. })) => {
            let Some(to) = at.sizes(1, "")? else { return at.wrong("does not say to which sizes") };
            // Once for each example: the value itself.
            let dims = if dims.len() == to.len() && dims[0] == 1 { &dims[1..] } else { &dims[..] };
            let same = |(&to, &size): (&i64, &i64)| to == size || to == 1 || to == -1;
            let [BATCH, to @ ..] = &to[..] else { return at.wrong("repeats weights, but not for each example") };
            if to.len() != dims.len() || !to.iter().zip(dims).all(same) {
                return at.wrong("repeats weights along another axis than the batch");
            }
            let (tensor, dims) = (*tensor, dims.to_vec());
            let (node, shape) = weight(reader, at, tensor, &dims)?;
            Known::Node { node, shape }
        }
        ("ConstantOfShape", Some(Known::Ints(sizes))) => {
            // Written before a scatter alone, which looks at whose sizes they are.
            let zero = match at.tensor("value")? {
                Some(value) => {
                    known::floats(value).or_else(|problem| at.wrong(problem))?.iter().all(|&value| value == 0.0)
                }
                None => true,
            };
            match &sizes[..] {
                [BATCH, shape @ ..] if zero => Known::Zeros { shape: shape.to_vec() },
                _ => return Ok(false),
            }
        }
        ("TopK", Some(Known::Node { node, shape })) => return largest(reader, at, *node, shape.len()),
        ("Softmax", Some(&Known::Largest { of, k, part: Part::Values })) if at.int("axis", -1)? == -1 => {
            Known::Largest { of, k, part: Part::Gates }
        }
        ("ScatterElements", Some(Known::Zeros { shape })) => match (at.optional(1), at.optional(2)) {
            (
                Some(Known::Largest { of: places, part: Part::Places, .. }),
                Some(Known::Largest { of: gates, k, part: Part::Gates }),
            ) if places == gates && reader.is_of(*gates, shape) && at.int("axis", 0)? == -1 => {
                return at.becomes(reader, "Routing", &[*gates], vec![int("k", *k)]).map(|()| true);
            }
            _ => return Ok(false),
        },
        _ => return Ok(false),
    };
    at.gives(reader, known)?;
    Ok(true)
}

fn constant<'m>(at: &At<'m>) -> Result<Known<'m>, String> {
    if let Some(tensor) = at.tensor("value")? {
        known::check(tensor).or_else(|problem| at.wrong(problem))?;
        return Ok(Known::Tensor { tensor, dims: tensor.dims.clone(), turned: false });
    }
    if let Some(value) = at.float("value_float")? {
        return Ok(Known::Float(value));
    }
    if let Some(values) = at.ints("value_ints")? {
        return Ok(Known::Ints(values));
    }
    match at.node.attribute.iter().any(|attribute| attribute.name == "value_int") {
        true => Ok(Known::Ints(vec![at.int("value_int", 0)?])),
        false => at.wrong("holds no tensor, number or whole numbers"),
    }
}

fn sizes<'m>(at: &At<'m>, _node: u32, shape: &[i64]) -> Result<Known<'m>, String> {
    let all = [&[BATCH], shape].concat();
    let count = all.len() as i64;
    let bound = |given: i64| (if given < 0 { given + count } else { given }).clamp(0, count) as usize;
    let (start, end) = (bound(at.int("start", 0)?), bound(at.int("end", count)?));
    Ok(Known::Ints(all.get(start..end).unwrap_or_default().to_vec()))
}

/// `TopK` has two outputs: the numbers and their places.
fn largest<'m>(reader: &mut Reader<'m>, at: &At<'m>, of: u32, rank: usize) -> Result<bool, String> {
    let axis = at.int("axis", -1)?;
    if (axis != -1 && axis != rank as i64) || at.int("largest", 1)? != 1 {
        return at.wrong("does not take the largest of the last axis");
    }
    let Some(&[k]) = at.sizes(1, "")?.as_deref() else { return at.wrong("does not say how many it takes") };
    for (output, part) in at.node.output.iter().zip([Part::Values, Part::Places]) {
        reader.define(output, Known::Largest { of, k, part })?;
    }
    Ok(true)
}

/// A tensor of the file as a value of the network: a learned one, or a constant where it is one number.
pub fn weight<'m>(
    reader: &mut Reader<'m>,
    at: &At<'m>,
    tensor: &'m Tensor,
    dims: &[i64],
) -> Result<(u32, Vec<i64>), String> {
    if tensor.data_type != FLOAT {
        return at.wrong("takes a tensor of the file that does not hold 32-bit floats");
    }
    let known = |reader: &mut Reader<'m>, op: &str, attributes| {
        reader.add(&tensor.name, op, &[], attributes).or_else(|problem| at.wrong(problem))
    };
    if dims.is_empty() && tensor.data_location == 0 {
        let value = known::floats(tensor).or_else(|problem| at.wrong(problem))?;
        let Some(&value) = value.first() else { return at.wrong("takes a tensor without numbers") };
        return known(reader, "Constant", vec![super::node::float("value_float", super::node::short(value as f32))]);
    }
    let dims = if dims.is_empty() { &[1][..] } else { dims };
    if let Some(node) = reader.owner(tensor) {
        return match reader.is_of(node, dims) && reader.graph.nodes[node as usize].op == "Weight" {
            true => Ok((node, dims.to_vec())),
            false => at.wrong(format!("shares the weights {} with another node", super::quoted(&tensor.name))),
        };
    }
    let name = tensor.name.strip_suffix(".weight").unwrap_or(&tensor.name);
    let (node, shape) =
        reader.add(name, "Weight", &[], vec![super::node::ints("shape", dims)]).or_else(|problem| at.wrong(problem))?;
    reader.own(tensor, node);
    Ok((node, shape))
}
