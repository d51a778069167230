//! Nodes that compute from one value of the network.

use nas_api::{Attribute, Symbol};

use super::known::{self, Known};
use super::node::{At, counted, float, int, ints, text};
use super::reader::Reader;
use super::{moving, sharing, windows};

/// Reads a node with one value of the network; `false` where its operator is not known.
pub fn read<'m>(reader: &mut Reader<'m>, at: &At<'m>) -> Result<bool, String> {
    let op = at.node.op_type.as_str();
    if op == "Gather" {
        return embedding(reader, at).map(|()| true);
    }
    // What it reads is looked at only where the operator is known: the better message.
    let value = at.value(0);
    let attributes = match op {
        "Identity" | "Relu" | "Sigmoid" | "Tanh" | "Selu" | "HardSwish" | "Mish" | "Softplus" | "Neg" | "Abs"
        | "Exp" | "Log" | "Sqrt" | "Reciprocal" | "Erf" | "GlobalAveragePool" | "GlobalMaxPool" => {
            // `Selu`'s constants can be set in ONNX; here they are the paper's.
            at.only(&[])?;
            Vec::new()
        }
        "Gelu" => vec![text("approximate", &at.text("approximate", "none")?)],
        "Elu" | "LeakyRelu" | "HardSigmoid" => given(at, &["alpha", "beta"])?,
        "Swish" => given(at, &["alpha"])?,
        "Dropout" => vec![float("ratio", at.number(1, "ratio")?.unwrap_or(0.5))],
        "Clip" => {
            let mut limits = Vec::new();
            for (position, name) in [(1, "min"), (2, "max")] {
                if let Some(limit) = at.number(position, name)? {
                    limits.push(float(name, limit));
                }
            }
            limits
        }
        "Softmax" | "LogSoftmax" => {
            let rank = value.clone()?.1.len();
            let last = rank as i64;
            let axis = at.int("axis", if reader.opset < 13 { 1 } else { -1 })?;
            let is_last = axis == -1 || axis == last;
            // Older versions take everything from the axis on as one.
            if reader.opset < 13 && !is_last {
                return at.wrong("works on another axis than the last");
            }
            vec![int("axis", axis)]
        }
        "Flatten" => {
            if at.int("axis", 1)? != 1 {
                return at.wrong("joins the batch with other axes");
            }
            Vec::new()
        }
        "Conv" | "ConvTranspose" => windows::convolution(at, &value.clone()?.1)?,
        "MaxPool" | "AveragePool" => windows::pool(at, &value.clone()?.1)?,
        "BatchNormalization" => {
            let (_, shape) = value.clone()?;
            at.only(&["epsilon", "momentum", "spatial", "training_mode"])?;
            if at.int("training_mode", 0)? != 0 || at.int("spatial", 1)? != 1 {
                return at.wrong("is not as it is after training");
            }
            (1..5).try_for_each(|position| at.weight_of(position, &shape[..1]))?;
            given(at, &["epsilon", "momentum"])?
        }
        "LayerNormalization" | "RMSNormalization" => {
            let (_, shape) = value.clone()?;
            let axis = at.int("axis", -1)?;
            let Some(first) = counted(axis, shape.len()) else { return at.wrong("has no such axis") };
            at.weight_of(1, &shape[first - 1..])?;
            let mut attributes = [vec![int("axis", first as i64)], given(at, &["epsilon"])?].concat();
            if op == "LayerNormalization" {
                match at.optional(2) {
                    Some(_) => at.weight_of(2, &shape[first - 1..])?,
                    None => attributes.push(int("bias", 0)),
                }
            }
            attributes
        }
        "GroupNormalization" | "InstanceNormalization" => {
            let (_, shape) = value.clone()?;
            (1..3).try_for_each(|position| at.weight_of(position, &shape[..1]))?;
            let mut attributes = given(at, &["epsilon"])?;
            if op == "GroupNormalization" {
                attributes.push(int("num_groups", at.int("num_groups", 0)?));
            }
            attributes
        }
        "Reshape" | "Squeeze" | "Unsqueeze" => return moving::reshape(reader, at).map(|()| true),
        "Split" => return moving::split(reader, at).map(|()| true),
        "Slice" => return moving::slice(reader, at).map(|()| true),
        "Transpose" => {
            let rank = value.clone()?.1.len() as i64;
            vec![ints("perm", &at.ints("perm")?.unwrap_or_else(|| (0..=rank).rev().collect()))]
        }
        "Pad" => moving::pad(at, value.clone()?.1.len())?,
        "Resize" => windows::resize(at, &value.clone()?.1)?,
        "DepthToSpace" | "SpaceToDepth" => {
            if at.text("mode", "DCR")? != "DCR" {
                return at.wrong("orders channels otherwise than depth, column, row");
            }
            vec![int("blocksize", at.int("blocksize", 0)?)]
        }
        "ReduceMean" | "ReduceSum" | "ReduceMax" | "ReduceMin" => {
            let rank = value.clone()?.1.len();
            let Some(axes) = at.sizes(1, "axes")? else { return at.wrong("summarises the batch, too") };
            let keep = at.int("keepdims", 1)?;
            let mut summed: Vec<_> = axes.iter().map(|&axis| counted(axis, rank)).collect();
            summed.sort_unstable();
            let all = (2..=rank).map(Some);
            if op == "ReduceMean" && rank > 1 && rank < 4 && keep == 1 && summed.into_iter().eq(all) {
                let (node, _) = value?;
                return at.becomes(reader, "GlobalAveragePool", &[node], Vec::new()).map(|()| true);
            }
            vec![ints("axes", &axes), int("keepdims", keep)]
        }
        "RotaryEmbedding" => rotary(at, &value.clone()?.1)?,
        _ => return Ok(false),
    };
    let (node, _) = value?;
    match op {
        "Conv" | "GroupNormalization" => sharing::layer(reader, at, node, attributes)?,
        _ => at.becomes(reader, op, &[node], attributes)?,
    }
    Ok(true)
}

/// The numbers among these attributes that are set.
fn given(at: &At<'_>, names: &[&'static str]) -> Result<Vec<(Symbol, Attribute)>, String> {
    let mut attributes = Vec::new();
    for &name in names {
        if let Some(value) = at.float(name)? {
            attributes.push(float(name, value));
        }
    }
    Ok(attributes)
}

fn embedding<'m>(reader: &mut Reader<'m>, at: &At<'m>) -> Result<(), String> {
    let (tensor, dims) = at.weight(0)?;
    let (indices, _) = at.value(1)?;
    let &[count, width] = &dims[..] else { return at.wrong("looks up in a table that is no matrix") };
    if at.int("axis", 0)? != 0 {
        return at.wrong("looks up columns, not rows");
    }
    if reader.owner(tensor).is_some() {
        return at.wrong("shares its table with an earlier node");
    }
    let attributes = vec![int("num_embeddings", count), int("embedding_dim", width)];
    let (node, shape) = at.emit(reader, "Gather", &[indices], attributes)?;
    reader.own(tensor, node);
    at.gives(reader, Known::Node { node, shape })
}

/// Numbers of one table at most: 128 thousand positions of heads of 256.
const MOST_ANGLES: i64 = 1 << 24;

/// The tables must follow from a base.
fn rotary(at: &At<'_>, shape: &[i64]) -> Result<Vec<(Symbol, Attribute)>, String> {
    let (heads, given) = (at.int("num_heads", 0)?, at.int("rotary_embedding_dim", 0)?);
    let [positions, width] = *shape else { return at.wrong("takes values of two axes beside the batch") };
    if heads < 1 || !matches!(at.optional(3), Some(Known::Positions { column: false })) {
        return at.wrong("needs a number of heads, and positions 0, 1, 2, ...");
    }
    let rotated = if given == 0 { width / heads } else { given };
    let half = rotated / 2;
    let mut tables = Vec::new();
    for position in [1, 2] {
        let (tensor, dims) = at.weight(position)?;
        let fits = half >= 1 && dims.len() == 2 && dims[1] == half && dims[0] >= positions;
        if !fits || dims[0].checked_mul(half).is_none_or(|count| count > MOST_ANGLES) {
            return at.wrong("has tables of other sizes than its heads");
        }
        tables.push(known::floats(tensor).or_else(|problem| at.wrong(problem))?);
    }
    let (cos, sin) = (&tables[0], &tables[1]);
    let half = half as usize;
    let at_one = |i: usize| libm::atan2(sin[half + i], cos[half + i]);
    let base = if half > 1 && positions > 1 {
        let base = libm::pow(at_one(1), -(rotated as f64) / 2.0);
        if (base - base.round()).abs() < 1e-3 * base { base.round() } else { base }
    } else {
        10_000.0
    };
    for (place, (cos, sin)) in cos.iter().zip(sin).enumerate().take(positions as usize * half) {
        let (position, i) = ((place / half) as f64, (place % half) as f64);
        let angle = position * libm::pow(base, -2.0 * i / rotated as f64);
        let far = |table: f64, exact: f64| table.is_nan() || (table - exact).abs() >= 1e-3;
        if !base.is_finite() || far(*cos, libm::cos(angle)) || far(*sin, libm::sin(angle)) {
            return at.wrong("has tables that do not follow from a base");
        }
    }
    Ok(vec![
        int("num_heads", heads),
        float("base", base),
        int("rotary_embedding_dim", given),
        int("interleaved", at.int("interleaved", 0)?),
    ])
}
