//! Operators as this evaluator computes them: attributes read and checked once, before training.

use burn::tensor::ops::{AvgPoolOptions, ConvOptions, MaxPoolOptions};

pub use super::activation::Activation;
use super::arithmetic::Arithmetic;
use super::arrange::Arrange;
use super::block::Block;
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

/// One step of a network. Weights are positions in the lists of [`super::Weights`].
#[derive(Clone, Debug)]
pub enum Operator {
    Input,
    Constant(f64),
    /// A vector under these sizes.
    Weight {
        weight: usize,
        sizes: Vec<usize>,
    },
    Activation(Activation),
    /// Along this axis, the batch being axis 0.
    Softmax(usize),
    /// Along this axis, the batch being axis 0.
    LogSoftmax(usize),
    Dropout {
        ratio: f64,
        node: u32,
    },
    /// Its value is left out for some examples of a batch; the node's position tells its draws from those of others.
    DropPath {
        node: u32,
    },
    Arithmetic(Arithmetic),
    Sum,
    /// Along this axis, the batch being axis 0.
    Concat(usize),
    Gemm {
        weight: Matrix,
        bias: Option<usize>,
    },
    MatMul,
    /// The table's position.
    Gather(usize),
    Conv {
        weight: usize,
        bias: Option<usize>,
        options: ConvOptions<2>,
    },
    /// Several operators at once; see [`super::block`].
    Block(Block),
    ConvTranspose {
        weight: usize,
        bias: Option<usize>,
        moves: Transposed,
    },
    MaxPool(MaxPoolOptions<2>),
    AveragePool(AvgPoolOptions<2>),
    BatchNormalization(Batch),
    Layer(Layer),
    Group(Group),
    Attention(Attention),
    Rotary(Rotary),
    /// So many are chosen.
    Routing(usize),
    Arrange(Arrange),
}
