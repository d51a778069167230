//! A study's file as it is read: no plugin is needed.

use std::path::Path;

use nas_api::{Candidate, CurvePoint, Metric, Objective, Proposal, Weights};
use serde::{Deserialize, Serialize};

use super::StudyError;
use super::header::{Budget, Header};
use super::log::Log;

/// The state of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It was asked for and is not finished; `resume` measures it again.
    Running,
    /// It has a value for every objective and keeps every constraint.
    Measured,
    /// A pruner ended it early; the reason says why. It has no objective value.
    Pruned,
    /// It has no objective value; the reason says why.
    Failed,
    /// It was interrupted, or never started; `resume` measures it.
    Stopped,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Running, Self::Measured, Self::Pruned, Self::Failed, Self::Stopped];

    /// As the file and `--json` write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Measured => "measured",
            Self::Pruned => "pruned",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether the outcome is known.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Measured | Self::Pruned | Self::Failed)
    }
}

/// One trial as the file records it.
#[derive(Clone, Debug, PartialEq)]
pub struct TrialRecord {
    /// Unique in the study, from 0.
    pub trial: u32,
    /// Which search of the study asked for it.
    pub search: u32,
    /// As the strategy wrote it; `resume` counts from the search's first trial.
    pub proposal: Proposal,
    /// The space's canonical identity; empty for relaxed candidates.
    pub key: String,
    /// The space's published text; empty for relaxed candidates.
    pub text: String,
    /// The fidelity that is spent on it, with the default filled in; `None` where the evaluator has none.
    pub fidelity: Option<f64>,
    /// The trial of the study whose training it continues.
    pub resume: Option<u32>,
    /// Its state.
    pub state: State,
    /// All that is known, including hidden metrics, static ones first.
    pub metrics: Vec<Metric>,
    /// Why it was pruned, failed or stopped; empty otherwise.
    pub reason: String,
    /// How far constraints are exceeded; 0 where they are kept.
    pub violation: f64,
    /// The fidelity at which a pruner ended it; `None` unless it was pruned.
    pub pruned_at: Option<f64>,
    /// Its learning curve: what was reported while it was measured, in order. Duplicates have none of their own.
    pub curve: Vec<CurvePoint>,
    /// d(loss)/d(weight) of a relaxed candidate; empty for a discrete one.
    pub gradient: Weights,
    /// Seconds.
    pub cost: f64,
    /// The cost is simulated: no clock measured it.
    pub simulated: bool,
    /// The evaluator measures it, now or at a resume; false for duplicates and for what is known to fail beforehand.
    pub trained: bool,
    /// The earlier trial with equal key, fidelity and state, whose outcome was taken over.
    pub duplicate_of: Option<u32>,
    /// Seconds since 1970.
    pub started: f64,
    /// Seconds since 1970, if it is finished.
    pub finished: Option<f64>,
}

impl TrialRecord {
    /// The genotype of a discrete candidate.
    pub fn genotype(&self) -> Option<&[u32]> {
        match &self.proposal.candidate {
            Candidate::Discrete(genotype) => Some(genotype),
            Candidate::Relaxed(_) => None,
        }
    }

    /// The value of a metric.
    pub fn metric(&self, name: &str) -> Option<f64> {
        Metric::find(&self.metrics, name)
    }

    /// The objective, turned so that more is better; `None` if the trial was not measured.
    pub fn score(&self, objective: &Objective) -> Option<f64> {
        if self.state != State::Measured {
            return None;
        }
        self.metric(&objective.metric).filter(|value| value.is_finite()).map(|value| objective.goal.score(value))
    }
}

/// Why and when a pruner ended a trial.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pruned {
    /// The fidelity that was spent by then.
    pub fidelity: f64,
    /// The pruner's reason, for people.
    pub reason: String,
}

/// One form of zero and one of "not a number": what is told now must equal what the file gives back at a resume.
pub(crate) fn exact(value: f64) -> f64 {
    if value.is_nan() { f64::NAN } else { value + 0.0 }
}

/// A study's file as a whole.
#[derive(Clone, Debug, PartialEq)]
pub struct StudyRecord {
    /// Searches before the last one, each ended by a warm start.
    pub earlier: Vec<Header>,
    /// The search that is in progress, or was the last.
    pub header: Header,
    /// What that search may spend: the header's budget, unless it has been extended.
    pub budget: Budget,
    /// In order of their numbers, from 0.
    pub trials: Vec<TrialRecord>,
    /// Seconds of all runs of the last search.
    pub seconds: f64,
}

impl StudyRecord {
    /// Reads the file of a study, which may be running at the same time.
    pub fn read(path: &Path) -> Result<Self, StudyError> {
        Log::open_to_read(path)?.record()
    }

    /// The trial with this number.
    pub fn trial(&self, number: u32) -> Option<&TrialRecord> {
        self.trials.get(number as usize)
    }
}

/// A proposal as the file records it. Equal texts are equal proposals, bit for bit.
pub(crate) fn proposal_text(proposal: &Proposal) -> String {
    // JSON has no NaN; such proposals are refused before they are recorded, and only messages show them.
    serde_json::to_string(proposal).unwrap_or_else(|_| format!("{proposal:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_has_one_sign() {
        assert!(exact(-0.0).is_sign_positive());
        assert!(exact(f64::NAN).is_nan());
    }

    #[test]
    fn a_state_is_read_back_from_its_name() {
        for state in State::ALL {
            assert_eq!(State::from_name(state.name()), Some(state));
        }
        assert_eq!(State::from_name("lost"), None);
    }
}
