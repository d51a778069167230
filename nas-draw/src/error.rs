//! Why there is no picture.

use nas_api::graph::GraphError;

/// Why a network cannot be drawn.
#[derive(Debug, thiserror::Error)]
pub enum DrawError {
    /// The graph is no network.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// Nobody could read it.
    #[error(
        "the network has {nodes} nodes and is still {boxes} boxes{} after folding; at most {most} can be read\n  \
         help: draw a smaller network of the space, or name repeated parts alike, as in block1.conv, block2.conv",
        within(.place)
    )]
    TooLarge {
        /// Nodes of the network.
        nodes: usize,
        /// Boxes, or their least number.
        boxes: usize,
        /// The part of the network; empty for the whole.
        place: String,
        /// Boxes at most.
        most: usize,
    },
    /// The layout or the renderer gave up.
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
