//! The distribution of Friedman's statistic if every order of the scores within a block is equally likely.

use std::collections::BTreeMap;

use nas_api::rng::{RngExt, seeded};

use super::ranked;

/// The most additions of an exact distribution; with more, random orders are drawn.
const MAX_STEPS: usize = 4_000_000;
/// The number of drawn orders.
const DRAWS: u32 = 20_000;
/// From this many strategies on, not even the orders of one block are listed.
const MAX_LISTED: usize = 7;

/// The share of all orders in which the statistic is at least as large as in these blocks, and whether it is exact
/// rather than estimated from random orders. Ties within a block stay ties.
pub(super) fn friedman_p(blocks: &[Vec<f64>]) -> (f64, bool) {
    // Twice the ranks, which are whole numbers even where ranks are shared.
    let doubled = |block: &Vec<f64>| ranked(block).into_iter().map(|rank| (rank * 2.0).round() as u32).collect();
    let blocks: Vec<Vec<u32>> = blocks.iter().map(doubled).collect();
    match exact(&blocks) {
        Some(p) => (p, true),
        None => (drawn(&blocks), false),
    }
}

/// With fixed ranks in each block, the statistic grows with the sum of squares of the strategies' rank sums.
fn squares(sums: &[u32]) -> u64 {
    sums.iter().map(|sum| u64::from(*sum).pow(2)).sum()
}

fn sums(blocks: &[Vec<u32>]) -> Vec<u32> {
    let strategies = blocks.first().map_or(0, Vec::len);
    (0..strategies).map(|at| blocks.iter().map(|block| block[at]).sum()).collect()
}

/// Adds block after block to the distribution of the rank sums. Their order does not matter to the statistic or to what
/// is added, so sums are kept sorted, which leaves few different ones. `None` if that takes too long.
fn exact(blocks: &[Vec<u32>]) -> Option<f64> {
    let (first, rest) = blocks.split_first()?;
    if first.len() > MAX_LISTED {
        return None;
    }
    let sorted = |mut sums: Vec<u32>| {
        sums.sort_unstable();
        sums
    };
    let mut shares = BTreeMap::from([(sorted(first.clone()), 1.0_f64)]);
    let mut steps = 0;
    for block in rest {
        let orders = orders(block);
        steps += shares.len() * orders.len();
        if steps > MAX_STEPS {
            return None;
        }
        let mut next = BTreeMap::new();
        for (sums, share) in &shares {
            for order in &orders {
                let added = sorted(sums.iter().zip(order).map(|(sum, rank)| sum + rank).collect());
                *next.entry(added).or_insert(0.0) += share / orders.len() as f64;
            }
        }
        shares = next;
    }
    let found = squares(&sums(blocks));
    Some(shares.iter().filter(|(sums, _)| squares(sums) >= found).map(|(_, share)| share).sum::<f64>().min(1.0))
}

/// All orders of these numbers, as if no two were equal.
fn orders(numbers: &[u32]) -> Vec<Vec<u32>> {
    let mut found = vec![Vec::with_capacity(numbers.len())];
    for &number in numbers {
        let longer = |order: &Vec<u32>| {
            let order = order.clone();
            (0..=order.len()).map(move |at| {
                let mut order = order.clone();
                order.insert(at, number);
                order
            })
        };
        found = found.iter().flat_map(longer).collect();
    }
    found
}

/// The same share among random orders, with the observed one among them, so that it is never 0.
fn drawn(blocks: &[Vec<u32>]) -> f64 {
    let found = squares(&sums(blocks));
    let mut random = seeded(blocks.len() as u32);
    let mut blocks = blocks.to_vec();
    let mut reached = 0;
    for _ in 0..DRAWS {
        for block in &mut blocks {
            for last in (1..block.len()).rev() {
                block.swap(last, random.random_range(0..=last as u32) as usize);
            }
        }
        reached += u32::from(squares(&sums(&blocks)) >= found);
    }
    f64::from(reached + 1) / f64::from(DRAWS + 1)
}

#[cfg(test)]
mod tests {
    use super::super::fixtures;
    use super::*;

    #[test]
    fn exact_p_values_agree_with_an_enumeration() {
        for (blocks, expected) in fixtures::FRIEDMAN_EXACT {
            let blocks: Vec<Vec<f64>> = blocks.iter().map(|block| block.to_vec()).collect();
            let (p, exact) = friedman_p(&blocks);
            assert!(exact && (p - expected).abs() < 1e-12, "{p}, not {expected}");
        }
    }

    /// The standard deviation of a share of 0.1 among 20,000 draws is 0.002.
    #[test]
    fn drawn_p_values_are_near_the_exact_ones() {
        for (blocks, expected) in fixtures::FRIEDMAN_EXACT {
            let doubled = |block: &&[f64]| ranked(block).iter().map(|rank| (rank * 2.0) as u32).collect::<Vec<u32>>();
            let p = drawn(&blocks.iter().map(doubled).collect::<Vec<_>>());
            assert!((p - expected).abs() < 0.01, "{p}, not {expected}");
        }
    }

    #[test]
    fn many_strategies_on_two_problems_are_drawn() {
        let (p, exact) = friedman_p(&vec![(0..14).map(f64::from).collect(); 2]);
        assert!(!exact && p > 0.0 && p < 0.001, "{p}");
    }
}
