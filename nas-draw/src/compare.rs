//! Compares two networks.

use std::collections::{HashMap, HashSet};

use crate::Subject;
use crate::plan::{Drawing, Plan};

/// The largest number of decisions that are listed.
const MAX_LISTED: usize = 12;

/// Marks the boxes and arrows of each network that the other lacks in the same place.
pub(crate) fn mark(one: &mut Plan, other: &mut Plan) {
    let (left, right) = (Contents::of(one), Contents::of(other));
    left.mark_missing(other);
    right.mark_missing(one);
}

/// What a network has in each place.
struct Contents {
    /// Content and repetitions of boxes by their path.
    tiles: HashMap<String, HashSet<(u64, usize)>>,
    /// The paths of the boxes that arrows connect.
    edges: HashSet<(String, String)>,
}

fn drawings(plan: &mut Plan) -> impl Iterator<Item = &mut Drawing> {
    std::iter::once(&mut plan.whole).chain(&mut plan.blocks)
}

impl Contents {
    fn of(plan: &mut Plan) -> Self {
        let mut contents = Self { tiles: HashMap::new(), edges: HashSet::new() };
        for drawing in drawings(plan) {
            for tile in &drawing.tiles {
                contents.tiles.entry(tile.path.clone()).or_default().insert((tile.content, tile.times));
            }
            let path = |tile: usize| drawing.tiles[tile].path.clone();
            contents.edges.extend(drawing.edges.iter().map(|edge| (path(edge.source), path(edge.target))));
        }
        contents
    }

    fn mark_missing(&self, plan: &mut Plan) {
        for drawing in drawings(plan) {
            for tile in &mut drawing.tiles {
                let same = self.tiles.get(&tile.path).is_some_and(|known| known.contains(&(tile.content, tile.times)));
                tile.differs = !same;
            }
            for edge in &mut drawing.edges {
                let path = |tile: usize| drawing.tiles[tile].path.clone();
                edge.differs = !self.edges.contains(&(path(edge.source), path(edge.target)));
            }
        }
    }
}

/// Returns a line for each decision that differs.
pub(crate) fn different_decisions(one: &Subject<'_>, other: &Subject<'_>) -> Vec<String> {
    let theirs: HashMap<&str, &str> =
        other.choices.iter().map(|(decision, choice)| (decision.as_str(), choice.as_str())).collect();
    let ours: HashSet<&str> = one.choices.iter().map(|(decision, _)| decision.as_str()).collect();
    let mut lines = Vec::new();
    for (decision, choice) in &one.choices {
        match theirs.get(decision.as_str()) {
            Some(their) if their == choice => {}
            Some(their) => lines.push(format!("{decision}: {choice} left, {their} right")),
            None => lines.push(format!("{decision}: {choice} left, not made right")),
        }
    }
    let only = other.choices.iter().filter(|(decision, _)| !ours.contains(decision.as_str()));
    lines.extend(only.map(|(decision, choice)| format!("{decision}: not made left, {choice} right")));
    if lines.len() > MAX_LISTED {
        let more = lines.len() - MAX_LISTED;
        lines.truncate(MAX_LISTED);
        lines.push(format!("and {more} more"));
    }
    if lines.is_empty() && one.choices.len() + other.choices.len() > 0 {
        lines.push("no decision differs".to_owned());
    }
    lines
}
