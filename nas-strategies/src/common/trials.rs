//! Numbers the proposals of a search, so that every result counts once.

use std::collections::VecDeque;

use nas_api::{Genotype, Observation, Result, Space};

/// Where a result comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It is the first answer to the proposal with this number.
    Asked(u32),
    /// The search did not ask for it (a warm start, for example).
    External,
    /// It answers a proposal that was answered before.
    Repeated,
}

/// A result that is new to the search, with a genotype of its space.
#[derive(Clone, Copy, Debug)]
pub struct NewResult<'o> {
    /// What was measured.
    pub genotype: &'o Genotype,
    /// The number of the proposal that it answers; `None` if the search did not ask for it.
    pub trial: Option<u32>,
}

/// Most proposals per call of `ask`. More than this never run side by side and would only fill the memory; the host
/// asks again if it wants more.
const MAX_BATCH: u32 = 4096;

/// The number of proposals that one call of `ask` makes under this limit.
pub fn batch_size(limit: u32) -> u32 {
    limit.min(MAX_BATCH)
}

/// Counts the proposals of a search and knows which of them are not answered yet.
#[derive(Clone, Debug, Default)]
pub struct Trials {
    proposed: u32,
    /// Whether each of the latest proposals is answered, beginning with the first that is not.
    answered: VecDeque<bool>,
    outstanding: usize,
}

impl Trials {
    /// Counts a proposal and returns its number, beginning with 0.
    pub fn propose(&mut self) -> u32 {
        let trial = self.proposed;
        self.answered.push_back(false);
        self.outstanding += 1;
        self.proposed = self.proposed.saturating_add(1);
        trial
    }

    /// The number of proposals that are not answered yet.
    pub fn outstanding(&self) -> usize {
        self.outstanding
    }

    /// Records the result of a trial and returns where it comes from.
    pub fn settle(&mut self, trial: Option<u32>) -> Origin {
        match trial {
            Some(trial) if trial < self.proposed => {
                let age = (self.proposed - trial) as usize;
                let index = self.answered.len().checked_sub(age);
                match index.and_then(|index| self.answered.get_mut(index)) {
                    Some(answered) if !*answered => *answered = true,
                    _ => return Origin::Repeated,
                }
                self.outstanding -= 1;
                while self.answered.front() == Some(&true) {
                    self.answered.pop_front();
                }
                Origin::Asked(trial)
            }
            _ => Origin::External,
        }
    }

    /// Records a result and returns where it comes from, with its genotype. The genotype is `None` for a relaxed
    /// candidate and for an external result that is not of this space.
    ///
    /// # Errors
    /// Returns the error of a space that cannot validate the genotype.
    pub fn read<'o>(
        &mut self,
        observation: &'o Observation,
        space: &mut dyn Space,
    ) -> Result<(Origin, Option<&'o Genotype>)> {
        let origin = self.settle(observation.trial);
        let genotype = observation.candidate.genotype();
        if let (Origin::External, Some(genotype)) = (origin, genotype)
            && space.validate(genotype)?.is_err()
        {
            return Ok((origin, None));
        }
        Ok((origin, genotype))
    }

    /// Records a result and returns it if a search can learn from it: `None` for a repeated result, a relaxed
    /// candidate, and an external result that is not of this space.
    ///
    /// # Errors
    /// Returns the error of a space that cannot validate the genotype.
    pub fn observed<'o>(
        &mut self,
        observation: &'o Observation,
        space: &mut dyn Space,
    ) -> Result<Option<NewResult<'o>>> {
        let (origin, genotype) = self.read(observation, space)?;
        let trial = match origin {
            Origin::Asked(trial) => Some(trial),
            Origin::External => None,
            Origin::Repeated => return Ok(None),
        };
        Ok(genotype.map(|genotype| NewResult { genotype, trial }))
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
    fn a_result_that_was_never_proposed_is_external() {
        let mut trials = Trials::default();
        assert_eq!(trials.settle(Some(u32::MAX)), Origin::External);
        assert_eq!(trials.settle(None), Origin::External);
        assert_eq!(trials.outstanding(), 0);
    }
}
