//! ASHA: successive halving without waiting. Whenever a worker is free, an architecture in the best η-th of its rung is
//! promoted; if there is none, a new architecture starts in the lowest rung.
//!
//! Requires an evaluator with several fidelities. Any number of trials runs side by side. With `carry_on`, promoted
//! trials continue from their checkpoints, which the evaluator must support.
//!
//! Reference: L. Li, K. Jamieson, A. Rostamizadeh, E. Gonina, J. Ben-tzur, M. Hardt, B. Recht and A. Talwalkar (2020),
//! "A system for massively parallel hyperparameter tuning", MLSys 2, Algorithm 2.
//!
//! Differences: rungs are at the offered fidelities nearest, by ratio, to R η^−i, so that the last is at R; steps
//! without a fidelity of their own are skipped. Architectures that failed, have no finite objective or break a
//! constraint before they are measured count in their rung and are not promoted; constraints on measured metrics are
//! ranked by Deb's rules ([`Rank`]). No architecture (by
//! its key) starts twice. Once the space is exhausted, the search ends with the last promotion. External results (a
//! warm start) at the fidelity of a rung join that rung.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use nas_api::rng::{Random, seeded};
use nas_api::{
    Candidate, Error, Genotype, Needs, Observation, Parameter, Proposal, Result, Serves, Space, Strategy, StrategyInfo,
    StrategyPlugin, Study,
};

use crate::Rank;
use crate::common::fresh_sample::fresh_sample;
use crate::common::rungs::{self, Ladder};
use crate::common::trials::{NewResult, Trials, batch_size};

/// Sorts the best result first, and the earlier one first among equals.
type SortKey = (Reverse<Rank>, u32);

/// The results at one fidelity.
struct Rung {
    fidelity: f64,
    /// The number of steps to the next rung.
    steps: u32,
    /// The number of results, including failed ones.
    count: u32,
    /// Architectures that may be promoted, with the trial that can be continued; `None` for an external result.
    waiting: BTreeMap<SortKey, (Genotype, Option<u32>)>,
    /// The results that were promoted, in order.
    promoted: Vec<SortKey>,
    /// The keys of external results.
    external: BTreeSet<String>,
}

impl Rung {
    fn new(fidelity: f64, steps: u32) -> Self {
        let (waiting, promoted, external) = (BTreeMap::new(), Vec::new(), BTreeSet::new());
        Self { fidelity, steps, count: 0, waiting, promoted, external }
    }

    /// The best result that was not promoted yet, if it is in the best η-th of the rung, with the number of better
    /// ones.
    fn promotable(&self, ladder: &Ladder) -> Option<(SortKey, usize)> {
        let (&key, _) = self.waiting.first_key_value()?;
        let better = self.promoted.partition_point(|other| *other < key);
        (better < ladder.share(self.count, self.steps) as usize).then_some((key, better))
    }

    /// Promotes the best result if it is promotable, and returns its architecture and trial.
    fn promote(&mut self, ladder: &Ladder) -> Option<(Genotype, Option<u32>)> {
        let (key, better) = self.promotable(ladder)?;
        self.promoted.insert(better, key);
        self.waiting.remove(&key)
    }
}

/// A search by ASHA in progress.
pub struct Asha {
    study: Study,
    rng: Random,
    ladder: Ladder,
    /// The rungs, the lowest fidelity first.
    rungs: Vec<Rung>,
    carry_on: bool,
    /// The keys of all architectures in the lowest rung, started or external.
    keys: BTreeSet<String>,
    /// The rung of each outstanding trial.
    rung_of: BTreeMap<u32, usize>,
    trials: Trials,
    /// The number of results told so far.
    told: u32,
    /// Whether the space seems to have no new architecture.
    exhausted: bool,
}

impl Asha {
    /// The next proposal with the index of its rung (the paper's get_job).
    fn next(&mut self, space: &mut dyn Space) -> Result<Option<(usize, Proposal)>> {
        // Nothing is promoted from the highest rung.
        let below = self.rungs.len().saturating_sub(1);
        for position in (0..below).rev() {
            if let Some((genotype, trial)) = self.rungs[position].promote(&self.ladder) {
                let fidelity = Some(self.rungs[position + 1].fidelity);
                let resume = trial.filter(|_| self.carry_on);
                return Ok(Some((
                    position + 1,
                    Proposal { candidate: Candidate::Discrete(genotype), fidelity, resume },
                )));
            }
        }
        if self.exhausted {
            return Ok(None);
        }
        let keys = &self.keys;
        let Some((genotype, key)) = fresh_sample(space, &mut self.rng, keys.len(), |key| keys.contains(key))? else {
            self.exhausted = true;
            return Ok(None);
        };
        self.keys.insert(key);
        let fidelity = self.rungs.first().map(|rung| rung.fidelity);
        Ok(Some((0, Proposal { fidelity, ..Proposal::discrete(genotype) })))
    }

    /// Adds a result to the rung at this index.
    fn learn(&mut self, position: usize, observation: &Observation, genotype: &Genotype, trial: Option<u32>) {
        let rank = Rank::of(&self.study, observation);
        let rung = &mut self.rungs[position];
        rung.count = rung.count.saturating_add(1);
        if rank.promotable(&self.study, observation) {
            // A trial that broke a constraint has failed, and no trial can continue a failed one.
            let resumable = trial.filter(|_| observation.failure.is_none());
            rung.waiting.insert((Reverse(rank), self.told), (genotype.clone(), resumable));
        }
        self.told = self.told.saturating_add(1);
    }

    /// Adds an external result to the rung of its fidelity, unless the architecture is in that rung already.
    fn adopt(&mut self, observation: &Observation, genotype: &Genotype, space: &mut dyn Space) -> Result<()> {
        let matches = |rung: &Rung| observation.fidelity == Some(rung.fidelity);
        let Some(position) = self.rungs.iter().position(matches) else { return Ok(()) };
        let key = space.key(genotype)?;
        let started = position == 0 && !self.keys.insert(key.clone());
        if !started && self.rungs[position].external.insert(key) {
            self.learn(position, observation, genotype, None);
        }
        Ok(())
    }
}

impl StrategyPlugin for Asha {
    fn info() -> StrategyInfo {
        let mut parameters = rungs::parameters(4.0);
        let s = "s: number of steps of 'eta' above 'min_fidelity' at which architectures start.";
        parameters.push(Parameter::integer("early_stopping_rate", 0, 0, 64, s));
        StrategyInfo {
            name: "asha".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            description: "Successive halving without waiting: an architecture is promoted as soon as it is among the \
                          best of its rung."
                .into(),
            reference: "Li et al. 2020, A system for massively parallel hyperparameter tuning, MLSys, Algorithm 2"
                .into(),
            needs: Needs { fidelities: true, ..Needs::default() },
            serves: Serves { resume: true, ..Serves::default() },
            parameters,
        }
    }

    fn open(study: &Study, _space: &mut dyn Space) -> Result<Self> {
        let ladder = Ladder::open(study)?;
        let (start, top) = (study.settings.integer("early_stopping_rate")?, ladder.top());
        if start >= top {
            return Err(Error::new(format!(
                "'early_stopping_rate' ({start}) must be less than {top}, the number of steps from the least \
                 fidelity to the greatest"
            )));
        }
        let levels = ladder.levels(start);
        let next = levels.iter().skip(1).map(|&(steps, _)| steps).chain([0]);
        let rung = |(&(steps, fidelity), next): (&(u32, f64), u32)| Rung::new(fidelity, next.saturating_sub(steps));
        Ok(Self {
            rng: seeded(study.seed),
            rungs: levels.iter().zip(next).map(rung).collect(),
            ladder,
            carry_on: study.settings.truth("carry_on")?,
            keys: BTreeSet::new(),
            rung_of: BTreeMap::new(),
            trials: Trials::default(),
            told: 0,
            exhausted: false,
            study: study.clone(),
        })
    }
}

impl Strategy for Asha {
    fn ask(&mut self, limit: u32, space: &mut dyn Space) -> Result<Vec<Proposal>> {
        let mut proposals = Vec::new();
        while proposals.len() < batch_size(limit) as usize {
            let Some((rung, proposal)) = self.next(space)? else { break };
            self.rung_of.insert(self.trials.propose(), rung);
            proposals.push(proposal);
        }
        Ok(proposals)
    }

    fn tell(&mut self, observations: &[Observation], space: &mut dyn Space) -> Result<()> {
        for observation in observations {
            match self.trials.observed(observation, space)? {
                Some(NewResult { genotype, trial: Some(trial) }) => {
                    if let Some(rung) = self.rung_of.remove(&trial) {
                        self.learn(rung, observation, genotype, Some(trial));
                    }
                }
                Some(NewResult { genotype, trial: None }) => self.adopt(observation, genotype, space)?,
                None => {}
            }
        }
        Ok(())
    }

    fn finished(&self) -> bool {
        let below = &self.rungs[..self.rungs.len().saturating_sub(1)];
        let promotable = || below.iter().any(|rung| rung.promotable(&self.ladder).is_some());
        self.exhausted && self.trials.outstanding() == 0 && !promotable()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use nas_api::{Setting, Value};

    use super::*;
    use crate::conformance::{Additive, observation, study_of};

    fn number(name: &str, value: f64) -> Setting {
        Setting { name: name.into(), value: Value::Number(value) }
    }

    fn open(space: &mut Additive, eta: f64, start: f64) -> Asha {
        let carry_on = Setting { name: "carry_on".into(), value: Value::Truth(true) };
        let settings = [number("eta", eta), number("early_stopping_rate", start), carry_on];
        Asha::open(&study_of::<Asha>(3, &settings).unwrap(), space).unwrap()
    }

    /// Runs trials one at a time, whose values rise with `sign` 1 and fall with −1, and returns the fidelity of each
    /// with the trial that it continues.
    fn run(search: &mut Asha, space: &mut Additive, trials: u32, sign: f64) -> Vec<(f64, Option<u32>)> {
        (0..trials)
            .map(|trial| {
                let proposal = search.ask(1, space).unwrap().remove(0);
                let told = observation(
                    Some(trial),
                    proposal.candidate.genotype().unwrap().clone(),
                    Ok(sign * f64::from(trial)),
                );
                search.tell(&[Observation { fidelity: proposal.fidelity, ..told }], space).unwrap();
                (proposal.fidelity.unwrap(), proposal.resume)
            })
            .collect()
    }

    #[test]
    fn if_later_results_are_worse_a_rung_of_three_promotes_its_first() {
        let mut space = Additive::flat(6, 5, 1);
        let mut search = open(&mut space, 3.0, 0.0);
        let trials = run(&mut search, &mut space, 13, -1.0);
        let bottom = (1.0, None);
        let expected = [
            bottom,
            bottom,
            bottom,
            (3.0, Some(0)),
            bottom,
            bottom,
            bottom,
            (3.0, Some(1)),
            bottom,
            bottom,
            bottom,
            (3.0, Some(2)),
            (9.0, Some(3)),
        ];
        assert_eq!(trials, expected);
    }

    #[test]
    fn a_better_late_result_is_promoted_in_addition_to_earlier_ones() {
        let mut space = Additive::flat(6, 5, 1);
        let mut search = open(&mut space, 3.0, 0.0);
        // Every result is better than all before, so it is in the best third of its rung at once.
        let trials = run(&mut search, &mut space, 9, 1.0);
        let expected = [(3.0, Some(2)), (1.0, None), (3.0, Some(4)), (1.0, None), (3.0, Some(6)), (9.0, Some(7))];
        assert_eq!(trials[3..], expected);
    }

    #[test]
    fn it_never_waits() {
        let mut space = Additive::flat(6, 5, 1);
        let mut search = open(&mut space, 3.0, 0.0);
        assert_eq!(search.ask(500, &mut space).unwrap().len(), 500);
        assert_eq!(search.ask(500, &mut space).unwrap().len(), 500);
    }

    #[test]
    fn the_early_stopping_rate_omits_the_lowest_rungs() {
        let mut space = Additive::flat(6, 5, 1);
        let mut search = open(&mut space, 3.0, 2.0);
        let trials = run(&mut search, &mut space, 8, -1.0);
        assert_eq!(trials[3], (27.0, Some(0)));
        assert_eq!(trials[4], (9.0, None));
        let study = study_of::<Asha>(3, &[number("eta", 3.0), number("early_stopping_rate", 3.0)]).unwrap();
        let refusal = Asha::open(&study, &mut space).err().unwrap().to_string();
        assert!(refusal.contains("less than 3"), "{refusal}");
    }

    #[test]
    fn an_exhausted_space_ends_the_search_with_the_last_promotion() {
        let mut space = Additive::flat(2, 3, 1);
        let mut search = open(&mut space, 3.0, 0.0);
        // Nine trials are in the lowest rung, three in the next and one in the third.
        let mut trials = 0;
        while !search.finished() {
            let proposals = search.ask(1, &mut space).unwrap();
            for proposal in proposals {
                let told =
                    observation(Some(trials), proposal.candidate.genotype().unwrap().clone(), Ok(-f64::from(trials)));
                search.tell(&[Observation { fidelity: proposal.fidelity, ..told }], &mut space).unwrap();
                trials += 1;
            }
        }
        assert_eq!(trials, 13);
    }
}
