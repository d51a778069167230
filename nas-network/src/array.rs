//! Named arrays: weights, running statistics and gradients outside burn.

/// Numbers with a name and a shape, in the layout of ONNX and PyTorch.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// `<node>.weight`, `<node>.bias`, `<node>.running_mean`, `<node>.running_var`.
    pub name: String,
    /// That of [`nas_api::graph::weights::Slot`].
    pub shape: Vec<usize>,
    /// In row-major order.
    pub values: Vec<f32>,
}

/// Why arrays are not the weights of a network.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArrayError {
    /// A weight without an array.
    #[error("there is no array '{0}': these are the weights of another network")]
    Missing(String),
    /// An array of another shape.
    #[error("the array '{name}' has the shape {found:?}, not {expected:?}: these are the weights of another network")]
    Shape {
        /// The array.
        name: String,
        /// Its shape.
        found: Vec<usize>,
        /// The network's shape.
        expected: Vec<usize>,
    },
    /// burn would not give its numbers.
    #[error("burn cannot give the numbers of '{name}': {reason}")]
    Tensor {
        /// The array.
        name: String,
        /// What burn says.
        reason: String,
    },
}
