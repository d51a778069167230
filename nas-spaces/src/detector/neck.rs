//! The neck: a pyramid of maps with equal channels, each half as large as the previous one.

use nas_api::graph::builder::ints;
use nas_api::{GraphBuilder, NodeId};

use super::kernel::Kernel;
use crate::blocks::conv;

/// The number of maps of the backbone that the neck reads: C3, C4 and C5.
pub const MAPS: usize = 3;
/// The number of the finest level. Level n has stride 2ⁿ with the ImageNet stem.
const FIRST_LEVEL: usize = 3;

/// A map with its height and width.
#[derive(Clone, Copy, Debug)]
pub struct Map {
    pub value: NodeId,
    pub sides: [i64; 2],
}

/// A neck.
#[derive(Clone, Debug)]
pub struct Neck {
    /// Whether a pass from fine to coarse (PAN) follows the one from coarse to fine (FPN).
    pub bottom_up: bool,
    /// The channels of all levels.
    pub width: i64,
    pub kernel: Kernel,
    /// The number of levels that are coarser than the maps of the backbone.
    pub extra: u32,
}

impl Neck {
    /// Builds the neck and returns name and value of every level, from P3 on.
    pub fn build(&self, graph: &mut GraphBuilder, maps: [Map; MAPS]) -> Vec<(String, NodeId)> {
        let mut levels = self.top_down(graph, maps);
        if self.bottom_up {
            self.bottom_up(graph, &mut levels);
        }
        let mut last = levels[MAPS - 1];
        let mut levels = levels.to_vec();
        for extra in 0..self.extra as usize {
            let name = level(MAPS + extra);
            if extra > 0 {
                last = graph.op(format!("neck.{name}.relu"), "Relu", &[last]);
            }
            last = self.kernel.apply(graph, &format!("neck.{name}"), last, self.width, 2);
            levels.push(last);
        }
        (0..).map(level).zip(levels).collect()
    }

    /// The FPN of Lin et al. 2017, section 3: each coarser map is enlarged and added to the next finer one.
    fn top_down(&self, graph: &mut GraphBuilder, maps: [Map; MAPS]) -> [NodeId; MAPS] {
        let mut levels = maps.map(|map| map.value);
        let mut coarser: Option<NodeId> = None;
        for (at, map) in maps.iter().enumerate().rev() {
            let name = format!("neck.{}", level(at));
            let mut value = graph.convolve(format!("{name}.inner"), map.value, conv(self.width, 1, 1).bias());
            if let Some(coarser) = coarser {
                let larger = enlarge(graph, &name, coarser, maps[at + 1].sides, map.sides);
                value = graph.add(format!("{name}.sum"), value, larger);
            }
            coarser = Some(value);
            levels[at] = self.kernel.apply(graph, &format!("{name}.out"), value, self.width, 1);
        }
        levels
    }

    /// The PAN of Liu et al. 2018, section 3.1: each finer map is halved and added to the next coarser one. The finest
    /// level is unchanged.
    fn bottom_up(&self, graph: &mut GraphBuilder, levels: &mut [NodeId; MAPS]) {
        for at in 1..MAPS {
            let name = format!("neck.up.{}", level(at));
            let down = self.kernel.apply(graph, &format!("{name}.down"), levels[at - 1], self.width, 2);
            let down = graph.op(format!("{name}.down.relu"), "Relu", &[down]);
            let sum = graph.add(format!("{name}.sum"), levels[at], down);
            let out = self.kernel.apply(graph, &format!("{name}.out"), sum, self.width, 1);
            levels[at] = graph.op(format!("{name}.out.relu"), "Relu", &[out]);
        }
    }
}

/// The name of the level at an index; `p3` is the first.
fn level(at: usize) -> String {
    format!("p{}", FIRST_LEVEL + at)
}

/// Doubles the size by repeating each location, and cuts the end if the finer side is odd. Location i then reads
/// ⌊i / 2⌋, which equals the ⌊i · coarse / fine⌋ of a nearest-neighbour resize to the finer size.
fn enlarge(graph: &mut GraphBuilder, name: &str, from: NodeId, coarse: [i64; 2], fine: [i64; 2]) -> NodeId {
    let mut value = graph.node(format!("{name}.larger"), "Resize", &[from], vec![ints("scales", &[2, 2])]);
    for (axis, part) in [(0, "rows"), (1, "columns")] {
        if fine[axis] < 2 * coarse[axis] {
            value = graph.slice(format!("{name}.{part}"), value, 2 + axis as i64, 0, fine[axis]);
        }
    }
    value
}
