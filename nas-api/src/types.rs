//! The words of the contract's interface `types`, as Rust types. Meaning and units are the contract's (`wit/`).

use serde::{Deserialize, Serialize};

/// A position in [`Decision::choices`].
pub type Choice = u32;

/// One architecture as the space writes it: one choice index per decision, in the space's order.
pub type Genotype = Vec<Choice>;

/// One weight for every choice of every decision; `None`: not computed. Also the shape of gradients.
pub type Weights = Vec<Vec<Option<f64>>>;

/// One choice to make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Unique within one genotype; the same name is the same decision whatever came before it.
    pub name: String,
    /// At least one, by name.
    pub choices: Vec<String>,
    /// Neighbouring choices are similar (kernel 3, 5, 7), so that one step is a small change.
    pub ordered: bool,
}

impl Decision {
    /// A decision whose choices are names without order.
    pub fn new<C: Into<String>>(name: impl Into<String>, choices: impl IntoIterator<Item = C>) -> Self {
        Self { name: name.into(), choices: choices.into_iter().map(Into::into).collect(), ordered: false }
    }

    /// The same with neighbouring choices similar.
    #[must_use]
    pub fn ordered(mut self) -> Self {
        self.ordered = true;
        self
    }

    /// How many choices there are, as the contract counts.
    pub fn len(&self) -> u32 {
        u32::try_from(self.choices.len()).unwrap_or(u32::MAX)
    }

    /// No choice at all: such a decision is invalid.
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
    /// The genotype of a discrete candidate.
    pub fn genotype(&self) -> Option<&Genotype> {
        match self {
            Self::Discrete(genotype) => Some(genotype),
            Self::Relaxed(_) => None,
        }
    }
}

/// Which way a metric gets better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// Less is better.
    Minimize,
    /// More is better.
    Maximize,
}

impl Goal {
    /// The value turned so that more is better.
    pub fn score(self, value: f64) -> f64 {
        match self {
            Self::Minimize => -value,
            Self::Maximize => value,
        }
    }
}

/// What the study searches for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Objective {
    /// The metric's name.
    pub metric: String,
    /// Which way it gets better.
    pub goal: Goal,
}

/// A constraint that a candidate must keep: `Minimize` means metric ≤ limit, `Maximize` means metric ≥ limit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Constraint {
    /// The metric's name.
    pub metric: String,
    /// Which side of the limit is allowed.
    pub goal: Goal,
    /// In the metric's unit.
    pub limit: f64,
}

impl Constraint {
    /// How far the value exceeds the bound, relative to the limit (absolute where the limit is 0); 0 where it is kept.
    /// A value that is not a number exceeds every constraint infinitely.
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

/// One measured number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// As the evaluator declares it.
    pub name: String,
    /// In the unit that the evaluator declares.
    pub value: f64,
}

impl Metric {
    /// A named number.
    pub fn new(name: impl Into<String>, value: f64) -> Self {
        Self { name: name.into(), value }
    }

    /// The value of the metric of this name.
    pub fn find(metrics: &[Metric], name: &str) -> Option<f64> {
        metrics.iter().find(|metric| metric.name == name).map(|metric| metric.value)
    }
}

/// What one strategy asks to be measured. The k-th proposal of a search, counted from 0, is trial k.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proposal {
    /// What to measure.
    pub candidate: Candidate,
    /// How much to spend on it, in the evaluator's unit; `None`: the study's default.
    pub fidelity: Option<f64>,
    /// Carry on from the state this earlier trial left at a lower fidelity.
    pub resume: Option<u32>,
}

impl Proposal {
    /// One architecture at the study's default fidelity, trained afresh.
    pub fn discrete(genotype: Genotype) -> Self {
        Self { candidate: Candidate::Discrete(genotype), fidelity: None, resume: None }
    }
}

/// Why a candidate has no objective value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// For people: what went wrong.
    pub reason: String,
    /// How far constraints are exceeded, summed, relative to their limits; 0 where no constraint was broken.
    pub violation: f64,
}

impl Failure {
    /// A failure that has nothing to do with a constraint.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), violation: 0.0 }
    }
}

/// What a strategy is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// The trial it belongs to; `None`: knowledge that this search did not ask for.
    pub trial: Option<u32>,
    /// What was measured.
    pub candidate: Candidate,
    /// What was spent, in the evaluator's unit; `None` where the evaluator has no fidelity.
    pub fidelity: Option<f64>,
    /// One value for each of [`Study::metrics`](crate::Study::metrics), in that order; NaN where it is unknown.
    pub metrics: Vec<f64>,
    /// Told, never hidden; `None`: it was measured.
    pub failure: Option<Failure>,
    /// d(loss)/d(weight) of a relaxed candidate.
    pub gradient: Option<Weights>,
    /// Seconds that this trial cost.
    pub cost: f64,
}
