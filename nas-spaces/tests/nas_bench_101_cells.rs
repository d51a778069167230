//! Counts the cells of NAS-Bench-101: all graphs up to the order of their inner vertices, with all operations.
#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::{HashMap, HashSet};

use nas_api::SearchSpace;
use nas_spaces::NasBench101;

const MAX_EDGES: u32 = 9;

/// All possible edges among this number of vertices, row by row as in the text of a cell.
fn pairs(vertices: usize) -> Vec<(usize, usize)> {
    (0..vertices).flat_map(|source| (source + 1..vertices).map(move |target| (source, target))).collect()
}

/// All permutations of `0..count`.
fn orders(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![Vec::new()];
    }
    let insert = |order: Vec<usize>| {
        (0..count).map(move |at| [&order[..at], &[count - 1], &order[at..]].concat()).collect::<Vec<_>>()
    };
    orders(count - 1).into_iter().flat_map(insert).collect()
}

/// The sets of edges, as bits in the order of [`pairs`], in which every vertex lies on a path from input to output. Of
/// sets that differ only in the order of inner vertices, it has the one with the least bits.
fn graphs(vertices: usize) -> Vec<u32> {
    let pairs = pairs(vertices);
    let bit: HashMap<(usize, usize), u32> = (0..).zip(&pairs).map(|(bit, &pair)| (pair, bit)).collect();
    // Every inner vertex moves to a new index; input and output keep theirs.
    let orders: Vec<Vec<usize>> = orders(vertices - 2)
        .into_iter()
        .map(|inner| [vec![0], inner.into_iter().map(|index| index + 1).collect(), vec![vertices - 1]].concat())
        .collect();
    let is_whole = |edges: u32| {
        let has = |source, target| bit.get(&(source, target)).is_some_and(|bit| edges >> bit & 1 == 1);
        // Edges go to higher vertices, so that a vertex with an incoming and an outgoing edge lies on a path.
        (0..vertices).all(|vertex| {
            (vertex == 0 || (0..vertex).any(|source| has(source, vertex)))
                && (vertex == vertices - 1 || (vertex + 1..vertices).any(|target| has(vertex, target)))
        })
    };
    let is_least = |edges: u32| {
        orders.iter().all(|order| {
            let mut moved = Some(0_u32);
            for (_, &(source, target)) in pairs.iter().enumerate().filter(|(at, _)| edges >> at & 1 == 1) {
                let target_bit = bit.get(&(order[source], order[target]));
                moved = moved.zip(target_bit).map(|(moved, bit)| moved | 1 << bit);
            }
            moved.is_none_or(|moved| edges <= moved)
        })
    };
    (0..1_u32 << pairs.len())
        .filter(|edges| edges.count_ones() <= MAX_EDGES && is_whole(*edges) && is_least(*edges))
        .collect()
}

/// The keys of all cells with this number of vertices.
fn keys(vertices: usize, space: &NasBench101) -> HashSet<String> {
    let count = pairs(vertices).len();
    let mut keys = HashSet::new();
    for edges in graphs(vertices) {
        let bits: String = (0..count).map(|bit| if edges >> bit & 1 == 1 { '1' } else { '0' }).collect();
        for number in 0..3_usize.pow(vertices as u32 - 2) {
            let operation = |at: usize| ['3', '1', 'm'][number / 3_usize.pow(at as u32) % 3];
            let operations: String = (0..vertices - 2).map(operation).collect();
            keys.insert(space.key(&space.parse(&format!("{bits}/{operations}")).unwrap()));
        }
    }
    keys
}

/// Two cells are equal if reordering the inner vertices with their operations turns one into the other.
#[test]
fn there_are_as_many_keys_as_small_cells() {
    let space = NasBench101::new();
    for vertices in 2..=5 {
        let pairs = pairs(vertices);
        let mut different = HashSet::new();
        for edges in graphs(vertices) {
            for number in 0..3_usize.pow(vertices as u32 - 2) {
                let operation = |vertex: usize| number / 3_usize.pow(vertex as u32 - 1) % 3;
                let images = orders(vertices - 2).into_iter().map(|inner| {
                    let moved = |vertex: usize| {
                        if vertex == 0 || vertex == vertices - 1 { vertex } else { inner[vertex - 1] + 1 }
                    };
                    let drawn = pairs.iter().enumerate().filter(|(bit, _)| edges >> bit & 1 == 1);
                    let mut drawn: Vec<(usize, usize)> =
                        drawn.map(|(_, &(source, target))| (moved(source), moved(target))).collect();
                    drawn.sort_unstable();
                    let mut named: Vec<(usize, usize)> =
                        (1..vertices - 1).map(|vertex| (moved(vertex), operation(vertex))).collect();
                    named.sort_unstable();
                    (drawn, named)
                });
                different.insert(images.min().unwrap());
            }
        }
        assert_eq!(keys(vertices, &space).len(), different.len(), "{vertices} vertices");
    }
}

/// The number is that of Ying et al. 2019, section 2.1.
#[test]
#[ignore = "half a minute: cargo test --release -p nas-spaces --test nas_bench_101_cells -- --ignored --nocapture"]
fn there_are_as_many_cells_as_published() {
    let space = NasBench101::new();
    let mut all = HashSet::new();
    for vertices in 2..=7 {
        let found = keys(vertices, &space);
        println!("{vertices} vertices: {} graphs, {} cells", graphs(vertices).len(), found.len());
        all.extend(found);
    }
    assert_eq!(all.len(), 423_624);
}
