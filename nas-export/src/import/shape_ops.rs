//! Operators that change the sizes of a value.

use nas_api::{Attribute, Symbol};

use super::known::{BATCH, Known};
use super::node::{At, counted, float, int, ints};
use super::reader::Reader;

/// `Reshape`, and axes of size 1 that come and go.
pub fn reshape<'m>(reader: &mut Reader<'m>, at: &At<'m>) -> Result<(), String> {
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
            let axes: Option<Vec<usize>> = sizes.iter().map(|&axis| counted(axis, rank)).collect();
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
pub fn split<'m>(reader: &mut Reader<'m>, at: &At<'m>) -> Result<(), String> {
    let (node, shape) = at.value(0)?;
    let axis = at.int("axis", 0)?;
    let Some(position) = counted(axis, shape.len()) else { return at.wrong("splits the batch") };
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

/// One `Slice` for each axis that is cut.
pub fn slice<'m>(reader: &mut Reader<'m>, at: &At<'m>) -> Result<(), String> {
    let (mut node, mut shape) = at.value(0)?;
    let (starts, ends) = (at.sizes(1, "starts")?.unwrap_or_default(), at.sizes(2, "ends")?.unwrap_or_default());
    let axes = at.sizes(3, "axes")?.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = at.sizes(4, "")?.unwrap_or_else(|| vec![1; starts.len()]);
    let alike = [ends.len(), axes.len(), steps.len()].iter().all(|&count| count == starts.len());
    if !alike || starts.is_empty() || steps.iter().any(|&step| step != 1) {
        return at.wrong("does not take one stretch of each axis");
    }
    for ((start, end), axis) in starts.into_iter().zip(ends).zip(axes) {
        let Some(position) = counted(axis, shape.len()) else { return at.wrong("cuts the batch") };
        let size = shape[position - 1];
        let bound = |value: i64| (if value < 0 { value.saturating_add(size) } else { value }).clamp(0, size);
        let attributes = vec![int("axis", position as i64), int("start", bound(start)), int("end", bound(end))];
        (node, shape) = at.emit(reader, "Slice", &[node], attributes)?;
    }
    at.gives(reader, Known::Node { node, shape })
}

/// The attributes of a padding with a constant.
pub fn pad(at: &At<'_>, rank: usize) -> Result<Vec<(Symbol, Attribute)>, String> {
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
