//! An architecture: a graph in ONNX's operator vocabulary, without weights.
//!
//! Weights are not inputs of nodes: they follow from operator, attributes and shapes. Where ONNX reads a size off a
//! weight tensor, an attribute says it instead (`out_channels`, `out_features`). Shapes leave the batch out.
//!
//! Attributes that name an axis count the batch: 1 is the first axis of a shape, −1 the last. Arithmetic of two values
//! broadcasts as numpy does, on shapes without the batch: aligned at the end, sizes are equal or one of them is 1.
//!
//! | operator | inputs | attributes (default) | output shape |
//! |---|---|---|---|
//! | `Input` | 0 | | the task's input shape |
//! | `Constant` | 0 | `value_float` | scalar `[]`; stands beside another value in arithmetic |
//! | `Weight` (an ONNX initializer) | 0 | `shape`, `init` (`normal`; or `zeros`, `ones`) | `shape`; trainable, the same for every example; stands beside another value in arithmetic, `MatMul` and `Concat`, which repeats it |
//! | **single numbers** | | | |
//! | `Identity` `Relu` `Sigmoid` `Tanh` `Gelu` `Elu` `Selu` `LeakyRelu` `HardSigmoid` `HardSwish` `Mish` `Softplus` `Swish` | 1 | `alpha` as in ONNX (`Elu` 1, `LeakyRelu` 0.01, `HardSigmoid` 0.2, `Swish` 1), `beta` (`HardSigmoid` 0.5), `approximate` (`Gelu`: `none`) | as input |
//! | `Clip` | 1 | `min`, `max` (neither) | as input |
//! | `Neg` `Abs` `Exp` `Log` `Sqrt` `Reciprocal` `Erf` | 1 | | as input |
//! | `Softmax` `LogSoftmax` | 1 | `axis` (−1) | as input |
//! | `Dropout` | 1 | `ratio` (0.5) | as input; identity outside training |
//! | `DropPath` (ours) | 1 | | as input; identity, but that training may replace the whole value of some examples by zeros: how many is the training's to say (Larsson et al. 2017, section 3) |
//! | `Auxiliary` (ours) | 1 | | as input; an output that is read in training alone (Szegedy et al. 2015, section 5). It is not among the graph's outputs, no node reads it, and what it alone needs is not counted |
//! | `Add` `Sub` `Mul` `Div` `Pow` `Max` `Min` | 2 | | broadcast |
//! | **joining** | | | |
//! | `Sum` | 1 or more | | all alike |
//! | `Concat` | 1 or more | `axis` | joined |
//! | `Choice` (ours) | one per choice | `decision` | all alike |
//! | **matrix products** | | | |
//! | `Gemm` | 1 | `out_features`, `bias` (1), `tied` (an earlier `Gather` or `Gemm` whose matrix it uses), `rate` (1; the share of positions for which it is computed) | the last axis becomes `out_features` |
//! | `MatMul` | 2 | | `[.., m, k]` × `[.., k, n]`, leading axes broadcast |
//! | `Gather` (an embedding) | 1, indices | `num_embeddings`, `embedding_dim` | input shape, then `embedding_dim` |
//! | **windows**, on `[channels, length]` or `[channels, height, width]` | | one number per side in lists | |
//! | `Conv` | 1 | `out_channels`, `kernel_shape`, `strides` (1), `pads` (0; begin of every side, then ends), `dilations` (1), `group` (1), `bias` (1), `tied` (an earlier `Conv` with the same attributes on as many channels, whose weights and bias it uses) | `[out_channels, ..]` |
//! | `ConvTranspose` | 1 | the same but for `tied`, and `output_padding` (0) | `[out_channels, ..]` |
//! | `MaxPool` `AveragePool` | 1 | `kernel_shape`, `strides` (1), `pads` (0), `count_include_pad` (0; average only) | `[c, ..]` |
//! | `GlobalAveragePool` `GlobalMaxPool` | 1 | | `[c, 1, ..]` |
//! | `Resize` | 1, rank 3 | `scales` (2 whole numbers), `mode` (`nearest`; or `linear`) | `[c, h·scale, w·scale]` |
//! | `DepthToSpace` `SpaceToDepth` | 1, rank 3 | `blocksize` | `[c / b², h·b, w·b]`, and back |
//! | **normalisations**, each with a learned scale, and a shift but for `RMSNormalization` | | | |
//! | `BatchNormalization` | 1, rank 1 to 3 | `epsilon` (1e-5), `momentum` (0.9, ONNX's sense) | as input |
//! | `LayerNormalization` | 1 | `axis` (−1), `epsilon` (1e-5), `bias` (1) | as input |
//! | `RMSNormalization` | 1 | `axis` (−1), `epsilon` (1e-5) | as input |
//! | `GroupNormalization` | 1, rank 2 or more | `num_groups`, `epsilon` (1e-5), `tied` (an earlier `GroupNormalization` with the same attributes on as many channels, whose scale and shift it uses) | as input |
//! | `InstanceNormalization` | 1, rank 2 or more | `epsilon` (1e-5) | as input |
//! | **sequences**, `[positions, features]` | | | |
//! | `Attention` | 3: `[T, Hq·d]`, `[S, Hkv·d]`, `[S, Hkv·e]` | `q_num_heads`, `kv_num_heads`, `is_causal` (0), `scale` (1/√d), `softcap` (0: none), `window` (0: all; else a position sees itself and the `window` − 1 before it, and `is_causal` is 1) | `[T, Hq·e]` |
//! | `RotaryEmbedding` | 1, `[T, H·d]` | `num_heads`, `base` (10000), `rotary_embedding_dim` (0: d), `interleaved` (0) | as input; positions are 0 to T − 1 |
//! | `Routing` (ours) | 1 | `k` | as input: softmax over the `k` greatest of the last axis, 0 elsewhere |
//! | **moving numbers** | | | |
//! | `Flatten` | 1 | | `[product]` |
//! | `Transpose` | 1 | `perm` (0, the batch, stays first) | permuted |
//! | `Reshape` | 1 | `shape` (without the batch; one may be −1) | `shape` |
//! | `Slice` | 1 | `axis`, `start`, `end` (negative: from the end) | one axis cut |
//! | `Pad` | 1 | `pads` (begin of every axis but the batch, then ends), `value` (0) | grown |
//! | `ReduceMean` `ReduceSum` `ReduceMax` `ReduceMin` | 1 | `axes`, `keepdims` (1) | the axes are 1, or gone |
//!
//! Nodes beyond ONNX's meaning are `Auxiliary`, `Choice`, `DropPath` and `Routing`; attributes beyond it are `tied`, `rate`, `window`, `base` and
//! those that say the sizes of weights.

pub mod builder;
pub mod count;
pub mod memory;
mod node;
pub mod operators;
pub mod shape;
mod symbol;
#[cfg(test)]
mod tests;
pub mod training;
pub mod weights;

use serde::{Deserialize, Serialize};

pub use builder::{Convolution, GraphBuilder, Heads, NodeId, Window};
pub use count::{Counts, needed};
pub use memory::Memory;
pub use shape::{GraphError, Shape};
pub use symbol::Symbol;
pub use training::inference;

use crate::Settings;

/// The value of one attribute of a node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attribute {
    /// A whole number.
    Int(i64),
    /// Whole numbers.
    Ints(Vec<i64>),
    /// A number.
    Float(f64),
    /// Numbers.
    Floats(Vec<f64>),
    /// A text.
    Text(String),
}

/// One operator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Unique within the graph, readable: `stage1.cell0.conv_0_1`.
    pub name: String,
    /// The ONNX operator, or `Input`, or `Choice`.
    pub op: Symbol,
    /// Positions of earlier nodes.
    pub inputs: Vec<u32>,
    /// By name.
    pub attributes: Vec<(Symbol, Attribute)>,
}

/// Nodes in topological order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Graph {
    /// Inputs of a node come before it.
    pub nodes: Vec<Node>,
    /// Positions of the nodes whose values the network returns.
    pub outputs: Vec<u32>,
}

/// What a network is for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// One example, without the batch: [channels, height, width], [channels, length], [positions] or [features].
    pub input_shape: Vec<i64>,
    /// Classes, or regressed values.
    pub outputs: u32,
    /// `classification`, `regression` or another word that space and evaluator share.
    pub kind: String,
    /// The skeleton around what is searched: every task parameter of the space.
    pub settings: Settings,
}
