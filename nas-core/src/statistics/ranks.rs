//! Mean ranks, and whether they differ significantly (Demšar 2006, JMLR 7, section 3.2).

use stats_claw::special::{betai, erfc};
use stats_claw::tests_stat::nonparametric::friedman;

use super::permutation::friedman_p;

/// With fewer blocks, p comes from all orders (or random ones) of the scores within the blocks; from here on Iman and
/// Davenport's approximation holds.
const FEW_BLOCKS: usize = 15;
/// The smallest number of blocks over which mean ranks are compared: with fewer, the critical difference of Nemenyi's
/// approximation says nothing.
pub const MIN_BLOCKS: usize = 6;
/// A smaller p rejects the hypothesis that all strategies rank alike.
const SIGNIFICANT: f64 = 0.05;

/// How strategies rank over several blocks. A block is a problem, or one seed of a problem.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranks {
    /// The mean rank of each strategy. Rank 1 is the best, and equal scores share the mean of their ranks.
    pub mean: Vec<f64>,
    /// The number of blocks.
    pub blocks: usize,
    /// Friedman's test; `None` for fewer than three strategies or two blocks.
    pub friedman: Option<Friedman>,
    /// Mean ranks that are further apart than this differ significantly at 5 % (Nemenyi 1963).
    pub critical_difference: f64,
    /// The largest sets of strategies, best first, whose mean ranks are not further apart than that.
    pub cliques: Vec<Vec<usize>>,
}

/// Friedman's test of the hypothesis that all strategies rank alike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Friedman {
    /// The test statistic, corrected for ties.
    pub chi_squared: f64,
    /// The p-value.
    pub p: f64,
    /// Where `p` comes from.
    pub test: FriedmanTest,
}

/// Where the p-value of Friedman's test comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FriedmanTest {
    /// All orders of the scores within the blocks.
    Exact,
    /// Random orders of the scores within the blocks.
    Drawn,
    /// The less conservative statistic F of Iman & Davenport (1980), which this holds.
    ImanDavenport(f64),
    /// The distribution of χ², where F would be infinite because all blocks agree.
    ChiSquared,
}

impl Ranks {
    /// Whether Friedman's test rejects that all strategies rank alike. Only then are pairs of mean ranks compared
    /// (Demšar 2006, section 3.2.2). With two strategies there is no such test, and their one pair is always compared.
    pub fn rejected(&self) -> bool {
        self.mean.len() == 2 || self.friedman.is_some_and(|friedman| friedman.p < SIGNIFICANT)
    }
}

/// Ranks the strategies in every block. A block holds one score per strategy, and a higher score is better. Returns
/// `None` for fewer than two strategies or without a block.
pub fn ranks(blocks: &[Vec<f64>]) -> Option<Ranks> {
    let strategies = blocks.first()?.len();
    if strategies < 2 {
        return None;
    }
    let mut mean = vec![0.0; strategies];
    for block in blocks {
        for (sum, rank) in mean.iter_mut().zip(ranked(block)) {
            *sum += rank / blocks.len() as f64;
        }
    }
    let (k, n) = (strategies as f64, blocks.len() as f64);
    let critical_difference = nemenyi(strategies) * (k * (k + 1.0) / (6.0 * n)).sqrt();
    let cliques = cliques(&mean, critical_difference);
    Some(Ranks {
        friedman: friedman_test(blocks, strategies),
        mean,
        blocks: blocks.len(),
        critical_difference,
        cliques,
    })
}

/// The rank of each score: 1 for the greatest, and equal scores share the mean of their ranks.
pub fn ranked(scores: &[f64]) -> Vec<f64> {
    let rank = |score: &f64| {
        let better = scores.iter().filter(|other| *other > score).count() as f64;
        let equal = scores.iter().filter(|other| *other == score).count() as f64;
        better + (equal + 1.0) / 2.0
    };
    scores.iter().map(rank).collect()
}

fn friedman_test(blocks: &[Vec<f64>], strategies: usize) -> Option<Friedman> {
    if blocks.len() < 2 {
        return None;
    }
    let columns: Vec<Vec<f64>> = (0..strategies).map(|at| blocks.iter().map(|block| block[at]).collect()).collect();
    let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
    // The only possible error is that there are fewer than three strategies.
    let tested = friedman(&columns).ok()?;
    let (k, n) = (strategies as f64, blocks.len() as f64);
    // Where all strategies rank alike, rounding can make the statistic negative.
    let chi_squared = tested.statistic.max(0.0);
    let (p, test) = match blocks.len() < FEW_BLOCKS {
        true => {
            let (p, exact) = friedman_p(blocks);
            (p, if exact { FriedmanTest::Exact } else { FriedmanTest::Drawn })
        }
        false => match iman_davenport(chi_squared, k, n) {
            Some((f, p)) => (p, FriedmanTest::ImanDavenport(f)),
            // The library computes its plain p-value as a difference from 1, which loses everything below 1e-16.
            None => (tested.log_p_value.map_or(tested.p_value, f64::exp), FriedmanTest::ChiSquared),
        },
    };
    Some(Friedman { chi_squared, p, test })
}

/// F with k − 1 and (k − 1)(n − 1) degrees of freedom, and its upper tail. `None` where all blocks agree, so that F
/// would be infinite.
fn iman_davenport(chi_squared: f64, k: f64, n: f64) -> Option<(f64, f64)> {
    let left = n * (k - 1.0) - chi_squared;
    if left <= 1e-12 {
        return None;
    }
    let f = (n - 1.0) * chi_squared / left;
    let (d1, d2) = (k - 1.0, (k - 1.0) * (n - 1.0));
    Some((f, betai(d2 / 2.0, d1 / 2.0, d2 / (d2 + d1 * f))))
}

/// The two-sided 5 % critical value for k strategies: the 95 % quantile of the studentized range with infinitely many
/// degrees of freedom, divided by √2.
fn nemenyi(k: usize) -> f64 {
    let (mut low, mut high) = (0.0, 20.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if range_below(middle, k) < 0.95 { low = middle } else { high = middle }
    }
    low / std::f64::consts::SQRT_2
}

/// The probability that k standard normal values lie within q of each other: k ∫ φ(z) (Φ(z) − Φ(z − q))^(k−1) dz, by
/// Simpson's rule.
fn range_below(q: f64, k: usize) -> f64 {
    let normal = |z: f64| 0.5 * erfc(-z / std::f64::consts::SQRT_2);
    let density = |z: f64| (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let value = |z: f64| density(z) * (normal(z) - normal(z - q)).powi(k as i32 - 1);
    let (steps, from, width) = (400, -8.0, 16.0 / 400.0);
    let weight = |step: u32| match step {
        0 | 400 => 1.0,
        odd if odd % 2 == 1 => 4.0,
        _ => 2.0,
    };
    let sum: f64 = (0..=steps).map(|step| weight(step) * value(from + f64::from(step) * width)).sum();
    k as f64 * sum * width / 3.0
}

/// The largest sets of strategies whose mean ranks lie within `distance` of each other, each set best first.
fn cliques(mean: &[f64], distance: f64) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..mean.len()).collect();
    order.sort_by(|&a, &b| mean[a].total_cmp(&mean[b]));
    let mut found: Vec<Vec<usize>> = Vec::new();
    let mut reached = 0;
    for (at, &first) in order.iter().enumerate() {
        let end = order.iter().rposition(|&last| mean[last] - mean[first] <= distance).map_or(at, |last| last + 1);
        if end > reached && end - at > 1 {
            found.push(order[at..end].to_vec());
            reached = end;
        }
    }
    found
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::super::fixtures;
    use super::*;

    /// Hollander & Wolfe (1973), table 7.1, also R's example: three ways to round first base, 22 players.
    const ROUNDING_FIRST_BASE: [[f64; 3]; 22] = [
        [5.40, 5.50, 5.55],
        [5.85, 5.70, 5.75],
        [5.20, 5.60, 5.50],
        [5.55, 5.50, 5.40],
        [5.90, 5.85, 5.70],
        [5.45, 5.55, 5.60],
        [5.40, 5.40, 5.35],
        [5.45, 5.50, 5.35],
        [5.25, 5.15, 5.00],
        [5.85, 5.80, 5.70],
        [5.25, 5.20, 5.10],
        [5.65, 5.55, 5.45],
        [5.60, 5.35, 5.45],
        [5.05, 5.00, 4.95],
        [5.50, 5.50, 5.40],
        [5.45, 5.55, 5.50],
        [5.55, 5.55, 5.35],
        [5.45, 5.50, 5.55],
        [5.50, 5.45, 5.25],
        [5.65, 5.60, 5.40],
        [5.70, 5.65, 5.55],
        [6.30, 6.30, 6.25],
    ];

    #[test]
    fn friedman_test_reproduces_the_textbook_example() {
        let blocks: Vec<Vec<f64>> = ROUNDING_FIRST_BASE.iter().map(|row| row.to_vec()).collect();
        let found = ranks(&blocks).unwrap();
        let friedman = found.friedman.unwrap();
        // R gives 11.143 and, by the χ² approximation, 0.003805, which F makes smaller.
        assert!((friedman.chi_squared - 11.143).abs() < 5e-4, "{found:?}");
        assert!(friedman.p > 0.001 && friedman.p < 0.003805, "{found:?}");
        // The longest time ranks first, and the third way is the quickest.
        assert!(found.mean[2] > found.mean[1] && found.mean[1] > found.mean[0], "{found:?}");
    }

    /// Where all blocks rank three strategies in the same order, χ² = 2 n, whose tail with 2 degrees of freedom is
    /// exp(-n).
    #[test]
    fn tiny_p_values_are_not_rounded_to_zero() {
        let friedman = ranks(&vec![vec![1.0, 2.0, 3.0]; 100]).unwrap().friedman.unwrap();
        assert_eq!(friedman.test, FriedmanTest::ChiSquared);
        assert!((friedman.p / (-100.0_f64).exp() - 1.0).abs() < 1e-9, "{friedman:?}");
    }

    /// Demšar 2006, section 3.2.3: four classifiers on 14 data sets.
    #[test]
    fn iman_davenport_reproduces_demsars_example() {
        let (f, p) = iman_davenport(9.28, 4.0, 14.0).unwrap();
        assert!((f - 3.69).abs() < 5e-3, "{f}");
        // The paper gives 2.85 as the critical value of F(3, 39) at 5 %.
        assert!(p < 0.05 && p > 0.01, "{p}");
        let blocks = vec![vec![1.0, 2.0, 3.0, 4.0]; 14];
        assert!((ranks(&blocks).unwrap().critical_difference - 1.25).abs() < 5e-3);
        assert_eq!(cliques(&[3.143, 2.000, 2.893, 1.964], 1.25), [[3, 1, 2, 0]]);
    }

    /// Demšar 2006, table 5 (a).
    #[test]
    fn critical_values_agree_with_the_published_table_and_scipy() {
        let known = [1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164];
        for (k, known) in (2..).zip(known) {
            assert!((nemenyi(k) - known).abs() < 1e-3, "{k}: {}, not {known}", nemenyi(k));
        }
        for (k, expected) in fixtures::NEMENYI {
            assert!((nemenyi(k) - expected).abs() < 1e-6, "{k}: {}, not {expected}", nemenyi(k));
        }
    }

    #[test]
    fn ranks_and_tests_agree_with_scipy() {
        let blocks: Vec<Vec<f64>> = fixtures::BLOCKS.iter().map(|block| block.to_vec()).collect();
        let found = ranks(&blocks).unwrap();
        let friedman = found.friedman.unwrap();
        let (chi_squared, _) = fixtures::BLOCKS_FRIEDMAN;
        let (f, f_p) = fixtures::BLOCKS_IMAN_DAVENPORT;
        let (found_f, found_p) = iman_davenport(friedman.chi_squared, 4.0, 12.0).unwrap();
        let pairs = [(friedman.chi_squared, chi_squared), (found_f, f), (found_p, f_p)];
        for (found, expected) in pairs.into_iter().chain(found.mean.into_iter().zip(fixtures::BLOCKS_MEAN_RANKS)) {
            assert!((found / expected - 1.0).abs() < 1e-9, "{found}, not {expected}");
        }
    }

    /// The exact p-value of three strategies in one order on two problems is 1/6; by F it would be 0.
    #[test]
    fn two_blocks_that_agree_reject_nothing() {
        let found = ranks(&[vec![3.0, 2.0, 1.0], vec![3.0, 2.0, 1.0]]).unwrap();
        let friedman = found.friedman.unwrap();
        assert!((friedman.p - 1.0 / 6.0).abs() < 1e-12, "{friedman:?}");
        assert_eq!(friedman.test, FriedmanTest::Exact);
        assert!(!found.rejected());
        assert!(ranks(&vec![vec![3.0, 2.0, 1.0]; 8]).unwrap().rejected());
    }

    /// With 14 blocks, permutations and the approximation give about the same.
    #[test]
    fn permutations_and_approximation_meet() {
        let blocks: Vec<Vec<f64>> = ROUNDING_FIRST_BASE.iter().take(FEW_BLOCKS - 1).map(|row| row.to_vec()).collect();
        let friedman = ranks(&blocks).unwrap().friedman.unwrap();
        let (_, approximate) = iman_davenport(friedman.chi_squared, 3.0, blocks.len() as f64).unwrap();
        assert!((friedman.p - approximate).abs() < 0.02, "{friedman:?}, {approximate}");
    }

    #[test]
    fn cliques_overlap_and_leave_out_single_strategies() {
        assert_eq!(cliques(&[1.0, 2.0, 3.0, 9.0], 1.5), [[0, 1], [1, 2]]);
        assert_eq!(cliques(&[1.0, 5.0], 1.5), Vec::<Vec<usize>>::new());
    }

    proptest! {
        #[test]
        fn ranks_of_a_block_add_up(
            blocks in prop::collection::vec(prop::collection::vec((0..5).prop_map(f64::from), 4), 1..20),
        ) {
            let found = ranks(&blocks).unwrap();
            prop_assert!((found.mean.iter().sum::<f64>() - 10.0).abs() < 1e-9);
            prop_assert!(found.mean.iter().all(|rank| (1.0..=4.0).contains(rank)));
        }
    }
}
