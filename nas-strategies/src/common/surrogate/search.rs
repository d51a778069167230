//! The search of every strategy that models the objective: random architectures first, none twice, and results in any
//! order.

use std::collections::BTreeMap;

use nas_api::rng::{Random, seeded};
use nas_api::{Observation, Proposal, Result, Space, Strategy, Study};

use crate::Rank;
use crate::common::fresh_sample::fresh_sample;
use crate::common::surrogate::acquisition::Candidate;
use crate::common::surrogate::archive::Archive;
use crate::common::trials::{Origin, Trials, batch_size};

/// Most proposals of a model in one answer: each takes milliseconds, and a call must end. The host asks again.
const MAX_CHOSEN: usize = 32;

/// A model of the objective that chooses what is measured next.
pub(crate) trait Surrogate: Send {
    /// What the model sees of an architecture.
    type Point: Send;

    /// The point of a genotype.
    fn encode(&self, space: &mut dyn Space, genotype: &[u32]) -> Result<Self::Point>;

    /// The next architecture, which must not be known to the archive; `None` stands for a random one. This is called
    /// once the initial results are there.
    fn choose(&mut self, state: &mut State<Self::Point>, space: &mut dyn Space) -> Result<Option<Candidate>>;
}

/// What a model may use of the search.
pub(crate) struct State<P> {
    pub(crate) rng: Random,
    pub(crate) archive: Archive<P>,
    /// The architectures that are being measured, by trial.
    pub(crate) pending: BTreeMap<u32, Candidate>,
}

/// A search in progress.
pub(crate) struct SurrogateSearch<S: Surrogate> {
    study: Study,
    /// Results before the model is used.
    initial: usize,
    pub(crate) state: State<S::Point>,
    pub(crate) surrogate: S,
    trials: Trials,
    exhausted: bool,
}

impl<S: Surrogate> SurrogateSearch<S> {
    pub(crate) fn new(study: &Study, initial: usize, surrogate: S) -> Self {
        let state = State { rng: seeded(study.seed), archive: Archive::new(), pending: BTreeMap::new() };
        Self { study: study.clone(), initial, state, surrogate, trials: Trials::default(), exhausted: false }
    }

    /// The next architecture, chosen by the model if `modelled` is set; `None` if the space seems to be exhausted.
    fn next(&mut self, modelled: bool, space: &mut dyn Space) -> Result<Option<Candidate>> {
        if modelled && let Some(candidate) = self.surrogate.choose(&mut self.state, space)? {
            return Ok(Some(candidate));
        }
        let State { archive, rng, .. } = &mut self.state;
        let fresh = fresh_sample(space, rng, archive.len(), |key| archive.knows(key))?;
        Ok(fresh.map(|(genotype, key)| Candidate { genotype, key }))
    }
}

impl<S: Surrogate> Strategy for SurrogateSearch<S> {
    fn ask(&mut self, limit: u32, space: &mut dyn Space) -> Result<Vec<Proposal>> {
        let mut proposals = Vec::new();
        let modelled = self.state.archive.entries().len() >= self.initial;
        let most = if modelled { MAX_CHOSEN } else { usize::MAX }.min(batch_size(limit) as usize);
        while !self.exhausted && proposals.len() < most {
            let Some(candidate) = self.next(modelled, space)? else {
                self.exhausted = true;
                break;
            };
            proposals.push(Proposal::discrete(candidate.genotype.clone()));
            self.state.archive.propose(candidate.key.clone());
            self.state.pending.insert(self.trials.propose(), candidate);
        }
        Ok(proposals)
    }

    fn tell(&mut self, observations: &[Observation], space: &mut dyn Space) -> Result<()> {
        for observation in observations {
            let (origin, genotype) = self.trials.read(observation, space)?;
            if let Origin::Asked(trial) = origin {
                self.state.pending.remove(&trial);
            }
            if let (Origin::Asked(_) | Origin::External, Some(genotype)) = (origin, genotype) {
                let rank = Rank::of(&self.study, observation);
                let surrogate = &self.surrogate;
                self.state.archive.learn(genotype, rank, space, |space| surrogate.encode(space, genotype))?;
            }
        }
        Ok(())
    }

    fn finished(&self) -> bool {
        self.exhausted
    }
}
