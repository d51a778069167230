//! Element-wise activation functions and their derivatives.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::backend::{Flex, TensorMetadata};
use burn::tensor::Tensor;
use pulp::{Arch, Simd, WithSimd};

use super::exp::{erf, exp, logistic, tanh};
use super::moments::{append, append_pairs};
use super::tensor::{FlexTensor, Plain, contiguous, numbers, output, plain};

/// √(2/π), a factor in the tanh form of GELU.
const ROOT: f32 = 0.797_884_6;
/// The factor of the cubic term in the tanh form of GELU (Hendrycks & Gimpel 2016, "Gaussian Error Linear Units").
const CUBE: f32 = 0.044_715;

/// An element-wise activation function.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Curve {
    /// Clips to an interval, either end of which may be infinite.
    Clip {
        /// The lower limit.
        min: f32,
        /// The upper limit.
        max: f32,
    },
    /// GELU: x · Φ(x), where Φ is the standard normal distribution function.
    Gelu,
    /// GELU with tanh in place of the error function.
    GeluTanh,
    /// SiLU: x · σ(x), where σ is the logistic function.
    Silu,
    /// x · clip(x / 6 + 1/2, 0, 1) (Howard et al. 2019, MobileNetV3, section 5.2).
    HardSwish,
    /// σ(x).
    Sigmoid,
}

impl Curve {
    /// Applies the function to every number of a tensor. `None` if it is not in single precision on the CPU.
    pub fn apply<const D: usize>(self, input: &Tensor<D>) -> Option<Tensor<D>> {
        let x = FlexTensor::of(input)?;
        let plainly = x.is_plain();
        let (x, node) = x.tracked().into_parts();
        let x = contiguous(x);
        let y = self.values(&x);
        Some(output(ActivationBackward, [node], plainly, (self, x), y))
    }

    fn values(self, x: &Plain) -> Plain {
        let values = Arch::new().dispatch(Values { curve: self, numbers: numbers(x) });
        plain(values, &x.shape())
    }
}

struct Values<'n> {
    curve: Curve,
    numbers: &'n [f32],
}

#[inline(always)]
fn mapped(numbers: &[f32], function: impl Fn(f32) -> f32) -> Vec<f32> {
    let mut all = Vec::with_capacity(numbers.len());
    append(&mut all, numbers, function);
    all
}

/// The argument of tanh in GELU.
#[inline(always)]
fn inner(x: f32) -> f32 {
    ROOT * (x + CUBE * x * x * x)
}

/// The standard normal distribution function.
#[inline(always)]
fn normal(x: f32) -> f32 {
    0.5 + 0.5 * erf(x * std::f32::consts::FRAC_1_SQRT_2)
}

impl WithSimd for Values<'_> {
    type Output = Vec<f32>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) -> Vec<f32> {
        let x = self.numbers;
        match self.curve {
            // NaN stays NaN.
            Curve::Clip { min, max } => mapped(x, |x| {
                if x < min {
                    min
                } else if x > max {
                    max
                } else {
                    x
                }
            }),
            Curve::Gelu => mapped(x, |x| x * normal(x)),
            Curve::GeluTanh => mapped(x, |x| 0.5 * x * (1.0 + tanh(inner(x)))),
            Curve::Silu => mapped(x, |x| x * logistic(x)),
            Curve::HardSwish => mapped(x, |x| x * (x / 6.0 + 0.5).clamp(0.0, 1.0)),
            Curve::Sigmoid => mapped(x, logistic),
        }
    }
}

struct Slopes<'n> {
    curve: Curve,
    numbers: &'n [f32],
    gradient: &'n [f32],
}

#[inline(always)]
fn scaled(numbers: &[f32], gradient: &[f32], slope: impl Fn(f32) -> f32) -> Vec<f32> {
    let mut all = Vec::with_capacity(numbers.len());
    append_pairs(&mut all, numbers, gradient, |x, g| g * slope(x));
    all
}

impl WithSimd for Slopes<'_> {
    type Output = Vec<f32>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) -> Vec<f32> {
        let (x, g) = (self.numbers, self.gradient);
        match self.curve {
            Curve::Clip { min, max } => scaled(x, g, |x| if x <= min || x >= max { 0.0 } else { 1.0 }),
            Curve::Gelu => scaled(x, g, |x| {
                let density = 0.398_942_3 * exp(-0.5 * x * x);
                normal(x) + x * density
            }),
            Curve::GeluTanh => scaled(x, g, |x| {
                let bent = tanh(inner(x));
                0.5 * (1.0 + bent) + 0.5 * x * (1.0 - bent * bent) * ROOT * (1.0 + 3.0 * CUBE * x * x)
            }),
            Curve::Silu => scaled(x, g, |x| {
                let part = logistic(x);
                part * (1.0 + x * (1.0 - part))
            }),
            Curve::HardSwish => scaled(x, g, |x| {
                let inside = x / 3.0 + 0.5;
                if x <= -3.0 {
                    0.0
                } else if x >= 3.0 {
                    1.0
                } else {
                    inside
                }
            }),
            Curve::Sigmoid => scaled(x, g, |x| {
                let part = logistic(x);
                part * (1.0 - part)
            }),
        }
    }
}

#[derive(Debug)]
struct ActivationBackward;

impl Backward<Flex, 1> for ActivationBackward {
    type State = (Curve, Plain);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let ([node], (curve, x)) = (ops.parents, ops.state);
        let gradient = contiguous(grads.consume::<Flex>(&ops.node));
        if let Some(node) = node {
            let slopes = Slopes { curve, numbers: numbers(&x), gradient: numbers(&gradient) };
            grads.register::<Flex>(node.id, plain(Arch::new().dispatch(slopes), &x.shape()));
        }
    }
}
