//! What can go wrong.

use std::path::PathBuf;

use nas_api::graph::GraphError;
use nas_export::ExportError;

/// Why there is no latency.
#[derive(Debug, thiserror::Error)]
pub enum LatencyError {
    /// The network is not valid for its task.
    #[error("the network is not valid: {0}")]
    Graph(#[from] GraphError),
    /// It cannot be written for the runtime.
    #[error("the network cannot be written for the runtime: {0}")]
    Export(#[from] ExportError),
    /// There is no runtime here.
    #[error("{problem}\n  help: {remedy}")]
    NoRuntime {
        /// What is missing.
        problem: String,
        /// What to install or set.
        remedy: &'static str,
    },
    /// The runtime does not take the network.
    #[error("{runtime} does not run it: {problem}")]
    Refused {
        /// Its name.
        runtime: String,
        /// Its own words.
        problem: String,
    },
    /// A table cannot be used.
    #[error("{}: {problem}", .path.display())]
    Table {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the line.
        problem: String,
    },
    /// A table lacks operators of the network.
    #[error(
        "the table lacks {count} of its operators, the first is {first}\n  help: `nas latency cost-table` adds what a space \
         needs; give it the input and the settings of the task for which networks are built"
    )]
    Lacking {
        /// How many.
        count: usize,
        /// The first, as tables write it.
        first: String,
    },
}
