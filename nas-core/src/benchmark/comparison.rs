//! Compares the strategies of each problem pair by pair, over the seeds that they share.

use std::collections::BTreeMap;

use super::results::Results;
use super::row::Row;
use crate::statistics::{SignedRanks, a12, holm, signed_ranks};

/// Two strategies on one problem, over the seeds that both have finished. A study without a final value is worse than
/// every value and tied with another such study.
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
    /// The mean of a − b over the seeds for which both have a final value, in its unit; NaN if there is none.
    pub difference: f64,
    /// The number of seeds on which a is better.
    pub wins: usize,
    /// The number of seeds on which both are equal.
    pub ties: usize,
    /// The two-sided p-value of the Wilcoxon signed-rank test ([`signed_ranks`]); 1 where no seed differs.
    pub p: f64,
    /// `p` after Holm's correction ([`holm`]) over all comparisons on this problem.
    pub p_holm: f64,
    /// The effect size of the same test, the matched-pairs rank-biserial correlation: 1 where a is better on every seed
    /// that differs, −1 where b is. Its sign is the direction of the test.
    pub rank_biserial: f64,
    /// The probability that a is better than b on independently drawn seeds, where ties count half ([`a12`]). It
    /// ignores which seeds belong together, so it may point the other way than the test.
    pub a12: f64,
    /// The same test on the final IGD+, where there are several objectives.
    pub igd_plus: Option<PairedTest>,
}

/// The Wilcoxon signed-rank test of two strategies on one problem.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairedTest {
    /// The two-sided p-value.
    pub p: f64,
    /// `p` after Holm's correction over all pairs on this problem.
    pub p_holm: f64,
    /// As [`Comparison::rank_biserial`].
    pub rank_biserial: f64,
}

/// A difference with a smaller corrected p is significant.
pub const SIGNIFICANT: f64 = 0.05;

impl Comparison {
    /// The strategy that is significantly better, by the paired test and its own direction, and the other one.
    pub fn winner(&self) -> Option<(&str, &str)> {
        match self.p_holm < SIGNIFICANT {
            true if self.rank_biserial > 0.0 => Some((&self.a, &self.b)),
            true if self.rank_biserial < 0.0 => Some((&self.b, &self.a)),
            _ => None,
        }
    }

    /// The same comparison with the strategies in the other order, if `strategy` is the second one; `None` if it is
    /// neither.
    pub fn seen_from(&self, strategy: &str) -> Option<Self> {
        if self.a == strategy {
            return Some(self.clone());
        }
        (self.b == strategy).then(|| Self {
            a: self.b.clone(),
            b: self.a.clone(),
            difference: -self.difference,
            wins: self.seeds - self.wins - self.ties,
            rank_biserial: -self.rank_biserial,
            a12: 1.0 - self.a12,
            igd_plus: self.igd_plus.map(|test| PairedTest { rank_biserial: -test.rank_biserial, ..test }),
            ..self.clone()
        })
    }
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
        let mut tests: Vec<&mut PairedTest> = compared.iter_mut().filter_map(|pair| pair.igd_plus.as_mut()).collect();
        let corrected = holm(&tests.iter().map(|test| test.p).collect::<Vec<_>>());
        for (test, corrected) in tests.iter_mut().zip(corrected) {
            test.p_holm = corrected;
        }
        all.append(&mut compared);
    }
    all
}

/// Compares two strategies; `None` where they share no seed.
fn pair(a: &Row, b: &Row) -> Option<Comparison> {
    let shared: Vec<u32> = a.all_seeds().intersection(&b.all_seeds()).copied().collect();
    if shared.is_empty() {
        return None;
    }
    let scores = |row: &Row, of: fn(&Row, u32) -> Option<f64>| -> Vec<f64> {
        shared.iter().filter_map(|&seed| of(row, seed)).collect()
    };
    let (of_a, of_b) = (scores(a, Row::score), scores(b, Row::score));
    let differences = of_a.iter().zip(&of_b).map(|(a, b)| a - b).filter(|difference| difference.is_finite());
    let (sum, count) = differences.fold((0.0, 0.0), |(sum, count), difference| (sum + difference, count + 1.0));
    let SignedRanks { p, rank_biserial, wins, ties } = signed_ranks(&of_a, &of_b);
    let second = || {
        let SignedRanks { p, rank_biserial, .. } =
            signed_ranks(&scores(a, Row::igd_plus_score), &scores(b, Row::igd_plus_score));
        PairedTest { p, p_holm: p, rank_biserial }
    };
    let several = !a.igd_plus.is_empty() || !b.igd_plus.is_empty();
    Some(Comparison {
        problem: a.problem.clone(),
        a: a.strategy.clone(),
        b: b.strategy.clone(),
        seeds: shared.len(),
        difference: a.goal.score(sum / count),
        wins,
        ties,
        p,
        p_holm: p,
        rank_biserial,
        a12: a12(&of_a, &of_b),
        igd_plus: several.then(second),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use nas_api::Goal;

    use super::super::row::tests as rows;
    use super::*;

    fn row(strategy: &str, goal: Goal, finals: &[f64]) -> Row {
        Row { goal, ..rows::complete("p", strategy, finals) }
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
        // V = 40 of 45.
        assert!((comparison.rank_biserial - 35.0 / 45.0).abs() < 1e-12);
    }

    /// The test favours a strategy that is better on 29 of 30 seeds by a little, although it is far worse on the last
    /// one, so that a value of it drawn alone more often loses.
    #[test]
    fn the_direction_is_that_of_the_paired_test() {
        let b: Vec<f64> = (0..30).map(f64::from).collect();
        let a: Vec<f64> = b.iter().map(|value| if *value < 29.0 { value + 0.001 } else { -1.0 }).collect();
        let results = Results { rows: vec![row("a", Goal::Maximize, &a), row("b", Goal::Maximize, &b)] };
        let [comparison] = &compare(&results)[..] else { panic!("one pair") };
        assert!(comparison.a12 < 0.5 && comparison.p < 1e-5, "{comparison:?}");
        assert_eq!(comparison.winner(), Some(("a", "b")));
        let seen = comparison.seen_from("b").unwrap();
        assert_eq!((seen.a.as_str(), seen.wins, seen.winner()), ("b", 1, Some(("a", "b"))));
    }

    /// b equals a on even seeds and finds nothing on odd ones.
    #[test]
    fn a_strategy_that_finds_nothing_on_half_of_the_seeds_loses() {
        let a: Vec<Option<f64>> = (0..30).map(|seed| Some(f64::from(seed))).collect();
        let b: Vec<Option<f64>> = a.iter().enumerate().map(|(seed, value)| value.filter(|_| seed % 2 == 0)).collect();
        let results = Results { rows: vec![rows::row("p", "a", &a), rows::row("p", "b", &b)] };
        let [comparison] = &compare(&results)[..] else { panic!("one pair") };
        assert_eq!((comparison.seeds, comparison.wins, comparison.ties), (30, 15, 15));
        assert_eq!(comparison.winner(), Some(("a", "b")));
        assert_eq!(comparison.difference, 0.0, "over the seeds for which both have a value");
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
