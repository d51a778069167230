//! The loop of searches that a predictor guides: random architectures first, then rounds of the most promising ones.

use std::collections::VecDeque;

use nas_api::rng::Random;
use nas_api::{Observation, Proposal, Result, Space, Study};

use crate::Rank;
use crate::fresh::fresh_sample;
use crate::surrogate::archive::Archive;
use crate::surrogate::candidates::Candidate;
use crate::trials::{Origin, Trials, batch};

/// The predictor is trained anew after k results, or, later, once there are more by this share.
const GROWTH: usize = 10;

/// A guided search in progress.
pub(crate) struct Guide {
    study: Study,
    pub(crate) rng: Random,
    /// Results before the predictor is asked.
    initial: usize,
    /// Proposals of one round.
    round: usize,
    pub(crate) archive: Archive<Vec<f32>>,
    trials: Trials,
    /// What remains of the round.
    queue: VecDeque<Candidate>,
    /// Results that the predictor was trained on.
    trained: usize,
    exhausted: bool,
}

impl Guide {
    pub(crate) fn new(study: &Study, rng: Random, initial: usize, round: usize) -> Self {
        let (archive, trials, queue) = (Archive::new(), Trials::default(), VecDeque::new());
        Self { study: study.clone(), rng, initial, round, archive, trials, queue, trained: 0, exhausted: false }
    }

    /// Proposals, of which each round lists the best candidates first; an empty list stands for a random architecture.
    pub(crate) fn ask(
        &mut self,
        limit: u32,
        space: &mut dyn Space,
        mut candidates: impl FnMut(&mut Self, &mut dyn Space) -> Result<Vec<Candidate>>,
    ) -> Result<Vec<Proposal>> {
        let mut proposals = Vec::new();
        while !self.exhausted && proposals.len() < batch(limit) as usize {
            if self.queue.is_empty() && self.archive.entries().len() >= self.initial {
                let mut best = candidates(self, space)?;
                best.truncate(self.round);
                self.queue = best.into();
            }
            let candidate = match self.queue.pop_front() {
                // Told from elsewhere in the meantime.
                Some(candidate) if self.archive.knows(&candidate.key) => continue,
                Some(candidate) => Some(candidate),
                None => {
                    let archive = &self.archive;
                    let fresh = fresh_sample(space, &mut self.rng, archive.len(), |key| archive.knows(key))?;
                    fresh.map(|(genotype, key)| Candidate { genotype, key })
                }
            };
            let Some(Candidate { genotype, key }) = candidate else {
                self.exhausted = true;
                break;
            };
            self.archive.propose(key);
            self.trials.propose();
            proposals.push(Proposal::discrete(genotype));
        }
        Ok(proposals)
    }

    pub(crate) fn tell(&mut self, observations: &[Observation], space: &mut dyn Space) -> Result<()> {
        for observation in observations {
            let (origin, genotype) = self.trials.read(observation, space)?;
            if let (Origin::Asked(_) | Origin::Foreign, Some(genotype)) = (origin, genotype) {
                let rank = Rank::of(&self.study, observation);
                self.archive.learn(genotype, rank, space, |space| features(space, genotype))?;
            }
        }
        Ok(())
    }

    /// Whether the predictor is to be trained now; if so, the results count as learnt.
    pub(crate) fn due(&mut self) -> bool {
        let count = self.archive.entries().len();
        let wait = if self.trained == 0 { 0 } else { self.round.max(self.trained / GROWTH) };
        let due = count >= self.trained + wait;
        if due {
            self.trained = count;
        }
        due
    }

    pub(crate) fn finished(&self) -> bool {
        self.exhausted
    }
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
