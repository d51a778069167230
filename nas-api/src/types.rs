//! The types of the contract's interface `types` (`wit/0.1/types.wit`), as Rust types.

use serde::{Deserialize, Serialize};

/// The index of a choice in [`Decision::choices`].
pub type Choice = u32;

/// One architecture as a list of choices: one index per decision, in the space's order.
///
/// Its length varies within a conditional space.
pub type Genotype = Vec<Choice>;

/// The weights of a relaxed candidate, and the gradients with respect to them: `weights[decision][choice]`.
///
/// Decisions are in the order of [`SpaceInfo::decisions`](crate::SpaceInfo::decisions). `None` stands for a choice that
/// is not computed at all.
pub type Weights = Vec<Vec<Option<f64>>>;

/// One decision: a choice to make among named alternatives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The name, unique within a genotype. Decisions of the same name are the same decision, whatever precedes them.
    pub name: String,
    /// The names of the choices, at least one.
    pub choices: Vec<String>,
    /// Whether neighbouring choices are similar (kernel 3, 5, 7), so that one step along them is a small change.
    pub ordered: bool,
}

impl Decision {
    /// Returns an unordered decision.
    pub fn new<C: Into<String>>(name: impl Into<String>, choices: impl IntoIterator<Item = C>) -> Self {
        Self { name: name.into(), choices: choices.into_iter().map(Into::into).collect(), ordered: false }
    }

    /// Returns this decision with [`ordered`](Self::ordered) choices.
    #[must_use]
    pub fn ordered(mut self) -> Self {
        self.ordered = true;
        self
    }

    /// Returns the number of choices.
    pub fn len(&self) -> u32 {
        u32::try_from(self.choices.len()).unwrap_or(u32::MAX)
    }

    /// Returns whether there are no choices. Such a decision is invalid.
    pub fn is_empty(&self) -> bool {
        self.choices.is_empty()
    }
}

/// What a strategy proposes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Candidate {
    /// One architecture.
    Discrete(Genotype),
    /// A mixture of all architectures, for an evaluator that trains a supernet.
    Relaxed(Weights),
}

impl Candidate {
    /// Returns the genotype of a discrete candidate, or `None` for a relaxed one.
    pub fn genotype(&self) -> Option<&Genotype> {
        match self {
            Self::Discrete(genotype) => Some(genotype),
            Self::Relaxed(_) => None,
        }
    }
}

/// The direction in which a metric gets better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// Less is better.
    Minimize,
    /// More is better.
    Maximize,
}

impl Goal {
    /// Returns the value, negated if it is minimized, so that greater is better.
    pub fn score(self, value: f64) -> f64 {
        match self {
            Self::Minimize => -value,
            Self::Maximize => value,
        }
    }
}

/// A metric with a direction, which the study minimizes or maximizes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Objective {
    /// The metric's name.
    pub metric: String,
    /// The direction in which it gets better.
    pub goal: Goal,
}

/// A limit on a metric that a candidate must keep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Constraint {
    /// The metric's name.
    pub metric: String,
    /// The allowed side: `Minimize` means metric ≤ limit, `Maximize` means metric ≥ limit.
    pub goal: Goal,
    /// The limit, in the metric's unit.
    pub limit: f64,
}

impl Constraint {
    /// Returns by how much a value breaks the constraint, as a fraction of the limit, or as an absolute amount if the
    /// limit is 0. Returns 0 if the constraint is kept, and infinity if the value is NaN.
    ///
    /// # Examples
    ///
    /// ```
    /// use nas_api::{Constraint, Goal};
    ///
    /// let constraint = Constraint { metric: "params".into(), goal: Goal::Minimize, limit: 1e6 };
    /// assert_eq!(constraint.violation(0.9e6), 0.0);
    /// assert_eq!(constraint.violation(1.5e6), 0.5);
    /// ```
    pub fn violation(&self, value: f64) -> f64 {
        let excess = match self.goal {
            Goal::Minimize => value - self.limit,
            Goal::Maximize => self.limit - value,
        };
        if excess.is_nan() {
            return f64::INFINITY;
        }
        let scale = if self.limit == 0.0 { 1.0 } else { self.limit.abs() };
        excess.max(0.0) / scale
    }
}

/// A named number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// The name, as the evaluator declares it.
    pub name: String,
    /// The value, in the unit that the evaluator declares.
    pub value: f64,
}

impl Metric {
    /// Returns a metric with this name and value.
    pub fn new(name: impl Into<String>, value: f64) -> Self {
        Self { name: name.into(), value }
    }

    /// Returns the value of the metric with this name, or `None` if there is none.
    pub fn find(metrics: &[Metric], name: &str) -> Option<f64> {
        metrics.iter().find(|metric| metric.name == name).map(|metric| metric.value)
    }
}

/// A strategy's request for one trial.
///
/// The k-th proposal of a search, counted from 0, is trial k.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proposal {
    /// The candidate to measure.
    pub candidate: Candidate,
    /// The fidelity, one of [`Study::fidelities`](crate::Study::fidelities); `None` for the study's default.
    pub fidelity: Option<f64>,
    /// The earlier trial, at a lower fidelity, whose checkpoint this trial continues from; `None` to start from
    /// scratch.
    pub resume: Option<u32>,
}

impl Proposal {
    /// Returns the proposal to train one architecture from scratch at the study's default fidelity.
    pub fn discrete(genotype: Genotype) -> Self {
        Self { candidate: Candidate::Discrete(genotype), fidelity: None, resume: None }
    }
}

/// Why a candidate has no objective value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// What went wrong, for people.
    pub reason: String,
    /// The sum of the [violations](Constraint::violation) of all constraints; 0 if none was broken.
    pub violation: f64,
}

impl Failure {
    /// Returns a failure with this reason that breaks no constraint.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), violation: 0.0 }
    }
}

/// A result that a strategy is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// The trial; `None` for a result that this search did not ask for (from a warm start or another study).
    pub trial: Option<u32>,
    /// The candidate.
    pub candidate: Candidate,
    /// The fidelity that was spent, in the evaluator's unit; `None` if the evaluator has none.
    pub fidelity: Option<f64>,
    /// One value for each of [`Study::metrics`](crate::Study::metrics), in that order; NaN if it is unknown.
    pub metrics: Vec<f64>,
    /// Why there is no objective value; `None` if the candidate was measured. Failures are always told.
    pub failure: Option<Failure>,
    /// The gradient of the loss with respect to the weights of a relaxed candidate, in the shape of the weights.
    pub gradient: Option<Weights>,
    /// The seconds that the trial cost: simulated ones if the evaluator simulates them.
    pub cost: f64,
}
