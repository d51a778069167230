//! Operators with their attributes, which are read and checked once, before training.

use burn::tensor::ops::{AvgPoolOptions, ConvOptions, MaxPoolOptions};

pub use super::activation::Activation;
use super::arithmetic::Arithmetic;
use super::arrange::Arrange;
use super::fusion::Block;
use super::norm::{Batch, Group, Layer};
use super::sequence::{Attention, Rotary};
use super::window::Transposed;

/// The matrix of a `Gemm`.
#[derive(Clone, Copy, Debug)]
pub enum Matrix {
    /// A matrix of its own, `[in, out]`.
    Plain(usize),
    /// The table of an embedding, `[out, in]`, which the `Gemm` shares.
    Table(usize),
}

/// The operator of one step. Weights are positions in the lists of [`Weights`](crate::Weights).
#[derive(Clone, Debug)]
pub enum Operator {
    /// The network's input.
    Input,
    /// One number, the same for every example.
    Constant(f64),
    /// A weight vector with the sizes of a value.
    Weight {
        /// The position of the vector.
        weight: usize,
        /// The sizes of its value.
        sizes: Vec<usize>,
    },
    /// An element-wise function.
    Activation(Activation),
    /// Softmax along this axis, the batch being axis 0.
    Softmax(usize),
    /// The logarithm of the softmax along this axis, the batch being axis 0.
    LogSoftmax(usize),
    /// In training, sets random numbers to 0 and scales the others up.
    Dropout {
        /// The share that is set to 0.
        ratio: f64,
        /// The node's position, which makes its draws differ from those of other nodes.
        node: u32,
    },
    /// In training, sets the value to 0 for some examples of a batch.
    DropPath {
        /// The node's position, which makes its draws differ from those of other nodes.
        node: u32,
    },
    /// Arithmetic on two values, or powers.
    Arithmetic(Arithmetic),
    /// The sum of any number of values.
    Sum,
    /// Joins values along this axis, the batch being axis 0.
    Concat(usize),
    /// A linear layer.
    Gemm {
        /// The matrix.
        weight: Matrix,
        /// The position of the vector that is added.
        bias: Option<usize>,
    },
    /// The matrix product of two values.
    MatMul,
    /// An embedding, whose table has this position.
    Gather(usize),
    /// A convolution.
    Conv {
        /// The position of the kernel.
        weight: usize,
        /// The position of the vector that is added, with one number per channel.
        bias: Option<usize>,
        /// How the window moves.
        options: ConvOptions<2>,
    },
    /// A convolution with other operators, computed as one step.
    Block(Block),
    /// A transposed convolution.
    ConvTranspose {
        /// The position of the kernel.
        weight: usize,
        /// The position of the vector that is added, with one number per channel.
        bias: Option<usize>,
        /// How the window moves.
        moves: Transposed,
    },
    /// The maximum of each window.
    MaxPool(MaxPoolOptions<2>),
    /// The mean of each window.
    AveragePool(AvgPoolOptions<2>),
    /// Normalises each channel over the batch.
    BatchNormalization(Batch),
    /// Normalises over the last axes of each example.
    Layer(Layer),
    /// Normalises over groups of channels of each example.
    Group(Group),
    /// Weighs values by the softmax of the products of queries and keys.
    Attention(Attention),
    /// Rotates pairs of numbers by angles that depend on the position.
    Rotary(Rotary),
    /// Softmax over this number of largest values, and 0 elsewhere.
    Routing(usize),
    /// Moves, cuts, pads, resizes or reduces a value.
    Arrange(Arrange),
}
