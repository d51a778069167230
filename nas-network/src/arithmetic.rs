//! Arithmetic on two values, with broadcasting, and matrix products.

use burn::tensor::{Tensor, module};

use super::value::{Value, aligned, common, each_pair, each_rank};

/// A function of two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arithmetic {
    Add,
    Sub,
    Mul,
    Div,
    Pow,
    Max,
    Min,
}

impl Arithmetic {
    /// The operator with this name, if it is one of these.
    pub fn of(op: &str) -> Option<Self> {
        Some(match op {
            "Add" => Self::Add,
            "Sub" => Self::Sub,
            "Mul" => Self::Mul,
            "Div" => Self::Div,
            "Pow" => Self::Pow,
            "Max" => Self::Max,
            "Min" => Self::Min,
            _ => return None,
        })
    }

    /// Computes the function for two values, which broadcast as in numpy, on shapes without the batch.
    pub fn apply(self, a: Value, b: Value) -> Value {
        match aligned(a, b) {
            (value, Value::Scalar(number)) => each_rank!(value, x => self.with_number(x, number)),
            (Value::Scalar(number), value) => each_rank!(value, x => self.of_number(number, x)),
            pair => each_pair!(pair, (a, b) => self.of_tensors(a, b)),
        }
    }

    fn of_tensors<const D: usize>(self, a: Tensor<D>, b: Tensor<D>) -> Tensor<D> {
        match self {
            Self::Add => a + b,
            Self::Sub => a - b,
            Self::Mul => a * b,
            Self::Div => a / b,
            // burn requires tensors of the same sizes for these.
            Self::Pow | Self::Max | Self::Min => {
                let dims = common(&a, &b);
                let (a, b) = (expanded(a, dims), expanded(b, dims));
                match self {
                    Self::Pow => a.powf(b),
                    Self::Max => a.max_pair(b),
                    _ => a.min_pair(b),
                }
            }
        }
    }

    fn with_number<const D: usize>(self, x: Tensor<D>, number: f64) -> Tensor<D> {
        match self {
            Self::Add => x.add_scalar(number),
            Self::Sub => x.sub_scalar(number),
            // Spaces use this for "no connection": nothing flows through it, forward or backward.
            Self::Mul if number == 0.0 => x.zeros_like(),
            Self::Mul => x.mul_scalar(number),
            Self::Div => x.div_scalar(number),
            Self::Pow => x.powf_scalar(number),
            Self::Max => x.clamp_min(number),
            Self::Min => x.clamp_max(number),
        }
    }

    fn of_number<const D: usize>(self, number: f64, x: Tensor<D>) -> Tensor<D> {
        match self {
            Self::Sub => x.neg().add_scalar(number),
            Self::Div => x.recip().mul_scalar(number),
            Self::Pow => x.full_like(number).powf(x),
            Self::Add | Self::Mul | Self::Max | Self::Min => self.with_number(x, number),
        }
    }
}

/// The tensor repeated along axes of size 1 up to these sizes.
pub fn expanded<const D: usize>(x: Tensor<D>, dims: [usize; D]) -> Tensor<D> {
    if x.dims() == dims { x } else { x.expand(dims) }
}

/// The matrix products `[.., m, k]` × `[.., k, n]`.
pub fn product(a: Value, b: Value) -> Value {
    each_pair!(aligned(a, b), (a, b) => matrices(a, b))
}

fn matrices<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> Tensor<D> {
    let dims = b.dims();
    if dims[..D - 2].iter().all(|&size| size == 1) {
        // There is one matrix for all examples, so all rows go through it at once.
        return module::linear(a, b.reshape([dims[D - 2], dims[D - 1]]), None);
    }
    a.matmul(b)
}
