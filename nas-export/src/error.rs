//! The error of an export.

use std::io;
use std::path::Path;

use nas_api::file::FileError;
use nas_api::graph::GraphError;

/// Why a network cannot be exported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The graph is invalid, or the format cannot express it.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// A file cannot be read or written.
    #[error("cannot access '{path}': {source}")]
    Access {
        /// The file.
        path: String,
        /// What the system reported.
        source: io::Error,
    },
    /// The weights belong to another network, or their file is damaged.
    #[error("'{origin}' does not hold the weights of this network: {problem}")]
    Weights {
        /// The file.
        origin: String,
        /// How the file differs from what the network needs.
        problem: String,
    },
}

impl ExportError {
    /// The error for a file that cannot be read or written.
    pub fn access(path: &Path, source: io::Error) -> Self {
        Self::Access { path: path.display().to_string(), source }
    }
}

impl From<FileError> for ExportError {
    fn from(error: FileError) -> Self {
        Self::access(&error.path, error.source)
    }
}
