//! The loop of searches that a predictor guides: rounds of the most promising mutants.

use std::collections::VecDeque;

use nas_api::rng::seeded;
use nas_api::{Observation, Proposal, Result, Space, Study};

use crate::surrogate::candidates::Candidate;
use crate::surrogate::ensemble::Ensemble;
use crate::surrogate::predictor::Predictor;
use crate::surrogate::search::Search;

/// The predictor is trained anew after k results, or, later, once there are more by this share.
const GROWTH: usize = 10;

/// A guided search in progress.
pub(crate) struct Guide {
    pub(crate) search: Search<Vec<f32>>,
    predictor: Predictor,
    /// Proposals of one round.
    round: usize,
    /// What remains of the round.
    queue: VecDeque<Candidate>,
    ensemble: Option<Ensemble>,
    /// Results that the ensemble was trained on.
    trained: usize,
}

impl Guide {
    pub(crate) fn new(study: &Study, predictor: Predictor, initial: usize, round: usize) -> Self {
        let search = Search::new(study, seeded(study.seed), initial);
        Self { search, predictor, round, queue: VecDeque::new(), ensemble: None, trained: 0 }
    }

    /// Proposals. For each round `candidates` lists architectures, the best first; an empty list stands for a random one.
    pub(crate) fn ask(
        &mut self,
        limit: u32,
        space: &mut dyn Space,
        candidates: impl Fn(&Ensemble, &mut Search<Vec<f32>>, &mut dyn Space) -> Result<Vec<Candidate>>,
    ) -> Result<Vec<Proposal>> {
        let Self { search, predictor, round, queue, ensemble, trained } = self;
        search.ask(limit, space, |search, space| {
            // Some of the round may have been told from elsewhere in the meantime.
            queue.retain(|candidate| !search.archive.knows(&candidate.key));
            if queue.is_empty() {
                let trained = train(predictor, *round, trained, ensemble, search);
                let mut best = candidates(trained, search, space)?;
                best.truncate(*round);
                *queue = best.into();
            }
            Ok(queue.pop_front())
        })
    }

    pub(crate) fn tell(&mut self, observations: &[Observation], space: &mut dyn Space) -> Result<()> {
        self.search.tell(observations, space, features)
    }

    pub(crate) fn finished(&self) -> bool {
        self.search.finished()
    }
}

/// The ensemble, trained anew where that is due.
fn train<'e>(
    predictor: &Predictor,
    round: usize,
    trained: &mut usize,
    ensemble: &'e mut Option<Ensemble>,
    search: &mut Search<Vec<f32>>,
) -> &'e Ensemble {
    let count = search.archive.entries().len();
    let due = count >= *trained + round.max(*trained / GROWTH);
    if due {
        *ensemble = None;
    }
    ensemble.get_or_insert_with(|| {
        *trained = count;
        predictor.train(search)
    })
}

/// What the predictor sees of a genotype: the space's features, each kept between −2 and 2.
pub(crate) fn features(space: &mut dyn Space, genotype: &[u32]) -> Result<Vec<f32>> {
    let squash = |value: f32| match value {
        _ if value.is_nan() => 0.0,
        _ if value.abs() <= 1.0 => value,
        // Continuous at 1, in order, and never beyond 2.
        _ => value.signum() * (2.0 - 1.0 / value.abs()),
    };
    Ok(space.features(genotype)?.into_iter().map(squash).collect())
}
