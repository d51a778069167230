//! Imports operators with windows: convolutions, pooling, resizing.

use nas_api::{Attribute, Symbol};

use super::node::{OnnxNode, int, ints, text};
use super::value_facts::{self, Fact};

/// Returns the pads of each side, also from `auto_pad`, which older files use.
fn pads(
    onnx: &OnnxNode<'_>,
    shape: &[i64],
    kernel: &[i64],
    strides: &[i64],
    dilations: &[i64],
) -> Result<Vec<i64>, String> {
    let axes = kernel.len();
    match onnx.text("auto_pad", "NOTSET")?.as_str() {
        "NOTSET" | "" => Ok(onnx.ints("pads")?.unwrap_or_else(|| vec![0; 2 * axes])),
        "VALID" => Ok(vec![0; 2 * axes]),
        same @ ("SAME_UPPER" | "SAME_LOWER") => {
            let mut pads = vec![0; 2 * axes];
            for axis in 0..axes {
                let (size, stride) = (shape[axis + 1], strides[axis]);
                let window = kernel[axis].checked_sub(1).and_then(|k| k.checked_mul(dilations[axis])?.checked_add(1));
                let (Some(window), true) = (window, stride > 0) else { return onnx.refuse("has an impossible window") };
                let last = (size - 1) / stride * stride;
                let total = last.checked_add(window).map_or(0, |end| end.saturating_sub(size).max(0));
                let (less, more) = (total / 2, total - total / 2);
                (pads[axis], pads[axis + axes]) = if same == "SAME_UPPER" { (less, more) } else { (more, less) };
            }
            Ok(pads)
        }
        other => onnx.refuse(format!("pads in an unknown way, '{other}'")),
    }
}

/// Returns an attribute with one number per axis; the default is 1.
fn per_axis(onnx: &OnnxNode<'_>, name: &str, axes: usize) -> Result<Vec<i64>, String> {
    let values = onnx.ints(name)?.unwrap_or_else(|| vec![1; axes]);
    if values.len() == axes { Ok(values) } else { onnx.refuse(format!("attribute '{name}' must have {axes} numbers")) }
}

/// Returns the attributes of a convolution. Its weights give the numbers of channels.
///
/// # Errors
/// Fails if an attribute is not supported, or the weights do not fit the input and the window.
pub fn convolution(onnx: &OnnxNode<'_>, shape: &[i64]) -> Result<Vec<(Symbol, Attribute)>, String> {
    onnx.allow_attributes(&[
        "auto_pad",
        "dilations",
        "group",
        "kernel_shape",
        "pads",
        "strides",
        "output_padding",
        "output_shape",
    ])?;
    let (_, dims) = onnx.weight(1)?;
    let axes = shape.len().saturating_sub(1);
    let [first, second, kernel @ ..] = &dims[..] else { return onnx.refuse("has weights with too few axes") };
    if kernel.len() != axes || onnx.ints("kernel_shape")?.is_some_and(|given| given != kernel) {
        return onnx.refuse("has weights whose shape does not fit its window");
    }
    let group = onnx.int("group", 1)?;
    let transposed = onnx.node.op_type == "ConvTranspose";
    // The numbers of input and output channels by the shape of the weights.
    let (from, to) =
        if transposed { (Some(*first), second.checked_mul(group)) } else { (second.checked_mul(group), Some(*first)) };
    let (true, Some(to)) = (from == Some(shape[0]), to) else {
        return onnx.refuse(format!("has weights for another number of channels than {}", shape[0]));
    };
    let (strides, dilations) = (per_axis(onnx, "strides", axes)?, per_axis(onnx, "dilations", axes)?);
    let mut attributes = vec![int("out_channels", to), ints("kernel_shape", kernel)];
    if transposed && (onnx.ints("output_shape")?.is_some() || onnx.text("auto_pad", "NOTSET")? != "NOTSET") {
        return onnx.refuse("does not give its pads");
    }
    attributes.push(ints("strides", &strides));
    attributes.push(ints("pads", &pads(onnx, shape, kernel, &strides, &dilations)?));
    attributes.push(ints("dilations", &dilations));
    attributes.push(int("group", group));
    if let Some(more) = onnx.ints("output_padding")?.filter(|_| transposed) {
        attributes.push(ints("output_padding", &more));
    }
    match onnx.optional(2) {
        Some(_) => onnx.check_weight(2, &[to])?,
        None => attributes.push(int("bias", 0)),
    }
    Ok(attributes)
}

/// Returns the attributes of a pooling.
///
/// # Errors
/// Fails if an attribute is not supported here.
pub fn pool(onnx: &OnnxNode<'_>, shape: &[i64]) -> Result<Vec<(Symbol, Attribute)>, String> {
    onnx.allow_attributes(&[
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
    let dilations = per_axis(onnx, "dilations", axes)?;
    let (kernel, strides) = (per_axis(onnx, "kernel_shape", axes)?, per_axis(onnx, "strides", axes)?);
    if onnx.int("ceil_mode", 0)? != 0 || dilations.iter().any(|&step| step != 1) {
        return onnx.refuse("rounds its size up, or has a dilated window");
    }
    let pads = pads(onnx, shape, &kernel, &strides, &dilations)?;
    let mut attributes = vec![ints("kernel_shape", &kernel), ints("strides", &strides), ints("pads", &pads)];
    if onnx.node.op_type == "AveragePool" {
        attributes.push(int("count_include_pad", onnx.int("count_include_pad", 0)?));
    }
    Ok(attributes)
}

/// Returns the attributes of an enlargement by whole numbers.
///
/// # Errors
/// Fails for other scales, and for interpolations that are not known here.
pub fn resize(onnx: &OnnxNode<'_>, shape: &[i64]) -> Result<Vec<(Symbol, Attribute)>, String> {
    let refuse = |onnx: &OnnxNode<'_>| onnx.refuse("does not enlarge just the last two axes by whole numbers");
    let [_, height, width] = *shape else { return refuse(onnx) };
    let scales = match (onnx.optional(2), onnx.sizes(3, "")) {
        (Some(Fact::Tensor { tensor, .. }), _) if tensor.dims != [0] => {
            value_facts::floats(tensor).or_else(|problem| onnx.refuse(problem))?
        }
        (_, Ok(Some(sizes))) if sizes.len() == 4 => {
            vec![1.0, 1.0, sizes[2] as f64 / height as f64, sizes[3] as f64 / width as f64]
        }
        _ => return refuse(onnx),
    };
    let [one, also_one, down, right] = scales[..] else { return refuse(onnx) };
    let whole = |scale: f64| scale.fract() == 0.0 && (1.0..1e6).contains(&scale);
    if one != 1.0 || also_one != 1.0 || !whole(down) || !whole(right) {
        return refuse(onnx);
    }
    let mode = onnx.text("mode", "nearest")?;
    let coordinates = onnx.text("coordinate_transformation_mode", "half_pixel")?;
    let rounding = onnx.text("nearest_mode", "round_prefer_floor")?;
    // For whole scales these combinations compute the same values.
    let usual = match (mode.as_str(), coordinates.as_str()) {
        ("nearest", "asymmetric") => rounding == "floor",
        ("nearest", "half_pixel" | "pytorch_half_pixel") => rounding.starts_with("round_prefer"),
        ("linear", "half_pixel") => true,
        // For a single row or column `pytorch_half_pixel` differs.
        ("linear", "pytorch_half_pixel") => height > 1 && width > 1,
        _ => false,
    };
    if !usual {
        return onnx
            .refuse(format!("interpolates in a way that is not known here ({mode}, {coordinates}, {rounding})"));
    }
    Ok(vec![ints("scales", &[down as i64, right as i64]), text("mode", &mode)])
}
