//! What stands on one level of the drawing, and which of it repeats in a row.

use std::collections::HashMap;

use super::signature::Signatures;
use super::tree::{Item, Tree};
use crate::kind::{follows, leads};

/// Rows of more different units are not looked for.
const LONGEST: usize = 64;
/// So many equal single nodes in a row are drawn once.
const LEAST_NODES: usize = 3;

/// One item, or a chain of nodes that is drawn as one box.
#[derive(Clone, Debug)]
pub(crate) struct Unit {
    pub items: Vec<Item>,
}

/// A row of units that occurs `times` times, one after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    /// The first unit.
    pub start: usize,
    /// How many units repeat.
    pub period: usize,
    pub times: usize,
}

/// The items of a group, chains of nodes joined: what normalises, activates or drops out follows its convolution or
/// product, a constant goes with the only node that reads it.
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
    // A reader that is on this level takes its constants; all are read, so none is left.
    units
}

/// The units in rows: what repeats is one segment, everything else a segment of its own.
pub(crate) fn segments(tree: &Tree<'_>, signatures: &Signatures, units: &[Unit]) -> Vec<Segment> {
    let keys = keys(tree, signatures, units);
    let mut found = Vec::new();
    let mut start = 0;
    while start < units.len() {
        let mut best = Segment { start, period: 1, times: 1 };
        for period in 1..=LONGEST.min((units.len() - start) / 2) {
            if keys[start] != keys[start + period] {
                continue;
            }
            let equal = (start..units.len() - period).take_while(|&at| keys[at] == keys[at + period]).count();
            let times = equal / period + 1;
            let covers = |segment: &Segment| if segment.times > 1 { segment.period * segment.times } else { 0 };
            let here = Segment { start, period, times };
            if times > 1 && worth(tree, &units[start..start + period], times) && covers(&here) > covers(&best) {
                best = here;
            }
        }
        start += best.period * best.times;
        found.push(best);
    }
    found
}

/// Two equal convolutions say more than one with "×2".
fn worth(tree: &Tree<'_>, row: &[Unit], times: usize) -> bool {
    let nodes: usize = row.iter().flat_map(|unit| &unit.items).map(|item| tree.leaves(item).len()).sum();
    times >= LEAST_NODES || nodes >= 2 * LEAST_NODES
}

/// Equal for units that are built alike and read alike, seen from where they stand.
fn keys(tree: &Tree<'_>, signatures: &Signatures, units: &[Unit]) -> Vec<u32> {
    let mut places: HashMap<u32, (usize, u32)> = HashMap::new();
    for (at, unit) in units.iter().enumerate() {
        let outputs = unit.items.iter().flat_map(|item| tree.outputs(item));
        for (port, &output) in (0..).zip(outputs) {
            places.insert(output, (at, port));
        }
    }
    let mut known: HashMap<Vec<u64>, u32> = HashMap::new();
    let mut number = |(at, unit): (usize, &Unit)| {
        let mut key = Vec::new();
        for &item in &unit.items {
            key.extend([0, u64::from(signatures.exact(item))]);
            for input in tree.inputs(item) {
                match places.get(input) {
                    Some((source, port)) => key.extend([1, at.wrapping_sub(*source) as u64, u64::from(*port)]),
                    None => key.extend([2, u64::from(*input)]),
                }
            }
        }
        let next = known.len() as u32;
        *known.entry(key).or_insert(next)
    };
    units.iter().enumerate().map(&mut number).collect()
}
