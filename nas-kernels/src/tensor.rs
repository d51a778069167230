//! Conversions between burn's tensors and slices of numbers.

use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::ops::{Backward, NodeGuard, OpsKind};
use burn::backend::ops::FloatTensorOps;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, AutodiffBackend, Flex, FlexDevice, TensorMetadata};
use burn::tensor::{DType, Tensor, TensorData};

/// A tensor on the CPU, without gradients.
pub type Plain = FloatTensor<Flex>;
/// The CPU backend with gradients.
pub type Recorded = Autodiff<Flex, NoCheckpointing>;
/// A tensor on the CPU whose gradient can be computed.
pub type Tracked = FloatTensor<Recorded>;

/// A tensor in single precision on the CPU, which is what these kernels compute.
pub enum FlexTensor {
    /// A tensor without gradients.
    Plain(Plain),
    /// A tensor that takes part in automatic differentiation.
    Tracked(Tracked),
}

impl FlexTensor {
    /// Returns `None` for a tensor on another device or in another precision.
    pub fn of<const D: usize>(tensor: &Tensor<D>) -> Option<Self> {
        if tensor.dtype() != DType::F32 {
            return None;
        }
        match tensor.clone().try_into_primitive::<Flex>() {
            Ok(tensor) => Some(Self::Plain(tensor)),
            Err(_) => tensor.clone().try_into_primitive::<Recorded>().ok().map(Self::Tracked),
        }
    }

    /// Like [`FlexTensor::of`], for a vector that may be missing. A missing vector becomes an empty one without a gradient.
    pub fn of_optional(vector: Option<&Tensor<1>>) -> Option<Self> {
        vector.map_or_else(|| Some(Self::Plain(plain(Vec::new(), &[0]))), Self::of)
    }

    /// Whether the tensor has no gradients.
    pub fn is_plain(&self) -> bool {
        matches!(self, Self::Plain(_))
    }

    /// The tensor in the backend with gradients, where a plain tensor is a constant.
    pub fn tracked(self) -> Tracked {
        match self {
            Self::Plain(tensor) => Recorded::from_inner(tensor),
            Self::Tracked(tensor) => tensor,
        }
    }
}

/// The tensor in row-major order, copied only if necessary.
pub fn contiguous(tensor: Plain) -> Plain {
    tensor.to_contiguous()
}

/// The numbers of a tensor that [`contiguous`] returned.
pub fn numbers(tensor: &Plain) -> &[f32] {
    tensor.as_slice::<f32>().unwrap_or_default()
}

/// A tensor with these numbers, in row-major order, and this shape.
pub fn plain(numbers: Vec<f32>, shape: &[usize]) -> Plain {
    Flex::float_from_data(TensorData::new(numbers, shape.to_vec()), &FlexDevice)
}

/// The size of each axis.
pub fn sizes<const D: usize>(tensor: &Plain) -> [usize; D] {
    tensor.shape().dims()
}

/// Makes an operator's output into a tensor. It records `state` for the backward pass, except where `plainly` says that
/// no input has gradients.
pub fn output<O: Backward<Flex, N>, const N: usize, const D: usize>(
    operator: O,
    nodes: [NodeGuard; N],
    plainly: bool,
    state: O::State,
    output: Plain,
) -> Tensor<D> {
    if plainly {
        return Tensor::from_primitive::<Flex>(output);
    }
    Tensor::from_primitive::<Recorded>(match operator.prepare::<NoCheckpointing>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => prepared.finish(state, output),
        OpsKind::UnTracked(prepared) => prepared.finish(output),
    })
}
