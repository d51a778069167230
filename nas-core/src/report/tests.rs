#![allow(clippy::unwrap_used)]

use super::*;

fn row(problem: &str, strategy: &str, finals: &[f64]) -> Row {
    Row {
        problem: problem.into(),
        strategy: strategy.into(),
        metric: "value".into(),
        goal: Goal::Maximize,
        seeds: finals.len(),
        broken: 0,
        reason: None,
        finals: (0..).zip(finals.iter().copied()).collect(),
        curve: Vec::new(),
        seconds_mean: 0.0,
        ask_tell_micros: 0.0,
        trial_micros: 0.0,
        best: 10.0,
        best_known: true,
    }
}

#[test]
fn strategies_with_fewer_seeds_are_not_ranked() {
    let rows = [row("p", "a", &[1.0, 2.0, 3.0]), row("p", "b", &[2.0, 3.0, 3.0]), row("p", "c", &[9.0])];
    let (ranked, ranks) = rank_seeds(&rows);
    assert_eq!(ranked, ["a", "b"]);
    // b wins two seeds, and one is tied.
    for (mean, expected) in ranks.unwrap().mean.iter().zip([(2.0 + 2.0 + 1.5) / 3.0, (1.0 + 1.0 + 1.5) / 3.0]) {
        assert!((mean - expected).abs() < 1e-12);
    }
}

#[test]
fn medians_by_hand() {
    assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
    assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
    assert!(median(Vec::new()).is_nan());
}

#[test]
fn only_significant_wins_count() {
    let comparison = |problem: &str, a12: f64, p_holm: f64| Comparison {
        problem: problem.into(),
        a: "a".into(),
        b: "b".into(),
        seeds: 30,
        difference: 0.0,
        wins: 0,
        ties: 0,
        p: p_holm,
        p_holm,
        a12,
    };
    let all = [comparison("p", 0.9, 0.01), comparison("q", 0.9, 0.06), comparison("r", 0.2, 0.01)];
    let wins = wins(&["a".to_owned(), "b".to_owned()], &all);
    assert_eq!(wins[0][1], Wins { won: 1, lost: 1, of: 3 });
    assert_eq!(wins[1][0], Wins { won: 1, lost: 1, of: 3 });
    assert_eq!(wins[0][0], Wins::default());
}
