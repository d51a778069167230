//! The rewards of a policy, and the moving averages that they are compared with.

use nas_api::{Observation, Study};

use crate::Rank;

/// Rewards are clamped to plus and minus this, so that their squares stay finite.
const MAX_REWARD: f64 = 1e100;

/// The least decay of a baseline. The baseline includes the reward from which it is subtracted, so at a decay of 0 every
/// advantage would be 0.
pub const LEAST_DECAY: f64 = 0.01;

/// Why a decay is refused.
pub fn decay_out_of_range(decay: f64) -> String {
    format!("'baseline_decay' must be at least {LEAST_DECAY} and less than 1, but is {decay}")
}

/// An exponential moving average with bias correction, as in Adam.
#[derive(Clone, Debug, Default)]
pub struct Average {
    sum: f64,
    weight: f64,
}

impl Average {
    /// Includes a value and returns the average. `decay` is the weight that the past keeps, from 0 to below 1.
    pub fn update(&mut self, value: f64, decay: f64) -> f64 {
        self.sum = decay * self.sum + (1.0 - decay) * value;
        self.weight = decay * self.weight + (1.0 - decay);
        self.sum / self.weight
    }
}

/// Turns observations into rewards: the score, or the worst score so far for a candidate that has none.
#[derive(Clone, Debug, Default)]
pub struct Rewards {
    worst: Option<f64>,
}

impl Rewards {
    /// The reward of an observation; `None` if neither it nor any earlier one has a score.
    pub fn of(&mut self, study: &Study, observation: &Observation) -> Option<f64> {
        let score = Rank::of(study, observation).score().map(|score| score.clamp(-MAX_REWARD, MAX_REWARD));
        if let Some(score) = score {
            self.worst = Some(self.worst.map_or(score, |worst| worst.min(score)));
        }
        score.or(self.worst)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use nas_api::Failure;

    use super::*;
    use crate::RandomSearch;
    use crate::conformance::{observation, study_of};

    #[test]
    fn a_failure_counts_as_the_worst_score_so_far() {
        let study = study_of::<RandomSearch>(1, &[]).unwrap();
        let mut rewards = Rewards::default();
        let failed = || Err(Failure::new("test"));
        assert_eq!(rewards.of(&study, &observation(None, vec![0], failed())), None);
        rewards.of(&study, &observation(None, vec![0], Ok(0.4)));
        rewards.of(&study, &observation(None, vec![0], Ok(0.9)));
        assert_eq!(rewards.of(&study, &observation(None, vec![0], failed())), Some(0.4));
        assert_eq!(rewards.of(&study, &observation(None, vec![0], Ok(f64::MAX))), Some(MAX_REWARD));
    }

    #[test]
    fn the_average_starts_at_the_first_value() {
        let mut average = Average::default();
        assert!((average.update(0.7, 0.9) - 0.7).abs() < 1e-12);
        assert!((average.update(1.7, 0.5) - (0.05 * 0.7 + 0.5 * 1.7) / 0.55).abs() < 1e-12);
    }
}
