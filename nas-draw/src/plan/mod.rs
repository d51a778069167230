//! Which boxes a picture has: the network with everything folded, and one drawing for every block that occurs again.

mod build;
mod levels;
mod names;
mod tile;

use std::collections::HashMap;

use nas_api::graph::Shape;

use crate::fold::{Signatures, Tree};
use crate::kind::Kind;
use crate::{DrawError, Subject};

/// More boxes than this in one drawing nobody reads.
pub(crate) const MOST_BOXES: usize = 160;

/// One box.
#[derive(Clone, Debug)]
pub(crate) struct Tile {
    /// What it stands for, as the names have it; the same in another network for what stands in the same place.
    pub path: String,
    pub kind: Kind,
    /// A sign in a circle.
    pub round: bool,
    /// In bold.
    pub head: String,
    /// Below it.
    pub lines: Vec<String>,
    /// `decision = choice`, where the names say that a decision made it.
    pub choice: Option<String>,
    /// How many nodes of the network it stands for, all repetitions counted; 0 for the ends of a block.
    pub covers: usize,
    /// How often it occurs in a row.
    pub times: usize,
    /// The row is side by side.
    pub parallel: bool,
    /// The frame that it stands in.
    pub frame: Option<usize>,
    /// What a pointer on it shows.
    pub hint: String,
    /// Equal for boxes of the same content, in any network.
    pub content: u64,
    /// The block that it stands for.
    pub block: Option<usize>,
    /// Where a comparison marks it.
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

/// How often something occurs, behind its name.
pub(crate) fn often(times: usize, parallel: bool) -> String {
    match (times, parallel) {
        (1, _) => String::new(),
        (times, true) => format!(" ×{times} side by side"),
        (times, false) => format!(" ×{times}"),
    }
}

/// A value on its way.
#[derive(Clone, Debug)]
pub(crate) struct Edge {
    pub source: usize,
    pub target: usize,
    pub shape: Shape,
    /// Where a comparison marks it.
    pub differs: bool,
}

/// Boxes and arrows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Drawing {
    pub title: String,
    pub notes: Vec<String>,
    pub tiles: Vec<Tile>,
    pub frames: Vec<Frame>,
    pub edges: Vec<Edge>,
}

impl Drawing {
    /// The shape that most values of a block have, and that its arrows need not name.
    pub fn usual_shape(&self) -> Option<&Shape> {
        let mut counts: HashMap<&Shape, usize> = HashMap::new();
        self.edges.iter().for_each(|edge| *counts.entry(&edge.shape).or_default() += 1);
        let (shape, count) = counts.into_iter().max_by_key(|(_, count)| *count)?;
        (!self.title.is_empty() && count > 2 && 2 * count > self.edges.len()).then_some(shape)
    }

    /// Whether nothing in it is marked.
    pub fn is_same(&self) -> bool {
        !self.tiles.iter().any(|tile| tile.differs) && !self.edges.iter().any(|edge| edge.differs)
    }
}

/// Everything that one network's picture shows.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The whole network.
    pub whole: Drawing,
    /// The blocks that it refers to, the one that most of the network is made of first.
    pub blocks: Vec<Drawing>,
}

impl Plan {
    /// Folds the network. `shapes` are those of its nodes.
    pub fn of(subject: &Subject<'_>, shapes: &[Shape]) -> Result<Self, DrawError> {
        let tree = Tree::of(subject.graph);
        let signatures = Signatures::of(&tree, shapes);
        let mut levels = levels::Levels::new(&tree, &signatures);
        levels.choose_blocks();
        build::Builder::new(subject, shapes, levels).plan()
    }
}
