//! Reads a node: which operator it is here, its attributes, and the positions of its weights.

use nas_api::Node;
use nas_api::graph::{GraphError, weights};

use super::activation::Activation;
use super::arithmetic::Arithmetic;
use super::arrange::{Arrange, sizes};
use super::norm::{Batch, Group, Layer};
use super::operator::{Matrix, Operator};
use super::sequence::{Attention, Rotary};
use super::window::{self, Transposed};

/// A node's position and shapes.
pub struct Place<'s> {
    /// The node's position in the graph.
    pub index: usize,
    /// The shape of its first input.
    pub input: &'s [i64],
    /// The shape of its value.
    pub output: &'s [i64],
}

/// The operator of a node. Its weights get the next free positions, or those of the node `tied` that it shares them
/// with.
///
/// # Errors
///
/// Fails if the operator is unknown or cannot be trained, or if an attribute is invalid.
pub fn operator(
    node: &Node,
    at: &Place<'_>,
    tied: Option<&Operator>,
    counts: &mut Counts,
) -> Result<Operator, GraphError> {
    if let Some(activation) = Activation::of(node)? {
        return Ok(Operator::Activation(activation));
    }
    if let Some(function) = Arithmetic::of(&node.op) {
        return Ok(Operator::Arithmetic(function));
    }
    if let Some(arrange) = Arrange::of(node, at.input, at.output)? {
        return Ok(Operator::Arrange(arrange));
    }
    let axes = at.output.len();
    Ok(match node.op.as_str() {
        "Input" => Operator::Input,
        "Constant" => Operator::Constant(node.float("value_float", 0.0)?),
        "Softmax" => Operator::Softmax(node.axis("axis", Some(-1), axes)? + 1),
        "LogSoftmax" => Operator::LogSoftmax(node.axis("axis", Some(-1), axes)? + 1),
        "Dropout" => Operator::Dropout { ratio: node.float("ratio", 0.5)?, node: at.index as u32 },
        "DropPath" => Operator::DropPath { node: at.index as u32 },
        "Sum" => Operator::Sum,
        "Concat" => Operator::Concat(node.axis("axis", None, axes)? + 1),
        "MatMul" => Operator::MatMul,
        "MaxPool" => Operator::MaxPool(window::max_pool(node, at.input)?),
        "AveragePool" => Operator::AveragePool(window::average_pool(node, at.input)?),
        "Attention" => Operator::Attention(Attention::of(node, at.input)?),
        "RotaryEmbedding" => Operator::Rotary(Rotary::of(node, at.input)?),
        "Routing" => Operator::Routing(node.int("k", None)? as usize),
        "Choice" => {
            return Err(GraphError::new(
                node,
                "this evaluator does not train supernets: decide every choice before training",
            ));
        }
        _ => learned(node, at, tied, counts)?,
    })
}

/// The operators that have weights.
fn learned(node: &Node, at: &Place<'_>, tied: Option<&Operator>, counts: &mut Counts) -> Result<Operator, GraphError> {
    let epsilon = || node.float("epsilon", 1e-5);
    Ok(match (node.op.as_str(), tied) {
        ("Gemm", Some(Operator::Gemm { weight, .. })) => gemm(node, *weight, counts)?,
        ("Gemm", Some(Operator::Gather(table))) => gemm(node, Matrix::Table(*table), counts)?,
        ("Gemm", None) => {
            let weight = Matrix::Plain(counts.matrix());
            gemm(node, weight, counts)?
        }
        // Any other tied node repeats the operator of its owner.
        (_, Some(owner)) => owner.clone(),
        ("Weight", _) => Operator::Weight { weight: counts.vector(), sizes: sizes(at.output) },
        ("Gather", _) => Operator::Gather(counts.table()),
        ("Conv", _) => {
            let options = window::convolution(node, at.input)?;
            Operator::Conv { weight: counts.kernel(), bias: bias(node, counts)?, options }
        }
        ("ConvTranspose", _) => {
            let moves = Transposed::of(node, at.input)?;
            Operator::ConvTranspose { weight: counts.kernel(), bias: bias(node, counts)?, moves }
        }
        ("BatchNormalization", _) => Operator::BatchNormalization(Batch {
            scale: counts.vector(),
            shift: counts.vector(),
            running: counts.running(),
            epsilon: epsilon()?,
            momentum: node.float("momentum", 0.9)?,
        }),
        ("LayerNormalization" | "RMSNormalization", _) => {
            let axis = node.axis("axis", Some(-1), at.input.len())?;
            let root_mean_square = node.op == "RMSNormalization";
            Operator::Layer(Layer {
                numbers: at.input[axis..].iter().product::<i64>() as usize,
                root_mean_square,
                scale: counts.vector(),
                shift: if root_mean_square { None } else { bias(node, counts)? },
                epsilon: epsilon()?,
            })
        }
        ("GroupNormalization" | "InstanceNormalization", _) => {
            let one_each = at.input.first().copied();
            let groups =
                if node.op == "GroupNormalization" { node.int("num_groups", None)? } else { one_each.unwrap_or(1) };
            let groups = groups as usize;
            Operator::Group(Group { groups, scale: counts.vector(), shift: counts.vector(), epsilon: epsilon()? })
        }
        _ => return Err(GraphError::new(node, "this evaluator cannot train this operator")),
    })
}

fn gemm(node: &Node, weight: Matrix, counts: &mut Counts) -> Result<Operator, GraphError> {
    Ok(Operator::Gemm { weight, bias: bias(node, counts)? })
}

/// The position of a node's bias, if it has one.
fn bias(node: &Node, counts: &mut Counts) -> Result<Option<usize>, GraphError> {
    Ok(weights::has_bias(node)?.then(|| counts.vector()))
}

/// The next free position of each list of weights.
#[derive(Default)]
pub struct Counts {
    vectors: usize,
    matrices: usize,
    tables: usize,
    kernels: usize,
    running: usize,
}

fn next(count: &mut usize) -> usize {
    *count += 1;
    *count - 1
}

impl Counts {
    fn vector(&mut self) -> usize {
        next(&mut self.vectors)
    }

    fn matrix(&mut self) -> usize {
        next(&mut self.matrices)
    }

    fn table(&mut self) -> usize {
        next(&mut self.tables)
    }

    fn kernel(&mut self) -> usize {
        next(&mut self.kernels)
    }

    fn running(&mut self) -> usize {
        next(&mut self.running)
    }
}
