//! What every search by a model does besides modelling: random architectures first, none twice, results in any order.

use std::collections::BTreeMap;

use nas_api::rng::Random;
use nas_api::{Observation, Proposal, Result, Space, Study};

use crate::Rank;
use crate::fresh::fresh_sample;
use crate::surrogate::archive::Archive;
use crate::surrogate::candidates::Candidate;
use crate::trials::{Origin, Trials, batch};

/// Proposals of a model in one answer, at most: each takes milliseconds, and a call must end. The host asks again.
const MOST_CHOSEN: usize = 32;

/// A search in progress; its model sees points of type `P`.
pub(crate) struct Search<P> {
    study: Study,
    pub(crate) rng: Random,
    /// Results before the model is asked.
    initial: usize,
    pub(crate) archive: Archive<P>,
    /// What is being measured, by trial.
    pub(crate) pending: BTreeMap<u32, Candidate>,
    trials: Trials,
    exhausted: bool,
}

impl<P> Search<P> {
    pub(crate) fn new(study: &Study, rng: Random, initial: usize) -> Self {
        let (archive, pending, trials) = (Archive::new(), BTreeMap::new(), Trials::default());
        Self { study: study.clone(), rng, initial, archive, pending, trials, exhausted: false }
    }

    /// Proposals, each what `choose` returns; `None` from it stands for a random architecture. It is asked once the
    /// initial results are there, and returns nothing that is known.
    pub(crate) fn ask(
        &mut self,
        limit: u32,
        space: &mut dyn Space,
        mut choose: impl FnMut(&mut Self, &mut dyn Space) -> Result<Option<Candidate>>,
    ) -> Result<Vec<Proposal>> {
        let mut proposals = Vec::new();
        let modelled = self.archive.entries().len() >= self.initial;
        let most = if modelled { MOST_CHOSEN } else { usize::MAX }.min(batch(limit) as usize);
        while !self.exhausted && proposals.len() < most {
            let mut next = None;
            if modelled {
                next = choose(self, space)?;
            }
            if next.is_none() {
                let archive = &self.archive;
                let fresh = fresh_sample(space, &mut self.rng, archive.len(), |key| archive.knows(key))?;
                next = fresh.map(|(genotype, key)| Candidate { genotype, key });
            }
            let Some(candidate) = next else {
                self.exhausted = true;
                break;
            };
            proposals.push(Proposal::discrete(candidate.genotype.clone()));
            self.archive.propose(candidate.key.clone());
            self.pending.insert(self.trials.propose(), candidate);
        }
        Ok(proposals)
    }

    pub(crate) fn tell(
        &mut self,
        observations: &[Observation],
        space: &mut dyn Space,
        encode: impl Fn(&mut dyn Space, &[u32]) -> Result<P>,
    ) -> Result<()> {
        for observation in observations {
            let (origin, genotype) = self.trials.read(observation, space)?;
            if let Origin::Asked(trial) = origin {
                self.pending.remove(&trial);
            }
            if let (Origin::Asked(_) | Origin::Foreign, Some(genotype)) = (origin, genotype) {
                let rank = Rank::of(&self.study, observation);
                self.archive.learn(genotype, rank, space, |space| encode(space, genotype))?;
            }
        }
        Ok(())
    }

    pub(crate) fn finished(&self) -> bool {
        self.exhausted
    }
}
