//! The representation of an architecture: a graph in ONNX's operator vocabulary, without weights.
//!
//! Build a graph with [`GraphBuilder`]; check it and infer its shapes with [`shape::infer`]; count its parameters and
//! FLOPs with [`count::count`].
//!
//! Weights are not inputs of nodes: they follow from operator, attributes and shapes ([`weights`]). Where ONNX reads a
//! size from a weight tensor, an attribute gives it instead (`out_channels`, `out_features`). Shapes do not include the
//! batch.
//!
//! Attributes that name an axis count the batch: 1 is the first axis of a shape, −1 the last one. Arithmetic of two
//! values broadcasts as numpy does, on shapes without the batch: aligned at the end, sizes are equal or one of them is
//! 1.
//!
//! The tables give the number of inputs, the attributes with their defaults, and the shape of the output.
//!
//! # Sources
//!
//! | operator | inputs | attributes (default) | output |
//! |---|---|---|---|
//! | `Input` | 0 | | the task's input shape |
//! | `Constant` | 0 | `value_float` | scalar `[]` |
//! | `Weight` (an ONNX initializer) | 0 | `shape`, `init` (`normal`; or `zeros`, `ones`) | `shape` |
//!
//! A `Constant` can only be an input of arithmetic, beside another value. A `Weight` is trainable and the same for
//! every example; it can only be an input of arithmetic, `MatMul` and `Concat`, beside a value of the example.
//!
//! # Elementwise operators
//!
//! | operator | inputs | attributes (default) | output |
//! |---|---|---|---|
//! | `Identity` `Relu` `Sigmoid` `Tanh` `Selu` `HardSwish` `Mish` `Softplus` | 1 | | as input |
//! | `Elu` `LeakyRelu` `Swish` | 1 | `alpha` (1, 0.01, 1) | as input |
//! | `HardSigmoid` | 1 | `alpha` (0.2), `beta` (0.5) | as input |
//! | `Gelu` | 1 | `approximate` (`none`; or `tanh`) | as input |
//! | `Clip` | 1 | `min`, `max` (no limit) | as input |
//! | `Neg` `Abs` `Exp` `Log` `Sqrt` `Reciprocal` `Erf` | 1 | | as input |
//! | `Softmax` `LogSoftmax` | 1 | `axis` (−1) | as input |
//! | `Dropout` | 1 | `ratio` (0.5) | as input; the identity outside training |
//! | `DropPath` (not in ONNX) | 1 | | as input; the identity outside training |
//! | `Auxiliary` (not in ONNX) | 1 | | as input |
//! | `Add` `Sub` `Mul` `Div` `Pow` `Max` `Min` | 2 | | broadcast |
//!
//! Training can replace the whole value of a `DropPath` by zeros for some examples, at a rate that the evaluator sets
//! (Larsson et al. 2017, section 3). An `Auxiliary` is an output that only training reads (Szegedy et al. 2015, section
//! 5). It is not one of the graph's outputs, no node reads it, and nodes that only it needs are not counted.
//!
//! # Joining values
//!
//! | operator | inputs | attributes (default) | output |
//! |---|---|---|---|
//! | `Sum` | 1 or more, of one shape | | as each input |
//! | `Concat` | 1 or more | `axis` | the sizes of the axis are added |
//! | `Choice` (not in ONNX) | one per choice, of one shape | `decision` | as each input |
//!
//! # Matrix products
//!
//! | operator | inputs | attributes (default) | output |
//! |---|---|---|---|
//! | `Gemm` | 1 | `out_features`, `bias` (1), `tied`, `rate` (1) | the last axis becomes `out_features` |
//! | `MatMul` | 2 | | `[.., m, k]` × `[.., k, n]`, leading axes broadcast |
//! | `Gather` (an embedding) | 1, indices | `num_embeddings`, `embedding_dim` | input shape, then `embedding_dim` |
//!
//! The attribute `tied` of a `Gemm` names an earlier `Gather` or `Gemm` whose matrix the node uses. `rate` is the share
//! of positions for which the product is computed.
//!
//! # Windows
//!
//! Inputs are `[channels, length]` or `[channels, height, width]`. List attributes have one number per side; `pads` has
//! the beginnings of all sides, then their ends.
//!
//! | operator | inputs | attributes (default) | output |
//! |---|---|---|---|
//! | `Conv` | 1 | see below | `[out_channels, ..]` |
//! | `ConvTranspose` | 1 | as `Conv`, but `output_padding` (0) instead of `tied` | `[out_channels, ..]` |
//! | `MaxPool` | 1 | `kernel_shape`, `strides` (1), `pads` (0) | `[channels, ..]` |
//! | `AveragePool` | 1 | as `MaxPool`, and `count_include_pad` (0) | `[channels, ..]` |
//! | `GlobalAveragePool` `GlobalMaxPool` | 1 | | `[channels, 1, ..]` |
//! | `Resize` | 1, rank 3 | `scales` (2 whole numbers), `mode` (`nearest`; or `linear`) | `[c, h·scale, w·scale]` |
//! | `DepthToSpace` `SpaceToDepth` | 1, rank 3 | `blocksize` | `[c / b², h·b, w·b]`, and the reverse |
//!
//! A `Conv` has the attributes `out_channels`, `kernel_shape`, `strides` (1), `pads` (0), `dilations` (1), `group` (1),
//! `bias` (1) and `tied`, which names an earlier `Conv` with the same attributes and number of input channels, whose
//! weights and bias the node uses.
//!
//! # Normalisations
//!
//! Each learns a scale and, except for `RMSNormalization`, a shift.
//!
//! | operator | inputs | attributes (default) | output |
//! |---|---|---|---|
//! | `BatchNormalization` | 1, rank 1 to 3 | `epsilon` (1e-5), `momentum` (0.9, as ONNX defines it) | as input |
//! | `LayerNormalization` | 1 | `axis` (−1), `epsilon` (1e-5), `bias` (1) | as input |
//! | `RMSNormalization` | 1 | `axis` (−1), `epsilon` (1e-5) | as input |
//! | `GroupNormalization` | 1, rank 2 or more | `num_groups`, `epsilon` (1e-5), `tied` | as input |
//! | `InstanceNormalization` | 1, rank 2 or more | `epsilon` (1e-5) | as input |
//!
//! The attribute `tied` names an earlier `GroupNormalization` with the same attributes and the same number of channels,
//! whose scale and shift the node uses.
//!
//! # Sequences
//!
//! Inputs are `[positions, features]`.
//!
//! | operator | inputs | attributes (default) | output |
//! |---|---|---|---|
//! | `Attention` | 3: queries, keys, values | see below | `[T, Hq·e]` |
//! | `RotaryEmbedding` | 1, `[T, H·d]` | see below | as input |
//! | `Routing` (not in ONNX) | 1 | `k` | as input: a softmax over the `k` largest of the last axis, 0 elsewhere |
//!
//! An `Attention` takes queries `[T, Hq·d]`, keys `[S, Hkv·d]` and values `[S, Hkv·e]`. It has the attributes
//! `q_num_heads` (Hq), `kv_num_heads` (Hkv), `is_causal` (0), `scale` (1/√d), `softcap` (0: none) and `window` (0: all
//! positions). With a `window` above 0, which requires `is_causal` = 1, a position sees itself and the `window` − 1
//! positions before it.
//!
//! A `RotaryEmbedding` has the attributes `num_heads` (H), `base` (10000), `rotary_embedding_dim` (0: d) and
//! `interleaved` (0). The positions are 0 to T − 1.
//!
//! # Rearrangement and reduction
//!
//! | operator | inputs | attributes (default) | output |
//! |---|---|---|---|
//! | `Flatten` | 1 | | `[product of the sizes]` |
//! | `Transpose` | 1 | `perm` (0, the batch, stays first) | the axes in this order |
//! | `Reshape` | 1 | `shape` (without the batch; one size may be −1) | `shape` |
//! | `Slice` | 1 | `axis`, `start`, `end` (negative: counted from the end) | the axis has `end` − `start` positions |
//! | `Pad` | 1 | `pads` (beginnings of all axes but the batch, then ends), `value` (0) | every axis grows by its pads |
//! | `ReduceMean` `ReduceSum` `ReduceMax` `ReduceMin` | 1 | `axes`, `keepdims` (1) | the axes become 1 or are removed |
//!
//! # Differences from ONNX
//!
//! ONNX has no `Auxiliary`, `Choice`, `DropPath` and `Routing`, and no attributes `tied`, `rate`, `window` and `base`,
//! nor those that give the sizes of weights.

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

/// The value of one attribute of a node, as in ONNX.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attribute {
    /// A whole number.
    Int(i64),
    /// A list of whole numbers.
    Ints(Vec<i64>),
    /// A number.
    Float(f64),
    /// A list of numbers.
    Floats(Vec<f64>),
    /// A text.
    Text(String),
}

/// One operator of a graph. Its value is identified by the node's position in [`Graph::nodes`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// The name, unique within the graph and readable: `stage1.cell0.conv_0_1`.
    pub name: String,
    /// The operator, one of the [tables](self).
    pub op: Symbol,
    /// The positions of the earlier nodes whose values it reads.
    pub inputs: Vec<u32>,
    /// The attributes that are set, by name.
    pub attributes: Vec<(Symbol, Attribute)>,
}

/// An architecture as a graph of operators.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Graph {
    /// The nodes in topological order: a node comes after its inputs.
    pub nodes: Vec<Node>,
    /// The positions of the nodes whose values the network returns.
    pub outputs: Vec<u32>,
}

/// The task of a network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// The shape of one example, without the batch: `[channels, height, width]`, `[channels, length]`, `[positions]` or
    /// `[features]`.
    pub input_shape: Vec<i64>,
    /// The number of classes or of regressed values.
    pub outputs: u32,
    /// The kind: `classification`, `regression`, `language`, `detection` or another word that space and evaluator
    /// share.
    pub kind: String,
    /// The settings of the skeleton around the searched part, such as channels or cells per stage: a value for every
    /// task parameter of the space.
    pub settings: Settings,
}
