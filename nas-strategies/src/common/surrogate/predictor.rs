//! Trains predictors on an archive and ranks candidates by their predictions.

use nas_api::rng::Random;
use nas_api::{Result, Space};

use crate::common::surrogate::acquisition::Candidate;
use crate::common::surrogate::ensemble::{Ensemble, Prediction, Shape};
use crate::common::surrogate::network::{Example, Training};
use crate::common::surrogate::rounds::features;
use crate::common::surrogate::search::State;
use crate::common::surrogate::targets::Targets;

/// How an ensemble is trained.
pub(crate) struct Predictor {
    /// M, the number of networks.
    pub(crate) members: usize,
    pub(crate) shape: Shape,
    pub(crate) training: Training,
    pub(crate) targets: Targets,
    /// How far y_LB lies beyond the best result, in standard deviations; `None` weighs all results equally.
    pub(crate) margin: Option<f64>,
}

impl Predictor {
    /// Trains an ensemble on the whole archive.
    pub(crate) fn train(&self, state: &mut State<Vec<f32>>) -> Ensemble {
        let entries = state.archive.entries();
        let targets = self.targets.of(&entries.iter().map(|entry| entry.rank).collect::<Vec<_>>());
        let weights = weights(&targets, self.margin);
        let example = |(position, &target): (usize, &f64)| {
            let input = &entries[position].point;
            Example { input, target: target as f32, weight: weights[position] }
        };
        let examples: Vec<Example<'_>> = targets.iter().enumerate().map(example).collect();
        Ensemble::train(self.members, &self.shape, &examples, self.training, &mut state.rng)
    }
}

/// The weight of each result's error, scaled to a mean of 1: 1 / (y − y_LB), where y is how far the result lies below
/// the best. The mean absolute error with these weights is the loss of BANANAS, Section 4:
/// |(ŷ − y_LB) / (y − y_LB) − 1|.
fn weights(targets: &[f64], margin: Option<f64>) -> Vec<f32> {
    let Some(margin) = margin else { return vec![1.0; targets.len()] };
    let best = targets.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = targets.iter().map(|target| 1.0 / (best - target + margin)).collect();
    let mean = weights.iter().sum::<f64>() / weights.len().max(1) as f64;
    weights.into_iter().map(|weight| (weight / mean) as f32).collect()
}

/// Sorts candidates by the value of their predictions, the best first.
pub(crate) fn sorted_by_prediction(
    ensemble: &Ensemble,
    candidates: Vec<Candidate>,
    space: &mut dyn Space,
    rng: &mut Random,
    value: impl Fn(Prediction, &mut Random) -> f64,
) -> Result<Vec<Candidate>> {
    let points: Vec<Vec<f32>> =
        candidates.iter().map(|candidate| features(space, &candidate.genotype)).collect::<Result<_>>()?;
    let inputs: Vec<&[f32]> = points.iter().map(Vec::as_slice).collect();
    let mut order: Vec<(f64, Candidate)> = Vec::with_capacity(candidates.len());
    for (prediction, candidate) in ensemble.predict(&inputs).into_iter().zip(candidates) {
        order.push((value(prediction, rng), candidate));
    }
    order.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    Ok(order.into_iter().map(|(_, candidate)| candidate).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_those_of_the_loss_in_the_paper() {
        // y = 0, 1, 3 below the best and y_LB half beyond it: 1/0.5, 1/1.5, 1/3.5, over their mean.
        let found = weights(&[2.0, 1.0, -1.0], Some(0.5));
        let mean = (2.0 + 1.0 / 1.5 + 1.0 / 3.5) / 3.0;
        for (weight, expected) in found.iter().zip([2.0 / mean, 1.0 / 1.5 / mean, 1.0 / 3.5 / mean]) {
            assert!((f64::from(*weight) - expected).abs() < 1e-6, "{found:?}");
        }
        assert_eq!(weights(&[2.0, 1.0], None), [1.0, 1.0]);
    }
}
