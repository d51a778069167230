//! Convolutions and pooling, on `[channels, length]` or `[channels, height, width]`.

use super::Cost;
use super::check::{divides, flag, listed, plus, positive, product, rank, size, times, weights, within};
use super::tied::is_tied;
use crate::graph::Node;
use crate::graph::shape::{GraphError, MAX_ELEMENTS, Shape};

/// The checked geometry of a window. If it moves along one axis, the second side has no effect.
struct Geometry {
    /// The number of axes along which it moves: 1 or 2.
    sides: usize,
    kernel: [i64; 2],
    strides: [i64; 2],
    dilations: [i64; 2],
    begin: [i64; 2],
    end: [i64; 2],
}

fn per_side(node: &Node, name: &str, sides: usize, default: Option<i64>, min: i64) -> Result<[i64; 2], GraphError> {
    let mut values = [1; 2];
    match (listed(node, name, sides)?, default) {
        (Some(given), _) => values[..sides].copy_from_slice(given),
        (None, Some(default)) => return Ok([default; 2]),
        (None, None) => return Err(GraphError::attribute(node, name, "is missing")),
    }
    for &value in &values[..sides] {
        within(node, name, value, min, MAX_ELEMENTS as i64)?;
    }
    Ok(values)
}

impl Geometry {
    /// Reads the attributes of a window on an input of 2 or 3 axes.
    fn of(node: &Node, input: &[i64]) -> Result<Self, GraphError> {
        rank(node, input, &[2, 3])?;
        let sides = input.len() - 1;
        let kernel = per_side(node, "kernel_shape", sides, None, 1)?;
        let strides = per_side(node, "strides", sides, Some(1), 1)?;
        let dilations = per_side(node, "dilations", sides, Some(1), 1)?;
        let (mut begin, mut end) = ([0; 2], [0; 2]);
        if let Some(pads) = listed(node, "pads", 2 * sides)? {
            for &pad in pads {
                if pad < 0 || pad as u64 > MAX_ELEMENTS {
                    let range = format!("holds {pad}, but must lie between 0 and {MAX_ELEMENTS}");
                    return Err(GraphError::attribute(node, "pads", &range));
                }
            }
            begin[..sides].copy_from_slice(&pads[..sides]);
            end[..sides].copy_from_slice(&pads[sides..]);
        }
        Ok(Self { sides, kernel, strides, dilations, begin, end })
    }

    /// Returns the extent of the window on one side. This cannot overflow: each factor is at most 2^31.
    fn extent(&self, side: usize) -> i64 {
        self.dilations[side] * (self.kernel[side] - 1) + 1
    }

    /// Returns the shape of the output.
    fn shape(&self, node: &Node, input: &[i64], channels: i64) -> Result<Shape, GraphError> {
        let mut shape = Shape::with_capacity(1 + self.sides);
        shape.push(channels);
        for side in 0..self.sides {
            let padded = input[side + 1] + self.begin[side] + self.end[side];
            let window = self.extent(side);
            if window > padded {
                let sides = if self.sides == 1 { "long" } else { ["high", "wide"][side] };
                return Err(GraphError::new(
                    node,
                    format!(
                        "its window is {window} {sides}, larger than the padded input of {padded} (shape {input:?})"
                    ),
                ));
            }
            shape.push((padded - window) / self.strides[side] + 1);
        }
        Ok(shape)
    }
}

/// The checked attributes of a convolution.
struct Convolution {
    out_channels: i64,
    group: i64,
    bias: bool,
}

fn convolution(node: &Node, channels: i64) -> Result<Convolution, GraphError> {
    let out_channels = size(node, "out_channels")?;
    let group = positive(node, "group", node.int("group", Some(1))?)?;
    divides(node, "group", group, channels, "input channels")?;
    divides(node, "group", group, out_channels, "output channels")?;
    Ok(Convolution { out_channels, group, bias: flag(node, "bias", 1)? })
}

pub fn conv(node: &Node, inputs: &[&[i64]]) -> Result<Shape, GraphError> {
    let input = inputs[0];
    let geometry = Geometry::of(node, input)?;
    let Convolution { out_channels, group, .. } = convolution(node, input[0])?;
    weights(node, &[out_channels, input[0] / group, geometry.kernel[0], geometry.kernel[1]])?;
    geometry.shape(node, input, out_channels)
}

pub fn conv_cost(node: &Node, inputs: &[&[i64]], output: &[i64]) -> Result<Cost, GraphError> {
    let cost = cost(node, inputs[0], output, &output[1.min(output.len())..])?;
    Ok(if is_tied(node) { Cost { params: 0, ..cost } } else { cost })
}

pub fn conv_transpose_cost(node: &Node, inputs: &[&[i64]], output: &[i64]) -> Result<Cost, GraphError> {
    cost(node, inputs[0], output, &inputs[0][1.min(inputs[0].len())..])
}

/// Counts every weight once at each of `positions`, and a bias addition at each output.
fn cost(node: &Node, input: &[i64], output: &[i64], positions: &[i64]) -> Result<Cost, GraphError> {
    let geometry = Geometry::of(node, input)?;
    let Convolution { out_channels, group, bias } = convolution(node, input[0])?;
    let matrix = product(node, &[out_channels, input[0] / group, geometry.kernel[0], geometry.kernel[1]])?;
    let macs = times(node, matrix, product(node, positions)?)?;
    if !bias {
        return Ok(Cost { params: matrix, macs, biases: 0 });
    }
    let params = plus(node, matrix, product(node, &[out_channels])?)?;
    Ok(Cost { params, macs, biases: product(node, output)? })
}

pub fn conv_transpose(node: &Node, inputs: &[&[i64]]) -> Result<Shape, GraphError> {
    let input = inputs[0];
    let geometry = Geometry::of(node, input)?;
    let Convolution { out_channels, group, .. } = convolution(node, input[0])?;
    weights(node, &[input[0], out_channels / group, geometry.kernel[0], geometry.kernel[1]])?;
    let more = per_side(node, "output_padding", geometry.sides, Some(0), 0)?;
    let mut shape = Shape::with_capacity(1 + geometry.sides);
    shape.push(out_channels);
    for (side, &more) in more.iter().enumerate().take(geometry.sides) {
        let step = geometry.strides[side].max(geometry.dilations[side]);
        if more >= step {
            let problem = format!("is {more}, but must be below stride and dilation, of which the greater is {step}");
            return Err(GraphError::attribute(node, "output_padding", &problem));
        }
        // 128 bits hold the sum of two products of sizes.
        let spread = i128::from(geometry.strides[side]) * i128::from(input[side + 1] - 1);
        let full = spread + i128::from(geometry.extent(side)) + i128::from(more);
        let cut = i128::from(geometry.begin[side]) + i128::from(geometry.end[side]);
        match i64::try_from(full - cut) {
            Ok(size) if size > 0 => shape.push(size),
            _ => {
                let problem = format!("cut {cut} off a result of {full}");
                return Err(GraphError::attribute(node, "pads", &problem));
            }
        }
    }
    Ok(shape)
}

pub fn pool(node: &Node, inputs: &[&[i64]]) -> Result<Shape, GraphError> {
    let input = inputs[0];
    let geometry = Geometry::of(node, input)?;
    flag(node, "count_include_pad", 0)?;
    if (0..geometry.sides).any(|side| geometry.begin[side].max(geometry.end[side]) >= geometry.kernel[side]) {
        let sides = ..geometry.sides;
        let (begin, end, kernel) = (&geometry.begin[sides], &geometry.end[sides], &geometry.kernel[sides]);
        let problem = format!("are {begin:?} and {end:?}: a window of {kernel:?} could lie in the padding alone");
        return Err(GraphError::attribute(node, "pads", &problem));
    }
    geometry.shape(node, input, input[0])
}

pub fn global_pool(node: &Node, inputs: &[&[i64]]) -> Result<Shape, GraphError> {
    rank(node, inputs[0], &[2, 3])?;
    let mut shape = vec![1; inputs[0].len()];
    shape[0] = inputs[0][0];
    Ok(shape)
}

/// Height and width grow by whole factors.
pub fn resize(node: &Node, inputs: &[&[i64]]) -> Result<Shape, GraphError> {
    rank(node, inputs[0], &[3])?;
    let scales = listed(node, "scales", 2)?.ok_or_else(|| GraphError::attribute(node, "scales", "is missing"))?;
    if !matches!(node.text("mode", "nearest")?, "nearest" | "linear") {
        return Err(GraphError::attribute(node, "mode", "must be 'nearest' or 'linear'"));
    }
    let mut shape = inputs[0].to_vec();
    for (size, &scale) in shape[1..].iter_mut().zip(scales) {
        // This cannot overflow: both factors are at most 2^31.
        *size *= positive(node, "scales", scale)?;
    }
    Ok(shape)
}

pub fn depth_to_space(node: &Node, inputs: &[&[i64]]) -> Result<Shape, GraphError> {
    rank(node, inputs[0], &[3])?;
    let block = size(node, "blocksize")?;
    let &[channels, height, width] = inputs[0] else { return Ok(Shape::new()) };
    // The square cannot overflow: the block is at most 2^31.
    divides(node, "blocksize", block * block, channels, "channels (it counts squared)")?;
    Ok(vec![channels / (block * block), height * block, width * block])
}

pub fn space_to_depth(node: &Node, inputs: &[&[i64]]) -> Result<Shape, GraphError> {
    rank(node, inputs[0], &[3])?;
    let block = size(node, "blocksize")?;
    let &[channels, height, width] = inputs[0] else { return Ok(Shape::new()) };
    divides(node, "blocksize", block, height, "rows")?;
    divides(node, "blocksize", block, width, "columns")?;
    // This cannot overflow: the block divides both sides, so the result has as many elements as the input.
    Ok(vec![channels * block * block, height / block, width / block])
}
