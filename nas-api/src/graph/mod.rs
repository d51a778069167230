//! An architecture: a graph in ONNX's operator vocabulary, without weights.
//!
//! Weights are not inputs of nodes: they follow from operator, attributes and shapes. Where ONNX reads a size off a
//! weight tensor, an attribute says it instead (`out_channels`, `out_features`). Shapes leave the batch out.
//!
//! | operator | inputs | attributes (default) | output shape |
//! |---|---|---|---|
//! | `Input` | 0 | | the task's input shape |
//! | `Constant` | 0 | `value_float` | scalar `[]` |
//! | `Identity` `Relu` `Sigmoid` `Tanh` `Gelu` `Elu` `Selu` `LeakyRelu` `HardSigmoid` `HardSwish` `Mish` `Softplus` | 1 | `alpha` as in ONNX (`Elu` 1, `LeakyRelu` 0.01, `HardSigmoid` 0.2), `beta` (`HardSigmoid` 0.5), `approximate` (`Gelu`: `none`) | as input |
//! | `Softmax` | 1 | `axis` (−1) | as input |
//! | `Dropout` | 1 | `ratio` (0.5) | as input; identity outside training |
//! | `Flatten` | 1 | | `[product]` |
//! | `Gemm` | 1, rank 1 | `out_features`, `bias` (1) | `[out_features]` |
//! | `Conv` | 1, rank 3 | `out_channels`, `kernel_shape`, `strides` (1), `pads` (0; top, left, bottom, right), `dilations` (1), `group` (1), `bias` (1) | `[out_channels, h, w]` |
//! | `BatchNormalization` | 1, rank 1 or 3 | `epsilon` (1e-5), `momentum` (0.9, ONNX's sense) | as input |
//! | `MaxPool` `AveragePool` | 1, rank 3 | `kernel_shape`, `strides` (1), `pads` (0), `count_include_pad` (0; average only) | `[c, h, w]` |
//! | `GlobalAveragePool` | 1, rank 3 | | `[c, 1, 1]` |
//! | `Add` `Mul` | 2 | | broadcast as in ONNX |
//! | `Sum` | 1 or more | | all alike |
//! | `Concat` | 1 or more | `axis` (counted with the batch, so 1 is the first axis of a shape) | joined |
//! | `Choice` | one per choice | `decision` | all alike |

mod builder;
pub mod count;
pub mod operators;
pub mod shape;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use builder::{GraphBuilder, NodeId, Window};
pub use count::{Counts, unused};
pub use shape::{GraphError, Shape};

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
    pub op: String,
    /// Positions of earlier nodes.
    pub inputs: Vec<u32>,
    /// By name.
    pub attributes: Vec<(String, Attribute)>,
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
    /// One example, without the batch: [channels, height, width] or [features].
    pub input_shape: Vec<i64>,
    /// Classes, or regressed values.
    pub outputs: u32,
    /// `classification`, `regression` or another word that space and evaluator share.
    pub kind: String,
    /// The skeleton around what is searched: every task parameter of the space.
    pub settings: Settings,
}

impl Node {
    /// The attribute of this name.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// A whole number, or the default where it is not set; `Err` where it is something else.
    pub fn int(&self, name: &str, default: Option<i64>) -> Result<i64, GraphError> {
        match (self.attribute(name), default) {
            (Some(Attribute::Int(value)), _) => Ok(*value),
            (None, Some(value)) => Ok(value),
            (Some(_), _) => Err(GraphError::attribute(self, name, "must be a whole number")),
            (None, None) => Err(GraphError::attribute(self, name, "is missing")),
        }
    }

    /// Exactly `count` whole numbers, or the default for each where it is not set.
    pub fn ints(&self, name: &str, count: usize, default: Option<i64>) -> Result<Vec<i64>, GraphError> {
        match (self.attribute(name), default) {
            (Some(Attribute::Ints(values)), _) if values.len() == count => Ok(values.clone()),
            (Some(_), _) => Err(GraphError::attribute(self, name, &format!("must be {count} whole numbers"))),
            (None, Some(value)) => Ok(vec![value; count]),
            (None, None) => Err(GraphError::attribute(self, name, "is missing")),
        }
    }

    /// A number, or the default where it is not set.
    pub fn float(&self, name: &str, default: f64) -> Result<f64, GraphError> {
        match self.attribute(name) {
            Some(Attribute::Float(value)) => Ok(*value),
            Some(Attribute::Int(value)) => Ok(*value as f64),
            Some(_) => Err(GraphError::attribute(self, name, "must be a number")),
            None => Ok(default),
        }
    }

    /// A text, or the default where it is not set.
    pub fn text<'a>(&'a self, name: &str, default: &'a str) -> Result<&'a str, GraphError> {
        match self.attribute(name) {
            Some(Attribute::Text(value)) => Ok(value),
            Some(_) => Err(GraphError::attribute(self, name, "must be a text")),
            None => Ok(default),
        }
    }
}
