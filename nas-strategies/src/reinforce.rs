//! REINFORCE: architectures are sampled from a policy over the decisions, whose logits follow the policy gradient of
//! the reward minus a moving average.
//!
//! Requires nothing of the study. Any number of trials runs side by side: each result updates the policy as it is when
//! the result arrives.
//!
//! Reference: B. Zoph and Q. V. Le (2017), "Neural architecture search with reinforcement learning", ICLR, Section 3.2,
//! for the search and the moving-average baseline; X. Dong and Y. Yang (2020), "NAS-Bench-201: extending the scope of
//! reproducible neural architecture search", ICLR, Section 4 and appendix, for a policy of one softmax per decision and
//! for Adam. The gradient: R. J. Williams (1992), "Simple statistical gradient-following algorithms for connectionist
//! reinforcement learning", Machine Learning 8. The entropy bonus: R. J. Williams and J. Peng (1991), "Function
//! optimization using connectionist reinforcement learning algorithms", Connection Science 3(3).
//!
//! Differences: the policy is not a recurrent controller (Zoph and Le), but one logit vector per decision name (Dong
//! and Yang); in conditional spaces only the decisions that were made are updated. Logits start at 0 instead of small
//! random numbers. A trial that fails or violates a constraint is rewarded with the worst score so far; before there is
//! a score it is ignored. External results (a warm start) update only the baseline, since this policy did not choose
//! them.

use std::collections::BTreeMap;

use nas_api::rng::{Random, seeded};
use nas_api::{
    Error, Needs, Observation, Parameter, Proposal, Result, Serves, Space, Strategy, StrategyInfo, StrategyPlugin,
    Study,
};

use crate::common::policy::{Average, LEAST_DECAY, Optimizer, Path, Policy, Rewards, decay_out_of_range, genotype};
use crate::common::trials::{Origin, Trials, batch_size};

/// A search by REINFORCE in progress.
pub struct Reinforce {
    study: Study,
    rng: Random,
    policy: Policy,
    /// The choices of the outstanding trials.
    pending: BTreeMap<u32, Path>,
    baseline_decay: f64,
    normalise: bool,
    baseline: Average,
    /// The moving average of squared advantages.
    squared_advantage: Average,
    rewards: Rewards,
    trials: Trials,
}

impl Reinforce {
    /// The reward minus the baseline, in units of its moving root mean square if `normalise` is set.
    fn advantage(&mut self, reward: f64) -> f64 {
        let advantage = reward - self.baseline.update(reward, self.baseline_decay);
        if !self.normalise {
            return advantage;
        }
        let scale = libm::sqrt(self.squared_advantage.update(advantage * advantage, self.baseline_decay));
        if scale > 0.0 { advantage / scale } else { 0.0 }
    }
}

impl StrategyPlugin for Reinforce {
    fn info() -> StrategyInfo {
        StrategyInfo {
            name: "reinforce".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            description: "Samples a softmax policy over the decisions and trains it along the policy gradient.".into(),
            reference: "Zoph & Le 2017, Neural architecture search with reinforcement learning, ICLR; Dong & Yang \
                        2020, NAS-Bench-201, ICLR, Section 4"
                .into(),
            needs: Needs::default(),
            serves: Serves::default(),
            parameters: vec![
                Parameter::number("learning_rate", 0.01, 0.0, 1000.0, "Learning rate of the optimizer, per result."),
                Parameter::one_of("optimizer", "adam", &["adam", "sgd"], "Optimizer of the logits."),
                Parameter::number(
                    "baseline_decay",
                    0.9,
                    LEAST_DECAY,
                    0.999_999,
                    "Fraction of the moving-average baseline that each result keeps.",
                ),
                Parameter::number("entropy", 0.0, 0.0, 1000.0, "Weight of the entropy bonus, in units of the reward."),
                Parameter::truth("normalise", false, "Divide the advantage by its moving root mean square."),
            ],
        }
    }

    fn open(study: &Study, space: &mut dyn Space) -> Result<Self> {
        let settings = &study.settings;
        let baseline_decay = settings.number("baseline_decay")?;
        if !(LEAST_DECAY..1.0).contains(&baseline_decay) {
            return Err(Error::new(decay_out_of_range(baseline_decay)));
        }
        let optimizer = if settings.text("optimizer")? == "sgd" { Optimizer::Sgd } else { Optimizer::Adam };
        let (rate, entropy) = (settings.number("learning_rate")?, settings.number("entropy")?);
        let policy = Policy::of(space, optimizer, rate, entropy)?;
        Ok(Self {
            rng: seeded(study.seed),
            policy,
            pending: BTreeMap::new(),
            baseline_decay,
            normalise: settings.truth("normalise")?,
            baseline: Average::default(),
            squared_advantage: Average::default(),
            rewards: Rewards::default(),
            trials: Trials::default(),
            study: study.clone(),
        })
    }
}

impl Strategy for Reinforce {
    fn ask(&mut self, limit: u32, space: &mut dyn Space) -> Result<Vec<Proposal>> {
        let mut proposals = Vec::new();
        for _ in 0..batch_size(limit) {
            let path = self.policy.draw(&mut self.rng, space)?;
            proposals.push(Proposal::discrete(genotype(&path)));
            self.pending.insert(self.trials.propose(), path);
        }
        Ok(proposals)
    }

    fn tell(&mut self, observations: &[Observation], space: &mut dyn Space) -> Result<()> {
        for observation in observations {
            match self.trials.read(observation, space)? {
                (Origin::Asked(trial), _) => {
                    let path = self.pending.remove(&trial).unwrap_or_default();
                    if let Some(reward) = self.rewards.of(&self.study, observation) {
                        let advantage = self.advantage(reward);
                        self.policy.learn(&path, advantage);
                    }
                }
                (Origin::External, Some(_)) => {
                    if let Some(reward) = self.rewards.of(&self.study, observation) {
                        self.baseline.update(reward, self.baseline_decay);
                    }
                }
                (Origin::External | Origin::Repeated, _) => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use nas_api::{Setting, Value};

    use super::*;
    use crate::conformance::{Additive, Measured, observation, study_of};

    fn open(space: &mut Additive, settings: &[Setting]) -> Reinforce {
        Reinforce::open(&study_of::<Reinforce>(2, settings).unwrap(), space).unwrap()
    }

    fn measured(value: f64) -> Measured {
        Ok(value)
    }

    /// Runs trials whose reward is 1 if the first decision has this choice, and 0 otherwise.
    fn reward_first(search: &mut Reinforce, space: &mut Additive, rewarded: u32, trials: u32) {
        for trial in 0..trials {
            let proposals = search.ask(1, space).unwrap();
            let genotype = proposals[0].candidate.genotype().unwrap().clone();
            let value = if genotype[0] == rewarded { 1.0 } else { 0.0 };
            search.tell(&[observation(Some(trial), genotype, measured(value))], space).unwrap();
        }
    }

    #[test]
    fn the_policy_learns_the_rewarded_choice_in_flat_and_conditional_spaces() {
        let rate = Setting { name: "learning_rate".into(), value: Value::Number(0.1) };
        for mut space in [Additive::flat(3, 3, 1), Additive::conditional(1)] {
            for normalise in [false, true] {
                let normalise = Setting { name: "normalise".into(), value: Value::Truth(normalise) };
                let mut search = open(&mut space, &[rate.clone(), normalise]);
                reward_first(&mut search, &mut space, 2, 200);
                let probabilities = search.policy.probabilities(0);
                assert!(probabilities[2] > 0.8, "{probabilities:?}");
            }
        }
    }

    #[test]
    fn the_policy_learns_at_the_least_decay_and_a_decay_of_zero_is_refused() {
        let number = |name: &str, value| Setting { name: name.into(), value: Value::Number(value) };
        let mut space = Additive::flat(3, 3, 1);
        let settings = [number("learning_rate", 0.1), number("baseline_decay", LEAST_DECAY)];
        let mut search = open(&mut space, &settings);
        reward_first(&mut search, &mut space, 2, 200);
        assert!(search.policy.probabilities(0)[2] > 0.8, "{:?}", search.policy.probabilities(0));
        // The baseline would be the reward itself, and no reward would ever change the policy.
        let refusal = study_of::<Reinforce>(2, &[number("baseline_decay", 0.0)]).unwrap_err().to_string();
        assert!(refusal.contains("'baseline_decay' must lie between 0.01"), "{refusal}");
    }

    #[test]
    fn external_results_update_the_baseline_and_not_the_policy() {
        let mut space = Additive::flat(2, 3, 1);
        let mut search = open(&mut space, &[]);
        let before = search.policy.probabilities(0);
        search.tell(&[observation(None, vec![1, 1], measured(0.7))], &mut space).unwrap();
        assert_eq!(search.policy.probabilities(0), before);
        let average = search.baseline.update(1.7, 0.9);
        assert!((average - (0.09 * 0.7 + 0.1 * 1.7) / 0.19).abs() < 1e-12, "{average}");
    }
}
