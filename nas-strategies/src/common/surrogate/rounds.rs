//! Searches that a neural predictor guides: each round measures the most promising of many mutants.

use std::collections::VecDeque;

use nas_api::{Result, Space};

use crate::common::surrogate::acquisition::Candidate;
use crate::common::surrogate::ensemble::Ensemble;
use crate::common::surrogate::predictor::Predictor;
use crate::common::surrogate::search::{State, Surrogate};

/// The predictor is retrained after k results or, once that is more, when the results have grown by one part in this.
const GROWTH: usize = 10;

/// How a strategy picks the architectures of one round.
pub(crate) trait RoundCandidates: Send {
    /// Architectures, the best first. An empty list stands for a random architecture.
    fn candidates(
        &self,
        ensemble: &Ensemble,
        state: &mut State<Vec<f32>>,
        space: &mut dyn Space,
    ) -> Result<Vec<Candidate>>;
}

/// An ensemble of predictors as a surrogate model.
pub(crate) struct PredictorRounds<C> {
    pub(crate) candidates: C,
    pub(crate) predictor: Predictor,
    /// Proposals of one round.
    pub(crate) round: usize,
    /// The rest of the current round.
    queue: VecDeque<Candidate>,
    ensemble: Option<Ensemble>,
    /// Results that the ensemble was trained on.
    trained: usize,
}

impl<C> PredictorRounds<C> {
    pub(crate) fn new(candidates: C, predictor: Predictor, round: usize) -> Self {
        Self { candidates, predictor, round, queue: VecDeque::new(), ensemble: None, trained: 0 }
    }

    /// The ensemble, retrained if that is due.
    fn trained<'e>(
        predictor: &Predictor,
        round: usize,
        trained: &mut usize,
        ensemble: &'e mut Option<Ensemble>,
        state: &mut State<Vec<f32>>,
    ) -> &'e Ensemble {
        let count = state.archive.entries().len();
        let due = count >= *trained + round.max(*trained / GROWTH);
        if due {
            *ensemble = None;
        }
        ensemble.get_or_insert_with(|| {
            *trained = count;
            predictor.train(state)
        })
    }
}

impl<C: RoundCandidates> Surrogate for PredictorRounds<C> {
    type Point = Vec<f32>;

    fn encode(&self, space: &mut dyn Space, genotype: &[u32]) -> Result<Vec<f32>> {
        features(space, genotype)
    }

    fn choose(&mut self, state: &mut State<Vec<f32>>, space: &mut dyn Space) -> Result<Option<Candidate>> {
        let Self { candidates, predictor, round, queue, ensemble, trained } = self;
        // Part of the round may have been told as external results in the meantime.
        queue.retain(|candidate| !state.archive.knows(&candidate.key));
        if queue.is_empty() {
            let ensemble = Self::trained(predictor, *round, trained, ensemble, state);
            let mut best = candidates.candidates(ensemble, state, space)?;
            best.truncate(*round);
            *queue = best.into();
        }
        Ok(queue.pop_front())
    }
}

/// What the predictor sees of a genotype: the space's features, each squashed to between −2 and 2.
pub(crate) fn features(space: &mut dyn Space, genotype: &[u32]) -> Result<Vec<f32>> {
    let squash = |value: f32| match value {
        _ if value.is_nan() => 0.0,
        _ if value.abs() <= 1.0 => value,
        // Continuous at 1, monotonic, and never beyond 2.
        _ => value.signum() * (2.0 - 1.0 / value.abs()),
    };
    Ok(space.features(genotype)?.into_iter().map(squash).collect())
}
