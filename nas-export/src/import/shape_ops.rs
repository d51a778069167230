//! Imports operators that change the shape of a value.

use nas_api::{Attribute, Symbol};

use super::node::{OnnxNode, axis_from_batch, float, int, ints};
use super::reader::Reader;
use super::value_facts::{BATCH, Fact};

/// Imports `Reshape`, `Squeeze` and `Unsqueeze`.
///
/// # Errors
/// Fails if the batch would change, or the new shape is unknown or impossible.
pub fn reshape<'m>(reader: &mut Reader<'m>, onnx: &OnnxNode<'m>) -> Result<(), String> {
    let (node, shape) = onnx.value(0)?;
    let Some(sizes) = onnx.sizes(1, if onnx.node.op_type == "Reshape" { "shape" } else { "axes" })? else {
        return onnx.refuse("does not say the new sizes");
    };
    let sizes = match onnx.node.op_type.as_str() {
        "Reshape" => {
            let [batch, rest @ ..] = &sizes[..] else { return onnx.refuse("joins the batch with other axes") };
            let keeps = matches!(*batch, 0 | -1 | BATCH) || Some(*batch) == reader.batch;
            let kept = |(axis, &size): (usize, &i64)| if size == 0 { shape.get(axis).copied() } else { Some(size) };
            match rest.iter().enumerate().map(kept).collect::<Option<Vec<i64>>>() {
                // Only one size may be -1. If one of the rest is, the batch must not be.
                Some(rest) if keeps && !(*batch == -1 && rest.contains(&-1)) => rest,
                _ => return onnx.refuse("joins the batch with other axes"),
            }
        }
        op => {
            let rank = if op == "Squeeze" { shape.len() } else { shape.len() + sizes.len() };
            let axes: Option<Vec<usize>> = sizes.iter().map(|&axis| axis_from_batch(axis, rank)).collect();
            let Some(mut axes) = axes else { return onnx.refuse("changes the batch, or an axis that does not exist") };
            axes.sort_unstable();
            axes.dedup();
            let mut shape = shape.clone();
            if op == "Squeeze" {
                if axes.iter().any(|&axis| shape[axis - 1] != 1) {
                    return onnx.refuse("drops an axis that is longer than 1");
                }
                for axis in axes.into_iter().rev() {
                    shape.remove(axis - 1);
                }
            } else {
                for axis in axes {
                    if axis > shape.len() + 1 {
                        return onnx.refuse("adds an axis beyond the last one");
                    }
                    shape.insert(axis - 1, 1);
                }
            }
            shape
        }
    };
    let all = shape.iter().try_fold(1_i64, |all, &size| all.checked_mul(size));
    if sizes == [-1] || (sizes.len() == 1 && Some(sizes[0]) == all) {
        return onnx.replace_with(reader, "Flatten", &[node], Vec::new());
    }
    onnx.replace_with(reader, "Reshape", &[node], vec![ints("shape", &sizes)])
}

/// Imports `Split` as one `Slice` for each output.
///
/// # Errors
/// Fails if the batch would be split, or the parts are unknown or impossible.
pub fn split<'m>(reader: &mut Reader<'m>, onnx: &OnnxNode<'m>) -> Result<(), String> {
    let (node, shape) = onnx.value(0)?;
    let axis = onnx.int("axis", 0)?;
    let Some(position) = axis_from_batch(axis, shape.len()) else { return onnx.refuse("splits the batch") };
    let count = onnx.node.output.len() as i64;
    let equal = || {
        // The last part may be shorter.
        let size = (shape[position - 1] + count - 1) / count.max(1);
        (0..count).map(|part| size.min(shape[position - 1] - size * part)).collect()
    };
    let sizes: Vec<i64> = onnx.sizes(1, "split")?.unwrap_or_else(equal);
    if sizes.len() != onnx.node.output.len() {
        return onnx.refuse("has a different number of outputs than of parts");
    }
    let mut start: i64 = 0;
    for (output, size) in onnx.node.output.iter().zip(sizes) {
        let Some(end) = start.checked_add(size) else { return onnx.refuse("has impossible parts") };
        let attributes = vec![int("axis", position as i64), int("start", start), int("end", end)];
        let (node, shape) = onnx.emit(reader, "Slice", &[node], attributes)?;
        reader.define(output, Fact::Node { node, shape })?;
        start = end;
    }
    Ok(())
}

/// Imports `Slice` as one `Slice` for each axis.
///
/// # Errors
/// Fails if the batch would be sliced, or a range is unknown or not contiguous.
pub fn slice<'m>(reader: &mut Reader<'m>, onnx: &OnnxNode<'m>) -> Result<(), String> {
    let (mut node, mut shape) = onnx.value(0)?;
    let (starts, ends) = (onnx.sizes(1, "starts")?.unwrap_or_default(), onnx.sizes(2, "ends")?.unwrap_or_default());
    let axes = onnx.sizes(3, "axes")?.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = onnx.sizes(4, "")?.unwrap_or_else(|| vec![1; starts.len()]);
    let alike = [ends.len(), axes.len(), steps.len()].iter().all(|&count| count == starts.len());
    if !alike || starts.is_empty() || steps.iter().any(|&step| step != 1) {
        return onnx.refuse("does not take one contiguous range of each axis");
    }
    for ((start, end), axis) in starts.into_iter().zip(ends).zip(axes) {
        let Some(position) = axis_from_batch(axis, shape.len()) else { return onnx.refuse("slices the batch") };
        let size = shape[position - 1];
        let bound = |value: i64| (if value < 0 { value.saturating_add(size) } else { value }).clamp(0, size);
        let attributes = vec![int("axis", position as i64), int("start", bound(start)), int("end", bound(end))];
        (node, shape) = onnx.emit(reader, "Slice", &[node], attributes)?;
    }
    onnx.define_output(reader, Fact::Node { node, shape })
}

/// Returns the attributes of a padding with a constant.
///
/// # Errors
/// Fails if the batch would be padded, or the padding is unknown or not constant.
pub fn pad(onnx: &OnnxNode<'_>, rank: usize) -> Result<Vec<(Symbol, Attribute)>, String> {
    if onnx.text("mode", "constant")? != "constant" || onnx.optional(3).is_some() {
        return onnx.refuse("pads only some axes, or not with a constant");
    }
    let pads = onnx.sizes(1, "pads")?.unwrap_or_default();
    if pads.len() != 2 * (rank + 1) || pads[0] != 0 || pads[rank + 1] != 0 {
        return onnx.refuse("pads the batch, or does not give its pads");
    }
    let value = onnx.number(2, "value")?.unwrap_or(0.0);
    let pads = [&pads[1..=rank], &pads[rank + 2..]].concat();
    Ok(vec![ints("pads", &pads), float("value", value)])
}
