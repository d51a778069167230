//! Predictors that learn from an archive and put candidates in order.

use nas_api::rng::Random;
use nas_api::{Result, Space};

use crate::surrogate::candidates::Candidate;
use crate::surrogate::ensemble::{Ensemble, Prediction, Shape};
use crate::surrogate::guide::features;
use crate::surrogate::network::{Example, Training};
use crate::surrogate::search::Search;
use crate::surrogate::targets::Targets;

/// How an ensemble is trained.
pub(crate) struct Predictor {
    /// M.
    pub(crate) members: usize,
    pub(crate) shape: Shape,
    pub(crate) training: Training,
    pub(crate) targets: Targets,
    /// Between y_LB and the best result, in standard deviations; `None`: every result weighs the same.
    pub(crate) margin: Option<f64>,
}

impl Predictor {
    /// An ensemble that has learnt everything in the archive.
    pub(crate) fn train(&self, search: &mut Search<Vec<f32>>) -> Ensemble {
        let entries = search.archive.entries();
        let targets = self.targets.of(&entries.iter().map(|entry| entry.rank).collect::<Vec<_>>());
        let weights = weights(&targets, self.margin);
        let example = |(position, &target): (usize, &f64)| {
            let input = &entries[position].point;
            Example { input, target: target as f32, weight: weights[position] }
        };
        let examples: Vec<Example<'_>> = targets.iter().enumerate().map(example).collect();
        Ensemble::train(self.members, &self.shape, &examples, self.training, &mut search.rng)
    }
}

/// What a miss weighs: 1 / (y − y_LB), where y is how far a result lies below the best. With it, the mean of absolute
/// misses is the loss of BANANAS, Section 4: |(ŷ − y_LB) / (y − y_LB) − 1|. Scaled to a mean of 1.
fn weights(targets: &[f64], margin: Option<f64>) -> Vec<f32> {
    let Some(margin) = margin else { return vec![1.0; targets.len()] };
    let best = targets.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = targets.iter().map(|target| 1.0 / (best - target + margin)).collect();
    let mean = weights.iter().sum::<f64>() / weights.len().max(1) as f64;
    weights.into_iter().map(|weight| (weight / mean) as f32).collect()
}

/// The candidates by what their predictions are worth, the best first.
pub(crate) fn in_order(
    ensemble: &Ensemble,
    found: Vec<Candidate>,
    space: &mut dyn Space,
    rng: &mut Random,
    worth: impl Fn(Prediction, &mut Random) -> f64,
) -> Result<Vec<Candidate>> {
    let points: Vec<Vec<f32>> = found.iter().map(|one| features(space, &one.genotype)).collect::<Result<_>>()?;
    let inputs: Vec<&[f32]> = points.iter().map(Vec::as_slice).collect();
    let mut order: Vec<(f64, Candidate)> = Vec::with_capacity(found.len());
    for (prediction, candidate) in ensemble.predict(&inputs).into_iter().zip(found) {
        order.push((worth(prediction, rng), candidate));
    }
    order.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    Ok(order.into_iter().map(|(_, candidate)| candidate).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_those_of_the_papers_loss() {
        // y = 0, 1, 3 below the best and y_LB half beyond it: 1/0.5, 1/1.5, 1/3.5, over their mean.
        let found = weights(&[2.0, 1.0, -1.0], Some(0.5));
        let mean = (2.0 + 1.0 / 1.5 + 1.0 / 3.5) / 3.0;
        for (weight, wanted) in found.iter().zip([2.0 / mean, 1.0 / 1.5 / mean, 1.0 / 3.5 / mean]) {
            assert!((f64::from(*weight) - wanted).abs() < 1e-6, "{found:?}");
        }
        assert_eq!(weights(&[2.0, 1.0], None), [1.0, 1.0]);
    }
}
