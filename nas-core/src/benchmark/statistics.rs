//! Whether one strategy is better than another one: differences of paired seeds, tested and corrected.

use std::collections::BTreeMap;

use stats_claw::special::erfc;
use stats_claw::tests_stat::nonparametric::wilcoxon_signed_rank_mode;
use stats_claw::tests_stat::{Alternative, Mode};

use super::curve::{Results, Row};
use crate::report::ranked;

/// Below this, p is the normal approximation's: an exact one, of less than 25 differences, is 2⁻²³ at least.
const EXACT_FROM: f64 = 1e-8;

/// Two strategies on one problem, over the seeds that both have finished.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// The problem.
    pub problem: String,
    /// The one.
    pub a: String,
    /// The other.
    pub b: String,
    /// Seeds that both have.
    pub seeds: usize,
    /// Mean of a − b in the reported metric's unit.
    pub difference: f64,
    /// Seeds on which a is better.
    pub wins: usize,
    /// Seeds on which both are equal.
    pub ties: usize,
    /// Two-sided p of the Wilcoxon signed-rank test (Wilcoxon 1945; zero differences dropped; exact below 25 untied
    /// differences, else the normal approximation with ties and continuity corrected). 1 where nothing differs.
    pub p: f64,
    /// The same after Holm's correction (Holm 1979) over all comparisons on this problem.
    pub p_holm: f64,
    /// Probability that a is better than b on two seeds drawn apart, ties counting half (Vargha & Delaney 2000, Â₁₂).
    pub a12: f64,
}

/// Every pair of strategies on every problem, in order.
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

/// `None` where they have no seed in common.
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
    let (ours, theirs): (Vec<f64>, Vec<f64>) = both.iter().copied().unzip();
    let difference = both.iter().map(|(a, b)| a - b).sum::<f64>() / both.len() as f64;
    let p = wilcoxon(&ours, &theirs);
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
        a12: a12(&ours, &theirs),
    })
}

/// What [`Comparison::p`] says.
fn wilcoxon(ours: &[f64], theirs: &[f64]) -> f64 {
    // The one error that can come is that nothing differs.
    match wilcoxon_signed_rank_mode(ours, theirs, Alternative::TwoSided, true, Mode::Auto) {
        Ok(tested) if tested.p_value < EXACT_FROM => approximation(ours, theirs, tested.statistic),
        Ok(tested) => tested.p_value,
        Err(_) => 1.0,
    }
}

/// The same normal approximation as the library's, which takes it as 2 (1 − Φ(z)) and so has nothing left below 1e-16. Here
/// the tail itself is computed. `statistic` is the lesser sum of ranks; under the hypothesis the mean of such a sum is half
/// the sum of all ranks, and its variance a quarter of the sum of their squares, ties included.
fn approximation(ours: &[f64], theirs: &[f64], statistic: f64) -> f64 {
    let differences = ours.iter().zip(theirs).map(|(a, b)| (a - b).abs());
    // Ranks count from the greatest; here the least difference has rank 1.
    let differences: Vec<f64> = differences.filter(|&size| size > 0.0).map(|size| -size).collect();
    let ranks = ranked(&differences);
    let mean = ranks.iter().sum::<f64>() / 2.0;
    let deviation = ranks.iter().map(|rank| rank * rank).sum::<f64>().sqrt() / 2.0;
    erfc((mean - statistic - 0.5) / deviation / std::f64::consts::SQRT_2)
}

fn a12(ours: &[f64], theirs: &[f64]) -> f64 {
    let mut sorted = theirs.to_vec();
    sorted.sort_by(f64::total_cmp);
    let better = |value: &f64| {
        let below = sorted.partition_point(|other| other < value);
        let up_to = sorted.partition_point(|other| other <= value);
        below as f64 + 0.5 * (up_to - below) as f64
    };
    ours.iter().map(better).sum::<f64>() / (ours.len() * theirs.len()) as f64
}

/// Holm's step-down correction: the k-th smallest of m (from 0) times m − k, never below an earlier one, at most 1.
fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    let mut corrected = vec![0.0; p.len()];
    let mut least = 0.0_f64;
    for (rank, &at) in order.iter().enumerate() {
        least = least.max((p[at] * (p.len() - rank) as f64).min(1.0));
        corrected[at] = least;
    }
    corrected
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
    fn the_textbooks_example_has_the_textbooks_p() {
        let x = [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30];
        let y = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29];
        let results = Results { rows: vec![row("x", Goal::Maximize, &x), row("y", Goal::Maximize, &y)] };
        let [comparison] = &compare(&results)[..] else { panic!("one pair") };
        assert!((comparison.p - 0.039_062_5).abs() < 1e-9, "{comparison:?}");
        assert_eq!((comparison.wins, comparison.ties, comparison.seeds), (7, 0, 9));
        assert_eq!(comparison.p_holm, comparison.p);
    }

    /// z = (n (n + 1) / 4 − 1/2) / √(n (n + 1) (2n + 1) / 24) where one wins on all n seeds; erfc(z / √2) by Python's math.
    #[test]
    fn a_tiny_p_is_told_from_nothing() {
        for (seeds, expected) in [(60_u32, 1.671_328_569_652_656e-11), (200, 1.447_001_734_810_283_5e-34)] {
            let ours: Vec<f64> = (0..seeds).map(|seed| f64::from(seed * seed + 1)).collect();
            let rows = vec![
                row("a", Goal::Maximize, &ours),
                row("b", Goal::Maximize, &vec![0.0; seeds as usize]),
                row("c", Goal::Maximize, &ours),
            ];
            let found = compare(&Results { rows });
            assert!((found[0].p / expected - 1.0).abs() < 1e-12, "{:?}", found[0]);
            assert!((found[0].p_holm / expected - 3.0).abs() < 1e-12, "{:?}", found[0]);
        }
    }

    /// On both sides of the border the two ways are one formula, ties and seeds without a difference included.
    #[test]
    fn the_tail_is_that_of_the_librarys_approximation() {
        let ours: Vec<f64> = (0..60).map(|seed| f64::from(seed / 3) - 2.0).collect();
        let theirs = vec![0.0; 60];
        let tested = wilcoxon_signed_rank_mode(&ours, &theirs, Alternative::TwoSided, true, Mode::Auto).unwrap();
        assert!(tested.p_value < 1e-8 && tested.p_value > 1e-12, "{tested:?}");
        let tail = approximation(&ours, &theirs, tested.statistic);
        assert!((tail - tested.p_value).abs() < 1e-15, "{tail} {tested:?}");
        assert_eq!(wilcoxon(&ours, &theirs), tail);
    }

    #[test]
    fn less_is_better_where_it_is() {
        let rows = vec![row("a", Goal::Minimize, &[1.0, 2.0, 3.0]), row("b", Goal::Minimize, &[2.0, 2.0, 5.0])];
        let [comparison] = &compare(&Results { rows })[..] else { panic!("one pair") };
        assert_eq!((comparison.wins, comparison.ties), (2, 1));
        assert!((comparison.difference + 1.0).abs() < 1e-12);
        // 1 beats 2, 2 and 5; 2 ties twice and beats 5; 3 beats 5.
        assert!((comparison.a12 - 6.0 / 9.0).abs() < 1e-12, "{}", comparison.a12);
    }

    #[test]
    fn nothing_that_differs_is_no_evidence() {
        let rows = vec![row("a", Goal::Maximize, &[1.0, 2.0]), row("b", Goal::Maximize, &[1.0, 2.0])];
        let [comparison] = &compare(&Results { rows })[..] else { panic!("one pair") };
        assert_eq!((comparison.p, comparison.a12, comparison.ties), (1.0, 0.5, 2));
    }

    #[test]
    fn holm_by_hand() {
        let corrected = holm(&[0.01, 0.04, 0.03, 0.005]);
        for (found, expected) in corrected.iter().zip([0.03, 0.06, 0.06, 0.02]) {
            assert!((found - expected).abs() < 1e-12, "{corrected:?}");
        }
        assert_eq!(holm(&[0.9, 0.8]), [1.0, 1.0]);
    }
}
