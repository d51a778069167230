//! Named arrays, the form that weights, running statistics and gradients have outside burn.

/// Numbers with a name and a shape, in the layout of ONNX and PyTorch.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// `<node>.weight`, `<node>.bias`, `<node>.running_mean`, `<node>.running_var`.
    pub name: String,
    /// The shape, as in [`nas_api::graph::weights::TensorSpec`].
    pub shape: Vec<usize>,
    /// The numbers in row-major order.
    pub values: Vec<f32>,
}

/// Why arrays cannot be a network's weights, or a network's weights cannot become arrays.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArrayError {
    /// A weight has no array.
    #[error("there is no array '{0}': these are the weights of another network")]
    Missing(String),
    /// An array has another shape than its weight.
    #[error("the array '{name}' has the shape {found:?}, not {expected:?}: these are the weights of another network")]
    Shape {
        /// The name of the array.
        name: String,
        /// The shape of the array.
        found: Vec<usize>,
        /// The network's shape.
        expected: Vec<usize>,
    },
    /// burn did not return a tensor's numbers.
    #[error("burn cannot return the numbers of '{name}': {reason}")]
    Tensor {
        /// The name of the array.
        name: String,
        /// The error that burn reports.
        reason: String,
    },
}
