//! Values of a network, of any number of axes: burn's tensors have theirs in their type.

use burn::tensor::{Shape, Tensor};

/// The value of one step for a batch. The first axis of every tensor is the batch; that of a `Weight` is 1, which
/// broadcasts.
#[derive(Clone)]
pub enum Value {
    /// The same for every example.
    Scalar(f64),
    /// `[batch, features]`.
    Flat(Tensor<2>),
    /// `[batch, positions, features]` or `[batch, channels, length]`.
    Rows(Tensor<3>),
    /// `[batch, channels, height, width]`.
    Map(Tensor<4>),
    /// Four axes and the batch.
    Four(Tensor<5>),
    /// Five axes and the batch.
    Five(Tensor<6>),
    /// Six axes and the batch.
    Six(Tensor<7>),
    /// Seven axes and the batch.
    Seven(Tensor<8>),
    /// Eight axes and the batch: no value has more.
    Eight(Tensor<9>),
}

/// Evaluates one expression for a tensor of any rank; the result may have any type, and is `$scalar` for a scalar.
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

/// Evaluates one expression for a tensor of any rank, which gives a tensor. Scalars stay: arithmetic alone takes them.
#[macro_export]
macro_rules! each_rank {
    ($value:expr, $x:ident => $result:expr) => {
        $crate::each_tensor!($value, $x => $crate::Value::from($result), number => $crate::Value::Scalar(number))
    };
}

/// The same expression for two tensors of the same rank, which gives a tensor.
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
    /// Outside the graph of gradients.
    pub fn without_autodiff(self) -> Self {
        each_rank!(self, x => x.without_autodiff())
    }

    /// A tensor under these sizes, the batch first.
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

    /// Its sizes, the batch first; none of a scalar.
    pub fn dims(&self) -> Vec<usize> {
        each_tensor!(self, x => x.dims().to_vec(), _number => Vec::new())
    }

    /// Examples in the batch.
    pub fn batch(&self) -> usize {
        self.dims().first().copied().unwrap_or(1)
    }

    /// The same numbers under other sizes, the batch first.
    pub fn reshape(self, dims: &[usize]) -> Self {
        if self.dims() == dims {
            return self;
        }
        each_tensor!(self, x => Self::new(x, dims), number => Self::Scalar(number))
    }

    /// The same numbers as a tensor of these sizes.
    pub fn tensor<const D: usize>(self, dims: [usize; D]) -> Tensor<D> {
        each_tensor!(self, x => x.reshape(dims), _number => unreachable!("the graph has been checked: this is no scalar"))
    }

    /// With so many axes beside the batch: sizes of 1 come before the others.
    fn with_axes(self, axes: usize) -> Self {
        let dims = self.dims();
        let Some((&batch, sizes)) = dims.split_first().filter(|(_, sizes)| sizes.len() < axes) else { return self };
        self.reshape(&[&[batch], &vec![1; axes - sizes.len()][..], sizes].concat())
    }
}

/// Two values with the same number of axes, as numpy aligns them: at the end. Scalars stay.
pub fn aligned(a: Value, b: Value) -> (Value, Value) {
    let axes = a.dims().len().max(b.dims().len()).saturating_sub(1);
    (a.with_axes(axes), b.with_axes(axes))
}

/// The sizes that two tensors have together; those of one are 1 where they differ.
pub fn common<const D: usize>(a: &Tensor<D>, b: &Tensor<D>) -> [usize; D] {
    let (a, b) = (a.dims(), b.dims());
    std::array::from_fn(|at| a[at].max(b[at]))
}
