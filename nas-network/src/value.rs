//! Values of a network with any number of axes. The type of burn's tensors fixes theirs.

use burn::tensor::{Shape, Tensor};

/// The value of one step for a batch. The first axis of every tensor is the batch; that of a `Weight` has size 1 and
/// broadcasts.
#[derive(Clone)]
pub enum Value {
    /// A number that is the same for every example.
    Scalar(f64),
    /// `[batch, features]`.
    Flat(Tensor<2>),
    /// `[batch, positions, features]` or `[batch, channels, length]`.
    Rows(Tensor<3>),
    /// `[batch, channels, height, width]`.
    Map(Tensor<4>),
    /// The batch and four more axes.
    Four(Tensor<5>),
    /// The batch and five more axes.
    Five(Tensor<6>),
    /// The batch and six more axes.
    Six(Tensor<7>),
    /// The batch and seven more axes.
    Seven(Tensor<8>),
    /// The batch and eight more axes, the most that a value can have.
    Eight(Tensor<9>),
}

/// Evaluates one expression for a tensor of any rank. The result may have any type; for a scalar it is `$scalar`.
#[macro_export]
macro_rules! each_tensor {
    ($value:expr, $x:ident => $result:expr, $number:ident => $scalar:expr) => {
        match $value {
            $crate::Value::Scalar($number) => $scalar,
            $crate::Value::Flat($x) => $result,
            $crate::Value::Rows($x) => $result,
            $crate::Value::Map($x) => $result,
            $crate::Value::Four($x) => $result,
            $crate::Value::Five($x) => $result,
            $crate::Value::Six($x) => $result,
            $crate::Value::Seven($x) => $result,
            $crate::Value::Eight($x) => $result,
        }
    };
}

/// Maps a tensor of any rank to a tensor. A scalar stays as it is, since only arithmetic accepts scalars.
#[macro_export]
macro_rules! each_rank {
    ($value:expr, $x:ident => $result:expr) => {
        $crate::each_tensor!($value, $x => $crate::Value::from($result), number => $crate::Value::Scalar(number))
    };
}

/// Maps two tensors of the same rank to one tensor.
macro_rules! each_pair {
    ($pair:expr, ($a:ident, $b:ident) => $result:expr) => {
        match $pair {
            (Value::Flat($a), Value::Flat($b)) => Value::from($result),
            (Value::Rows($a), Value::Rows($b)) => Value::from($result),
            (Value::Map($a), Value::Map($b)) => Value::from($result),
            (Value::Four($a), Value::Four($b)) => Value::from($result),
            (Value::Five($a), Value::Five($b)) => Value::from($result),
            (Value::Six($a), Value::Six($b)) => Value::from($result),
            (Value::Seven($a), Value::Seven($b)) => Value::from($result),
            (Value::Eight($a), Value::Eight($b)) => Value::from($result),
            _ => unreachable!("both have been brought to the same number of axes"),
        }
    };
}

pub(super) use each_pair;
pub(crate) use {each_rank, each_tensor};

macro_rules! from_tensor {
    ($($rank:literal => $case:ident),*) => {
        $(impl From<Tensor<$rank>> for Value {
            fn from(tensor: Tensor<$rank>) -> Self {
                Self::$case(tensor)
            }
        })*
    };
}

from_tensor!(2 => Flat, 3 => Rows, 4 => Map, 5 => Four, 6 => Five, 7 => Six, 8 => Seven, 9 => Eight);

impl Value {
    /// The value outside the gradient graph.
    pub fn without_autodiff(self) -> Self {
        each_rank!(self, x => x.without_autodiff())
    }

    /// A tensor as a value with these sizes, the batch first.
    pub fn new<const D: usize>(x: Tensor<D>, dims: &[usize]) -> Self {
        let shape = Shape::from(dims.to_vec());
        match dims.len() {
            0 | 1 => unreachable!("the batch and at least one axis"),
            2 => Self::Flat(x.reshape(shape)),
            3 => Self::Rows(x.reshape(shape)),
            4 => Self::Map(x.reshape(shape)),
            5 => Self::Four(x.reshape(shape)),
            6 => Self::Five(x.reshape(shape)),
            7 => Self::Six(x.reshape(shape)),
            8 => Self::Seven(x.reshape(shape)),
            _ => Self::Eight(x.reshape(shape)),
        }
    }

    /// The sizes of all axes, the batch first; empty for a scalar.
    pub fn dims(&self) -> Vec<usize> {
        each_tensor!(self, x => x.dims().to_vec(), _number => Vec::new())
    }

    /// The number of examples in the batch; 1 for a scalar.
    pub fn batch(&self) -> usize {
        self.dims().first().copied().unwrap_or(1)
    }

    /// The same numbers with other sizes, the batch first.
    pub fn reshape(self, dims: &[usize]) -> Self {
        if self.dims() == dims {
            return self;
        }
        each_tensor!(self, x => Self::new(x, dims), number => Self::Scalar(number))
    }

    /// The same numbers as a tensor with these sizes.
    pub fn tensor<const D: usize>(self, dims: [usize; D]) -> Tensor<D> {
        each_tensor!(self, x => x.reshape(dims), _number => unreachable!("graph checks rule out scalars here"))
    }

    /// The value with `axes` axes beside the batch: axes of size 1 are inserted before the others.
    fn with_axes(self, axes: usize) -> Self {
        let dims = self.dims();
        let Some((&batch, sizes)) = dims.split_first().filter(|(_, sizes)| sizes.len() < axes) else { return self };
        self.reshape(&[&[batch], &vec![1; axes - sizes.len()][..], sizes].concat())
    }
}

/// Gives two values the same number of axes, aligned at the end as numpy does. Scalars stay as they are.
pub fn aligned(a: Value, b: Value) -> (Value, Value) {
    let axes = a.dims().len().max(b.dims().len()).saturating_sub(1);
    (a.with_axes(axes), b.with_axes(axes))
}

/// The sizes of two tensors that broadcast against each other: the larger one on every axis.
pub fn common<const D: usize>(a: &Tensor<D>, b: &Tensor<D>) -> [usize; D] {
    let (a, b) = (a.dims(), b.dims());
    std::array::from_fn(|at| a[at].max(b[at]))
}
