//! Nodes that compute from one value of the network.

use nas_api::Attribute;

use super::known::{self, BATCH, Known};
use super::node::{At, float, int, ints, text};
use super::reader::Reader;

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
        "Conv" | "ConvTranspose" => convolution(at, &value.clone()?.1)?,
        "MaxPool" | "AveragePool" => pool(at, &value.clone()?.1)?,
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
            let Some(first) = crate::slots::counted(axis, shape.len()) else { return at.wrong("has no such axis") };
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
        "Reshape" | "Squeeze" | "Unsqueeze" => return reshape(reader, at).map(|()| true),
        "Split" => return split(reader, at).map(|()| true),
        "Slice" => return slice(reader, at).map(|()| true),
        "Transpose" => {
            let rank = value.clone()?.1.len() as i64;
            vec![ints("perm", &at.ints("perm")?.unwrap_or_else(|| (0..=rank).rev().collect()))]
        }
        "Pad" => pad(at, value.clone()?.1.len())?,
        "Resize" => resize(at, &value.clone()?.1)?,
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
            let counted: Option<Vec<usize>> = axes.iter().map(|&axis| crate::slots::counted(axis, rank)).collect();
            if op == "ReduceMean" && rank == 3 && keep == 1 && counted.as_deref() == Some(&[2, 3]) {
                let (node, _) = value?;
                return at.becomes(reader, "GlobalAveragePool", &[node], Vec::new()).map(|()| true);
            }
            vec![ints("axes", &axes), int("keepdims", keep)]
        }
        "RotaryEmbedding" => rotary(at, &value.clone()?.1)?,
        _ => return Ok(false),
    };
    let (node, _) = value?;
    at.becomes(reader, op, &[node], attributes)?;
    Ok(true)
}

/// The numbers among these attributes that are set.
fn given(at: &At<'_>, names: &[&str]) -> Result<Vec<(String, Attribute)>, String> {
    let mut attributes = Vec::new();
    for name in names {
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

/// Pads for each side from `auto_pad`, which older files use.
fn pads(at: &At<'_>, shape: &[i64], kernel: &[i64], strides: &[i64], dilations: &[i64]) -> Result<Vec<i64>, String> {
    let axes = kernel.len();
    match at.text("auto_pad", "NOTSET")?.as_str() {
        "NOTSET" | "" => Ok(at.ints("pads")?.unwrap_or_else(|| vec![0; 2 * axes])),
        "VALID" => Ok(vec![0; 2 * axes]),
        same @ ("SAME_UPPER" | "SAME_LOWER") => {
            let mut pads = vec![0; 2 * axes];
            for axis in 0..axes {
                let (size, stride) = (shape[axis + 1], strides[axis]);
                let window = kernel[axis].checked_sub(1).and_then(|k| k.checked_mul(dilations[axis])?.checked_add(1));
                let (Some(window), true) = (window, stride > 0) else { return at.wrong("has an impossible window") };
                let last = (size - 1) / stride * stride;
                let total = last.checked_add(window).map_or(0, |end| end.saturating_sub(size).max(0));
                let (less, more) = (total / 2, total - total / 2);
                (pads[axis], pads[axis + axes]) = if same == "SAME_UPPER" { (less, more) } else { (more, less) };
            }
            Ok(pads)
        }
        other => at.wrong(format!("pads in an unknown way, '{other}'")),
    }
}

/// One number per axis, 1 where nothing is said.
fn per_axis(at: &At<'_>, name: &str, axes: usize) -> Result<Vec<i64>, String> {
    let values = at.ints(name)?.unwrap_or_else(|| vec![1; axes]);
    if values.len() == axes { Ok(values) } else { at.wrong(format!("attribute '{name}' must have {axes} numbers")) }
}

fn convolution(at: &At<'_>, shape: &[i64]) -> Result<Vec<(String, Attribute)>, String> {
    at.only(&["auto_pad", "dilations", "group", "kernel_shape", "pads", "strides", "output_padding", "output_shape"])?;
    let (_, dims) = at.weight(1)?;
    let axes = shape.len().saturating_sub(1);
    let [first, second, kernel @ ..] = &dims[..] else { return at.wrong("has weights of too few axes") };
    if kernel.len() != axes || at.ints("kernel_shape")?.is_some_and(|given| given != kernel) {
        return at.wrong("has weights of other sizes than its window");
    }
    let group = at.int("group", 1)?;
    let transposed = at.node.op_type == "ConvTranspose";
    // Of channels, what a weight says of input and output.
    let (from, to) =
        if transposed { (Some(*first), second.checked_mul(group)) } else { (second.checked_mul(group), Some(*first)) };
    let (true, Some(to)) = (from == Some(shape[0]), to) else {
        return at.wrong(format!("has weights for another number of channels than {}", shape[0]));
    };
    let (strides, dilations) = (per_axis(at, "strides", axes)?, per_axis(at, "dilations", axes)?);
    let mut attributes = vec![int("out_channels", to), ints("kernel_shape", kernel)];
    if transposed && (at.ints("output_shape")?.is_some() || at.text("auto_pad", "NOTSET")? != "NOTSET") {
        return at.wrong("leaves its padding to be found");
    }
    attributes.push(ints("strides", &strides));
    attributes.push(ints("pads", &pads(at, shape, kernel, &strides, &dilations)?));
    attributes.push(ints("dilations", &dilations));
    attributes.push(int("group", group));
    if let Some(more) = at.ints("output_padding")?.filter(|_| transposed) {
        attributes.push(ints("output_padding", &more));
    }
    match at.optional(2) {
        Some(_) => at.weight_of(2, &[to])?,
        None => attributes.push(int("bias", 0)),
    }
    Ok(attributes)
}

fn pool(at: &At<'_>, shape: &[i64]) -> Result<Vec<(String, Attribute)>, String> {
    at.only(&[
        "auto_pad",
        "ceil_mode",
        "count_include_pad",
        "dilations",
        "kernel_shape",
        "pads",
        "storage_order",
        "strides",
    ])?;
    let axes = shape.len().saturating_sub(1);
    let dilations = per_axis(at, "dilations", axes)?;
    let (kernel, strides) = (per_axis(at, "kernel_shape", axes)?, per_axis(at, "strides", axes)?);
    if at.int("ceil_mode", 0)? != 0 || dilations.iter().any(|&step| step != 1) {
        return at.wrong("rounds up, or leaves gaps in its window");
    }
    let pads = pads(at, shape, &kernel, &strides, &dilations)?;
    let mut attributes = vec![ints("kernel_shape", &kernel), ints("strides", &strides), ints("pads", &pads)];
    if at.node.op_type == "AveragePool" {
        attributes.push(int("count_include_pad", at.int("count_include_pad", 0)?));
    }
    Ok(attributes)
}

/// `Reshape`, and axes of size 1 that come and go.
fn reshape<'m>(reader: &mut Reader<'m>, at: &At<'m>) -> Result<(), String> {
    let (node, shape) = at.value(0)?;
    let Some(sizes) = at.sizes(1, if at.node.op_type == "Reshape" { "shape" } else { "axes" })? else {
        return at.wrong("does not say to which sizes");
    };
    let sizes = match at.node.op_type.as_str() {
        "Reshape" => {
            let [batch, rest @ ..] = &sizes[..] else { return at.wrong("joins the batch with other axes") };
            let keeps = matches!(*batch, 0 | -1 | BATCH) || Some(*batch) == reader.batch;
            let kept = |(axis, &size): (usize, &i64)| if size == 0 { shape.get(axis).copied() } else { Some(size) };
            match rest.iter().enumerate().map(kept).collect::<Option<Vec<i64>>>() {
                // Only one size may be open, and here that must not be the batch.
                Some(rest) if keeps && !(*batch == -1 && rest.contains(&-1)) => rest,
                _ => return at.wrong("joins the batch with other axes"),
            }
        }
        op => {
            let rank = if op == "Squeeze" { shape.len() } else { shape.len() + sizes.len() };
            let axes: Option<Vec<usize>> = sizes.iter().map(|&axis| crate::slots::counted(axis, rank)).collect();
            let Some(mut axes) = axes else { return at.wrong("moves the batch, or an axis that is not there") };
            axes.sort_unstable();
            axes.dedup();
            let mut shape = shape.clone();
            if op == "Squeeze" {
                if axes.iter().any(|&axis| shape[axis - 1] != 1) {
                    return at.wrong("drops an axis that is longer than 1");
                }
                for axis in axes.into_iter().rev() {
                    shape.remove(axis - 1);
                }
            } else {
                for axis in axes {
                    if axis > shape.len() + 1 {
                        return at.wrong("adds an axis that does not follow");
                    }
                    shape.insert(axis - 1, 1);
                }
            }
            shape
        }
    };
    let all = shape.iter().try_fold(1_i64, |all, &size| all.checked_mul(size));
    if sizes == [-1] || (sizes.len() == 1 && Some(sizes[0]) == all) {
        return at.becomes(reader, "Flatten", &[node], Vec::new());
    }
    at.becomes(reader, "Reshape", &[node], vec![ints("shape", &sizes)])
}

/// One `Slice` for each output.
fn split<'m>(reader: &mut Reader<'m>, at: &At<'m>) -> Result<(), String> {
    let (node, shape) = at.value(0)?;
    let axis = at.int("axis", 0)?;
    let Some(position) = crate::slots::counted(axis, shape.len()) else { return at.wrong("splits the batch") };
    let count = at.node.output.len() as i64;
    let equal = || {
        // The last one may be shorter.
        let size = (shape[position - 1] + count - 1) / count.max(1);
        (0..count).map(|part| size.min(shape[position - 1] - size * part)).collect()
    };
    let sizes: Vec<i64> = at.sizes(1, "split")?.unwrap_or_else(equal);
    if sizes.len() != at.node.output.len() {
        return at.wrong("has another number of outputs than of parts");
    }
    let mut start: i64 = 0;
    for (output, size) in at.node.output.iter().zip(sizes) {
        let Some(end) = start.checked_add(size) else { return at.wrong("has impossible parts") };
        let attributes = vec![int("axis", position as i64), int("start", start), int("end", end)];
        let (node, shape) = at.emit(reader, "Slice", &[node], attributes)?;
        reader.define(output, Known::Node { node, shape })?;
        start = end;
    }
    Ok(())
}

fn slice<'m>(reader: &mut Reader<'m>, at: &At<'m>) -> Result<(), String> {
    let (mut node, mut shape) = at.value(0)?;
    let (starts, ends) = (at.sizes(1, "starts")?.unwrap_or_default(), at.sizes(2, "ends")?.unwrap_or_default());
    let axes = at.sizes(3, "axes")?.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = at.sizes(4, "")?.unwrap_or_else(|| vec![1; starts.len()]);
    let alike = [ends.len(), axes.len(), steps.len()].iter().all(|&count| count == starts.len());
    if !alike || starts.is_empty() || steps.iter().any(|&step| step != 1) {
        return at.wrong("does not take one stretch of each axis");
    }
    for ((start, end), axis) in starts.into_iter().zip(ends).zip(axes) {
        let Some(position) = crate::slots::counted(axis, shape.len()) else { return at.wrong("cuts the batch") };
        let size = shape[position - 1];
        let bound = |value: i64| (if value < 0 { value.saturating_add(size) } else { value }).clamp(0, size);
        let attributes = vec![int("axis", position as i64), int("start", bound(start)), int("end", bound(end))];
        (node, shape) = at.emit(reader, "Slice", &[node], attributes)?;
    }
    at.gives(reader, Known::Node { node, shape })
}

fn pad(at: &At<'_>, rank: usize) -> Result<Vec<(String, Attribute)>, String> {
    if at.text("mode", "constant")? != "constant" || at.optional(3).is_some() {
        return at.wrong("pads otherwise than with a constant on all axes");
    }
    let pads = at.sizes(1, "pads")?.unwrap_or_default();
    if pads.len() != 2 * (rank + 1) || pads[0] != 0 || pads[rank + 1] != 0 {
        return at.wrong("pads the batch, or does not say how much");
    }
    let value = at.number(2, "value")?.unwrap_or(0.0);
    let pads = [&pads[1..=rank], &pads[rank + 2..]].concat();
    Ok(vec![ints("pads", &pads), float("value", value)])
}

fn resize(at: &At<'_>, shape: &[i64]) -> Result<Vec<(String, Attribute)>, String> {
    let wrong = |at: &At<'_>| at.wrong("enlarges otherwise than the last two axes by whole numbers");
    let [_, height, width] = *shape else { return wrong(at) };
    let scales = match (at.optional(2), at.sizes(3, "")) {
        (Some(Known::Tensor { tensor, .. }), _) if tensor.dims != [0] => {
            known::floats(tensor).or_else(|problem| at.wrong(problem))?
        }
        (_, Ok(Some(sizes))) if sizes.len() == 4 => {
            vec![1.0, 1.0, sizes[2] as f64 / height as f64, sizes[3] as f64 / width as f64]
        }
        _ => return wrong(at),
    };
    let [one, also_one, down, right] = scales[..] else { return wrong(at) };
    let whole = |scale: f64| scale.fract() == 0.0 && (1.0..1e6).contains(&scale);
    if one != 1.0 || also_one != 1.0 || !whole(down) || !whole(right) {
        return wrong(at);
    }
    let mode = at.text("mode", "nearest")?;
    let coordinates = at.text("coordinate_transformation_mode", "half_pixel")?;
    let rounding = at.text("nearest_mode", "round_prefer_floor")?;
    // Enlarged by whole numbers, these are all the same.
    let usual = match (mode.as_str(), coordinates.as_str()) {
        ("nearest", "asymmetric") => rounding == "floor",
        ("nearest", "half_pixel" | "pytorch_half_pixel") => rounding.starts_with("round_prefer"),
        ("linear", "half_pixel") => true,
        // Of a single row or column PyTorch takes another one.
        ("linear", "pytorch_half_pixel") => height > 1 && width > 1,
        _ => false,
    };
    if !usual {
        return at.wrong(format!("interpolates in a way that is not known here ({mode}, {coordinates}, {rounding})"));
    }
    Ok(vec![ints("scales", &[down as i64, right as i64]), text("mode", &mode)])
}

/// Numbers of one table at most: 128 thousand positions of heads of 256.
const MOST_ANGLES: i64 = 1 << 24;

/// The tables must follow from a base.
fn rotary(at: &At<'_>, shape: &[i64]) -> Result<Vec<(String, Attribute)>, String> {
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
        let far = |table: f64, exact: f64| !((table - exact).abs() < 1e-3);
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
