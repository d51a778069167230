//! Element-wise functions.

use burn::tensor::{Tensor, activation};
use nas_api::Node;
use nas_api::graph::GraphError;
use nas_kernels::Curve;

/// An element-wise function.
#[derive(Clone, Copy, Debug)]
pub enum Activation {
    /// x.
    Identity,
    /// max(x, 0).
    Relu,
    /// 1 / (1 + e⁻ˣ).
    Sigmoid,
    /// tanh x.
    Tanh,
    /// x · Φ(x), where Φ is the standard normal distribution function.
    Gelu,
    /// GELU with tanh in place of the error function.
    GeluTanh,
    /// x if it is positive, otherwise α(eˣ − 1).
    Elu(f64),
    /// Scaled `Elu` with the constants of self-normalising networks.
    Selu,
    /// x if it is positive, otherwise αx.
    LeakyRelu(f64),
    /// clip(αx + β, 0, 1).
    HardSigmoid {
        /// The slope.
        alpha: f64,
        /// The value at 0.
        beta: f64,
    },
    /// x · clip(x / 6 + 1/2, 0, 1).
    HardSwish,
    /// x · tanh(ln(1 + eˣ)).
    Mish,
    /// ln(1 + eˣ).
    Softplus,
    /// x / (1 + e⁻ᵅˣ).
    Swish(f64),
    /// Clips to an interval.
    Clip {
        /// The lower limit, if there is one.
        min: Option<f64>,
        /// The upper limit, if there is one.
        max: Option<f64>,
    },
    /// −x.
    Neg,
    /// |x|.
    Abs,
    /// eˣ.
    Exp,
    /// ln x.
    Log,
    /// √x.
    Sqrt,
    /// 1 / x.
    Reciprocal,
    /// The error function.
    Erf,
}

impl Activation {
    /// The activation of a node, if it is one.
    ///
    /// # Errors
    ///
    /// Fails if an attribute is invalid.
    pub fn of(node: &Node) -> Result<Option<Self>, GraphError> {
        let limit = |name: &str| node.attribute(name).map(|_| node.float(name, 0.0)).transpose();
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
            "Swish" => Self::Swish(node.float("alpha", 1.0)?),
            "Clip" => Self::Clip { min: limit("min")?, max: limit("max")? },
            "Neg" => Self::Neg,
            "Abs" => Self::Abs,
            "Exp" => Self::Exp,
            "Log" => Self::Log,
            "Sqrt" => Self::Sqrt,
            "Reciprocal" => Self::Reciprocal,
            "Erf" => Self::Erf,
            _ => return Ok(None),
        }))
    }

    /// The CPU kernel for this function, if there is one.
    fn curve(self) -> Option<Curve> {
        let limit = |limit: Option<f64>, none: f32| limit.map_or(none, |limit| limit as f32);
        Some(match self {
            Self::Relu => Curve::Clip { min: 0.0, max: f32::INFINITY },
            Self::Clip { min, max } => {
                Curve::Clip { min: limit(min, f32::NEG_INFINITY), max: limit(max, f32::INFINITY) }
            }
            Self::Gelu => Curve::Gelu,
            Self::GeluTanh => Curve::GeluTanh,
            Self::Swish(1.0) => Curve::Silu,
            Self::HardSwish => Curve::HardSwish,
            Self::Sigmoid => Curve::Sigmoid,
            _ => return None,
        })
    }

    /// Applies the function to every number.
    pub fn apply<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        if let Some(y) = self.curve().and_then(|curve| curve.apply(&x)) {
            return y;
        }
        match self {
            Self::Identity => x,
            Self::Relu => activation::relu(x),
            Self::Sigmoid => activation::sigmoid(x),
            Self::Tanh => activation::tanh(x),
            Self::Gelu => activation::gelu(x),
            Self::GeluTanh => activation::gelu_approximate(x),
            Self::Elu(alpha) => activation::elu(x, alpha),
            Self::Selu => activation::selu(x),
            Self::LeakyRelu(slope) => activation::leaky_relu(x, slope),
            Self::HardSigmoid { alpha, beta } => activation::hard_sigmoid(x, alpha, beta),
            Self::HardSwish => activation::hard_swish(x),
            Self::Mish => activation::mish(x),
            Self::Softplus => activation::softplus(x, 1.0),
            Self::Swish(1.0) => activation::silu(x),
            Self::Swish(alpha) => x.clone() * activation::sigmoid(x.mul_scalar(alpha)),
            Self::Clip { min: Some(min), max: Some(max) } => x.clamp(min, max),
            Self::Clip { min: Some(min), max: None } => x.clamp_min(min),
            Self::Clip { min: None, max: Some(max) } => x.clamp_max(max),
            Self::Clip { min: None, max: None } => x,
            Self::Neg => x.neg(),
            Self::Abs => x.abs(),
            Self::Exp => x.exp(),
            Self::Log => x.log(),
            Self::Sqrt => x.sqrt(),
            Self::Reciprocal => x.recip(),
            Self::Erf => x.erf(),
        }
    }
}
