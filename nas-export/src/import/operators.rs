//! Imports nodes that compute from one value of the network.

use nas_api::{Attribute, Symbol};

use super::node::{OnnxNode, axis_from_batch, float, int, ints, text};
use super::reader::Reader;
use super::value_facts::{self, Fact};
use super::{shape_ops, shared_layers, windows};

/// Imports a node with one value of the network as input. Returns `false` if its operator is not known.
///
/// # Errors
/// Fails if the operator has inputs or attributes that are not supported here.
pub fn read<'m>(reader: &mut Reader<'m>, onnx: &OnnxNode<'m>) -> Result<bool, String> {
    let op = onnx.node.op_type.as_str();
    if op == "Gather" {
        return embedding(reader, onnx).map(|()| true);
    }
    // An unknown operator is reported before an unsuitable input, which would be the worse message.
    let value = onnx.value(0);
    let attributes = match op {
        "Identity" | "Relu" | "Sigmoid" | "Tanh" | "Selu" | "HardSwish" | "Mish" | "Softplus" | "Neg" | "Abs"
        | "Exp" | "Log" | "Sqrt" | "Reciprocal" | "Erf" | "GlobalAveragePool" | "GlobalMaxPool" => {
            // ONNX can set the constants of `Selu`; here they are the paper's.
            onnx.allow_attributes(&[])?;
            Vec::new()
        }
        "Gelu" => vec![text("approximate", &onnx.text("approximate", "none")?)],
        "Elu" | "LeakyRelu" | "HardSigmoid" => set_floats(onnx, &["alpha", "beta"])?,
        "Swish" => set_floats(onnx, &["alpha"])?,
        "Dropout" => vec![float("ratio", onnx.number(1, "ratio")?.unwrap_or(0.5))],
        "Clip" => {
            let mut limits = Vec::new();
            for (position, name) in [(1, "min"), (2, "max")] {
                if let Some(limit) = onnx.number(position, name)? {
                    limits.push(float(name, limit));
                }
            }
            limits
        }
        "Softmax" | "LogSoftmax" => {
            let rank = value.clone()?.1.len();
            let last = rank as i64;
            let axis = onnx.int("axis", if reader.opset < 13 { 1 } else { -1 })?;
            let is_last = axis == -1 || axis == last;
            // Older versions normalise over all axes from this one on together.
            if reader.opset < 13 && !is_last {
                return onnx.refuse("works on another axis than the last");
            }
            vec![int("axis", axis)]
        }
        "Flatten" => {
            if onnx.int("axis", 1)? != 1 {
                return onnx.refuse("joins the batch with other axes");
            }
            Vec::new()
        }
        "Conv" | "ConvTranspose" => windows::convolution(onnx, &value.clone()?.1)?,
        "MaxPool" | "AveragePool" => windows::pool(onnx, &value.clone()?.1)?,
        "BatchNormalization" => {
            let (_, shape) = value.clone()?;
            onnx.allow_attributes(&["epsilon", "momentum", "spatial", "training_mode"])?;
            if onnx.int("training_mode", 0)? != 0 || onnx.int("spatial", 1)? != 1 {
                return onnx.refuse("is in training mode, or is not spatial");
            }
            (1..5).try_for_each(|position| onnx.check_weight(position, &shape[..1]))?;
            set_floats(onnx, &["epsilon", "momentum"])?
        }
        "LayerNormalization" | "RMSNormalization" => {
            let (_, shape) = value.clone()?;
            let axis = onnx.int("axis", -1)?;
            let Some(first) = axis_from_batch(axis, shape.len()) else { return onnx.refuse("has no such axis") };
            onnx.check_weight(1, &shape[first - 1..])?;
            let mut attributes = [vec![int("axis", first as i64)], set_floats(onnx, &["epsilon"])?].concat();
            if op == "LayerNormalization" {
                match onnx.optional(2) {
                    Some(_) => onnx.check_weight(2, &shape[first - 1..])?,
                    None => attributes.push(int("bias", 0)),
                }
            }
            attributes
        }
        "GroupNormalization" | "InstanceNormalization" => {
            let (_, shape) = value.clone()?;
            (1..3).try_for_each(|position| onnx.check_weight(position, &shape[..1]))?;
            let mut attributes = set_floats(onnx, &["epsilon"])?;
            if op == "GroupNormalization" {
                attributes.push(int("num_groups", onnx.int("num_groups", 0)?));
            }
            attributes
        }
        "Reshape" | "Squeeze" | "Unsqueeze" => return shape_ops::reshape(reader, onnx).map(|()| true),
        "Split" => return shape_ops::split(reader, onnx).map(|()| true),
        "Slice" => return shape_ops::slice(reader, onnx).map(|()| true),
        "Transpose" => {
            let rank = value.clone()?.1.len() as i64;
            vec![ints("perm", &onnx.ints("perm")?.unwrap_or_else(|| (0..=rank).rev().collect()))]
        }
        "Pad" => shape_ops::pad(onnx, value.clone()?.1.len())?,
        "Resize" => windows::resize(onnx, &value.clone()?.1)?,
        "DepthToSpace" | "SpaceToDepth" => {
            if onnx.text("mode", "DCR")? != "DCR" {
                return onnx.refuse("orders channels in another way than depth, column, row");
            }
            vec![int("blocksize", onnx.int("blocksize", 0)?)]
        }
        "ReduceMean" | "ReduceSum" | "ReduceMax" | "ReduceMin" => {
            let rank = value.clone()?.1.len();
            let Some(axes) = onnx.sizes(1, "axes")? else { return onnx.refuse("reduces the batch, too") };
            let keep = onnx.int("keepdims", 1)?;
            let mut summed: Vec<_> = axes.iter().map(|&axis| axis_from_batch(axis, rank)).collect();
            summed.sort_unstable();
            let all = (2..=rank).map(Some);
            if op == "ReduceMean" && rank > 1 && rank < 4 && keep == 1 && summed.into_iter().eq(all) {
                let (node, _) = value?;
                return onnx.replace_with(reader, "GlobalAveragePool", &[node], Vec::new()).map(|()| true);
            }
            vec![ints("axes", &axes), int("keepdims", keep)]
        }
        "RotaryEmbedding" => rotary(onnx, &value.clone()?.1)?,
        _ => return Ok(false),
    };
    let (node, _) = value?;
    match op {
        "Conv" | "GroupNormalization" => shared_layers::layer(reader, onnx, node, attributes)?,
        _ => onnx.replace_with(reader, op, &[node], attributes)?,
    }
    Ok(true)
}

/// Returns those of these attributes that are set, which must be numbers.
fn set_floats(onnx: &OnnxNode<'_>, names: &[&'static str]) -> Result<Vec<(Symbol, Attribute)>, String> {
    let mut attributes = Vec::new();
    for &name in names {
        if let Some(value) = onnx.float(name)? {
            attributes.push(float(name, value));
        }
    }
    Ok(attributes)
}

fn embedding<'m>(reader: &mut Reader<'m>, onnx: &OnnxNode<'m>) -> Result<(), String> {
    let (tensor, dims) = onnx.weight(0)?;
    let (indices, _) = onnx.value(1)?;
    let &[count, width] = &dims[..] else { return onnx.refuse("looks up rows of a table that is not a matrix") };
    if onnx.int("axis", 0)? != 0 {
        return onnx.refuse("looks up columns, not rows");
    }
    if reader.owner(tensor).is_some() {
        return onnx.refuse("shares its table with an earlier node");
    }
    let attributes = vec![int("num_embeddings", count), int("embedding_dim", width)];
    let (node, shape) = onnx.emit(reader, "Gather", &[indices], attributes)?;
    reader.own(tensor, node);
    onnx.define_output(reader, Fact::Node { node, shape })
}

/// The largest number of angles in one table: 128 thousand positions of heads of 256.
const MAX_ANGLES: i64 = 1 << 24;

/// Returns the attributes of rotary positions. The base is found from the tables, which must follow from one.
fn rotary(onnx: &OnnxNode<'_>, shape: &[i64]) -> Result<Vec<(Symbol, Attribute)>, String> {
    let (heads, given) = (onnx.int("num_heads", 0)?, onnx.int("rotary_embedding_dim", 0)?);
    let [positions, width] = *shape else { return onnx.refuse("takes values of two axes beside the batch") };
    if heads < 1 || !matches!(onnx.optional(3), Some(Fact::Positions { column: false })) {
        return onnx.refuse("needs a number of heads, and positions 0, 1, 2, ...");
    }
    let rotated = if given == 0 { width / heads } else { given };
    let half = rotated / 2;
    let mut tables = Vec::new();
    for position in [1, 2] {
        let (tensor, dims) = onnx.weight(position)?;
        let fits = half >= 1 && dims.len() == 2 && dims[1] == half && dims[0] >= positions;
        if !fits || dims[0].checked_mul(half).is_none_or(|count| count > MAX_ANGLES) {
            return onnx.refuse("has tables whose shape does not fit its heads");
        }
        tables.push(value_facts::floats(tensor).or_else(|problem| onnx.refuse(problem))?);
    }
    let (cos, sin) = (&tables[0], &tables[1]);
    let half = half as usize;
    let angle_at_one = |i: usize| libm::atan2(sin[half + i], cos[half + i]);
    let base = if half > 1 && positions > 1 {
        let base = libm::pow(angle_at_one(1), -(rotated as f64) / 2.0);
        if (base - base.round()).abs() < 1e-3 * base { base.round() } else { base }
    } else {
        10_000.0
    };
    for (index, (cos, sin)) in cos.iter().zip(sin).enumerate().take(positions as usize * half) {
        let (position, i) = ((index / half) as f64, (index % half) as f64);
        let angle = position * libm::pow(base, -2.0 * i / rotated as f64);
        let far = |table: f64, exact: f64| table.is_nan() || (table - exact).abs() >= 1e-3;
        if !base.is_finite() || far(*cos, libm::cos(angle)) || far(*sin, libm::sin(angle)) {
            return onnx.refuse("has tables that do not follow from a base");
        }
    }
    Ok(vec![
        int("num_heads", heads),
        float("base", base),
        int("rotary_embedding_dim", given),
        int("interleaved", onnx.int("interleaved", 0)?),
    ])
}
