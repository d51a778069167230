//! The error of a drawing.

use nas_api::graph::GraphError;

/// Why a network cannot be drawn.
#[derive(Debug, thiserror::Error)]
pub enum DrawError {
    /// The graph is invalid.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// The drawing would have too many boxes to be read.
    #[error(
        "the network has {nodes} nodes and is still {boxes} boxes{} after folding; at most {most} can be read\n  \
         help: draw a smaller network of the space, or name repeated parts alike, as in block1.conv, block2.conv",
        within(.place)
    )]
    TooLarge {
        /// The number of nodes of the network.
        nodes: usize,
        /// The number of boxes, or a lower bound of it.
        boxes: usize,
        /// The group of nodes that has them; empty for the whole network.
        place: String,
        /// The largest number of boxes.
        most: usize,
    },
    /// The layout or the renderer failed.
    #[error("the picture cannot be made: {0}\n  help: this is a defect of nas")]
    Broken(String),
}

fn within(place: &str) -> String {
    if place.is_empty() { String::new() } else { format!(" within '{place}'") }
}

impl From<graphlay::LayoutError> for DrawError {
    fn from(error: graphlay::LayoutError) -> Self {
        Self::Broken(error.to_string())
    }
}
