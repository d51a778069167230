//! Compares latencies predicted from a cost table with measured ones.

use stats_claw::tests_stat::Alternative;
use stats_claw::tests_stat::correlation::{kendall, spearman};

/// How well predictions agree with measurements.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Agreement {
    /// Number of networks that were compared.
    pub count: usize,
    /// Spearman's rank correlation; NaN if it is undefined.
    pub spearman: f64,
    /// Kendall's τ-b; NaN if it is undefined.
    pub kendall: f64,
    /// The median of measured / predicted.
    pub scale: f64,
    /// The mean of |predicted − measured| / measured.
    pub error: f64,
    /// The same mean after all predictions are multiplied by `scale`.
    pub scaled_error: f64,
}

/// Compares predictions with measurements, pair by pair.
pub fn agreement(predicted: &[f64], measured: &[f64]) -> Agreement {
    let mut ratios: Vec<f64> =
        predicted.iter().zip(measured).map(|(predicted, measured)| measured / predicted).collect();
    ratios.sort_by(f64::total_cmp);
    let middle = ratios.len() / 2;
    let scale = match ratios.len() {
        0 => f64::NAN,
        count if count % 2 == 0 => f64::midpoint(ratios[middle - 1], ratios[middle]),
        _ => ratios[middle],
    };
    let error = |scale: f64| {
        let errors =
            predicted.iter().zip(measured).map(|(predicted, measured)| (scale * predicted - measured).abs() / measured);
        errors.sum::<f64>() / predicted.len() as f64
    };
    let coefficient = |result: Result<stats_claw::tests_stat::TestResult, _>| {
        result.map_or(f64::NAN, |result: stats_claw::tests_stat::TestResult| result.statistic)
    };
    Agreement {
        count: predicted.len(),
        spearman: coefficient(spearman(predicted, measured, Alternative::TwoSided)),
        kendall: coefficient(kendall(predicted, measured, Alternative::TwoSided)),
        scale,
        error: error(1.0),
        scaled_error: error(scale),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_factor_changes_no_rank() {
        let found = agreement(&[1.0, 2.0, 3.0, 4.0], &[2.0, 4.0, 6.0, 8.0]);
        assert_eq!((found.count, found.scale, found.error, found.scaled_error), (4, 2.0, 0.5, 0.0));
        assert!((found.spearman - 1.0).abs() < 1e-12 && (found.kendall - 1.0).abs() < 1e-12, "{found:?}");
    }

    #[test]
    fn one_swap_among_four_lowers_kendalls_coefficient_by_a_third() {
        let found = agreement(&[1.0, 2.0, 3.0, 4.0], &[1.0, 3.0, 2.0, 4.0]);
        assert!((found.kendall - 4.0 / 6.0).abs() < 1e-12 && (found.spearman - 0.8).abs() < 1e-12, "{found:?}");
    }
}
