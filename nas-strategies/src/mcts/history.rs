//! Statistics of every choice over all trials, whatever was chosen before and after it.

use nas_api::rng::Random;

use super::tree::ScoreRange;
use crate::common::decisions::{Step, choose};

/// The results of one choice.
#[derive(Clone, Copy, Debug, Default)]
struct ChoiceStatistics {
    trials: u32,
    /// The number of trials with a score, and the sum of their scores.
    scored: u32,
    sum: f64,
}

/// The statistics of all choices.
#[derive(Clone, Debug)]
pub(super) struct History {
    temperature: f64,
    /// Indexed by the number of the decision, then by the choice.
    choices: Vec<Vec<ChoiceStatistics>>,
}

impl History {
    pub(super) fn new(temperature: f64) -> Self {
        Self { temperature, choices: Vec::new() }
    }

    /// Adds a result; `score` is `None` if the trial has none.
    pub(super) fn learn(&mut self, path: &[Step], score: Option<f64>) {
        for &(decision, choice) in path {
            let choice = choice as usize;
            if self.choices.len() <= decision {
                self.choices.resize(decision + 1, Vec::new());
            }
            let statistics = &mut self.choices[decision];
            if statistics.len() <= choice {
                statistics.resize(choice + 1, ChoiceStatistics::default());
            }
            statistics[choice].trials += 1;
            statistics[choice].scored += u32::from(score.is_some());
            statistics[choice].sum += score.unwrap_or(0.0);
        }
    }

    /// The mean reward of a choice; 1, the best, if it was never made.
    fn mean(&self, decision: usize, choice: u32, range: &ScoreRange) -> f64 {
        let statistics = self.choices.get(decision).and_then(|choices| choices.get(choice as usize));
        match statistics {
            Some(made) if made.trials > 0 => range.mean(made.sum, made.scored, made.trials),
            _ => 1.0,
        }
    }

    /// Draws the position of one of these choices from the Gibbs distribution over mean rewards.
    pub(super) fn choose(&self, decision: usize, among: &[u32], range: &ScoreRange, rng: &mut Random) -> u32 {
        let means: Vec<f64> = among.iter().map(|&choice| self.mean(decision, choice, range)).collect();
        let most = means.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let weights: Vec<f64> = means.iter().map(|mean| libm::exp((mean - most) / self.temperature)).collect();
        choose(&weights, rng)
    }
}

#[cfg(test)]
mod tests {
    use nas_api::rng::seeded;

    use super::*;

    #[test]
    fn choices_are_drawn_from_the_gibbs_distribution() {
        let mut range = ScoreRange::default();
        range.include(0.0);
        range.include(1.0);
        let mut history = History::new(0.25);
        for (choice, score) in [(0, Some(0.25)), (0, Some(0.75)), (1, Some(0.5)), (1, None), (2, Some(1.0))] {
            history.learn(&[(3, choice)], score);
        }
        // The means are 0.5, 0.25 and 1, so the weights are exp(-2), exp(-3) and 1, of 1.185122.
        let mut rng = seeded(1);
        let mut counts = [0; 3];
        for _ in 0..10_000 {
            counts[history.choose(3, &[0, 1, 2], &range, &mut rng) as usize] += 1;
        }
        assert!((1020..1264).contains(&counts[0]) && (330..510).contains(&counts[1]), "{counts:?}");
        assert_eq!(history.mean(3, 7, &range), 1.0, "a choice that was never made has the best mean");
    }
}
