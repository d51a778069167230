//! Splits a group into units, and finds units that repeat in a row.

use std::collections::HashMap;

use super::signature::Signatures;
use super::tree::{Item, Tree};
use crate::kind::{follows, leads};

/// The largest number of units that may repeat together.
const MAX_PERIOD: usize = 64;
/// The smallest number of equal nodes in a row that are drawn as one box.
const MIN_NODES: usize = 3;

/// One item, or a chain of nodes that is drawn as one box.
#[derive(Clone, Debug)]
pub(crate) struct Unit {
    pub items: Vec<Item>,
}

/// A row of units that occurs `times` times, one after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    /// The position of the first unit.
    pub start: usize,
    /// How many units repeat together.
    pub period: usize,
    /// How often they occur.
    pub times: usize,
    /// Whether the repetitions are side by side: they read the same values, and the same nodes read them.
    pub parallel: bool,
}

/// Returns the units of a group. A normalisation, activation or dropout joins the convolution or product that it
/// follows, and a constant joins the only node that reads it.
pub(crate) fn units(tree: &Tree<'_>, group: usize) -> Vec<Unit> {
    let items = &tree.groups[group].items;
    let nodes = &tree.graph.nodes;
    let position: HashMap<u32, usize> = items
        .iter()
        .enumerate()
        .filter_map(|(at, item)| match item {
            Item::Leaf(leaf) => Some((*leaf, at)),
            Item::Group(_) => None,
        })
        .collect();
    let returned = |leaf: u32| tree.returned[leaf as usize];
    let mut units: Vec<Unit> = Vec::with_capacity(items.len());
    let mut unit_of: HashMap<u32, usize> = HashMap::new();
    let mut constants: HashMap<u32, Vec<Item>> = HashMap::new();
    for &item in items {
        let Item::Leaf(leaf) = item else {
            units.push(Unit { items: vec![item] });
            continue;
        };
        let node = &nodes[leaf as usize];
        let reader = match tree.readers[leaf as usize][..] {
            [reader] if position.contains_key(&reader) && !returned(leaf) => Some(reader),
            _ => None,
        };
        if let ("Constant", Some(reader)) = (node.op.as_str(), reader) {
            constants.entry(reader).or_default().push(item);
            continue;
        }
        let mut own = constants.remove(&leaf).unwrap_or_default();
        own.push(item);
        let before = match node.inputs[..] {
            [input] if follows(&node.op) && tree.readers[input as usize].len() == 1 && !returned(input) => {
                let joins = |unit: &&usize| {
                    units[**unit].items.iter().any(|item| match item {
                        Item::Leaf(leaf) => leads(&nodes[*leaf as usize].op),
                        Item::Group(_) => false,
                    })
                };
                unit_of.get(&input).filter(joins).copied()
            }
            _ => None,
        };
        let unit = match before {
            Some(unit) => {
                units[unit].items.append(&mut own);
                unit
            }
            None => {
                units.push(Unit { items: own });
                units.len() - 1
            }
        };
        unit_of.insert(leaf, unit);
    }
    // Every constant here has its reader in this group, so the reader has taken it.
    units
}

/// Splits units into segments: repetitions are one segment, and every other unit is one of its own.
pub(crate) fn segments(tree: &Tree<'_>, signatures: &Signatures, units: &[Unit]) -> Vec<Segment> {
    let rows = Rows::of(tree, signatures, units);
    let mut found = Vec::new();
    let mut start = 0;
    while start < units.len() {
        let mut best = Segment { start, period: 1, times: 1, parallel: false };
        for period in 1..=MAX_PERIOD.min((units.len() - start) / 2) {
            let here = rows.row(start, period);
            let covers = |segment: &Segment| if segment.times > 1 { segment.period * segment.times } else { 0 };
            if covers(&here) > covers(&best) && is_worth_folding(tree, &units[start..start + period], here.times) {
                best = here;
            }
        }
        start += best.period * best.times;
        found.push(best);
    }
    found
}

/// Whether folding makes the drawing clearer: two equal convolutions are clearer than one with "×2".
fn is_worth_folding(tree: &Tree<'_>, row: &[Unit], times: usize) -> bool {
    let nodes: usize = row.iter().flat_map(|unit| &unit.items).map(|item| tree.leaves(item).len()).sum();
    times >= MIN_NODES || nodes >= 2 * MIN_NODES
}

/// Where a value comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    /// A unit of this level, by its position, and which of its values.
    Unit(usize, u32),
    /// A node outside of this level.
    Elsewhere(u32),
}

/// The units of a level in a form that can be compared.
struct Rows {
    /// A number for each unit, equal for units with the same structure.
    contents: Vec<u32>,
    /// Where the inputs of each unit come from.
    sources: Vec<Vec<Source>>,
    /// The positions of the units that read each one, ascending. `usize::MAX` stands for readers outside of this level.
    targets: Vec<Vec<usize>>,
}

impl Rows {
    fn of(tree: &Tree<'_>, signatures: &Signatures, units: &[Unit]) -> Self {
        let mut places: HashMap<u32, (usize, u32)> = HashMap::new();
        for (at, unit) in units.iter().enumerate() {
            let outputs = unit.items.iter().flat_map(|item| tree.outputs(item));
            for (port, &output) in (0..).zip(outputs) {
                places.insert(output, (at, port));
            }
        }
        let mut known: HashMap<Vec<u32>, u32> = HashMap::new();
        let mut rows = Self { contents: Vec::new(), sources: Vec::new(), targets: vec![Vec::new(); units.len()] };
        for unit in units {
            let key = unit.items.iter().map(|&item| signatures.exact(item)).collect();
            let next = known.len() as u32;
            rows.contents.push(*known.entry(key).or_insert(next));
            let inputs = unit.items.iter().flat_map(|item| tree.inputs(*item));
            let sources: Vec<Source> = inputs
                .map(|input| places.get(input).map_or(Source::Elsewhere(*input), |&(at, port)| Source::Unit(at, port)))
                .collect();
            rows.sources.push(sources);
        }
        let leaves =
            |unit: &'_ Unit| -> Vec<u32> { unit.items.iter().flat_map(|item| tree.leaves(item)).copied().collect() };
        let owners: HashMap<u32, usize> = units
            .iter()
            .enumerate()
            .flat_map(|(at, unit)| leaves(unit).into_iter().map(move |leaf| (leaf, at)))
            .collect();
        for (at, unit) in units.iter().enumerate() {
            let targets = &mut rows.targets[at];
            for &output in unit.items.iter().flat_map(|item| tree.outputs(item)) {
                let readers = tree.readers[output as usize].iter();
                targets.extend(readers.map(|reader| owners.get(reader).copied().unwrap_or(usize::MAX)));
                targets.extend(tree.returned[output as usize].then_some(usize::MAX));
            }
            targets.retain(|&target| target != at);
            targets.sort_unstable();
            targets.dedup();
        }
        rows
    }

    /// Returns the longest segment with this start and period. It has one repetition if nothing repeats.
    fn row(&self, start: usize, period: usize) -> Segment {
        let single = Segment { start, period, times: 1, parallel: false };
        if self.contents[start] != self.contents[start + period] {
            return single;
        }
        let parallel = !self.reads(start + period, period, start);
        let mut times = 1;
        while start + (times + 1) * period <= self.contents.len()
            && self.are_alike(start, start + (times - 1) * period, period, parallel)
        {
            times += 1;
        }
        // The picture shows a value that leaves the row as if all repetitions gave it, so they must.
        let end = start + times * period;
        let given = |turn: usize| -> Vec<usize> {
            let units = start + turn * period..start + (turn + 1) * period;
            let mut given: Vec<usize> = units.flat_map(|unit| &self.targets[unit]).copied().collect();
            given.retain(|&target| target >= end || target < start);
            given.sort_unstable();
            given.dedup();
            given
        };
        let all: Vec<Vec<usize>> = (0..times).map(given).collect();
        if parallel {
            times = all.iter().take_while(|given| **given == all[0]).count();
        } else if let Some(last) = all.last()
            && !all.iter().all(|given| given.iter().all(|target| last.contains(target)))
        {
            times = all.iter().position(|given| !given.is_empty()).map_or(times, |turn| turn + 1);
        }
        Segment { times, parallel, ..single }
    }

    /// Whether the repetition at `from` reads a unit between `first` and `from`.
    fn reads(&self, from: usize, period: usize, first: usize) -> bool {
        let sources = self.sources[from..from + period].iter().flatten();
        sources.into_iter().any(|source| matches!(source, Source::Unit(at, _) if (first..from).contains(at)))
    }

    /// Whether the repetition at `a` and the next one have the same structure and connections. In a sequence, the first
    /// ones may read from before the row where later ones read from the row.
    fn are_alike(&self, start: usize, a: usize, period: usize, parallel: bool) -> bool {
        let b = a + period;
        let same = |(ours, theirs): (&Source, &Source)| match (*ours, *theirs) {
            (Source::Unit(at, port), Source::Unit(its, other)) if at >= a || its >= b => {
                at + period == its && port == other
            }
            (ours, theirs) if ours == theirs => true,
            _ if parallel => false,
            (Source::Unit(at, port), Source::Unit(its, other)) if at + period == its && port == other => true,
            (Source::Unit(at, _), Source::Unit(its, _)) => at < start && its >= start,
            (Source::Elsewhere(_), Source::Unit(its, _)) => (start..b).contains(&its),
            _ => false,
        };
        (0..period).all(|unit| {
            let (ours, theirs) = (&self.sources[a + unit], &self.sources[b + unit]);
            self.contents[a + unit] == self.contents[b + unit]
                && ours.len() == theirs.len()
                && ours.iter().zip(theirs).all(same)
        })
    }
}
