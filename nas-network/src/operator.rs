//! Operators as they are computed here: attributes read and checked once, before training.

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
    /// `[in, out]`.
    Plain(usize),
    /// That of an embedding, `[out, in]`.
    Table(usize),
}

/// One step of a network. Weights are positions in the lists of [`Weights`](crate::Weights).
#[derive(Clone, Debug)]
pub enum Operator {
    /// What the network is given.
    Input,
    /// One number, the same for every example.
    Constant(f64),
    /// A vector under these sizes.
    Weight {
        /// The vector.
        weight: usize,
        /// The sizes of its value.
        sizes: Vec<usize>,
    },
    /// Number by number.
    Activation(Activation),
    /// Along this axis, the batch being axis 0.
    Softmax(usize),
    /// Along this axis, the batch being axis 0.
    LogSoftmax(usize),
    /// In training numbers are left out, and the others scaled up.
    Dropout {
        /// How many are left out.
        ratio: f64,
        /// The node's position: its draws are not those of others.
        node: u32,
    },
    /// In training its value is left out for some examples of a batch.
    DropPath {
        /// The node's position: its draws are not those of others.
        node: u32,
    },
    /// Of two values, or of one and powers or roots of it.
    Arithmetic(Arithmetic),
    /// Of any number of values.
    Sum,
    /// Along this axis, the batch being axis 0.
    Concat(usize),
    /// A linear layer.
    Gemm {
        /// Its matrix.
        weight: Matrix,
        /// The vector that is added.
        bias: Option<usize>,
    },
    /// The product of two values.
    MatMul,
    /// The table's position.
    Gather(usize),
    /// A convolution.
    Conv {
        /// The kernel.
        weight: usize,
        /// The vector that is added, a number for each channel.
        bias: Option<usize>,
        /// How the window moves.
        options: ConvOptions<2>,
    },
    /// Several operators at once, which are computed together.
    Block(Block),
    /// A transposed convolution.
    ConvTranspose {
        /// The kernel.
        weight: usize,
        /// The vector that is added, a number for each channel.
        bias: Option<usize>,
        /// How the window moves.
        moves: Transposed,
    },
    /// The greatest number in each window.
    MaxPool(MaxPoolOptions<2>),
    /// The mean of each window.
    AveragePool(AvgPoolOptions<2>),
    /// Over the batch, channel by channel.
    BatchNormalization(Batch),
    /// Over the last axes, example by example.
    Layer(Layer),
    /// Over groups of channels, example by example.
    Group(Group),
    /// Scaled products of queries and keys weigh values.
    Attention(Attention),
    /// Positions turn pairs of numbers.
    Rotary(Rotary),
    /// This many are chosen.
    Routing(usize),
    /// The same numbers, or some of them, in another order or shape.
    Arrange(Arrange),
}
