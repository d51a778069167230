//! Turns ranks into numbers that a model can learn.

use nas_api::{Parameter, Result, Settings};

use crate::Rank;
use crate::common::surrogate::normal::quantile;

/// How far a failure lies below the worst measured target.
const FAILURE_DISTANCE: f64 = 1.0;

/// How scores become targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Targets {
    /// The normal score of the score's position among all scores.
    NormalScores,
    /// The score minus the mean, in standard deviations.
    Standardised,
}

impl Targets {
    /// The parameter that [`Self::read`] reads.
    pub(crate) fn parameter(default: &str) -> Parameter {
        let description =
            "What the model learns: normal scores by rank, or scores minus their mean, in standard deviations.";
        Parameter::one_of("targets", default, &["normal-scores", "standardised"], description)
    }

    pub(crate) fn read(settings: &Settings) -> Result<Self> {
        let normal = settings.text("targets")? == "normal-scores";
        Ok(if normal { Self::NormalScores } else { Self::Standardised })
    }

    /// One target for each rank.
    pub(crate) fn of(self, ranks: &[Rank]) -> Vec<f64> {
        match self {
            Self::NormalScores => normal_scores(ranks),
            Self::Standardised => standardised(ranks),
        }
    }
}

/// Targets that are scores minus their mean, in standard deviations.
fn standardised(ranks: &[Rank]) -> Vec<f64> {
    let scores = || ranks.iter().filter_map(|rank| rank.score());
    // Divided by the greatest magnitude first, so that no sum overflows.
    let greatest = scores().fold(0.0, |most: f64, score| most.max(score.abs()));
    let scaled = |score: f64| if greatest > 0.0 { score / greatest } else { 0.0 };
    let count = scores().count().max(1) as f64;
    let mean = scores().map(scaled).sum::<f64>() / count;
    let variance = scores().map(|score| (scaled(score) - mean) * (scaled(score) - mean)).sum::<f64>() / count;
    let deviation = if variance > 0.0 { variance.sqrt() } else { 1.0 };
    complete(ranks, |score| (scaled(score) - mean) / deviation)
}

/// Targets that are normal scores: Φ⁻¹((r − ½) / n) for position r among n sorted scores, where equal scores share
/// their mean position. Outliers and skew have no effect.
fn normal_scores(ranks: &[Rank]) -> Vec<f64> {
    let mut sorted: Vec<f64> = ranks.iter().filter_map(|rank| rank.score()).map(|score| score + 0.0).collect();
    sorted.sort_by(f64::total_cmp);
    let count = sorted.len() as f64;
    complete(ranks, |score| {
        let below = sorted.partition_point(|other| *other < score) as f64;
        let up_to = sorted.partition_point(|other| *other <= score) as f64;
        quantile((below + up_to) / 2.0 / count)
    })
}

/// Targets for all ranks, greater is better, from the targets of scores. A candidate that violates constraints lies
/// below every score, the lower the greater the violation, and a failed one lies lowest, as in Deb's rules.
fn complete(ranks: &[Rank], target: impl Fn(f64) -> f64) -> Vec<f64> {
    let worst = ranks.iter().filter_map(|rank| rank.score()).map(&target).reduce(f64::min).unwrap_or(0.0);
    let target_of = |rank: &Rank| match *rank {
        Rank::Measured(score) => target(score),
        Rank::Infeasible(violation) if violation.is_finite() => {
            worst - FAILURE_DISTANCE * violation / (1.0 + violation)
        }
        Rank::Infeasible(_) | Rank::Failed => worst - FAILURE_DISTANCE,
    };
    ranks.iter().map(target_of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standardised_targets_have_mean_0_and_deviation_1_and_follow_debs_rules() {
        let ranks = [Rank::Measured(1.0), Rank::Failed, Rank::Measured(3.0), Rank::Infeasible(1.0)];
        for (target, expected) in standardised(&ranks).iter().zip([-1.0, -2.0, 1.0, -1.5]) {
            assert!((target - expected).abs() < 1e-12, "{target} is not {expected}");
        }
        assert_eq!(standardised(&[Rank::Failed, Rank::Infeasible(f64::INFINITY)]), [-1.0, -1.0]);
    }

    #[test]
    fn huge_and_equal_scores_give_finite_targets() {
        let huge = [f64::MAX, f64::MIN, 1e300, 5e-324, 0.0].map(Rank::Measured);
        assert!(standardised(&huge).iter().all(|target| target.is_finite()));
        assert_eq!(standardised(&[Rank::Measured(7.0), Rank::Measured(7.0)]), [0.0, 0.0]);
        assert_eq!(standardised(&[Rank::Measured(5e-324), Rank::Measured(-5e-324)]), [1.0, -1.0]);
    }

    #[test]
    fn normal_scores_depend_on_the_order_alone() {
        let ranks = [1.0, 1e9, 2.0, 2.0].map(Rank::Measured);
        let targets = normal_scores(&ranks);
        // 1/8, 7/8, 1/2, 1/2.
        let expected = [-1.150_349_380_376_008, 1.150_349_380_376_008, 0.0, 0.0];
        for (target, expected) in targets.iter().zip(expected) {
            assert!((target - expected).abs() < 1e-9, "{targets:?}");
        }
    }
}
