//! How well every choice did, whatever was chosen before and after it.

use nas_api::rng::Random;

use super::tree::Span;
use crate::decisions::{Step, choose};

#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    trials: u32,
    scored: u32,
    sum: f64,
}

/// Tallies by number of the decision and by choice.
#[derive(Clone, Debug)]
pub(super) struct History {
    temperature: f64,
    tallies: Vec<Vec<Tally>>,
}

impl History {
    pub(super) fn new(temperature: f64) -> Self {
        Self { temperature, tallies: Vec::new() }
    }

    /// Takes note of a result; `None`: it has no score.
    pub(super) fn learn(&mut self, path: &[Step], score: Option<f64>) {
        for &(decision, choice) in path {
            let choice = choice as usize;
            if self.tallies.len() <= decision {
                self.tallies.resize(decision + 1, Vec::new());
            }
            let tallies = &mut self.tallies[decision];
            if tallies.len() <= choice {
                tallies.resize(choice + 1, Tally::default());
            }
            tallies[choice].trials += 1;
            tallies[choice].scored += u32::from(score.is_some());
            tallies[choice].sum += score.unwrap_or(0.0);
        }
    }

    /// The mean reward of a choice; the best where it was never made.
    fn mean(&self, decision: usize, choice: u32, span: &Span) -> f64 {
        let tally = self.tallies.get(decision).and_then(|tallies| tallies.get(choice as usize));
        match tally {
            Some(tally) if tally.trials > 0 => span.mean(tally.sum, tally.scored, tally.trials),
            _ => 1.0,
        }
    }

    /// The position of one of these choices, drawn from Gibbs's distribution over mean rewards.
    pub(super) fn choose(&self, decision: usize, among: &[u32], span: &Span, rng: &mut Random) -> u32 {
        let means: Vec<f64> = among.iter().map(|&choice| self.mean(decision, choice, span)).collect();
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
    fn choices_are_drawn_from_gibbs_distribution() {
        let mut span = Span::default();
        span.include(0.0);
        span.include(1.0);
        let mut history = History::new(0.25);
        for (choice, score) in [(0, Some(0.25)), (0, Some(0.75)), (1, Some(0.5)), (1, None), (2, Some(1.0))] {
            history.learn(&[(3, choice)], score);
        }
        // Means 0.5, 0.25 and 1: weights exp(-2), exp(-3) and 1 of 1.185122.
        let mut rng = seeded(1);
        let mut counts = [0; 3];
        for _ in 0..10_000 {
            counts[history.choose(3, &[0, 1, 2], &span, &mut rng) as usize] += 1;
        }
        assert!((1020..1264).contains(&counts[0]) && (330..510).contains(&counts[1]), "{counts:?}");
        assert_eq!(history.mean(3, 7, &span), 1.0, "what was never tried is hoped for");
    }
}
