//! A policy with one softmax over the choices of each decision, which `reinforce` and `ppo` train.

mod reward;

use std::collections::BTreeMap;

use nas_api::rng::{Random, RngExt};
use nas_api::{Decision, Error, Genotype, Result, Space};

pub use reward::{Average, LEAST_DECAY, Rewards, decay_out_of_range};

/// The choices of one genotype, as (index of the head, index of the choice).
pub type Path = Vec<(usize, u32)>;

/// How logits follow the gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Optimizer {
    /// D. P. Kingma and J. Ba (2015), "Adam: a method for stochastic optimization", ICLR, Algorithm 1, with its
    /// defaults.
    Adam,
    /// Plain steps along the gradient.
    Sgd,
}

const BETA1: f64 = 0.9;
const BETA2: f64 = 0.999;
const EPSILON: f64 = 1e-8;

/// The softmax of one decision.
#[derive(Clone, Debug)]
struct Head {
    logits: Vec<f64>,
    /// Adam's moments. A head moves only when its decision is made, so each counts its own steps.
    first: Vec<f64>,
    second: Vec<f64>,
    /// BETA1 and BETA2, each to the power of the number of steps.
    decay1: f64,
    decay2: f64,
}

/// A softmax for each decision, by its name.
#[derive(Clone, Debug)]
pub struct Policy {
    heads: Vec<Head>,
    by_name: BTreeMap<String, usize>,
    optimizer: Optimizer,
    learning_rate: f64,
    /// The weight of the entropy bonus.
    entropy: f64,
    /// The heads of every genotype in order; `None` if the space is conditional or unknown.
    flat: Option<Vec<usize>>,
}

/// The genotype of a path.
pub fn genotype(path: &[(usize, u32)]) -> Genotype {
    path.iter().map(|&(_, choice)| choice).collect()
}

impl Policy {
    /// A policy without heads; they are added as decisions are met.
    pub fn new(optimizer: Optimizer, learning_rate: f64, entropy: f64) -> Self {
        Self { heads: Vec::new(), by_name: BTreeMap::new(), optimizer, learning_rate, entropy, flat: None }
    }

    /// A uniform policy over the decisions of a space.
    ///
    /// # Errors
    /// Returns an error if the space gives two decisions of one name different numbers of choices.
    pub fn of(space: &mut dyn Space, optimizer: Optimizer, learning_rate: f64, entropy: f64) -> Result<Self> {
        let mut policy = Self::new(optimizer, learning_rate, entropy);
        let info = space.info()?;
        if !info.conditional {
            policy.flat = Some(info.decisions.iter().map(|decision| policy.head(decision)).collect::<Result<_>>()?);
        }
        Ok(policy)
    }

    /// Draws a genotype from the policy.
    ///
    /// # Errors
    /// Returns the space's error, and an error if it gives two decisions of one name different numbers of choices.
    pub fn draw(&mut self, rng: &mut Random, space: &mut dyn Space) -> Result<Path> {
        if let Some(heads) = &self.flat {
            return Ok(heads.iter().map(|&head| (head, self.choose(head, rng))).collect());
        }
        let (mut path, mut prefix) = (Path::new(), Vec::new());
        while let Some(decision) = space.next(&prefix)? {
            let head = self.head(&decision)?;
            let choice = self.choose(head, rng);
            path.push((head, choice));
            prefix.push(choice);
        }
        Ok(path)
    }

    /// The index of a decision's head. A new head is uniform.
    ///
    /// # Errors
    /// Returns an error if the decision had another number of choices before.
    pub fn head(&mut self, decision: &Decision) -> Result<usize> {
        let count = decision.choices.len();
        match self.by_name.get(&decision.name) {
            Some(&head) if self.heads[head].logits.len() == count => Ok(head),
            Some(&head) => Err(Error::new(format!(
                "the space gives decision '{}' {count} choices in one place and {} in another; a name must stand \
                 for one decision",
                decision.name,
                self.heads[head].logits.len()
            ))),
            None => {
                let zeros = vec![0.0; count];
                let (first, second) = (zeros.clone(), zeros.clone());
                self.heads.push(Head { logits: zeros, first, second, decay1: 1.0, decay2: 1.0 });
                self.by_name.insert(decision.name.clone(), self.heads.len() - 1);
                Ok(self.heads.len() - 1)
            }
        }
    }

    /// The probabilities of a head's choices.
    pub fn probabilities(&self, head: usize) -> Vec<f64> {
        softmax(&self.heads[head].logits)
    }

    /// Draws a choice from a head's probabilities.
    pub fn choose(&self, head: usize, rng: &mut Random) -> u32 {
        let probabilities = self.probabilities(head);
        let mut rest = rng.random::<f64>();
        let mut chosen = 0;
        for (choice, probability) in (0..).zip(probabilities) {
            if probability > 0.0 {
                chosen = choice;
            }
            if rest < probability {
                break;
            }
            rest -= probability;
        }
        chosen
    }

    /// The logarithm of a choice's probability, which is always finite.
    pub fn log_probability(&self, head: usize, choice: u32) -> f64 {
        let probability = self.probabilities(head).get(choice as usize).copied().unwrap_or(0.0);
        libm::log(probability.max(f64::MIN_POSITIVE))
    }

    /// One optimizer step for each choice of a path.
    pub fn learn(&mut self, path: &[(usize, u32)], advantage: f64) {
        for &(head, choice) in path {
            let gradient = gradient(&self.heads[head].logits, choice, advantage, self.entropy);
            self.step(head, &gradient);
        }
    }

    /// One optimizer step along the mean gradient of several paths, in which each choice has its own advantage. Heads
    /// on none of the paths do not move.
    pub fn learn_mean(&mut self, paths: &[(&Path, Vec<f64>)]) {
        let mut sums: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
        for (path, advantages) in paths {
            for (&(head, choice), &advantage) in path.iter().zip(advantages) {
                let gradient = gradient(&self.heads[head].logits, choice, advantage, self.entropy);
                let sum = sums.entry(head).or_insert_with(|| vec![0.0; gradient.len()]);
                sum.iter_mut().zip(gradient).for_each(|(sum, slope)| *sum += slope);
            }
        }
        for (head, mut sum) in sums {
            sum.iter_mut().for_each(|slope| *slope /= paths.len() as f64);
            self.step(head, &sum);
        }
    }

    fn step(&mut self, head: usize, gradient: &[f64]) {
        match self.optimizer {
            Optimizer::Adam => self.heads[head].adam(gradient, self.learning_rate),
            Optimizer::Sgd => self.heads[head].sgd(gradient, self.learning_rate),
        }
    }
}

impl Head {
    fn adam(&mut self, gradient: &[f64], rate: f64) {
        self.decay1 *= BETA1;
        self.decay2 *= BETA2;
        let moments = self.first.iter_mut().zip(&mut self.second);
        for ((logit, (first, second)), slope) in self.logits.iter_mut().zip(moments).zip(gradient) {
            *first = BETA1 * *first + (1.0 - BETA1) * slope;
            *second = BETA2 * *second + (1.0 - BETA2) * slope * slope;
            let (mean, square) = (*first / (1.0 - self.decay1), *second / (1.0 - self.decay2));
            *logit += rate * mean / (libm::sqrt(square) + EPSILON);
        }
    }

    fn sgd(&mut self, gradient: &[f64], rate: f64) {
        for (logit, slope) in self.logits.iter_mut().zip(gradient) {
            *logit += rate * slope;
        }
    }
}

fn softmax(logits: &[f64]) -> Vec<f64> {
    let greatest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = logits.iter().map(|logit| libm::exp(logit - greatest)).collect();
    let total: f64 = powers.iter().sum();
    powers.into_iter().map(|power| power / total).collect()
}

/// The gradient of `advantage · ln p(choice) + entropy · H(p)` with respect to the logits.
fn gradient(logits: &[f64], choice: u32, advantage: f64, entropy: f64) -> Vec<f64> {
    let probabilities = softmax(logits);
    // An impossible choice adds nothing to the entropy: the limit of p ln p is 0.
    let log = |p: f64| if p > 0.0 { libm::log(p) } else { 0.0 };
    let entropy_of_policy: f64 = -probabilities.iter().map(|&p| p * log(p)).sum::<f64>();
    let slope = |(index, p): (u32, f64)| {
        let chosen = if index == choice { 1.0 } else { 0.0 };
        advantage * (chosen - p) - entropy * p * (log(p) + entropy_of_policy)
    };
    (0..).zip(probabilities).map(slope).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use nas_api::rng::seeded;

    use super::*;

    #[test]
    fn the_gradient_agrees_with_finite_differences() {
        let objective = |logits: &[f64], choice: usize, advantage: f64, weight: f64| -> f64 {
            let p = softmax(logits);
            advantage * p[choice].ln() - weight * p.iter().map(|p| p * p.ln()).sum::<f64>()
        };
        let logits = [0.3, -1.2, 2.0, 0.0];
        for (choice, advantage, weight) in [(0, 1.5, 0.0), (1, -0.7, 0.3), (2, 0.0, 1.0), (3, 4.0, 0.05)] {
            let exact = gradient(&logits, choice as u32, advantage, weight);
            for index in 0..logits.len() {
                let step = 1e-6;
                let (mut above, mut below) = (logits, logits);
                above[index] += step;
                below[index] -= step;
                let rise = objective(&above, choice, advantage, weight) - objective(&below, choice, advantage, weight);
                let estimate = rise / (2.0 * step);
                assert!((exact[index] - estimate).abs() < 1e-8, "{index}: {} is not {estimate}", exact[index]);
            }
        }
    }

    #[test]
    fn a_rewarded_choice_becomes_likelier_and_a_punished_one_less_likely() {
        for optimizer in [Optimizer::Adam, Optimizer::Sgd] {
            let mut policy = Policy::new(optimizer, 0.1, 0.0);
            let head = policy.head(&Decision::new("op", ["a", "b", "c"])).unwrap();
            let before = policy.probabilities(head);
            policy.learn(&[(head, 1)], 1.0);
            let rewarded = policy.probabilities(head);
            assert!(rewarded[1] > before[1] && rewarded[0] < before[0], "{rewarded:?}");
            let mut policy = Policy::new(optimizer, 0.1, 0.0);
            policy.head(&Decision::new("op", ["a", "b", "c"])).unwrap();
            policy.learn(&[(head, 1)], -1.0);
            assert!(policy.probabilities(head)[1] < before[1]);
        }
    }

    #[test]
    fn the_entropy_bonus_makes_a_skewed_policy_more_uniform() {
        let mut policy = Policy::new(Optimizer::Sgd, 0.5, 1.0);
        let head = policy.head(&Decision::new("op", ["a", "b", "c"])).unwrap();
        policy.heads[head].logits = vec![3.0, 0.0, 0.0];
        let before = policy.probabilities(head)[0];
        policy.learn(&[(head, 0)], 0.0);
        assert!(policy.probabilities(head)[0] < before);
    }

    #[test]
    fn choices_are_drawn_by_their_probabilities_and_impossible_ones_never() {
        let mut policy = Policy::new(Optimizer::Sgd, 0.1, 0.1);
        let head = policy.head(&Decision::new("op", ["a", "b", "c"])).unwrap();
        policy.heads[head].logits = vec![0.0, libm::log(3.0), -1e90];
        let mut rng = seeded(5);
        let mut counts = [0; 3];
        (0..10_000).for_each(|_| counts[policy.choose(head, &mut rng) as usize] += 1);
        assert!(counts[2] == 0 && (7370..7630).contains(&counts[1]), "{counts:?}");
        policy.learn(&[(head, 2)], 1.0);
        assert!(policy.heads[head].logits.iter().all(|logit| logit.is_finite()));
    }

    #[test]
    fn a_mean_step_over_equal_paths_equals_one_step_and_leaves_other_heads_alone() {
        let mut policy = Policy::new(Optimizer::Adam, 0.1, 0.2);
        let head = policy.head(&Decision::new("op", ["a", "b", "c"])).unwrap();
        let other = policy.head(&Decision::new("width", ["a", "b"])).unwrap();
        let mut single = policy.clone();
        let path = vec![(head, 1)];
        policy.learn_mean(&[(&path, vec![0.7]), (&path, vec![0.7])]);
        single.learn(&path, 0.7);
        assert_eq!(policy.probabilities(head), single.probabilities(head));
        assert_eq!(policy.probabilities(other), [0.5, 0.5]);
        assert_eq!(policy.log_probability(other, 1), libm::log(0.5));
    }

    #[test]
    fn a_decision_name_with_two_sizes_is_refused() {
        let mut policy = Policy::new(Optimizer::Adam, 0.1, 0.0);
        policy.head(&Decision::new("op", ["a", "b"])).unwrap();
        let refusal = policy.head(&Decision::new("op", ["a", "b", "c"])).unwrap_err().to_string();
        assert!(refusal.contains("'op'"), "{refusal}");
    }
}
