//! Convolutions and pooling. Signals `[channels, length]` are images of one row.

use burn::tensor::ops::{AvgPoolOptions, ConvOptions, ConvTransposeOptions, MaxPoolOptions};
use burn::tensor::{Tensor, module};
use nas_api::Node;
use nas_api::graph::GraphError;
use nas_kernels::Window;

use super::value::Value;

/// A number for height and one for width, of which signals have the second alone; `row` is that of their only row.
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

/// How a window moves over images.
#[derive(Clone, Debug)]
struct Moves {
    kernel: [usize; 2],
    strides: [usize; 2],
    dilations: [usize; 2],
    /// Begin and end of height, then of width; ONNX's order is top, left, bottom, right.
    pads: [(usize, usize); 2],
}

impl Moves {
    /// Over an input of 2 or 3 axes.
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

/// How a convolution moves.
pub fn convolution(node: &Node, input: &[i64]) -> Result<ConvOptions<2>, GraphError> {
    let Moves { strides, dilations, pads, .. } = Moves::of(node, input)?;
    Ok(ConvOptions::new_with_padding(strides, pads, dilations, groups(node)?))
}

/// How a maximum pooling moves.
pub fn max_pool(node: &Node, input: &[i64]) -> Result<MaxPoolOptions<2>, GraphError> {
    let Moves { kernel, strides, pads, .. } = Moves::of(node, input)?;
    Ok(MaxPoolOptions { kernel_size: kernel, stride: strides, padding: pads, dilation: [1, 1], ceil_mode: false })
}

/// How an average pooling moves.
pub fn average_pool(node: &Node, input: &[i64]) -> Result<AvgPoolOptions<2>, GraphError> {
    let Moves { kernel, strides, pads, .. } = Moves::of(node, input)?;
    let count_include_pad = node.int("count_include_pad", Some(0))? != 0;
    Ok(AvgPoolOptions { kernel_size: kernel, stride: strides, padding: pads, count_include_pad, ceil_mode: false })
}

/// How a transposed convolution moves.
#[derive(Clone, Debug)]
pub struct Transposed {
    options: ConvTransposeOptions<2>,
    /// What is still cut off the result, at the begin and at the end of every side: burn cuts as much off both.
    cut: [(usize, usize); 2],
}

impl Transposed {
    /// Reads the attributes of a node.
    pub fn of(node: &Node, input: &[i64]) -> Result<Self, GraphError> {
        let Moves { strides, dilations, pads, .. } = Moves::of(node, input)?;
        let more = sides(node, input.len() - 1, "output_padding", Some(0), 0)?;
        // Nothing but uneven pads makes cuts necessary.
        let both = pads.map(|(begin, end)| begin.min(end));
        let cut = [0, 1].map(|side| (pads[side].0 - both[side], pads[side].1 - both[side]));
        Ok(Self { options: ConvTransposeOptions::new(strides, both, more, dilations, groups(node)?), cut })
    }

    /// Of an image.
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

/// The window of a convolution over this image.
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

/// A function of images, also of signals.
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
