//! Whether one sample is better than another one: the signed-rank test with its effect size, Holm's correction, and the
//! effect size Â₁₂ of unpaired samples.

use stats_claw::special::erfc;
use stats_claw::tests_stat::nonparametric::wilcoxon_signed_rank_mode;
use stats_claw::tests_stat::{Alternative, Mode};

use super::ranked;

/// With fewer differences, p is exact.
const FEW: usize = 25;
/// Below this, the library's p-value is computed anew.
const SMALLEST: f64 = 1e-8;
/// Differences are rounded to this share of the largest value, so that equal differences of decimal numbers are ties.
const RESOLUTION: f64 = 1e-12;
/// The size of a difference from a value that is worse than every other one, in units of the resolution: more than any
/// difference of two numbers, which is at most 2 / `RESOLUTION`.
const BEYOND: f64 = 4.0 / RESOLUTION;

/// The Wilcoxon signed-rank test on pairs of scores, of which more is better.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SignedRanks {
    /// The two-sided p-value; 1 where no pair differs.
    pub p: f64,
    /// The matched-pairs rank-biserial correlation (W⁺ − W⁻) / (W⁺ + W⁻) (Kerby 2014): 1 where `a` is better in every
    /// pair that differs, −1 where `b` is, 0 where the test favours neither. Its sign is the direction of the test.
    pub rank_biserial: f64,
    /// The number of pairs in which `a` is better.
    pub wins: usize,
    /// The number of pairs that do not differ.
    pub ties: usize,
}

/// Compares paired scores (Wilcoxon 1945). Zero differences are dropped. The p-value is exact for fewer than 25
/// differences, also with ties; otherwise it is the normal approximation, corrected for ties and continuity. A score of
/// −∞ is worse than every number, by more than any two numbers differ; two of them are tied. Differences are rounded to
/// 1e-12 of the largest score, because the rounding errors of decimal numbers would otherwise break ties at random.
pub fn signed_ranks(a: &[f64], b: &[f64]) -> SignedRanks {
    let finite = a.iter().zip(b).flat_map(|(a, b)| [*a, *b]).filter(|value| value.is_finite());
    let unit = finite.fold(0.0, |largest: f64, value| largest.max(value.abs())) * RESOLUTION;
    let rounded = |(a, b): (&f64, &f64)| match (a.is_finite(), b.is_finite()) {
        _ if a == b => 0.0,
        (true, true) => ((a - b) / unit).round(),
        (true, false) => BEYOND,
        (false, true) => -BEYOND,
        (false, false) => 0.0,
    };
    let all: Vec<f64> = a.iter().zip(b).map(rounded).collect();
    let differences: Vec<f64> = all.iter().copied().filter(|difference| *difference != 0.0).collect();
    let ranks = size_ranks(&differences);
    let signed: f64 = differences.iter().zip(&ranks).map(|(difference, rank)| difference.signum() * rank).sum();
    SignedRanks {
        p: p_value(&differences, &ranks),
        rank_biserial: if differences.is_empty() { 0.0 } else { signed / ranks.iter().sum::<f64>() },
        wins: differences.iter().filter(|difference| **difference > 0.0).count(),
        ties: all.len() - differences.len(),
    }
}

/// The ranks of the sizes of differences: 1 for the smallest, and equal sizes share the mean of their ranks.
fn size_ranks(differences: &[f64]) -> Vec<f64> {
    // `ranked` gives rank 1 to the greatest value.
    ranked(&differences.iter().map(|difference| -difference.abs()).collect::<Vec<f64>>())
}

fn p_value(differences: &[f64], ranks: &[f64]) -> f64 {
    if differences.len() < FEW {
        return exact(differences, ranks);
    }
    let zeros = vec![0.0; differences.len()];
    // The only possible error is that no pair differs.
    match wilcoxon_signed_rank_mode(differences, &zeros, Alternative::TwoSided, true, Mode::Auto) {
        Ok(tested) if tested.p_value < SMALLEST => tail(ranks, tested.statistic),
        Ok(tested) => tested.p_value,
        Err(_) => 1.0,
    }
}

/// Twice the share of all assignments of signs to the ranks in which a rank sum is at most the smaller one of these
/// differences. The library's approximation would call five tied wins out of five significant, whose p is 1/16.
fn exact(differences: &[f64], ranks: &[f64]) -> f64 {
    // Twice the ranks, which are whole numbers even where ranks are shared.
    let doubled: Vec<usize> = ranks.iter().map(|rank| (rank * 2.0).round() as usize).collect();
    let total: usize = doubled.iter().sum();
    // The share of the assignments with each sum of positive ranks.
    let mut shares = vec![0.0; total + 1];
    shares[0] = 1.0;
    for &rank in &doubled {
        for sum in (0..=total).rev() {
            let with = if sum >= rank { shares[sum - rank] } else { 0.0 };
            shares[sum] = f64::midpoint(shares[sum], with);
        }
    }
    let positive: usize =
        doubled.iter().zip(differences).filter(|(_, difference)| **difference > 0.0).map(|(rank, _)| rank).sum();
    (2.0 * shares[..=positive.min(total - positive)].iter().sum::<f64>()).min(1.0)
}

/// The library computes the normal approximation as 2 (1 − Φ(z)), which loses every p-value below 1e-16. This computes
/// the same tail directly. `statistic` is the smaller of the two rank sums; under the null hypothesis the mean of a
/// rank sum is half the sum of all ranks, and its variance is a quarter of the sum of their squares, ties included.
fn tail(ranks: &[f64], statistic: f64) -> f64 {
    let mean = ranks.iter().sum::<f64>() / 2.0;
    let deviation = ranks.iter().map(|rank| rank * rank).sum::<f64>().sqrt() / 2.0;
    erfc((mean - statistic - 0.5) / deviation / std::f64::consts::SQRT_2)
}

/// The probability that a value of `a` exceeds a value of `b` when both are drawn independently, where ties count half
/// (Vargha & Delaney 2000, Â₁₂). It ignores pairs, so it may point the other way than a paired test.
pub fn a12(a: &[f64], b: &[f64]) -> f64 {
    let mut sorted = b.to_vec();
    sorted.sort_by(f64::total_cmp);
    let exceeded = |value: &f64| {
        let below = sorted.partition_point(|other| other < value);
        let up_to = sorted.partition_point(|other| other <= value);
        below as f64 + 0.5 * (up_to - below) as f64
    };
    a.iter().map(exceeded).sum::<f64>() / (a.len() * b.len()) as f64
}

/// P-values after Holm's step-down correction (Holm 1979): the k-th smallest of m, counted from 0, is multiplied by
/// m − k; none gets smaller than an earlier one or larger than 1.
pub fn holm(p: &[f64]) -> Vec<f64> {
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
    use super::super::fixtures;
    use super::*;

    fn wilcoxon(a: &[f64], b: &[f64]) -> f64 {
        signed_ranks(a, b).p
    }

    fn assert_near(found: f64, expected: f64, tolerance: f64) {
        assert!((found - expected).abs() <= tolerance * expected.abs(), "{found}, not {expected}");
    }

    /// The depressed patients of Hollander & Wolfe (1973), also R's example: V = 40, p = 0.03906 (two-sided, exact).
    #[test]
    #[expect(clippy::approx_constant, reason = "a measurement of 3.14")]
    fn signed_rank_test_reproduces_the_textbook_example() {
        let x = [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30];
        let y = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29];
        assert!((signed_ranks(&x, &y).p - 0.039_062_5).abs() < 1e-9);
    }

    #[test]
    fn signed_rank_test_agrees_with_scipy() {
        use fixtures::{LARGE_A, LARGE_B, TIED_A, TIED_B, UNTIED_A, UNTIED_B};
        assert_near(wilcoxon(&UNTIED_A, &UNTIED_B), fixtures::UNTIED_WILCOXON_P, 1e-12);
        assert_near(wilcoxon(&TIED_A, &TIED_B), fixtures::TIED_WILCOXON_P, 1e-12);
        assert_near(wilcoxon(&LARGE_A, &LARGE_B), fixtures::LARGE_WILCOXON_P, 1e-12);
    }

    /// z = (n (n + 1) / 4 − 1/2) / √(n (n + 1) (2n + 1) / 24) where one wins all n pairs; erfc(z / √2) by Python's
    /// math. SciPy, whose tail is as exact, gives the same to 12 digits.
    #[test]
    fn tiny_p_values_are_not_rounded_to_zero() {
        for (pairs, expected) in [(60_u32, 1.671_328_569_652_656e-11), (200, 1.447_001_734_810_283_5e-34)] {
            let a: Vec<f64> = (0..pairs).map(|pair| f64::from(pair * pair + 1)).collect();
            assert_near(wilcoxon(&a, &vec![0.0; pairs as usize]), expected, 1e-12);
        }
        for (pairs, expected) in fixtures::ALL_WON_WILCOXON_P {
            let a: Vec<f64> = (0..pairs).map(|pair| f64::from(pair * pair + 1)).collect();
            assert_near(wilcoxon(&a, &vec![0.0; pairs as usize]), expected, 1e-11);
        }
    }

    /// Both ways to compute the tail are one formula, also with ties and pairs that do not differ.
    #[test]
    fn the_tail_equals_the_approximation_of_the_library() {
        let a: Vec<f64> = (0..60).map(|pair| f64::from(pair / 3) - 2.0).collect();
        let b = vec![0.0; 60];
        let tested = wilcoxon_signed_rank_mode(&a, &b, Alternative::TwoSided, true, Mode::Auto).unwrap();
        assert!(tested.p_value < 1e-8 && tested.p_value > 1e-12, "{tested:?}");
        let found = wilcoxon(&a, &b);
        assert!((found - tested.p_value).abs() < 1e-15, "{found} {tested:?}");
        assert_near(found, fixtures::TIED_TAIL_WILCOXON_P, 1e-11);
    }

    /// SciPy, given the differences rounded to nine decimals, sees 29 ties; unrounded they are six different numbers.
    #[test]
    fn equal_differences_of_decimal_numbers_are_ties() {
        let b: Vec<f64> = (0..30).map(f64::from).collect();
        let a: Vec<f64> = b.iter().map(|value| if *value < 29.0 { value + 0.001 } else { -1.0 }).collect();
        let found = signed_ranks(&a, &b);
        assert_near(found.p, fixtures::ONE_LARGE_LOSS_WILCOXON_P, 1e-9);
        assert_near(found.rank_biserial, fixtures::ONE_LARGE_LOSS_RANK_BISERIAL, 1e-14);
        assert_eq!((found.wins, found.ties), (29, 0));
        assert!(a12(&a, &b) < 0.5, "the unpaired effect size points the other way");
    }

    #[test]
    fn rank_biserial_correlation_agrees_with_scipys_ranks() {
        use fixtures::{LARGE_A, LARGE_B, TIED_A, TIED_B, UNTIED_A, UNTIED_B};
        assert_near(signed_ranks(&UNTIED_A, &UNTIED_B).rank_biserial, fixtures::UNTIED_RANK_BISERIAL, 1e-14);
        assert_near(signed_ranks(&TIED_A, &TIED_B).rank_biserial, fixtures::TIED_RANK_BISERIAL, 1e-14);
        assert_near(signed_ranks(&LARGE_A, &LARGE_B).rank_biserial, fixtures::LARGE_RANK_BISERIAL, 1e-14);
        assert_near(signed_ranks(&TIED_B, &TIED_A).rank_biserial, -fixtures::TIED_RANK_BISERIAL, 1e-14);
    }

    #[test]
    fn few_tied_wins_are_not_significant() {
        for (pairs, expected) in [(5, 1.0 / 16.0), (6, 1.0 / 32.0)] {
            assert_near(wilcoxon(&vec![1.0; pairs], &vec![0.5; pairs]), expected, 1e-14);
        }
    }

    #[test]
    fn a_missing_score_loses_against_every_number_and_ties_with_another_one() {
        let missing = f64::NEG_INFINITY;
        let found = signed_ranks(&[1.0, 2.0, missing, missing], &[missing, 1e300, 0.0, missing]);
        assert_eq!((found.wins, found.ties), (1, 1));
        // Ranks: the loss of 1e300 is the smallest difference; a win and a loss against a missing score share 2.5.
        assert!((found.rank_biserial - (2.5 - 2.5 - 1.0) / 6.0).abs() < 1e-12, "{found:?}");
        assert_eq!(signed_ranks(&[missing; 3], &[missing; 3]).p, 1.0);
    }

    #[test]
    fn effect_size_agrees_with_scipys_mann_whitney_u() {
        use fixtures::{TIED_A, TIED_B, UNTIED_A, UNTIED_B};
        let pairs = |a: &[f64], b: &[f64]| (a.len() * b.len()) as f64;
        assert_near(a12(&UNTIED_A, &UNTIED_B), fixtures::UNTIED_U / pairs(&UNTIED_A, &UNTIED_B), 1e-14);
        assert_near(a12(&TIED_A, &TIED_B), fixtures::TIED_U / pairs(&TIED_A, &TIED_B), 1e-14);
        assert_near(a12(&TIED_A[..9], &TIED_B[..7]), fixtures::UNEQUAL_SIZES_U / 63.0, 1e-14);
    }

    #[test]
    fn holms_correction_by_hand() {
        let corrected = holm(&[0.01, 0.04, 0.03, 0.005]);
        for (found, expected) in corrected.iter().zip([0.03, 0.06, 0.06, 0.02]) {
            assert!((found - expected).abs() < 1e-12, "{corrected:?}");
        }
        assert_eq!(holm(&[0.9, 0.8]), [1.0, 1.0]);
    }

    #[test]
    fn holms_correction_agrees_with_statsmodels() {
        for (found, expected) in holm(&fixtures::P_VALUES).into_iter().zip(fixtures::P_VALUES_HOLM) {
            assert_near(found, expected, 1e-14);
        }
    }
}
