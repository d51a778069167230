#![allow(clippy::unwrap_used)]

use super::*;
use crate::benchmark::rows::{complete, row};

#[test]
fn strategies_with_fewer_seeds_are_not_ranked() {
    let rows = [complete("p", "a", &[1.0, 2.0, 3.0]), complete("p", "b", &[2.0, 3.0, 3.0]), complete("p", "c", &[9.0])];
    let (ranked, ranks) = rank_seeds(&rows);
    assert_eq!(ranked, ["a", "b"]);
    // b wins two seeds, and one is tied.
    for (mean, expected) in ranks.unwrap().mean.iter().zip([(2.0 + 2.0 + 1.5) / 3.0, (1.0 + 1.0 + 1.5) / 3.0]) {
        assert!((mean - expected).abs() < 1e-12);
    }
}

#[test]
fn a_study_without_a_value_has_the_last_rank() {
    let rows =
        [row("p", "a", &[Some(1.0), Some(1.0)]), row("p", "b", &[Some(2.0), None]), row("p", "c", &[None, None])];
    let (ranked, ranks) = rank_seeds(&rows);
    assert_eq!(ranked, ["a", "b", "c"]);
    assert_eq!(ranks.unwrap().mean, [1.5, 1.75, 2.75]);
}

#[test]
fn medians_by_hand() {
    assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
    assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
    assert!(median(Vec::new()).is_nan());
    assert_eq!(median(vec![1.0, f64::NEG_INFINITY, f64::NEG_INFINITY]), f64::NEG_INFINITY);
}
