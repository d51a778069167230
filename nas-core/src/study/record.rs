//! A study's file as it is read: no plugin is needed.

use std::path::Path;

use nas_api::{Candidate, Metric, Objective, Proposal, Report, Weights};
use serde::{Deserialize, Serialize};

use super::StudyError;
use super::header::Header;
use super::log::Log;

/// Where a trial stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Asked for, not finished; `resume` measures it again.
    Running,
    /// All metrics are there.
    Measured,
    /// No objective value; the reason says why.
    Failed,
    /// Interrupted, or never started; `resume` measures it.
    Stopped,
}

impl State {
    /// As the file and `--json` write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Measured => "measured",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Running, Self::Measured, Self::Failed, Self::Stopped].into_iter().find(|state| state.name() == name)
    }

    /// The outcome is known.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Measured | Self::Failed)
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
    /// What is spent on it, the default filled in; `None` where the evaluator has no fidelity.
    pub fidelity: Option<f64>,
    /// The trial of the study whose training it carries on.
    pub resume: Option<u32>,
    /// Where it stands.
    pub state: State,
    /// All that is known, hidden metrics included, static ones first.
    pub metrics: Vec<Metric>,
    /// Why it failed or was stopped; empty otherwise.
    pub reason: String,
    /// How far bounds are exceeded; 0 where they are kept.
    pub violation: f64,
    /// A pruner ended it when so much of its fidelity was spent; then it has failed.
    pub pruned: Option<f64>,
    /// What was reported while it was measured, in order. Duplicates have none of their own.
    pub reports: Vec<Report>,
    /// Of a relaxed candidate.
    pub gradient: Weights,
    /// Seconds.
    pub cost: f64,
    /// The cost is simulated: no clock measured it.
    pub simulated: bool,
    /// The evaluator measures it, now or at a resume; false for duplicates and for what is known to fail before.
    pub trained: bool,
    /// The earlier trial with equal key, fidelity and state, whose outcome was taken over.
    pub duplicate_of: Option<u32>,
    /// Seconds since 1970.
    pub started: f64,
    /// Seconds since 1970, where it is finished.
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

    /// The objective turned so that more is better; `None` where the trial was not measured.
    pub fn score(&self, objective: &Objective) -> Option<f64> {
        if self.state != State::Measured {
            return None;
        }
        self.metric(&objective.metric).filter(|value| value.is_finite()).map(|value| objective.goal.score(value))
    }
}

/// A study's file as a whole.
#[derive(Clone, Debug, PartialEq)]
pub struct StudyRecord {
    /// Searches before the last one, each ended by a warm start.
    pub earlier: Vec<Header>,
    /// The search that is going on, or was last.
    pub header: Header,
    /// In order of their numbers, from 0.
    pub trials: Vec<TrialRecord>,
    /// Seconds of all runs of the last search.
    pub seconds: f64,
}

impl StudyRecord {
    /// Reads the file of a study, which may be running meanwhile.
    pub fn read(path: &Path) -> Result<Self, StudyError> {
        Log::open_to_read(path)?.record()
    }

    /// The trial of this number.
    pub fn trial(&self, number: u32) -> Option<&TrialRecord> {
        self.trials.get(number as usize)
    }
}

/// A proposal as the file records it. Equal texts are equal proposals, bit for bit.
pub(crate) fn proposal_text(proposal: &Proposal) -> String {
    // JSON has no NaN; such proposals are refused before they are recorded, and only messages show them.
    serde_json::to_string(proposal).unwrap_or_else(|_| format!("{proposal:?}"))
}
