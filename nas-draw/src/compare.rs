//! What one network has and another has not.

use std::collections::{HashMap, HashSet};

use crate::Subject;
use crate::plan::{Drawing, Plan};

/// Decisions that are named.
const MOST: usize = 12;

/// Marks boxes and arrows of each network that the other has not in the same place.
pub(crate) fn mark(one: &mut Plan, other: &mut Plan) {
    let (left, right) = (Known::of(one), Known::of(other));
    left.mark_missing(other);
    right.mark_missing(one);
}

struct Known {
    tiles: HashMap<String, HashSet<(u64, usize)>>,
    edges: HashSet<(String, String)>,
}

fn drawings(plan: &mut Plan) -> impl Iterator<Item = &mut Drawing> {
    std::iter::once(&mut plan.whole).chain(&mut plan.blocks)
}

impl Known {
    fn of(plan: &mut Plan) -> Self {
        let mut known = Self { tiles: HashMap::new(), edges: HashSet::new() };
        for drawing in drawings(plan) {
            for tile in &drawing.tiles {
                known.tiles.entry(tile.path.clone()).or_default().insert((tile.content, tile.times));
            }
            let path = |tile: usize| drawing.tiles[tile].path.clone();
            known.edges.extend(drawing.edges.iter().map(|edge| (path(edge.source), path(edge.target))));
        }
        known
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

/// The decisions that differ, in words.
pub(crate) fn words(one: &Subject<'_>, other: &Subject<'_>) -> Vec<String> {
    let theirs: HashMap<&str, &str> =
        other.choices.iter().map(|(decision, choice)| (decision.as_str(), choice.as_str())).collect();
    let ours: HashSet<&str> = one.choices.iter().map(|(decision, _)| decision.as_str()).collect();
    let mut words = Vec::new();
    for (decision, choice) in &one.choices {
        match theirs.get(decision.as_str()) {
            Some(their) if their == choice => {}
            Some(their) => words.push(format!("{decision}: {choice} left, {their} right")),
            None => words.push(format!("{decision}: {choice} left, not made right")),
        }
    }
    let only = other.choices.iter().filter(|(decision, _)| !ours.contains(decision.as_str()));
    words.extend(only.map(|(decision, choice)| format!("{decision}: not made left, {choice} right")));
    if words.len() > MOST {
        let more = words.len() - MOST;
        words.truncate(MOST);
        words.push(format!("and {more} more"));
    }
    if words.is_empty() && one.choices.len() + other.choices.len() > 0 {
        words.push("no decision differs".to_owned());
    }
    words
}
