//! Chooses the precision of each step of a network whose products are narrow, as PyTorch's `autocast` does.
//!
//! Products take and return the narrow type. Operators that would lose accuracy by it compute in 32 bits. Everything
//! else keeps the precision of its operands, or uses 32 bits if they differ. Weights are cast where they are used, to
//! the precision of what they are multiplied with, so that their gradients come back in 32 bits.

use burn::tensor::{DType, FloatDType, Tensor};

use super::plan::Steps;
use super::value::{Value, each_rank, each_tensor};

/// The precision that a step needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// The narrow type, for matrix products and convolutions.
    Narrow,
    /// 32 bits, in which the result stays: for functions whose results may be large, or close to 0 or 1.
    Wide,
    /// 32 bits inside, with the result in the precision of the input: for normalisations, means, and activations with
    /// powers inside.
    WideInside,
    /// The precision of the operands.
    Given,
}

impl Need {
    /// The need of a node with this operator.
    pub fn of(op: &str) -> Self {
        match op {
            "Gemm" | "MatMul" | "Conv" | "ConvTranspose" | "Attention" => Self::Narrow,
            "Softmax" | "LogSoftmax" | "Routing" | "Gather" | "Pow" | "Exp" | "Log" | "Sqrt" | "Reciprocal" | "Erf"
            | "Softplus" | "Mish" | "ReduceSum" => Self::Wide,
            "BatchNormalization"
            | "LayerNormalization"
            | "RMSNormalization"
            | "GroupNormalization"
            | "InstanceNormalization"
            | "AveragePool"
            | "GlobalAveragePool"
            | "ReduceMean"
            | "Resize"
            | "RotaryEmbedding"
            // burn computes an exponential or a third power of numbers that it then masks or multiplies by 0. In f16
            // these are infinite, and the gradient is NaN.
            | "Elu"
            | "Selu"
            | "Gelu" => Self::WideInside,
            _ => Self::Given,
        }
    }

    /// The operands, cast to what a step with this need computes in.
    pub fn brought(self, operands: Vec<Value>, narrow: FloatDType) -> Vec<Value> {
        let wide = match self {
            Self::Narrow => false,
            Self::Wide | Self::WideInside => true,
            // Constants have no precision of their own.
            Self::Given => {
                let mut kinds = operands.iter().filter_map(Value::precision);
                let Some(first) = kinds.next() else { return operands };
                if kinds.all(|kind| kind == first) {
                    return operands;
                }
                true
            }
        };
        let precision = if wide { FloatDType::F32 } else { narrow };
        operands.into_iter().map(|value| value.cast(precision)).collect()
    }
}

impl Value {
    /// The precision of the numbers; `None` for a constant.
    pub fn precision(&self) -> Option<DType> {
        each_tensor!(self, x => Some(x.dtype()), _number => None)
    }

    /// The value in another precision.
    pub fn cast(self, precision: FloatDType) -> Self {
        each_rank!(self, x => x.cast(precision))
    }
}

/// The tensor in at least 32 bits.
pub fn widened<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    if is_narrow(&x) { x.cast(FloatDType::F32) } else { x }
}

/// Whether the numbers have fewer than 32 bits.
pub fn is_narrow<const D: usize>(x: &Tensor<D>) -> bool {
    matches!(x.dtype(), DType::F16 | DType::BF16)
}

/// Whether the value of each step is read by products only. One narrow copy then serves all of them, and the wide one
/// is not kept.
pub fn for_products(steps: &Steps) -> Vec<bool> {
    let mut products = vec![true; steps.list.len()];
    for step in steps.list.iter().filter(|step| step.need != Need::Narrow) {
        step.inputs.iter().for_each(|&input| products[input] = false);
    }
    steps.returned.iter().for_each(|&at| products[at] = false);
    products
}
