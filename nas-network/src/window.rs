//! Convolutions and pooling. Signals `[channels, length]` are treated as images with one row.

use burn::tensor::ops::{AvgPoolOptions, ConvOptions, ConvTransposeOptions, MaxPoolOptions};
use burn::tensor::{Tensor, module};
use nas_api::Node;
use nas_api::graph::GraphError;
use nas_kernels::Window;

use super::value::Value;

/// An attribute's number for height and for width. Signals have only the latter; `row` is the number for their single
/// row.
fn sides(node: &Node, axes: usize, name: &str, default: Option<i64>, row: usize) -> Result<[usize; 2], GraphError> {
    let given = node.ints(name, axes, default)?;
    let mut sides = [row; 2];
    for (side, given) in sides[2 - axes..].iter_mut().zip(given) {
        *side = whole(node, name, given)?;
    }
    Ok(sides)
}

fn whole(node: &Node, name: &str, given: i64) -> Result<usize, GraphError> {
    usize::try_from(given).map_err(|_| GraphError::attribute(node, name, "must not be negative"))
}

/// The movement of a window over images.
#[derive(Clone, Debug)]
struct Moves {
    kernel: [usize; 2],
    strides: [usize; 2],
    dilations: [usize; 2],
    /// Padding before and after the rows, then before and after the columns. ONNX's order is top, left, bottom, right.
    pads: [(usize, usize); 2],
}

impl Moves {
    /// Reads the attributes of a node with an input of 2 or 3 axes.
    fn of(node: &Node, input: &[i64]) -> Result<Self, GraphError> {
        let axes = input.len() - 1;
        let given = node.ints("pads", 2 * axes, Some(0))?;
        let mut pads = [(0, 0); 2];
        for (side, pad) in pads[2 - axes..].iter_mut().enumerate() {
            *pad = (whole(node, "pads", given[side])?, whole(node, "pads", given[side + axes])?);
        }
        Ok(Self {
            kernel: sides(node, axes, "kernel_shape", None, 1)?,
            strides: sides(node, axes, "strides", Some(1), 1)?,
            dilations: sides(node, axes, "dilations", Some(1), 1)?,
            pads,
        })
    }
}

fn groups(node: &Node) -> Result<usize, GraphError> {
    whole(node, "group", node.int("group", Some(1))?)
}

/// The options of a convolution.
///
/// # Errors
///
/// Fails if an attribute is missing or invalid.
pub fn convolution(node: &Node, input: &[i64]) -> Result<ConvOptions<2>, GraphError> {
    let Moves { strides, dilations, pads, .. } = Moves::of(node, input)?;
    Ok(ConvOptions::new_with_padding(strides, pads, dilations, groups(node)?))
}

/// The options of a maximum pooling.
///
/// # Errors
///
/// Fails if an attribute is missing or invalid.
pub fn max_pool(node: &Node, input: &[i64]) -> Result<MaxPoolOptions<2>, GraphError> {
    let Moves { kernel, strides, pads, .. } = Moves::of(node, input)?;
    Ok(MaxPoolOptions { kernel_size: kernel, stride: strides, padding: pads, dilation: [1, 1], ceil_mode: false })
}

/// The options of an average pooling.
///
/// # Errors
///
/// Fails if an attribute is missing or invalid.
pub fn average_pool(node: &Node, input: &[i64]) -> Result<AvgPoolOptions<2>, GraphError> {
    let Moves { kernel, strides, pads, .. } = Moves::of(node, input)?;
    let count_include_pad = node.int("count_include_pad", Some(0))? != 0;
    Ok(AvgPoolOptions { kernel_size: kernel, stride: strides, padding: pads, count_include_pad, ceil_mode: false })
}

/// A transposed convolution.
#[derive(Clone, Debug)]
pub struct Transposed {
    options: ConvTransposeOptions<2>,
    /// What is still to be cut off the result at the beginning and the end of every side, since burn cuts both by the
    /// same amount.
    cut: [(usize, usize); 2],
}

impl Transposed {
    /// Reads the attributes of a node.
    ///
    /// # Errors
    ///
    /// Fails if an attribute is missing or invalid.
    pub fn of(node: &Node, input: &[i64]) -> Result<Self, GraphError> {
        let Moves { strides, dilations, pads, .. } = Moves::of(node, input)?;
        let more = sides(node, input.len() - 1, "output_padding", Some(0), 0)?;
        // Only uneven padding makes cuts necessary.
        let both = pads.map(|(begin, end)| begin.min(end));
        let cut = [0, 1].map(|side| (pads[side].0 - both[side], pads[side].1 - both[side]));
        Ok(Self { options: ConvTransposeOptions::new(strides, both, more, dilations, groups(node)?), cut })
    }

    /// Computes it for images.
    pub fn apply(&self, x: Tensor<4>, weight: Tensor<4>, bias: Option<Tensor<1>>) -> Tensor<4> {
        let mut x = module::conv_transpose2d(x, weight, bias, self.options.clone());
        for (side, &(begin, end)) in self.cut.iter().enumerate() {
            if begin + end > 0 {
                let size = x.dims()[side + 2];
                x = x.narrow(side + 2, begin, size - begin - end);
            }
        }
        x
    }
}

/// The window of a convolution over images of this shape.
pub fn window(x: &Tensor<4>, weight: &Tensor<4>, options: &ConvOptions<2>) -> Window {
    let ([_, inputs, height, width], [outputs, _, rows, columns]) = (x.dims(), weight.dims());
    Window {
        channels: [inputs, outputs],
        size: [height, width],
        kernel: [rows, columns],
        strides: options.stride,
        dilations: options.dilation,
        pads: options.padding.map(|(before, after)| [before, after]),
        groups: options.groups,
    }
}

/// Applies a function on images to images or signals.
pub fn of_images(value: Value, function: impl FnOnce(Tensor<4>) -> Tensor<4>) -> Value {
    match value {
        Value::Map(x) => Value::Map(function(x)),
        Value::Rows(x) => {
            let [batch, channels, length] = x.dims();
            let image = function(x.reshape([batch, channels, 1, length]));
            let [batch, channels, _, length] = image.dims();
            Value::Rows(image.reshape([batch, channels, length]))
        }
        _ => unreachable!("shape inference refuses a window over a value of other axes"),
    }
}
