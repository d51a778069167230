//! Operators as this evaluator computes them: attributes read and checked once, before training.

use burn::tensor::ops::{AvgPoolOptions, ConvOptions, MaxPoolOptions};
use nas_api::Node;
use nas_api::graph::GraphError;

/// A function of single numbers.
#[derive(Clone, Copy, Debug)]
pub enum Activation {
    Identity,
    Relu,
    Sigmoid,
    Tanh,
    Gelu,
    GeluTanh,
    Elu(f64),
    Selu,
    LeakyRelu(f64),
    HardSigmoid { alpha: f64, beta: f64 },
    HardSwish,
    Mish,
    Softplus,
}

impl Activation {
    /// The activation that a node is, if it is one.
    pub fn of(node: &Node) -> Result<Option<Self>, GraphError> {
        Ok(Some(match node.op.as_str() {
            "Identity" => Self::Identity,
            "Relu" => Self::Relu,
            "Sigmoid" => Self::Sigmoid,
            "Tanh" => Self::Tanh,
            "Gelu" if node.text("approximate", "none")? == "tanh" => Self::GeluTanh,
            "Gelu" => Self::Gelu,
            "Elu" => Self::Elu(node.float("alpha", 1.0)?),
            "Selu" => Self::Selu,
            "LeakyRelu" => Self::LeakyRelu(node.float("alpha", 0.01)?),
            "HardSigmoid" => Self::HardSigmoid { alpha: node.float("alpha", 0.2)?, beta: node.float("beta", 0.5)? },
            "HardSwish" => Self::HardSwish,
            "Mish" => Self::Mish,
            "Softplus" => Self::Softplus,
            _ => return Ok(None),
        }))
    }
}

/// One step of a network. Weights are positions in the lists of [`super::Weights`].
#[derive(Clone, Debug)]
pub enum Operator {
    Input,
    Constant(f64),
    Activation(Activation),
    /// Along this axis, the batch being axis 0.
    Softmax(usize),
    Dropout {
        ratio: f64,
        node: u32,
    },
    Flatten,
    Gemm {
        weight: usize,
        bias: Option<usize>,
    },
    Conv {
        weight: usize,
        bias: Option<usize>,
        options: ConvOptions<2>,
    },
    BatchNormalization {
        scale: usize,
        shift: usize,
        running: usize,
        epsilon: f64,
        momentum: f64,
    },
    MaxPool(MaxPoolOptions<2>),
    AveragePool(AvgPoolOptions<2>),
    GlobalAveragePool,
    Add,
    Mul,
    Sum,
    /// Along this axis, the batch being axis 0.
    Concat(usize),
}

fn sizes<const N: usize>(node: &Node, name: &str, default: Option<i64>) -> Result<[usize; N], GraphError> {
    let given = node.ints(name, N, default)?;
    let mut sizes = [0; N];
    for (size, given) in sizes.iter_mut().zip(given) {
        *size = usize::try_from(given).map_err(|_| GraphError::attribute(node, name, "must not be negative"))?;
    }
    Ok(sizes)
}

/// Side lengths of a window.
fn kernel(node: &Node) -> Result<[usize; 2], GraphError> {
    sizes(node, "kernel_shape", None)
}

/// Begin and end of height, then of width, from ONNX's order top, left, bottom, right.
fn padding(node: &Node) -> Result<[(usize, usize); 2], GraphError> {
    let [top, left, bottom, right] = sizes(node, "pads", Some(0))?;
    Ok([(top, bottom), (left, right)])
}

/// Groups of a convolution.
fn groups(node: &Node) -> Result<usize, GraphError> {
    let group = node.int("group", Some(1))?;
    usize::try_from(group).map_err(|_| GraphError::attribute(node, "group", "must not be negative"))
}

/// How a convolution moves.
pub fn convolution(node: &Node) -> Result<ConvOptions<2>, GraphError> {
    let (strides, dilations) = (sizes(node, "strides", Some(1))?, sizes(node, "dilations", Some(1))?);
    Ok(ConvOptions::new_with_padding(strides, padding(node)?, dilations, groups(node)?))
}

/// How a maximum pooling moves.
pub fn max_pool(node: &Node) -> Result<MaxPoolOptions<2>, GraphError> {
    Ok(MaxPoolOptions {
        kernel_size: kernel(node)?,
        stride: sizes(node, "strides", Some(1))?,
        padding: padding(node)?,
        dilation: [1, 1],
        ceil_mode: false,
    })
}

/// How an average pooling moves.
pub fn average_pool(node: &Node) -> Result<AvgPoolOptions<2>, GraphError> {
    Ok(AvgPoolOptions {
        kernel_size: kernel(node)?,
        stride: sizes(node, "strides", Some(1))?,
        padding: padding(node)?,
        count_include_pad: node.int("count_include_pad", Some(0))? != 0,
        ceil_mode: false,
    })
}
