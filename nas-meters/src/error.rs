//! Errors of latency measurements.

use std::path::PathBuf;

use nas_api::graph::GraphError;
use nas_export::ExportError;

/// Why a latency cannot be measured or predicted.
#[derive(Debug, thiserror::Error)]
pub enum LatencyError {
    /// The network is not valid for its task.
    #[error("the network is not valid: {0}")]
    Graph(#[from] GraphError),
    /// The network cannot be written in the runtime's format.
    #[error("the network cannot be written for the runtime: {0}")]
    Export(#[from] ExportError),
    /// The runtime is not installed, or cannot be loaded.
    #[error("{problem}\n  help: {remedy}")]
    NoRuntime {
        /// What is missing.
        problem: String,
        /// What to install or set.
        remedy: &'static str,
    },
    /// The runtime does not run the network.
    #[error("{runtime} does not run the network: {problem}")]
    Refused {
        /// The runtime's name.
        runtime: String,
        /// The runtime's message.
        problem: String,
    },
    /// A cost table cannot be used.
    #[error("{}: {problem}", .path.display())]
    Table {
        /// The file.
        path: PathBuf,
        /// What is wrong, and in which line.
        problem: String,
    },
    /// A cost table lacks operators of the network, and cannot estimate their costs.
    #[error(
        "the cost table lacks {count} of the network's operators; the first is {first}\n  help: `nas latency \
         cost-table` adds what a space needs; give it the input and the settings of the task for which networks are \
         built"
    )]
    Lacking {
        /// Number of operators that are lacking.
        count: usize,
        /// The first of them, as in [`Unit::text`](crate::Unit::text).
        first: String,
    },
}
