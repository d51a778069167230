//! Compares the strategies of each problem pair by pair, over the seeds that they share.

use std::collections::BTreeMap;

use super::curve::{Results, Row};
use crate::statistics::{a12, holm, wilcoxon};

/// Two strategies on one problem, over the seeds that both have finished.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// The problem.
    pub problem: String,
    /// The first strategy.
    pub a: String,
    /// The second strategy.
    pub b: String,
    /// The number of seeds that both have finished.
    pub seeds: usize,
    /// The mean of a − b, in the reported metric's unit.
    pub difference: f64,
    /// The number of seeds on which a is better.
    pub wins: usize,
    /// The number of seeds on which both are equal.
    pub ties: usize,
    /// The two-sided p-value of the Wilcoxon signed-rank test ([`wilcoxon`]); 1 where no seed differs.
    pub p: f64,
    /// `p` after Holm's correction ([`holm`]) over all comparisons on this problem.
    pub p_holm: f64,
    /// The probability that a is better than b on independently drawn seeds, where ties count half ([`a12`]).
    pub a12: f64,
}

/// Compares every pair of strategies on every problem, in order.
pub fn compare(results: &Results) -> Vec<Comparison> {
    let mut by_problem: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for row in &results.rows {
        by_problem.entry(&row.problem).or_default().push(row);
    }
    let mut all = Vec::new();
    for rows in by_problem.values() {
        let pairs = rows.iter().enumerate().flat_map(|(at, a)| rows[at + 1..].iter().map(move |b| (a, b)));
        let mut compared: Vec<Comparison> = pairs.filter_map(|(a, b)| pair(a, b)).collect();
        let corrected = holm(&compared.iter().map(|comparison| comparison.p).collect::<Vec<_>>());
        for (comparison, corrected) in compared.iter_mut().zip(corrected) {
            comparison.p_holm = corrected;
        }
        all.append(&mut compared);
    }
    all
}

/// Compares two strategies; `None` where they share no seed.
fn pair(a: &Row, b: &Row) -> Option<Comparison> {
    let score = |row: &Row, value: f64| row.goal.score(value);
    let both: Vec<(f64, f64)> = a
        .finals
        .iter()
        .filter_map(|(seed, value)| Some((score(a, *value), score(b, *b.finals.get(seed)?))))
        .filter(|(a, b)| a.is_finite() && b.is_finite())
        .collect();
    if both.is_empty() {
        return None;
    }
    let (of_a, of_b): (Vec<f64>, Vec<f64>) = both.iter().copied().unzip();
    let difference = both.iter().map(|(a, b)| a - b).sum::<f64>() / both.len() as f64;
    let p = wilcoxon(&of_a, &of_b);
    Some(Comparison {
        problem: a.problem.clone(),
        a: a.strategy.clone(),
        b: b.strategy.clone(),
        seeds: both.len(),
        difference: a.goal.score(difference),
        wins: both.iter().filter(|(a, b)| a > b).count(),
        ties: both.iter().filter(|(a, b)| a == b).count(),
        p,
        p_holm: p,
        a12: a12(&of_a, &of_b),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use nas_api::Goal;

    use super::*;

    fn row(strategy: &str, goal: Goal, finals: &[f64]) -> Row {
        Row {
            problem: "p".into(),
            strategy: strategy.into(),
            metric: "m".into(),
            goal,
            seeds: finals.len(),
            broken: 0,
            reason: None,
            finals: (0..).zip(finals.iter().copied()).collect(),
            curve: Vec::new(),
            seconds_mean: 0.0,
            ask_tell_micros: 0.0,
            trial_micros: 0.0,
            best: f64::NAN,
            best_known: false,
        }
    }

    /// The depressed patients of Hollander & Wolfe (1973), also R's example: V = 40, p = 0.03906 (two-sided, exact).
    #[test]
    #[expect(clippy::approx_constant, reason = "a measurement of 3.14")]
    fn a_pair_of_strategies_is_compared_seed_by_seed() {
        let x = [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30];
        let y = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29];
        let results = Results { rows: vec![row("x", Goal::Maximize, &x), row("y", Goal::Maximize, &y)] };
        let [comparison] = &compare(&results)[..] else { panic!("one pair") };
        assert!((comparison.p - 0.039_062_5).abs() < 1e-9, "{comparison:?}");
        assert_eq!((comparison.wins, comparison.ties, comparison.seeds), (7, 0, 9));
        assert_eq!(comparison.p_holm, comparison.p);
    }

    #[test]
    fn smaller_values_win_where_the_metric_is_minimized() {
        let rows = vec![row("a", Goal::Minimize, &[1.0, 2.0, 3.0]), row("b", Goal::Minimize, &[2.0, 2.0, 5.0])];
        let [comparison] = &compare(&Results { rows })[..] else { panic!("one pair") };
        assert_eq!((comparison.wins, comparison.ties), (2, 1));
        assert!((comparison.difference + 1.0).abs() < 1e-12);
        // 1 beats 2, 2 and 5; 2 ties twice and beats 5; 3 beats 5.
        assert!((comparison.a12 - 6.0 / 9.0).abs() < 1e-12, "{}", comparison.a12);
    }

    #[test]
    fn equal_results_have_a_p_value_of_one() {
        let rows = vec![row("a", Goal::Maximize, &[1.0, 2.0]), row("b", Goal::Maximize, &[1.0, 2.0])];
        let [comparison] = &compare(&Results { rows })[..] else { panic!("one pair") };
        assert_eq!((comparison.p, comparison.a12, comparison.ties), (1.0, 0.5, 2));
    }

    #[test]
    fn the_correction_counts_all_pairs_of_a_problem() {
        let ours: Vec<f64> = (0..60_u32).map(|seed| f64::from(seed * seed + 1)).collect();
        let rows = vec![
            row("a", Goal::Maximize, &ours),
            row("b", Goal::Maximize, &[0.0; 60]),
            row("c", Goal::Maximize, &ours),
        ];
        let compared = compare(&Results { rows });
        assert!((compared[0].p_holm / compared[0].p - 3.0).abs() < 1e-12, "{:?}", compared[0]);
    }
}
