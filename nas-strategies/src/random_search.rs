//! Random search: every proposal is a random architecture, whatever was measured. It is the baseline that every other
//! strategy has to beat.
//!
//! Requires nothing of the study. Results are not used, so any number of trials runs side by side, and neither several
//! objectives nor constraints make a difference.
//!
//! Reference: L. Li and A. Talwalkar (2019), "Random search and reproducibility for neural architecture search", UAI
//! 2019 (PMLR 115), Section 4: the baseline without weight sharing. J. Bergstra and Y. Bengio (2012), "Random search
//! for hyper-parameter optimization", JMLR 13, 281-305.
//!
//! Differences: with `unique` no architecture is proposed twice, where the papers draw with replacement.

use std::collections::BTreeSet;

use nas_api::rng::{Random, RngExt, seeded};
use nas_api::{
    Needs, Observation, Parameter, Proposal, Result, Serves, Space, Strategy, StrategyInfo, StrategyPlugin, Study,
};

use crate::common::fresh_sample::fresh_sample;
use crate::common::trials::{NewResult, Trials, batch_size};

/// A random search in progress.
pub struct RandomSearch {
    rng: Random,
    /// Keys that were proposed or told; `None` if repetitions are allowed.
    seen: Option<BTreeSet<String>>,
    trials: Trials,
    exhausted: bool,
}

impl RandomSearch {
    /// A random architecture, which is new if `unique` is set; `None` if the space seems to be exhausted.
    fn draw(&mut self, space: &mut dyn Space) -> Result<Option<Vec<u32>>> {
        let Some(seen) = &mut self.seen else { return Ok(Some(space.sample(self.rng.random())?)) };
        let fresh = fresh_sample(space, &mut self.rng, seen.len(), |key| seen.contains(key))?;
        Ok(fresh.map(|(genotype, key)| {
            seen.insert(key);
            genotype
        }))
    }
}

impl StrategyPlugin for RandomSearch {
    fn info() -> StrategyInfo {
        StrategyInfo {
            name: "random-search".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            description: "Proposes random architectures, whatever was measured; the baseline of every comparison."
                .into(),
            reference:
                "Li & Talwalkar 2019, Random search and reproducibility for neural architecture search, UAI, Section 4"
                    .into(),
            needs: Needs::default(),
            serves: Serves { several_objectives: true, batched_asks: true, ..Serves::default() },
            parameters: vec![Parameter::truth(
                "unique",
                false,
                "Propose no architecture (by its key) twice; the search ends when the space seems exhausted.",
            )],
        }
    }

    fn open(study: &Study, _space: &mut dyn Space) -> Result<Self> {
        let seen = study.settings.truth("unique")?.then(BTreeSet::new);
        Ok(Self { rng: seeded(study.seed), seen, trials: Trials::default(), exhausted: false })
    }
}

impl Strategy for RandomSearch {
    fn ask(&mut self, limit: u32, space: &mut dyn Space) -> Result<Vec<Proposal>> {
        let mut proposals = Vec::new();
        while !self.exhausted && proposals.len() < batch_size(limit) as usize {
            match self.draw(space)? {
                Some(genotype) => {
                    self.trials.propose();
                    proposals.push(Proposal::discrete(genotype));
                }
                None => self.exhausted = true,
            }
        }
        Ok(proposals)
    }

    fn tell(&mut self, observations: &[Observation], space: &mut dyn Space) -> Result<()> {
        for observation in observations {
            if let Some(NewResult { genotype, trial: None }) = self.trials.observed(observation, space)?
                && let Some(seen) = &mut self.seen
            {
                seen.insert(space.key(genotype)?);
            }
        }
        Ok(())
    }

    fn finished(&self) -> bool {
        self.exhausted
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use nas_api::{Setting, Value};

    use super::*;
    use crate::conformance::{Additive, observation, study_of};

    fn unique() -> Study {
        study_of::<RandomSearch>(7, &[Setting { name: "unique".into(), value: Value::Truth(true) }]).unwrap()
    }

    #[test]
    fn unique_proposes_every_key_once_and_then_ends() {
        let mut space = Additive::flat(4, 3, 1);
        let mut search = RandomSearch::open(&unique(), &mut space).unwrap();
        let mut keys = BTreeSet::new();
        while !search.finished() {
            for proposal in search.ask(7, &mut space).unwrap() {
                assert!(keys.insert(proposal.candidate.genotype().unwrap().clone()));
            }
        }
        assert_eq!(keys.len(), 81);
        assert!(search.ask(7, &mut space).unwrap().is_empty());
    }

    #[test]
    fn unique_leaves_out_external_results() {
        let mut space = Additive::flat(1, 4, 1);
        let mut search = RandomSearch::open(&unique(), &mut space).unwrap();
        search.tell(&[observation(None, vec![2], Ok(f64::NAN))], &mut space).unwrap();
        let mut drawn: Vec<u32> = Vec::new();
        while !search.finished() {
            let proposals = search.ask(1, &mut space).unwrap();
            drawn.extend(proposals.iter().map(|proposal| proposal.candidate.genotype().unwrap()[0]));
        }
        drawn.sort_unstable();
        assert_eq!(drawn, [0, 1, 3]);
    }
}
