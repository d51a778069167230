//! Which proposals are out, so that a result counts once.

use std::collections::VecDeque;

use nas_api::{Genotype, Observation, Result, Space};

/// What a result is to the search that is told it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The answer to a proposal, for the first time.
    Asked(u32),
    /// Knowledge that this search did not ask for.
    Foreign,
    /// An answer that was told before.
    Repeated,
}

/// At most this many proposals per call: a limit far above what can run side by side would only fill the memory. The
/// host asks again for more.
const MOST_AT_ONCE: u32 = 4096;

/// How many proposals one call of `ask` makes under this limit.
pub fn batch(limit: u32) -> u32 {
    limit.min(MOST_AT_ONCE)
}

/// The numbers of the proposals that were made, and of those that are not answered yet.
#[derive(Clone, Debug, Default)]
pub struct Trials {
    proposed: u32,
    /// Of the last proposals, beginning with the first that is not answered: which are.
    answered: VecDeque<bool>,
    outstanding: usize,
}

impl Trials {
    /// Counts a proposal and returns its number.
    pub fn propose(&mut self) -> u32 {
        let trial = self.proposed;
        self.answered.push_back(false);
        self.outstanding += 1;
        self.proposed = self.proposed.saturating_add(1);
        trial
    }

    /// How many proposals are not answered yet.
    pub fn outstanding(&self) -> usize {
        self.outstanding
    }

    /// Takes note of a result.
    pub fn settle(&mut self, trial: Option<u32>) -> Origin {
        match trial {
            Some(trial) if trial < self.proposed => {
                let age = (self.proposed - trial) as usize;
                let place = self.answered.len().checked_sub(age);
                match place.and_then(|place| self.answered.get_mut(place)) {
                    Some(answered) if !*answered => *answered = true,
                    _ => return Origin::Repeated,
                }
                self.outstanding -= 1;
                while self.answered.front() == Some(&true) {
                    self.answered.pop_front();
                }
                Origin::Asked(trial)
            }
            _ => Origin::Foreign,
        }
    }

    /// Takes note of a result, and returns where it comes from with its genotype. The genotype is `None` where there is
    /// nothing to learn: a relaxed candidate, or one that another space may have made.
    pub fn read<'o>(
        &mut self,
        observation: &'o Observation,
        space: &mut dyn Space,
    ) -> Result<(Origin, Option<&'o Genotype>)> {
        let origin = self.settle(observation.trial);
        let genotype = observation.candidate.genotype();
        if let (Origin::Foreign, Some(genotype)) = (origin, genotype)
            && space.validate(genotype)?.is_err()
        {
            return Ok((origin, None));
        }
        Ok((origin, genotype))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_counts_once_in_any_order() {
        let mut trials = Trials::default();
        assert_eq!([trials.propose(), trials.propose(), trials.propose()], [0, 1, 2]);
        assert_eq!(trials.settle(Some(2)), Origin::Asked(2));
        assert_eq!(trials.settle(Some(0)), Origin::Asked(0));
        assert_eq!(trials.settle(Some(2)), Origin::Repeated);
        assert_eq!(trials.settle(Some(0)), Origin::Repeated);
        assert_eq!(trials.outstanding(), 1);
        assert_eq!([trials.settle(Some(1)), trials.settle(Some(1))], [Origin::Asked(1), Origin::Repeated]);
        assert_eq!(trials.propose(), 3);
        assert_eq!([trials.settle(Some(2)), trials.settle(Some(3))], [Origin::Repeated, Origin::Asked(3)]);
        assert_eq!(trials.outstanding(), 0);
    }

    #[test]
    fn what_was_never_proposed_is_foreign() {
        let mut trials = Trials::default();
        assert_eq!(trials.settle(Some(u32::MAX)), Origin::Foreign);
        assert_eq!(trials.settle(None), Origin::Foreign);
        assert_eq!(trials.outstanding(), 0);
    }
}
