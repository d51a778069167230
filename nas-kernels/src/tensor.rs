//! Burn's tensors as plain numbers, and back.

use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::ops::{Backward, NodeGuard, OpsKind};
use burn::backend::ops::FloatTensorOps;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, AutodiffBackend, Flex, FlexDevice, TensorMetadata};
use burn::tensor::{DType, Tensor, TensorData};

/// A tensor of the CPU.
pub type Plain = FloatTensor<Flex>;
/// The CPU, with gradients.
pub type Recorded = Autodiff<Flex, NoCheckpointing>;
/// A tensor of the CPU whose gradient may be wanted.
pub type Tracked = FloatTensor<Recorded>;

/// A tensor in single precision on the CPU, for which the kernels of this module are.
pub enum Ours {
    /// Without gradients.
    Plain(Plain),
    /// With them.
    Tracked(Tracked),
}

impl Ours {
    /// `None` where another device or another precision computes.
    pub fn of<const D: usize>(tensor: &Tensor<D>) -> Option<Self> {
        if tensor.dtype() != DType::F32 {
            return None;
        }
        match tensor.clone().try_into_primitive::<Flex>() {
            Ok(tensor) => Some(Self::Plain(tensor)),
            Err(_) => tensor.clone().try_into_primitive::<Recorded>().ok().map(Self::Tracked),
        }
    }

    /// A vector that may be missing; then it is empty, and nobody asks for its gradient.
    pub fn of_optional(vector: Option<&Tensor<1>>) -> Option<Self> {
        vector.map_or_else(|| Some(Self::Plain(plain(Vec::new(), &[0]))), Self::of)
    }

    /// Without gradients.
    pub fn is_plain(&self) -> bool {
        matches!(self, Self::Plain(_))
    }

    /// With gradients, if only in form.
    pub fn tracked(self) -> Tracked {
        match self {
            Self::Plain(tensor) => Recorded::from_inner(tensor),
            Self::Tracked(tensor) => tensor,
        }
    }
}

/// In row-major order.
pub fn contiguous(tensor: Plain) -> Plain {
    tensor.to_contiguous()
}

/// The numbers of a tensor that [`contiguous`] gave.
pub fn numbers(tensor: &Plain) -> &[f32] {
    tensor.as_slice::<f32>().unwrap_or_default()
}

/// A tensor of these numbers.
pub fn plain(numbers: Vec<f32>, shape: &[usize]) -> Plain {
    Flex::float_from_data(TensorData::new(numbers, shape.to_vec()), &FlexDevice)
}

/// Its sizes.
pub fn sizes<const D: usize>(tensor: &Plain) -> [usize; D] {
    tensor.shape().dims()
}

/// The output of an operator: recorded with what its backward pass needs, or plain where all of its inputs are.
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
