//! Windows: convolutions, pooling, enlarging.

use nas_api::{Attribute, Symbol};

use super::known::{self, Known};
use super::node::{At, int, ints, text};

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

/// The attributes of a convolution, whose weights say the numbers of channels.
pub fn convolution(at: &At<'_>, shape: &[i64]) -> Result<Vec<(Symbol, Attribute)>, String> {
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

/// The attributes of a pooling.
pub fn pool(at: &At<'_>, shape: &[i64]) -> Result<Vec<(Symbol, Attribute)>, String> {
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

/// The attributes of an enlargement by whole numbers.
pub fn resize(at: &At<'_>, shape: &[i64]) -> Result<Vec<(Symbol, Attribute)>, String> {
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
