//! PPO: architectures are sampled from a policy over the decisions. After each batch of results, the policy's logits
//! follow the gradient of the clipped surrogate objective for several epochs of minibatches.
//!
//! Requires nothing of the study. Any number of trials runs side by side: each choice is compared with the policy that
//! made it, so results may come late and in any order.
//!
//! Reference: J. Schulman, F. Wolski, P. Dhariwal, A. Radford and O. Klimov (2017), "Proximal policy optimization
//! algorithms", arXiv:1707.06347, Section 3 (the clipped objective) and Algorithm 1. For architectures: B. Zoph, V.
//! Vasudevan, J. Shlens and Q. V. Le (2018), "Learning transferable architectures for scalable image recognition",
//! CVPR, Appendix A.2: PPO with a moving-average baseline and batches of 20. Adam: D. P. Kingma and J. Ba (2015), ICLR.
//!
//! Differences: the policy is not a network, but one softmax per decision name; in conditional spaces only the
//! decisions that were made are updated. There is one reward, at the end, and no discount, so the advantage of each
//! choice is the reward minus the moving average of rewards; there is no value function, and so no loss of one. The
//! advantages of a batch are divided by their root mean square, unless `normalise` is off, so that the entropy weight
//! does not depend on the objective's unit. The logarithm of a ratio is clamped to plus and minus 20, so that the ratio
//! stays finite. A trial that fails or violates a constraint is rewarded with the worst score so far; before there is a
//! score it is ignored. External results (a warm start) update only the baseline, since this policy did not choose
//! them.

use std::collections::BTreeMap;

use nas_api::rng::{Random, seeded, seq::SliceRandom};
use nas_api::{
    Error, Needs, Observation, Parameter, Proposal, Result, Serves, Space, Strategy, StrategyInfo, StrategyPlugin,
    Study,
};

use crate::common::budget::RandomStart;
use crate::common::policy::{Average, LEAST_DECAY, Optimizer, Path, Policy, Rewards, decay_out_of_range, genotype};
use crate::common::trials::{Origin, Trials, batch_size};

/// The logarithms of probability ratios are clamped to plus and minus this.
const MAX_LOG_RATIO: f64 = 20.0;

/// N T; the first batch is random, because the policy is uniform until its first update.
const BATCH: RandomStart = RandomStart { name: "batch", one_in: 5, least: 5, most: 20, otherwise: 20 };

/// The choices of a trial.
#[derive(Clone, Debug)]
struct Choices {
    path: Path,
    /// The logarithms of the choices' probabilities when they were made.
    log_probabilities: Vec<f64>,
}

/// A search by PPO in progress.
pub struct Ppo {
    study: Study,
    rng: Random,
    policy: Policy,
    /// The number of results per update.
    batch: usize,
    minibatch: usize,
    /// K, the number of passes over a batch.
    epochs: u32,
    /// ε, the clip range.
    clip: f64,
    baseline_decay: f64,
    normalise: bool,
    rewards: Rewards,
    baseline: Average,
    /// The choices of the outstanding trials.
    pending: BTreeMap<u32, Choices>,
    /// The choices told since the last update, with their advantages.
    told: Vec<(Choices, f64)>,
    trials: Trials,
}

impl Ppo {
    /// The factor of the gradient of ln p in the gradient of the clipped objective: A r, or 0 if the ratio r of the
    /// probabilities has left the clip range on the side to which the advantage A pushes.
    fn weight(&self, log_ratio: f64, advantage: f64) -> f64 {
        let ratio = libm::exp(log_ratio.clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO));
        let clipped = if advantage > 0.0 { ratio > 1.0 + self.clip } else { ratio < 1.0 - self.clip };
        if clipped { 0.0 } else { advantage * ratio }
    }

    /// Updates the policy with the batch of results.
    fn update(&mut self) {
        let mut told = std::mem::take(&mut self.told);
        let squares: f64 = told.iter().map(|(_, advantage)| advantage * advantage).sum();
        let scale = libm::sqrt(squares / told.len().max(1) as f64);
        if self.normalise && scale > 0.0 {
            told.iter_mut().for_each(|(_, advantage)| *advantage /= scale);
        }
        let mut order: Vec<usize> = (0..told.len()).collect();
        for _ in 0..self.epochs {
            order.shuffle(&mut self.rng);
            for minibatch in order.chunks(self.minibatch) {
                let weighted = |&index: &usize| {
                    let (Choices { path, log_probabilities }, advantage) = &told[index];
                    let weight = |(&(head, choice), old): (&(usize, u32), &f64)| {
                        self.weight(self.policy.log_probability(head, choice) - old, *advantage)
                    };
                    (path, path.iter().zip(log_probabilities).map(weight).collect::<Vec<f64>>())
                };
                let weighted: Vec<(&Path, Vec<f64>)> = minibatch.iter().map(weighted).collect();
                self.policy.learn_mean(&weighted);
            }
        }
    }
}

impl StrategyPlugin for Ppo {
    fn info() -> StrategyInfo {
        StrategyInfo {
            name: "ppo".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            description: "Samples a softmax policy over the decisions and trains it by proximal policy optimization."
                .into(),
            reference: "Schulman et al. 2017, Proximal policy optimization algorithms, arXiv:1707.06347, Algorithm 1; \
                        Zoph et al. 2018, Learning transferable architectures for scalable image recognition, CVPR, \
                        Appendix A.2"
                .into(),
            needs: Needs::default(),
            serves: Serves::default(),
            parameters: vec![
                Parameter::number("learning_rate", 0.01, 0.0, 1000.0, "Learning rate of Adam, per minibatch."),
                BATCH.parameter("N T: results per update of the policy; the first ones are random"),
                Parameter::integer("minibatch", 5, 1, 1_000_000, "M: results per minibatch; at most the batch."),
                Parameter::integer("epochs", 10, 1, 10_000, "K: passes over each batch."),
                Parameter::number(
                    "clip",
                    0.2,
                    0.0,
                    1.0,
                    "ε: the ratio of new to old probability is rewarded up to this distance from 1.",
                ),
                Parameter::number(
                    "entropy",
                    0.01,
                    0.0,
                    1000.0,
                    "c2: weight of the entropy bonus, in units of the advantage.",
                ),
                Parameter::number(
                    "baseline_decay",
                    0.95,
                    LEAST_DECAY,
                    0.999_999,
                    "Fraction of the moving-average baseline that each result keeps.",
                ),
                Parameter::truth("normalise", true, "Divide the advantages of a batch by their root mean square."),
            ],
        }
    }

    fn open(study: &Study, space: &mut dyn Space) -> Result<Self> {
        let settings = &study.settings;
        let (size, mut minibatch) = (BATCH.size(study)?, settings.integer("minibatch")?);
        if settings.integer("batch")? == 0 {
            minibatch = minibatch.min(size);
        }
        if minibatch == 0 || minibatch > size {
            return Err(Error::new(format!("'minibatch' ({minibatch}) must lie between 1 and 'batch' ({size})")));
        }
        let baseline_decay = settings.number("baseline_decay")?;
        if !(LEAST_DECAY..1.0).contains(&baseline_decay) {
            return Err(Error::new(decay_out_of_range(baseline_decay)));
        }
        let (rate, entropy) = (settings.number("learning_rate")?, settings.number("entropy")?);
        Ok(Self {
            rng: seeded(study.seed),
            policy: Policy::of(space, Optimizer::Adam, rate, entropy)?,
            batch: size as usize,
            minibatch: minibatch as usize,
            epochs: settings.integer("epochs")?,
            clip: settings.number("clip")?,
            baseline_decay,
            normalise: settings.truth("normalise")?,
            rewards: Rewards::default(),
            baseline: Average::default(),
            pending: BTreeMap::new(),
            told: Vec::new(),
            trials: Trials::default(),
            study: study.clone(),
        })
    }
}

impl Strategy for Ppo {
    fn ask(&mut self, limit: u32, space: &mut dyn Space) -> Result<Vec<Proposal>> {
        let mut proposals = Vec::new();
        for _ in 0..batch_size(limit) {
            let path = self.policy.draw(&mut self.rng, space)?;
            proposals.push(Proposal::discrete(genotype(&path)));
            let log_probabilities =
                path.iter().map(|&(head, choice)| self.policy.log_probability(head, choice)).collect();
            self.pending.insert(self.trials.propose(), Choices { path, log_probabilities });
        }
        Ok(proposals)
    }

    fn tell(&mut self, observations: &[Observation], space: &mut dyn Space) -> Result<()> {
        for observation in observations {
            let (origin, genotype) = self.trials.read(observation, space)?;
            let choices = match (origin, genotype) {
                (Origin::Asked(trial), _) => self.pending.remove(&trial),
                (Origin::External, Some(_)) => None,
                _ => continue,
            };
            let Some(reward) = self.rewards.of(&self.study, observation) else { continue };
            let advantage = reward - self.baseline.update(reward, self.baseline_decay);
            self.told.extend(choices.map(|choices| (choices, advantage)));
            if self.told.len() >= self.batch {
                self.update();
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
    use crate::conformance::{Additive, observation, study_of};

    fn number(name: &str, value: f64) -> Setting {
        Setting { name: name.into(), value: Value::Number(value) }
    }

    fn open(space: &mut Additive, settings: &[Setting]) -> Ppo {
        Ppo::open(&study_of::<Ppo>(2, settings).unwrap(), space).unwrap()
    }

    #[test]
    fn the_weight_is_the_derivative_of_the_clipped_objective() {
        let search = open(&mut Additive::flat(1, 2, 1), &[]);
        let objective = |log: f64, advantage: f64| {
            let ratio = log.exp();
            (ratio * advantage).min(ratio.clamp(0.8, 1.2) * advantage)
        };
        for advantage in [1.5, -0.7] {
            for log in [-1.0, -0.3, -0.1, 0.0, 0.1, 0.3, 1.0] {
                // d ratio / d ln p is the ratio, so the derivative by ln p is the weight.
                let slope = (objective(log + 1e-6, advantage) - objective(log - 1e-6, advantage)) / 2e-6;
                let weight = search.weight(log, advantage);
                assert!((weight - slope).abs() < 1e-6, "{advantage} at {log}: {weight} is not {slope}");
            }
        }
        assert!(search.weight(f64::MAX, -1.0).is_finite());
    }

    #[test]
    fn the_policy_learns_the_rewarded_choice_in_flat_and_conditional_spaces() {
        for mut space in [Additive::flat(3, 3, 1), Additive::conditional(1)] {
            let mut search = open(&mut space, &[number("learning_rate", 0.05)]);
            for trial in 0..200 {
                let genotype = search.ask(1, &mut space).unwrap()[0].candidate.genotype().unwrap().clone();
                let value = if genotype[0] == 2 { 1.0 } else { 0.0 };
                search.tell(&[observation(Some(trial), genotype, Ok(value))], &mut space).unwrap();
            }
            let probabilities = search.policy.probabilities(0);
            assert!(probabilities[2] > 0.8, "{probabilities:?}");
        }
    }

    #[test]
    fn one_batch_moves_a_probability_hardly_beyond_the_clip_range() {
        let mut space = Additive::flat(1, 4, 1);
        let settings = [number("entropy", 0.0), number("epochs", 1000.0), number("learning_rate", 0.003)];
        let mut search = open(&mut space, &settings);
        let proposals = search.ask(20, &mut space).unwrap();
        let results: Vec<Observation> = (0..)
            .zip(proposals)
            .map(|(trial, proposal)| {
                let genotype = proposal.candidate.genotype().unwrap().clone();
                let value = if genotype[0] == 0 { 1.0 } else { 0.0 };
                observation(Some(trial), genotype, Ok(value))
            })
            .collect();
        search.tell(&results[..19], &mut space).unwrap();
        assert_eq!(search.policy.probabilities(0), [0.25; 4], "the batch is not full yet");
        search.tell(&results[19..], &mut space).unwrap();
        let probability = search.policy.probabilities(0)[0];
        assert!((0.29..0.45).contains(&probability), "{probability} after a clip at 0.3");
    }

    #[test]
    fn external_results_update_the_baseline_and_not_the_policy() {
        let mut space = Additive::flat(2, 3, 1);
        let mut search = open(&mut space, &[number("batch", 1.0), number("minibatch", 1.0)]);
        search.tell(&[observation(None, vec![1, 1], Ok(0.7))], &mut space).unwrap();
        assert_eq!(search.policy.probabilities(0), [1.0 / 3.0; 3]);
        assert!(search.told.is_empty());
        assert!(search.baseline.update(0.7, 0.5) > 0.699);
    }

    #[test]
    fn a_minibatch_greater_than_the_batch_is_refused() {
        let study = study_of::<Ppo>(1, &[number("batch", 4.0)]).unwrap();
        let refusal = Ppo::open(&study, &mut Additive::flat(1, 2, 1)).err().unwrap().to_string();
        assert!(refusal.contains("'minibatch' (5)") && refusal.contains("'batch' (4)"), "{refusal}");
    }
}
