//! PPO: a policy over the sequence of decisions is sampled, and after each batch of results its logits climb the
//! clipped surrogate objective for several epochs of minibatches.
//!
//! Requires nothing of the study. Any number of trials runs side by side: each choice is compared with the policy that
//! made it, so results may come late and in any order.
//!
//! Reference: J. Schulman, F. Wolski, P. Dhariwal, A. Radford and O. Klimov (2017), "Proximal policy optimization
//! algorithms", arXiv:1707.06347, Section 3 (the clipped objective) and Algorithm 1. For architectures: B. Zoph, V.
//! Vasudevan, J. Shlens and Q. V. Le (2018), "Learning transferable architectures for scalable image recognition",
//! CVPR, Appendix A.2: PPO with a moving-average baseline and batches of 20. Adam: D. P. Kingma and J. Ba (2015), ICLR.
//!
//! Differences: no network, but one softmax per decision name, also in conditional spaces, where only the decisions
//! that were made move. There is one reward, at the end, and no discount, so the advantage of each choice is the reward
//! less the moving average of rewards; there is no value function and no loss of one. Advantages of a batch are divided
//! by their root mean square, unless `normalise` is off, so that the entropy weight does not depend on the objective's
//! unit. The logarithm of a ratio is cut at plus and minus 20, so that it stays finite. A failed trial, or one that
//! breaks a constraint, is rewarded with the worst score so far; before there is one it teaches nothing. Knowledge from
//! elsewhere moves the baseline only: this policy did not choose it.

use std::collections::BTreeMap;

use nas_api::rng::{Random, seeded, seq::SliceRandom};
use nas_api::{
    Error, Needs, Observation, Parameter, Proposal, Result, Serves, Space, Strategy, StrategyInfo, StrategyPlugin,
    Study,
};

use crate::policy::{Average, Optimizer, Path, Policy, Rewards, genotype};
use crate::trials::{Origin, Trials, batch};

/// The logarithm of a ratio of probabilities, at most.
const LARGEST_LOG: f64 = 20.0;

/// What was chosen for a trial.
#[derive(Clone, Debug)]
struct Choices {
    path: Path,
    /// The logarithms of the probabilities that the choices had.
    logs: Vec<f64>,
}

/// A search by PPO in progress.
pub struct Ppo {
    study: Study,
    rng: Random,
    policy: Policy,
    /// Results per update.
    batch: usize,
    minibatch: usize,
    /// K.
    epochs: u32,
    /// ε.
    clip: f64,
    decay: f64,
    normalise: bool,
    rewards: Rewards,
    baseline: Average,
    /// Of the trials that are out.
    asked: BTreeMap<u32, Choices>,
    /// Results since the last update, with their advantages.
    told: Vec<(Choices, f64)>,
    trials: Trials,
}

impl Ppo {
    /// The factor of the gradient of ln p in the gradient of the clipped objective: A r, or 0 where the ratio r of the
    /// probabilities has left the clip range on the side that the advantage pushes to.
    fn weight(&self, log_ratio: f64, advantage: f64) -> f64 {
        let ratio = libm::exp(log_ratio.clamp(-LARGEST_LOG, LARGEST_LOG));
        let clipped = if advantage > 0.0 { ratio > 1.0 + self.clip } else { ratio < 1.0 - self.clip };
        if clipped { 0.0 } else { advantage * ratio }
    }

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
                    let (Choices { path, logs }, advantage) = &told[index];
                    let weight = |(&(head, choice), old): (&(usize, u32), &f64)| {
                        self.weight(self.policy.log_probability(head, choice) - old, *advantage)
                    };
                    (path, path.iter().zip(logs).map(weight).collect::<Vec<f64>>())
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
            description: "Samples a softmax policy over the decisions and moves it by proximal policy optimization.".into(),
            reference: "Schulman et al. 2017, Proximal policy optimization algorithms, arXiv:1707.06347, Algorithm 1; Zoph et al. 2018, Learning transferable architectures for scalable image recognition, CVPR, Appendix A.2".into(),
            needs: Needs::default(),
            serves: Serves::default(),
            parameters: vec![
                Parameter::number("learning_rate", 0.01, 0.0, 1000.0, "Step of Adam, per minibatch."),
                Parameter::integer("batch", 20, 1, 1_000_000, "N T: results per update of the policy."),
                Parameter::integer("minibatch", 5, 1, 1_000_000, "M: results per step; at most the batch."),
                Parameter::integer("epochs", 10, 1, 10_000, "K: passes over each batch."),
                Parameter::number("clip", 0.2, 0.0, 1.0, "ε: how far the ratio of new to old probability may leave 1 with profit."),
                Parameter::number("entropy", 0.01, 0.0, 1000.0, "c2: weight of the entropy bonus, in units of the advantage."),
                Parameter::number("baseline_decay", 0.95, 0.0, 0.999_999, "How much of the moving-average baseline remains at each result."),
                Parameter::truth("normalise", true, "Divide the advantages of a batch by their root mean square."),
            ],
        }
    }

    fn open(study: &Study, space: &mut dyn Space) -> Result<Self> {
        let settings = &study.settings;
        let (size, minibatch) = (settings.integer("batch")?, settings.integer("minibatch")?);
        if minibatch == 0 || minibatch > size {
            return Err(Error::new(format!("'minibatch' ({minibatch}) must lie between 1 and 'batch' ({size})")));
        }
        let decay = settings.number("baseline_decay")?;
        if !(0.0..1.0).contains(&decay) {
            return Err(Error::new(format!("'baseline_decay' must be at least 0 and less than 1, but is {decay}")));
        }
        let (rate, entropy) = (settings.number("learning_rate")?, settings.number("entropy")?);
        Ok(Self {
            rng: seeded(study.seed),
            policy: Policy::of(space, Optimizer::Adam, rate, entropy)?,
            batch: size as usize,
            minibatch: minibatch as usize,
            epochs: settings.integer("epochs")?,
            clip: settings.number("clip")?,
            decay,
            normalise: settings.truth("normalise")?,
            rewards: Rewards::default(),
            baseline: Average::default(),
            asked: BTreeMap::new(),
            told: Vec::new(),
            trials: Trials::default(),
            study: study.clone(),
        })
    }
}

impl Strategy for Ppo {
    fn ask(&mut self, limit: u32, space: &mut dyn Space) -> Result<Vec<Proposal>> {
        let mut proposals = Vec::new();
        for _ in 0..batch(limit) {
            let path = self.policy.draw(&mut self.rng, space)?;
            proposals.push(Proposal::discrete(genotype(&path)));
            let logs = path.iter().map(|&(head, choice)| self.policy.log_probability(head, choice)).collect();
            self.asked.insert(self.trials.propose(), Choices { path, logs });
        }
        Ok(proposals)
    }

    fn tell(&mut self, observations: &[Observation], space: &mut dyn Space) -> Result<()> {
        for observation in observations {
            let (origin, genotype) = self.trials.read(observation, space)?;
            let choices = match (origin, genotype) {
                (Origin::Asked(trial), _) => self.asked.remove(&trial),
                (Origin::Foreign, Some(_)) => None,
                _ => continue,
            };
            let Some(reward) = self.rewards.of(&self.study, observation) else { continue };
            let advantage = reward - self.baseline.update(reward, self.decay);
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
    fn the_weight_is_the_slope_of_the_clipped_objective() {
        let search = open(&mut Additive::flat(1, 2, 1), &[]);
        let objective = |log: f64, advantage: f64| {
            let ratio = log.exp();
            (ratio * advantage).min(ratio.clamp(0.8, 1.2) * advantage)
        };
        for advantage in [1.5, -0.7] {
            for log in [-1.0, -0.3, -0.1, 0.0, 0.1, 0.3, 1.0] {
                // d ratio / d ln p is the ratio, so the slope in ln p is the weight.
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
    fn one_batch_moves_a_choice_hardly_beyond_the_clip_range() {
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
        assert_eq!(search.policy.probabilities(0), [0.25; 4], "the batch is not full");
        search.tell(&results[19..], &mut space).unwrap();
        let probability = search.policy.probabilities(0)[0];
        assert!((0.29..0.45).contains(&probability), "{probability} after a clip at 0.3");
    }

    #[test]
    fn knowledge_from_elsewhere_moves_the_baseline_and_not_the_policy() {
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
