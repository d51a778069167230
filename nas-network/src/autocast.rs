//! Which step computes in which precision where the products of a network are narrow, as PyTorch's `autocast` has it.
//!
//! Products read and give the narrow type; what would lose by it is computed in 32 bits; everything else goes on with what it is
//! given, in 32 bits where its operands differ. Weights are brought to the precision of what they are multiplied with, where
//! they are used, so that their gradients come back in 32 bits.

use burn::tensor::{DType, FloatDType, Tensor};

use super::plan::Steps;
use super::value::{Value, each_rank, each_tensor};

/// In which precision a step computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// In the narrow one: matrix products and convolutions.
    Narrow,
    /// In 32 bits, which it also gives: what grows, or is near 0 or 1.
    Wide,
    /// In 32 bits, but it gives the precision that it is given: normalisations, means, activations with powers inside.
    WideInside,
    /// In what it is given.
    Given,
}

impl Need {
    /// Of a node with this operator.
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
            // burn computes the exponential, the third power, of what it then masks, or multiplies with 0: infinite in f16, and
            // NaN the gradient.
            | "Elu"
            | "Selu"
            | "Gelu" => Self::WideInside,
            _ => Self::Given,
        }
    }

    /// The operands as a step with this need wants them.
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
    /// In which precision its numbers are; `None` of a constant.
    pub fn precision(&self) -> Option<DType> {
        each_tensor!(self, x => Some(x.dtype()), _number => None)
    }

    /// In another precision.
    pub fn cast(self, precision: FloatDType) -> Self {
        each_rank!(self, x => x.cast(precision))
    }
}

/// In 32 bits at least.
pub fn widened<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    if is_narrow(&x) { x.cast(FloatDType::F32) } else { x }
}

/// Whether the numbers have fewer than 32 bits.
pub fn is_narrow<const D: usize>(x: &Tensor<D>) -> bool {
    matches!(x.dtype(), DType::F16 | DType::BF16)
}

/// Which steps give a value that products alone read: one narrow copy serves them all, and nobody keeps the wide one.
pub fn for_products(steps: &Steps) -> Vec<bool> {
    let mut products = vec![true; steps.list.len()];
    for step in steps.list.iter().filter(|step| step.need != Need::Narrow) {
        step.inputs.iter().for_each(|&input| products[input] = false);
    }
    steps.returned.iter().for_each(|&at| products[at] = false);
    products
}
