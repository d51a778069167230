//! Operators that move, cut, pad, resize or reduce values.

use burn::tensor::ops::PadMode;
use burn::tensor::{Tensor, TensorData};
use nas_api::graph::GraphError;
use nas_api::{Attribute, Node};

use super::value::{Value, each_rank};

/// An operator of this kind. Axes count the batch as axis 0; sizes leave the batch out.
#[derive(Clone, Debug)]
pub enum Arrange {
    /// Reshapes to these sizes; also `Flatten`.
    Reshape(Vec<usize>),
    /// Reorders the axes, the batch being axis 0.
    Transpose(Vec<usize>),
    /// Takes a range along one axis.
    Slice {
        /// The axis, the batch being axis 0.
        axis: usize,
        /// The first index.
        start: usize,
        /// The length of the range.
        size: usize,
    },
    /// Pads every axis with a constant.
    Pad {
        /// The padding before and after each axis except the batch.
        pads: Vec<(usize, usize)>,
        /// The constant.
        value: f32,
    },
    /// Reduces axes to one number each.
    Reduce {
        /// The reduction.
        how: Reduction,
        /// The reduced axes, the batch being axis 0.
        axes: Vec<usize>,
        /// The sizes of the result, without the batch.
        sizes: Vec<usize>,
    },
    /// Repeats pixels, by these factors of height and width.
    Nearest([usize; 2]),
    /// Interpolates linearly, by these factors of height and width.
    Linear([usize; 2]),
    /// Turns channels into blocks of pixels with this side.
    DepthToSpace(usize),
    /// Turns blocks of pixels with this side into channels.
    SpaceToDepth(usize),
}

/// How the numbers along an axis are reduced.
#[derive(Clone, Copy, Debug)]
pub enum Reduction {
    /// The mean.
    Mean,
    /// The sum.
    Sum,
    /// The maximum.
    Max,
    /// The minimum.
    Min,
}

/// The sizes of a shape, which shape inference has found to be positive.
pub fn sizes(shape: &[i64]) -> Vec<usize> {
    shape.iter().map(|&size| size as usize).collect()
}

impl Arrange {
    /// The operator of a node, if it is of this kind.
    ///
    /// # Errors
    ///
    /// Fails if an attribute is missing or invalid.
    pub fn of(node: &Node, input: &[i64], output: &[i64]) -> Result<Option<Self>, GraphError> {
        let axes = input.len();
        let scales = || node.ints("scales", 2, None).map(|scales| [scales[0] as usize, scales[1] as usize]);
        let block = || node.int("blocksize", None).map(|block| block as usize);
        Ok(Some(match node.op.as_str() {
            "Flatten" | "Reshape" => Self::Reshape(sizes(output)),
            "Transpose" => Self::Transpose(sizes(&node.ints("perm", axes + 1, None)?)),
            "Slice" => {
                let axis = node.axis("axis", None, axes)?;
                let start = node.int("start", None)?;
                let start = if start < 0 { start + input[axis] } else { start };
                Self::Slice { axis: axis + 1, start: start as usize, size: output[axis] as usize }
            }
            "Pad" => {
                let pads = sizes(&node.ints("pads", 2 * axes, None)?);
                let pads = (0..axes).map(|axis| (pads[axis], pads[axis + axes])).collect();
                Self::Pad { pads, value: node.float("value", 0.0)? as f32 }
            }
            "ReduceMean" => reduce(node, Reduction::Mean, output, axes)?,
            "ReduceSum" => reduce(node, Reduction::Sum, output, axes)?,
            "ReduceMax" => reduce(node, Reduction::Max, output, axes)?,
            "ReduceMin" => reduce(node, Reduction::Min, output, axes)?,
            // The last axis comes first: this is the order of additions of all earlier studies.
            "GlobalAveragePool" => global(Reduction::Mean, output),
            "GlobalMaxPool" => global(Reduction::Max, output),
            "Resize" if node.text("mode", "nearest")? == "linear" => Self::Linear(scales()?),
            "Resize" => Self::Nearest(scales()?),
            "DepthToSpace" => Self::DepthToSpace(block()?),
            "SpaceToDepth" => Self::SpaceToDepth(block()?),
            _ => return Ok(None),
        }))
    }

    /// Computes the operator for a batch.
    pub fn apply(&self, value: Value) -> Value {
        match self {
            Self::Reshape(sizes) => with_sizes(value, sizes),
            Self::Transpose(axes) => each_rank!(value, x => x.permute(std::array::from_fn(|at| axes[at]))),
            Self::Slice { axis, start, size } => each_rank!(value, x => x.narrow(*axis, *start, *size)),
            Self::Pad { pads, value: number } => each_rank!(value, x => pad(x, pads, *number)),
            Self::Reduce { how, axes, sizes } => {
                let reduced = axes.iter().fold(value, |value, &axis| each_rank!(value, x => how.along(x, axis)));
                with_sizes(reduced, sizes)
            }
            Self::Nearest(scales) => of_map(value, |x| nearest(x, *scales)),
            Self::Linear(scales) => of_map(value, |x| linear(x, *scales)),
            Self::DepthToSpace(block) => of_map(value, |x| depth_to_space(x, *block)),
            Self::SpaceToDepth(block) => of_map(value, |x| space_to_depth(x, *block)),
        }
    }
}

fn reduce(node: &Node, how: Reduction, output: &[i64], rank: usize) -> Result<Arrange, GraphError> {
    let given = match node.attribute("axes") {
        Some(Attribute::Ints(axes)) => axes,
        _ => return Err(GraphError::attribute(node, "axes", "must be whole numbers")),
    };
    // Shape inference has checked that they lie within the value.
    let axes = given.iter().map(|&axis| if axis < 0 { rank as i64 + axis + 1 } else { axis } as usize).collect();
    Ok(Arrange::Reduce { how, axes, sizes: sizes(output) })
}

fn global(how: Reduction, output: &[i64]) -> Arrange {
    Arrange::Reduce { how, axes: (2..=output.len()).rev().collect(), sizes: sizes(output) }
}

impl Reduction {
    fn along<const D: usize>(self, x: Tensor<D>, axis: usize) -> Tensor<D> {
        match self {
            Self::Mean => x.mean_dim(axis),
            Self::Sum => x.sum_dim(axis),
            Self::Max => x.max_dim(axis),
            Self::Min => x.min_dim(axis),
        }
    }
}

fn with_sizes(value: Value, sizes: &[usize]) -> Value {
    let batch = value.batch();
    value.reshape(&[&[batch], sizes].concat())
}

fn pad<const D: usize>(x: Tensor<D>, pads: &[(usize, usize)], number: f32) -> Tensor<D> {
    let pads: [(usize, usize); D] = std::array::from_fn(|axis| if axis == 0 { (0, 0) } else { pads[axis - 1] });
    x.pad(pads, PadMode::Constant(number))
}

fn of_map(value: Value, function: impl FnOnce(Tensor<4>) -> Tensor<4>) -> Value {
    match value {
        Value::Map(x) => Value::Map(function(x)),
        _ => unreachable!("shape inference refuses a value of other axes"),
    }
}

/// Repeats every pixel `down` times vertically and `right` times horizontally.
fn nearest(x: Tensor<4>, [down, right]: [usize; 2]) -> Tensor<4> {
    let [batch, channels, height, width] = x.dims();
    let x = x.reshape([batch, channels, height, 1, width, 1]).expand([batch, channels, height, down, width, right]);
    x.reshape([batch, channels, height * down, width * right])
}

/// Linear interpolation, as a matrix product along each side.
fn linear(x: Tensor<4>, [down, right]: [usize; 2]) -> Tensor<4> {
    let [_, _, height, width] = x.dims();
    let (device, kind) = (x.device(), x.dtype());
    let matrix = |size: usize, scale: usize| {
        let numbers = TensorData::new(interpolation(size, scale), [size * scale, size]);
        Tensor::<2>::from_data(numbers, &device).cast(kind)
    };
    let rows = matrix(height, down).unsqueeze::<4>();
    let columns = matrix(width, right).transpose().unsqueeze::<4>();
    rows.matmul(x).matmul(columns)
}

/// The matrix `[size · scale, size]` with the share of every old pixel in every new one. Coordinates are those of pixel
/// centres ("half pixel") and are clamped to the outermost pixels.
fn interpolation(size: usize, scale: usize) -> Vec<f32> {
    let mut matrix = vec![0.0; size * scale * size];
    for (row, to) in matrix.chunks_exact_mut(size).zip(0..) {
        let place = (f64::from(to) + 0.5) / scale as f64 - 0.5;
        let place = place.clamp(0.0, (size - 1) as f64);
        let (below, share) = (place as usize, place.fract());
        row[below] += (1.0 - share) as f32;
        row[(below + 1).min(size - 1)] += share as f32;
    }
    matrix
}

/// Channels to pixels, where the channel index is (block row, block column, channel), as in ONNX.
fn depth_to_space(x: Tensor<4>, block: usize) -> Tensor<4> {
    let [batch, channels, height, width] = x.dims();
    let channels = channels / (block * block);
    let x = x.reshape([batch, block, block, channels, height, width]).permute([0, 3, 4, 1, 5, 2]);
    x.reshape([batch, channels, height * block, width * block])
}

/// Pixels to channels, the inverse of [`depth_to_space`].
fn space_to_depth(x: Tensor<4>, block: usize) -> Tensor<4> {
    let [batch, channels, height, width] = x.dims();
    let (height, width) = (height / block, width / block);
    let x = x.reshape([batch, channels, height, block, width, block]).permute([0, 3, 5, 1, 2, 4]);
    x.reshape([batch, channels * block * block, height, width])
}
