//! What an author of an evaluator implements.

use serde::{Deserialize, Serialize};

use crate::{Candidate, Failure, Goal, Graph, Metric, Objective, Parameter, Result, Setting, Settings, Task, Weights};

/// Declares one metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricInfo {
    /// Snake case: `val_accuracy`.
    pub name: String,
    /// `s`, `ms`, `bytes`; empty for a plain number.
    pub unit: String,
    /// Which way is better, where that is clear.
    pub better: Option<Goal>,
    /// For reports only (test accuracy, say): never told to a strategy.
    pub hidden: bool,
    /// One sentence.
    pub description: String,
}

/// What an evaluator says about itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvaluatorInfo {
    /// Kebab case.
    pub name: String,
    /// Of the evaluator, not of the contract.
    pub version: String,
    /// One or two sentences for people.
    pub description: String,
    /// Every metric it reports.
    pub metrics: Vec<MetricInfo>,
    /// `epochs`, `steps`; empty where there is no fidelity.
    pub fidelity_unit: String,
    /// It trains supernets and accepts relaxed candidates.
    pub accepts_relaxed: bool,
    /// A trial can carry on from an earlier trial's state.
    pub resumes: bool,
    /// It needs the candidates' networks. Where not, none is built, and sizes are among its own metrics if anywhere.
    pub graphs: bool,
    /// What a user may set.
    pub parameters: Vec<Parameter>,
}

/// What opening fixes for the whole study.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Opened {
    /// What can be spent on one trial, ascending; the last is the default. Empty: no choice.
    pub fidelities: Vec<f64>,
    /// What the networks are for, where the evaluator's data say it; its `settings` are empty, the host adds them.
    pub task: Option<Task>,
    /// Metrics that only the data tell, besides those of the description.
    pub metrics: Vec<MetricInfo>,
    /// The only space whose architectures it knows; `None`: it measures any network.
    pub space: Option<String>,
    /// What that space's parameters must be.
    pub space_settings: Vec<Setting>,
    /// What is searched for where the user names nothing; empty: the first metric with a direction.
    pub objectives: Vec<Objective>,
    /// Seconds are simulated: every measurement says what it would have cost. Where not, none does.
    pub simulated: bool,
    /// The best value that any architecture has of a metric at the highest fidelity, where that is known. Reports
    /// compute regret from it; strategies are not told.
    pub best: Vec<Metric>,
}

/// One candidate to measure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// Which trial of the study.
    pub trial: u32,
    /// What was proposed.
    pub candidate: Candidate,
    /// The space's canonical identity of it; empty for relaxed ones.
    pub key: String,
    /// The space's published text of it; empty for relaxed ones.
    pub text: String,
    /// Checked by the host: shapes are known, static bounds are kept. Empty where the evaluator needs none.
    pub graph: Graph,
    /// What to spend.
    pub fidelity: Option<f64>,
    /// Carry on from the state of this trial.
    pub resume: Option<u32>,
    /// Keep the state: a later trial may carry on from it.
    pub keep: bool,
    /// Of this trial; independent of what the strategy draws.
    pub seed: u32,
}

/// What came out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// All that is known, also where it failed.
    pub metrics: Vec<Metric>,
    /// Why there is no objective value; `None`: it was measured.
    pub failure: Option<Failure>,
    /// Of a relaxed candidate, shaped as its weights.
    pub gradient: Option<Weights>,
    /// Simulated seconds, where [`Opened::simulated`] says that they are; `None`: the host's clock counts.
    pub cost: Option<f64>,
}

impl Measurement {
    /// Measured; the cost is the host's clock.
    pub fn new(metrics: Vec<Metric>) -> Self {
        Self { metrics, failure: None, gradient: None, cost: None }
    }

    /// Not measured, and why.
    pub fn failed(reason: impl Into<String>) -> Self {
        Self { failure: Some(Failure::new(reason)), ..Self::new(Vec::new()) }
    }
}

/// Asked between steps of a long measurement: true means that the study is stopping, so that the result is not wanted.
pub type Stop<'a> = &'a (dyn Fn() -> bool + Sync);

/// An opened evaluator. Deterministic: the outcome depends on request and configuration alone (times aside).
pub trait Evaluator: Send + Sync {
    /// What `open` fixed.
    fn opened(&self) -> Opened;

    /// Measures one candidate on the calling thread; the host calls from several threads at once.
    /// A candidate that cannot be measured is a failure; an error means that the evaluator itself is broken and
    /// ends the study. `None`: it stopped early because `stop` said so.
    fn evaluate(&self, request: &Request, stop: Stop<'_>) -> Result<Option<Measurement>>;
}

/// An evaluator that the host can open. `state` is a folder of the study where states of trials may be kept.
pub trait EvaluatorPlugin: Evaluator + Sized + 'static {
    /// What it says about itself.
    fn info() -> EvaluatorInfo;

    /// Gets ready, or says why it cannot.
    fn open(settings: &Settings, state: Option<&std::path::Path>) -> Result<Self>;
}
