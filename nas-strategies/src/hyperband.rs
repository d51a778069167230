//! Hyperband: successive halving in several brackets, from many architectures at a low fidelity to few at a high one.
//!
//! Requires an evaluator with several fidelities. With `carry_on`, promoted trials continue from their checkpoints,
//! which the evaluator must support.
//!
//! Reference: L. Li, K. Jamieson, G. DeSalvo, A. Rostamizadeh and A. Talwalkar (2018), "Hyperband: a novel bandit-based
//! approach to hyperparameter optimization", JMLR 18(185), Algorithm 1.
//!
//! Differences: s_max = ⌊log_η(R/r)⌋, where the paper has r = 1. A rung is at the offered fidelity nearest, by ratio,
//! to R η^−i; steps without a fidelity of their own are skipped, and of the brackets with a single rung only the last is
//! kept. Architectures that failed, have no finite objective or break a constraint before they are measured are not
//! promoted; constraints on measured metrics are ranked by Deb's rules ([`Rank`](crate::Rank)). No architecture (by its
//! key) enters a bracket twice. The search starts again after bracket 0, unless `repeat` is off. While the last
//! trials of a rung are outstanding, idle workers begin the next bracket. External results (a warm start) at the
//! fidelity of a bracket's first rung replace samples there.

use nas_api::rng::seeded;
use nas_api::{Needs, Parameter, Result, Serves, Space, StrategyInfo, StrategyPlugin, Study};

use crate::common::brackets::{Brackets, RandomSource};
use crate::common::delegate_strategy;
use crate::common::rungs::{self, Ladder};

/// A search by Hyperband in progress.
pub struct Hyperband(Brackets<RandomSource>);

delegate_strategy!(Hyperband);

impl StrategyPlugin for Hyperband {
    fn info() -> StrategyInfo {
        let mut parameters = rungs::parameters(3.0);
        parameters.push(Parameter::truth("repeat", true, "Start again after bracket 0; otherwise the search ends."));
        StrategyInfo {
            name: "hyperband".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            description: "Successive halving in brackets, from many architectures at a low fidelity to few at a high \
                          one."
                .into(),
            reference: "Li et al. 2018, Hyperband: a novel bandit-based approach to hyperparameter optimization, JMLR \
                        18(185), Algorithm 1"
                .into(),
            needs: Needs { fidelities: true, ..Needs::default() },
            serves: Serves { resume: true, ..Serves::default() },
            parameters,
        }
    }

    fn open(study: &Study, _space: &mut dyn Space) -> Result<Self> {
        let settings = &study.settings;
        let (repeat, carry_on) = (settings.truth("repeat")?, settings.truth("carry_on")?);
        Ok(Self(Brackets::new(
            study,
            RandomSource(seeded(study.seed)),
            Ladder::open(study)?.hyperband(),
            repeat,
            carry_on,
        )))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use nas_api::{Setting, Strategy, Value};

    use super::*;
    use crate::conformance::{Additive, Schedule, Step, drive_at, study_of};

    #[test]
    fn one_round_measures_the_brackets_in_order() {
        let mut space = Additive::flat(6, 5, 1);
        let once = Setting { name: "repeat".into(), value: Value::Truth(false) };
        let study = study_of::<Hyperband>(3, &[once]).unwrap();
        let mut search = Hyperband::open(&study, &mut space).unwrap();
        let landscape = space.clone();
        let (offered, serial) = (&study.fidelities, Schedule::serial());
        let measure = |asked: &crate::conformance::Asked<'_>| landscape.measure(asked.genotype);
        let steps = drive_at(&mut search, &mut space, offered, &serial, 1000, &measure).unwrap();
        assert!(search.finished());
        let proposals = steps.iter().filter_map(|step| match step {
            Step::Ask { proposals, .. } => proposals.first(),
            Step::Tell(_) => None,
        });
        let fidelities: Vec<f64> = proposals.filter_map(|proposal| proposal.fidelity).collect();
        let mut runs: Vec<(usize, f64)> = Vec::new();
        for fidelity in fidelities {
            match runs.last_mut() {
                Some((count, last)) if *last == fidelity => *count += 1,
                _ => runs.push((1, fidelity)),
            }
        }
        let brackets =
            [(27, 1.0), (9, 3.0), (3, 9.0), (1, 27.0), (12, 3.0), (4, 9.0), (1, 27.0), (6, 9.0), (2 + 4, 27.0)];
        assert_eq!(runs, brackets);
    }
}
