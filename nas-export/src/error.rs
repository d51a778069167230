//! Why a network cannot be exported.

use std::io;
use std::path::Path;

use nas_api::graph::GraphError;

/// What went wrong, where, and what can be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The graph is no network, or one that the format cannot say.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// A file cannot be read or written.
    #[error("cannot access '{path}': {source}")]
    Access {
        /// The file.
        path: String,
        /// Why not.
        source: io::Error,
    },
    /// The weights are not those of this network.
    #[error("'{origin}' does not hold the weights of this network: {problem}")]
    Weights {
        /// The file.
        origin: String,
        /// What is wrong.
        problem: String,
    },
}

impl ExportError {
    /// A file that cannot be read or written.
    pub fn access(path: &Path, source: io::Error) -> Self {
        Self::Access { path: path.display().to_string(), source }
    }
}
