//! Successive halving: many architectures are measured at a low fidelity, the best η-th of them at a fidelity η times
//! as high, and so on up to the greatest fidelity.
//!
//! Requires an evaluator with several fidelities. With `carry_on`, promoted trials continue from their checkpoints,
//! which the evaluator must support.
//!
//! Reference: K. Jamieson and A. Talwalkar (2016), "Non-stochastic best arm identification and hyperparameter
//! optimization", AISTATS 19 (PMLR 51), Algorithm 1. With η and a greatest fidelity R, as used here: L. Li et al.
//! (2018), "Hyperband: a novel bandit-based approach to hyperparameter optimization", JMLR 18(185), Section 3.1.
//!
//! Differences: n and the fidelities are given instead of n and a budget B; each rung costs about as much as the next,
//! as in Algorithm 1. A rung is at the offered fidelity nearest, by ratio, to R η^−i; steps without a fidelity of their
//! own are skipped. Architectures that failed, have no finite objective or break a constraint before they are
//! measured are not promoted; constraints on measured metrics are ranked by Deb's rules ([`Rank`](crate::Rank)). No architecture (by its key) enters a bracket twice. The
//! search starts again after the last rung, unless `repeat` is off. While the last trials of a rung are outstanding,
//! idle workers begin the next bracket. External results (a warm start) at the fidelity of the first rung replace
//! samples there.

use nas_api::rng::seeded;
use nas_api::{Error, Needs, Parameter, Result, Serves, Space, StrategyInfo, StrategyPlugin, Study};

use crate::common::brackets::{Brackets, RandomSource};
use crate::common::delegate_strategy;
use crate::common::rungs::{self, Ladder};

/// A search by successive halving in progress.
pub struct SuccessiveHalving(Brackets<RandomSource>);

delegate_strategy!(SuccessiveHalving);

impl StrategyPlugin for SuccessiveHalving {
    fn info() -> StrategyInfo {
        let mut parameters = vec![Parameter::integer(
            "n",
            0,
            0,
            1_000_000,
            "n: architectures in the first rung; 0 uses the fewest that bring one to the greatest fidelity.",
        )];
        parameters.extend(rungs::parameters(2.0));
        parameters.push(Parameter::truth(
            "repeat",
            true,
            "Start again after the last rung; otherwise the search ends.",
        ));
        StrategyInfo {
            name: "successive-halving".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            description: "Measures many architectures at a low fidelity and the best of them at ever higher ones."
                .into(),
            reference: "Jamieson & Talwalkar 2016, Non-stochastic best arm identification and hyperparameter \
                        optimization, AISTATS, Algorithm 1"
                .into(),
            needs: Needs { fidelities: true, ..Needs::default() },
            serves: Serves { resume: true, ..Serves::default() },
            parameters,
        }
    }

    fn open(study: &Study, _space: &mut dyn Space) -> Result<Self> {
        let settings = &study.settings;
        let ladder = Ladder::open(study)?;
        let least = ladder.power(ladder.top()).ceil().min(f64::from(u32::MAX)) as u32;
        let n = match settings.integer("n")? {
            0 => least,
            n if n < least => {
                let problem = format!("with 'n' {n} no architecture would reach the greatest fidelity");
                return Err(Error::new(format!("{problem}: set 'n' to {least} or more, or raise 'min_fidelity'")));
            }
            n => n,
        };
        let (repeat, carry_on) = (settings.truth("repeat")?, settings.truth("carry_on")?);
        Ok(Self(Brackets::new(study, RandomSource(seeded(study.seed)), vec![ladder.bracket(0, n)], repeat, carry_on)))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use nas_api::{Failure, Genotype, Observation, Proposal, Setting, Strategy, Value};

    use super::*;
    use crate::conformance::{Additive, observation, study_of};

    fn set(name: &str, value: Value) -> Setting {
        Setting { name: name.into(), value }
    }

    fn open(space: &mut Additive, settings: &[Setting]) -> SuccessiveHalving {
        SuccessiveHalving::open(&study_of::<SuccessiveHalving>(3, settings).unwrap(), space).unwrap()
    }

    fn once(eta: f64) -> Vec<Setting> {
        vec![set("eta", Value::Number(eta)), set("repeat", Value::Truth(false)), set("carry_on", Value::Truth(true))]
    }

    fn told(trial: u32, proposal: &Proposal, value: f64) -> Observation {
        let genotype = proposal.candidate.genotype().unwrap().clone();
        Observation { fidelity: proposal.fidelity, ..observation(Some(trial), genotype, Ok(value)) }
    }

    #[test]
    fn the_best_third_is_promoted_and_continues_from_its_checkpoints() {
        let mut space = Additive::flat(6, 5, 1);
        let mut search = open(&mut space, &once(3.0));
        let (mut first, mut trial) = (0, 0);
        for (count, fidelity) in [(27, 1.0), (9, 3.0), (3, 9.0), (1, 27.0)] {
            let proposals = search.ask(100, &mut space).unwrap();
            assert_eq!(proposals.len(), count);
            assert!(search.ask(1, &mut space).unwrap().is_empty(), "it waits for the rung");
            for (position, proposal) in proposals.iter().enumerate() {
                assert_eq!(proposal.fidelity, Some(fidelity));
                // Later trials are better, so the last third is promoted, the last trial first.
                let from = (trial as usize).wrapping_sub(1 + position) as u32;
                assert_eq!(proposal.resume, (fidelity > 1.0).then_some(from));
            }
            first += count as u32;
            // The last result is told first.
            let results: Vec<Observation> = (trial..first)
                .map(|number| told(number, &proposals[(number - trial) as usize], f64::from(number)))
                .rev()
                .collect();
            search.tell(&results, &mut space).unwrap();
            trial = first;
        }
        assert!(search.finished());
    }

    #[test]
    fn failed_trials_are_not_promoted() {
        let mut space = Additive::flat(6, 5, 1);
        let mut search = open(&mut space, &once(3.0));
        let proposals = search.ask(27, &mut space).unwrap();
        for (trial, proposal) in (0..).zip(&proposals) {
            let mut result = told(trial, proposal, if trial % 2 == 0 { f64::NAN } else { 1.0 });
            result.failure = (trial > 3).then(|| Failure::new("test"));
            search.tell(&[result], &mut space).unwrap();
        }
        let promoted: Vec<Option<u32>> =
            search.ask(100, &mut space).unwrap().iter().map(|proposal| proposal.resume).collect();
        assert_eq!(promoted, [Some(1), Some(3)]);
    }

    #[test]
    fn idle_workers_begin_the_next_bracket_and_return_to_the_first() {
        let mut space = Additive::flat(6, 5, 1);
        let mut search = open(&mut space, &[set("eta", Value::Number(3.0))]);
        let mut proposals = search.ask(30, &mut space).unwrap();
        assert!(proposals.iter().all(|proposal| proposal.fidelity == Some(1.0)));
        for trial in 0..27 {
            search.tell(&[told(trial, &proposals[trial as usize], 1.0)], &mut space).unwrap();
        }
        proposals = search.ask(10, &mut space).unwrap();
        let fidelities: Vec<f64> = proposals.iter().filter_map(|proposal| proposal.fidelity).collect();
        assert_eq!(fidelities, [3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 1.0]);
        assert!(proposals.iter().all(|proposal| proposal.resume.is_none()), "'carry_on' is off");
    }

    #[test]
    fn external_results_at_the_first_fidelity_replace_samples_and_are_promoted_without_a_checkpoint() {
        let mut space = Additive::flat(6, 5, 1);
        let mut search = open(&mut space, &once(3.0));
        let best: Genotype = vec![4; 6];
        for fidelity in [Some(1.0), Some(1.0), Some(3.0), None] {
            let known = Observation { fidelity, ..observation(None, best.clone(), Ok(5.0)) };
            search.tell(&[known], &mut space).unwrap();
        }
        let proposals = search.ask(100, &mut space).unwrap();
        assert_eq!(proposals.len(), 26);
        for (trial, proposal) in (0..).zip(&proposals) {
            search.tell(&[told(trial, proposal, 1.0)], &mut space).unwrap();
        }
        let promoted = search.ask(100, &mut space).unwrap();
        assert_eq!(promoted[0], Proposal { fidelity: Some(3.0), ..Proposal::discrete(best) });
        assert!(promoted[1..].iter().all(|proposal| proposal.resume.is_some()));
    }

    #[test]
    fn too_few_architectures_to_reach_the_greatest_fidelity_are_refused() {
        let mut space = Additive::flat(2, 2, 1);
        let settings = [set("n", Value::Number(20.0)), set("eta", Value::Number(3.0))];
        let study = study_of::<SuccessiveHalving>(3, &settings).unwrap();
        let refusal = SuccessiveHalving::open(&study, &mut space).err().unwrap().to_string();
        assert!(refusal.contains("'n' 20") && refusal.contains("27 or more"), "{refusal}");
    }
}
