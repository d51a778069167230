//! A policy: one softmax over the choices of each decision, and how its logits climb. `reinforce` and `ppo` have one.

mod reward;

use std::collections::BTreeMap;

use nas_api::rng::{Random, RngExt};
use nas_api::{Decision, Error, Genotype, Result, Space};

pub use reward::{Average, Rewards};

/// The choices of one genotype, as (position of the head, choice).
pub type Path = Vec<(usize, u32)>;

/// How logits follow the gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Optimizer {
    /// D. P. Kingma and J. Ba (2015), "Adam: a method for stochastic optimization", ICLR, Algorithm 1, with its defaults.
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
    /// BETA1 and BETA2 to the power of the steps.
    decay1: f64,
    decay2: f64,
}

/// All heads, by the name of their decision.
#[derive(Clone, Debug)]
pub struct Policy {
    heads: Vec<Head>,
    by_name: BTreeMap<String, usize>,
    optimizer: Optimizer,
    learning_rate: f64,
    /// Weight of the entropy bonus.
    entropy: f64,
    /// The heads of every genotype in order; `None` where the space is conditional, or not known.
    flat: Option<Vec<usize>>,
}

/// The genotype of a path.
pub fn genotype(path: &[(usize, u32)]) -> Genotype {
    path.iter().map(|&(_, choice)| choice).collect()
}

impl Policy {
    pub fn new(optimizer: Optimizer, learning_rate: f64, entropy: f64) -> Self {
        Self { heads: Vec::new(), by_name: BTreeMap::new(), optimizer, learning_rate, entropy, flat: None }
    }

    /// A uniform policy over the decisions of a space.
    pub fn of(space: &mut dyn Space, optimizer: Optimizer, learning_rate: f64, entropy: f64) -> Result<Self> {
        let mut policy = Self::new(optimizer, learning_rate, entropy);
        let info = space.info()?;
        if !info.conditional {
            policy.flat = Some(info.decisions.iter().map(|decision| policy.head(decision)).collect::<Result<_>>()?);
        }
        Ok(policy)
    }

    /// Makes every decision by the probabilities.
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

    /// The head of a decision; a new one is uniform.
    pub fn head(&mut self, decision: &Decision) -> Result<usize> {
        let count = decision.choices.len();
        match self.by_name.get(&decision.name) {
            Some(&head) if self.heads[head].logits.len() == count => Ok(head),
            Some(&head) => Err(Error::new(format!(
                "the space gives decision '{}' {count} choices here and {} elsewhere; one name must be one decision",
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

    /// The probabilities of the choices of a head.
    pub fn probabilities(&self, head: usize) -> Vec<f64> {
        softmax(&self.heads[head].logits)
    }

    /// A choice, by the probabilities.
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

    /// The logarithm of the probability of a choice; finite.
    pub fn log_probability(&self, head: usize, choice: u32) -> f64 {
        let probability = self.probabilities(head).get(choice as usize).copied().unwrap_or(0.0);
        libm::log(probability.max(f64::MIN_POSITIVE))
    }

    /// One step for the choices that were made.
    pub fn learn(&mut self, path: &[(usize, u32)], advantage: f64) {
        for &(head, choice) in path {
            let gradient = gradient(&self.heads[head].logits, choice, advantage, self.entropy);
            self.climb(head, &gradient);
        }
    }

    /// One step along the mean gradient of several paths; each choice is weighted with an advantage of its own. Heads that
    /// none of them passed do not move.
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
            self.climb(head, &sum);
        }
    }

    fn climb(&mut self, head: usize, gradient: &[f64]) {
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
    // A choice that has become impossible adds nothing to the entropy: the limit of p ln p is 0.
    let surprise = |p: f64| if p > 0.0 { libm::log(p) } else { 0.0 };
    let spread: f64 = -probabilities.iter().map(|&p| p * surprise(p)).sum::<f64>();
    let slope = |(index, p): (u32, f64)| {
        let chosen = if index == choice { 1.0 } else { 0.0 };
        advantage * (chosen - p) - entropy * p * (surprise(p) + spread)
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
    fn what_is_rewarded_becomes_likelier_and_what_is_punished_less_likely() {
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
    fn the_entropy_bonus_pulls_a_skewed_policy_back() {
        let mut policy = Policy::new(Optimizer::Sgd, 0.5, 1.0);
        let head = policy.head(&Decision::new("op", ["a", "b", "c"])).unwrap();
        policy.heads[head].logits = vec![3.0, 0.0, 0.0];
        let before = policy.probabilities(head)[0];
        policy.learn(&[(head, 0)], 0.0);
        assert!(policy.probabilities(head)[0] < before);
    }

    #[test]
    fn choices_come_as_often_as_their_probabilities_say_and_impossible_ones_never() {
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
    fn a_mean_step_of_equal_paths_is_the_step_of_one_and_spares_other_heads() {
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
    fn one_name_with_two_sizes_is_refused() {
        let mut policy = Policy::new(Optimizer::Adam, 0.1, 0.0);
        policy.head(&Decision::new("op", ["a", "b"])).unwrap();
        let refusal = policy.head(&Decision::new("op", ["a", "b", "c"])).unwrap_err().to_string();
        assert!(refusal.contains("'op'"), "{refusal}");
    }
}
