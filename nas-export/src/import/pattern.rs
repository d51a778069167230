//! Imports nodes that compute before the network runs, and groups of ONNX nodes that are one operator here.

use super::node::{OnnxNode, int};
use super::reader::Reader;
use super::value_facts::{self, BATCH, Fact, TopKPart};
use crate::onnx::proto::{FLOAT, Tensor};

/// Imports a node that computes sizes, transforms weights, or is part of a larger operator. Returns `false` if it does
/// none of this.
///
/// # Errors
/// Fails if the operator has inputs or attributes that are not supported here.
pub fn read<'m>(reader: &mut Reader<'m>, onnx: &OnnxNode<'m>) -> Result<bool, String> {
    let fact = match (onnx.node.op_type.as_str(), onnx.optional(0)) {
        ("Constant", None) => constant(onnx)?,
        // An alias computes nothing. Weights keep their owner.
        ("Identity", Some(fact @ (Fact::Tensor { .. } | Fact::Ints(_) | Fact::Float(_)))) => fact.clone(),
        // Only indices of embeddings are cast, and they hold whole numbers already.
        ("Cast", Some(fact)) => fact.clone(),
        ("Shape", Some(Fact::Node { shape, .. })) => sizes(onnx, shape)?,
        ("Gather", Some(Fact::Ints(values))) => {
            let Some(indices) = onnx.sizes(1, "")? else { return onnx.refuse("has no indices") };
            let count = values.len() as i64;
            let pick = |&index: &i64| {
                let index = if index < 0 { index + count } else { index };
                usize::try_from(index).ok().and_then(|index| values.get(index)).copied()
            };
            let Some(picked) = indices.iter().map(pick).collect() else {
                return onnx.refuse("picks a size that does not exist");
            };
            Fact::Ints(picked)
        }
        ("Concat", Some(Fact::Ints(_) | Fact::Tensor { .. })) => {
            let mut joined = Vec::new();
            for position in 0..onnx.inputs.len() {
                joined.extend(onnx.sizes(position, "")?.unwrap_or_default());
                if joined.len() > 64 {
                    return onnx.refuse("joins too many sizes");
                }
            }
            Fact::Ints(joined)
        }
        ("Unsqueeze" | "Squeeze", Some(Fact::Ints(values))) => Fact::Ints(values.clone()),
        ("Unsqueeze", Some(Fact::Positions { .. })) => {
            Fact::Positions { column: onnx.sizes(1, "axes")?.as_deref() == Some(&[1]) }
        }
        ("Transpose", Some(Fact::Tensor { tensor, dims, .. })) => {
            let perm = onnx.ints("perm")?.unwrap_or_else(|| (0..dims.len() as i64).rev().collect());
            let moved =
                perm.iter().map(|&axis| dims.get(usize::try_from(axis).ok()?).copied()).collect::<Option<Vec<_>>>();
            match moved.filter(|moved| moved.len() == dims.len()) {
                Some(dims) => Fact::Tensor { tensor, dims, transposed: true },
                None => return onnx.refuse("has no such axes"),
            }
        }
        ("Range", _) if onnx.number(0, "").is_ok() || onnx.sizes(0, "").is_ok() => {
            let ends = [onnx.sizes(0, "")?, onnx.sizes(2, "")?];
            if ends != [Some(vec![0]), Some(vec![1])] {
                return onnx.refuse("counts in another way than 0, 1, 2, ...");
            }
            Fact::Positions { column: false }
        }
        ("Expand", Some(Fact::Positions { column })) => Fact::Positions { column: *column },
        ("Sub", Some(Fact::Positions { column: true })) => match onnx.optional(1) {
            Some(Fact::Positions { column: false }) => Fact::Distance,
            _ => return Ok(false),
        },
        ("Less", Some(Fact::Distance)) => match onnx.sizes(1, "")?.as_deref() {
            Some(&[window]) if window > 0 => Fact::Window(window),
            _ => return onnx.refuse("compares positions with something other than a known number above 0"),
        },
        ("Expand", Some(Fact::Tensor { tensor, dims, .. })) => {
            let Some(to) = onnx.sizes(1, "")? else { return onnx.refuse("does not say the new sizes") };
            // Repeated once for each example, it is the value itself.
            let dims = if dims.len() == to.len() && dims[0] == 1 { &dims[1..] } else { &dims[..] };
            let same = |(&to, &size): (&i64, &i64)| to == size || to == 1 || to == -1;
            let [BATCH, to @ ..] = &to[..] else { return onnx.refuse("repeats weights, but not for each example") };
            if to.len() != dims.len() || !to.iter().zip(dims).all(same) {
                return onnx.refuse("repeats weights along another axis than the batch");
            }
            let (tensor, dims) = (*tensor, dims.to_vec());
            let (node, shape) = weight(reader, onnx, tensor, &dims)?;
            Fact::Node { node, shape }
        }
        ("ConstantOfShape", Some(Fact::Ints(sizes))) => {
            // Only a scatter reads zeros, and it checks whose shape they have.
            let zero = match onnx.tensor("value")? {
                Some(value) => value_facts::floats(value)
                    .or_else(|problem| onnx.refuse(problem))?
                    .iter()
                    .all(|&value| value == 0.0),
                None => true,
            };
            match &sizes[..] {
                [BATCH, shape @ ..] if zero => Fact::Zeros { shape: shape.to_vec() },
                _ => return Ok(false),
            }
        }
        ("TopK", Some(Fact::Node { node, shape })) => return top_k(reader, onnx, *node, shape.len()),
        ("Softmax", Some(&Fact::TopK { of, k, part: TopKPart::Values })) if onnx.int("axis", -1)? == -1 => {
            Fact::TopK { of, k, part: TopKPart::Gates }
        }
        ("ScatterElements", Some(Fact::Zeros { shape })) => match (onnx.optional(1), onnx.optional(2)) {
            (
                Some(Fact::TopK { of: indices, part: TopKPart::Indices, .. }),
                Some(Fact::TopK { of: gates, k, part: TopKPart::Gates }),
            ) if indices == gates && reader.has_shape(*gates, shape) && onnx.int("axis", 0)? == -1 => {
                return onnx.replace_with(reader, "Routing", &[*gates], vec![int("k", *k)]).map(|()| true);
            }
            _ => return Ok(false),
        },
        _ => return Ok(false),
    };
    onnx.define_output(reader, fact)?;
    Ok(true)
}

fn constant<'m>(onnx: &OnnxNode<'m>) -> Result<Fact<'m>, String> {
    if let Some(tensor) = onnx.tensor("value")? {
        value_facts::check(tensor).or_else(|problem| onnx.refuse(problem))?;
        return Ok(Fact::Tensor { tensor, dims: tensor.dims.clone(), transposed: false });
    }
    if let Some(value) = onnx.float("value_float")? {
        return Ok(Fact::Float(value));
    }
    if let Some(values) = onnx.ints("value_ints")? {
        return Ok(Fact::Ints(values));
    }
    match onnx.node.attribute.iter().any(|attribute| attribute.name == "value_int") {
        true => Ok(Fact::Ints(vec![onnx.int("value_int", 0)?])),
        false => onnx.refuse("holds no tensor, number or whole numbers"),
    }
}

fn sizes<'m>(onnx: &OnnxNode<'m>, shape: &[i64]) -> Result<Fact<'m>, String> {
    let all = [&[BATCH], shape].concat();
    let count = all.len() as i64;
    let bound = |given: i64| (if given < 0 { given + count } else { given }).clamp(0, count) as usize;
    let (start, end) = (bound(onnx.int("start", 0)?), bound(onnx.int("end", count)?));
    Ok(Fact::Ints(all.get(start..end).unwrap_or_default().to_vec()))
}

/// Imports `TopK`, which has two outputs: the numbers and their indices.
fn top_k<'m>(reader: &mut Reader<'m>, onnx: &OnnxNode<'m>, of: u32, rank: usize) -> Result<bool, String> {
    let axis = onnx.int("axis", -1)?;
    if (axis != -1 && axis != rank as i64) || onnx.int("largest", 1)? != 1 {
        return onnx.refuse("does not take the largest of the last axis");
    }
    let Some(&[k]) = onnx.sizes(1, "")?.as_deref() else { return onnx.refuse("does not say how many it takes") };
    for (output, part) in onnx.node.output.iter().zip([TopKPart::Values, TopKPart::Indices]) {
        reader.define(output, Fact::TopK { of, k, part })?;
    }
    Ok(true)
}

/// Returns the node for a tensor of the file: a `Weight`, or a `Constant` for one number.
///
/// # Errors
/// Fails if the tensor does not hold 32-bit floats, or belongs to another node.
pub fn weight<'m>(
    reader: &mut Reader<'m>,
    onnx: &OnnxNode<'m>,
    tensor: &'m Tensor,
    dims: &[i64],
) -> Result<(u32, Vec<i64>), String> {
    if tensor.data_type != FLOAT {
        return onnx.refuse("takes a tensor of the file that does not hold 32-bit floats");
    }
    let constant = |reader: &mut Reader<'m>, attributes| {
        reader.add(&tensor.name, "Constant", &[], attributes).or_else(|problem| onnx.refuse(problem))
    };
    if dims.is_empty() && tensor.data_location == 0 {
        let value = value_facts::floats(tensor).or_else(|problem| onnx.refuse(problem))?;
        let Some(&value) = value.first() else { return onnx.refuse("takes a tensor without numbers") };
        return constant(reader, vec![super::node::float("value_float", super::node::short(value as f32))]);
    }
    let dims = if dims.is_empty() { &[1][..] } else { dims };
    if let Some(node) = reader.owner(tensor) {
        return match reader.has_shape(node, dims) && reader.graph.nodes[node as usize].op == "Weight" {
            true => Ok((node, dims.to_vec())),
            false => onnx.refuse(format!("shares the weights {} with another node", super::quoted(&tensor.name))),
        };
    }
    let name = tensor.name.strip_suffix(".weight").unwrap_or(&tensor.name);
    let (node, shape) = reader
        .add(name, "Weight", &[], vec![super::node::ints("shape", dims)])
        .or_else(|problem| onnx.refuse(problem))?;
    reader.own(tensor, node);
    Ok((node, shape))
}
