//! Plans the boxes of a picture: the folded network, and a drawing for every block that repeats.

mod build;
mod levels;
mod names;
mod tile;

use std::collections::HashMap;

use nas_api::graph::Shape;

use crate::fold::{Signatures, Tree};
use crate::kind::Kind;
use crate::{DrawError, Subject};

/// The largest number of boxes in one drawing. More are not readable.
pub(crate) const MAX_BOXES: usize = 160;

/// One box.
#[derive(Clone, Debug)]
pub(crate) struct Tile {
    /// The name of the node or group that it stands for. Equal paths are the same place in two networks.
    pub path: String,
    pub kind: Kind,
    /// Whether it is a circle with a sign.
    pub round: bool,
    /// The first line, which is bold.
    pub head: String,
    /// The lines below it.
    pub lines: Vec<String>,
    /// `decision = choice`, if the name contains that of a decision.
    pub choice: Option<String>,
    /// How many nodes it stands for in all repetitions; 0 for the inputs and outputs of a block.
    pub covers: usize,
    /// How often it repeats in a row.
    pub times: usize,
    /// Whether the repetitions are side by side.
    pub parallel: bool,
    /// The position of the frame around it.
    pub frame: Option<usize>,
    /// The text that a pointer on it shows.
    pub tooltip: String,
    /// A hash that is equal for boxes with the same content, in any network.
    pub content: u64,
    /// The number of the block that it refers to.
    pub block: Option<usize>,
    /// Whether a comparison marks it.
    pub differs: bool,
}

/// A group that is drawn around its boxes.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub label: String,
    pub times: usize,
    pub parallel: bool,
    pub frame: Option<usize>,
}

/// Returns the number of repetitions as a suffix of a name.
pub(crate) fn repetitions(times: usize, parallel: bool) -> String {
    match (times, parallel) {
        (1, _) => String::new(),
        (times, true) => format!(" ×{times} side by side"),
        (times, false) => format!(" ×{times}"),
    }
}

/// An arrow: a value that one box passes to another.
#[derive(Clone, Debug)]
pub(crate) struct Edge {
    pub source: usize,
    pub target: usize,
    pub shape: Shape,
    /// Whether a comparison marks it.
    pub differs: bool,
}

/// The boxes and arrows of the network or of a block.
#[derive(Clone, Debug, Default)]
pub(crate) struct Drawing {
    pub title: String,
    pub notes: Vec<String>,
    pub tiles: Vec<Tile>,
    pub frames: Vec<Frame>,
    pub edges: Vec<Edge>,
}

impl Drawing {
    /// Returns the shape that most values of a block have, with which its arrows are not labelled.
    pub fn usual_shape(&self) -> Option<&Shape> {
        let mut counts: HashMap<&Shape, usize> = HashMap::new();
        self.edges.iter().for_each(|edge| *counts.entry(&edge.shape).or_default() += 1);
        let (shape, count) = counts.into_iter().max_by_key(|(_, count)| *count)?;
        (!self.title.is_empty() && count > 2 && 2 * count > self.edges.len()).then_some(shape)
    }

    /// Whether a comparison marks nothing in it.
    pub fn is_same(&self) -> bool {
        !self.tiles.iter().any(|tile| tile.differs) && !self.edges.iter().any(|edge| edge.differs)
    }
}

/// The drawings of a network.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The whole network.
    pub whole: Drawing,
    /// The blocks that it refers to, those with the most nodes of the network first.
    pub blocks: Vec<Drawing>,
}

impl Plan {
    /// Folds the network, whose nodes have these shapes.
    ///
    /// # Errors
    /// Fails if a drawing would have too many boxes, or there would be too many drawings.
    pub fn of(subject: &Subject<'_>, shapes: &[Shape]) -> Result<Self, DrawError> {
        let tree = Tree::of(subject.graph);
        let signatures = Signatures::of(&tree, shapes);
        let mut levels = levels::Levels::new(&tree, &signatures);
        levels.choose_blocks();
        build::Builder::new(subject, shapes, levels).plan()
    }
}
