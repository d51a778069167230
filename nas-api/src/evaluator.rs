//! What an author of an evaluator implements.

use serde::{Deserialize, Serialize};

use crate::{
    Candidate, Error, Failure, FinalTraining, Goal, Graph, Metric, Objective, Parameter, Result, Setting, Settings,
    Task, TrainRequest, Trained, Weights,
};

/// The folder, within that for states, of what an evaluator keeps of trials that are not finished.
pub const UNFINISHED: &str = "unfinished";

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
    /// It trains networks in full (see [`Evaluator::train`]), and what may be set for that; `None`: it cannot. Components cannot.
    pub trains: Option<FinalTraining>,
}

/// Which data an evaluator reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// What they are, and where they were found: for people.
    pub source: String,
    /// Of all that measurements depend on, and of nothing else: the same wherever the data lie and whenever they were copied.
    /// Other data have another one.
    pub digest: String,
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
    /// The metrics that it can report while it measures (see [`Monitor::report`]), as long as the request is
    /// [`judged`](Request::judged). Components report nothing.
    pub intermediate_metrics: Vec<String>,
    /// The data that it reads, so that a study does not go on with others; `None`: none, or nobody can tell. Components
    /// do not say.
    pub data: Option<Fingerprint>,
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
    /// Checked by the host: shapes are known, static constraints are kept. Empty where the evaluator needs none.
    pub graph: Graph,
    /// What to spend.
    pub fidelity: Option<f64>,
    /// Carry on from the state of this trial.
    pub resume: Option<u32>,
    /// Keep the state: a later trial may carry on from it.
    pub keep: bool,
    /// Of this trial; independent of what the strategy draws.
    pub seed: u32,
    /// A pruner judges the trial by its reports: they should have all of [`Opened::intermediate_metrics`].
    pub judged: bool,
}

/// Why a trial failed whose evaluator panicked with these words.
pub fn panicked(words: &str) -> String {
    format!("the evaluator panicked: {words}")
}

/// How far a measurement has come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// What is spent by now, in the unit of fidelities, what was carried on included. It grows from report to report.
    pub fidelity: f64,
    /// What is known by now. Part of the record, so that only those named `*_seconds` may depend on the machine.
    pub metrics: Vec<Metric>,
}

/// What becomes of a trial after a report.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// It goes on.
    GoOn,
    /// A pruner ends it: its reports are its result.
    Pruned,
    /// The study is stopping; the trial is measured again when the study goes on.
    Stopped,
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

    /// What an evaluator whose seconds are simulated answers where a pruner has ended the trial: what was spent by then.
    pub fn pruned(seconds: f64) -> Self {
        Self { cost: Some(seconds), ..Self::failed("pruned") }
    }

    /// Not measured, and why.
    pub fn failed(reason: impl Into<String>) -> Self {
        Self { failure: Some(Failure::new(reason)), ..Self::new(Vec::new()) }
    }
}

/// Asked between steps of long work: true means that its result is not wanted any more.
pub type Stop<'a> = &'a (dyn Fn() -> bool + Sync);

/// Who listens to a measurement. It may be used from any thread of the evaluator while the call lasts.
pub trait Monitor: Sync {
    /// Asked between steps of a long measurement: true means that the result is not wanted any more.
    fn stopped(&self) -> bool;

    /// How far the measurement has come; said after every epoch, or step that fidelities count. Where the verdict is not
    /// [`Verdict::GoOn`], the evaluator answers `None`; where seconds are simulated and a pruner ended the trial,
    /// [`Measurement::pruned`]. May wait for trials that run beside this one.
    ///
    /// A trial that is tried again reports from its start once more, also what it has carried over.
    fn report(&self, report: CurvePoint) -> Verdict;

    /// One line that the user should read.
    fn notice(&self, words: &str);
}

/// Nobody listens; only the question is answered.
impl<F: Fn() -> bool + Sync> Monitor for F {
    fn stopped(&self) -> bool {
        self()
    }

    fn report(&self, _report: CurvePoint) -> Verdict {
        if self() { Verdict::Stopped } else { Verdict::GoOn }
    }

    fn notice(&self, _words: &str) {}
}

/// An opened evaluator. Deterministic: the outcome depends on request and configuration alone (times aside).
pub trait Evaluator: Send + Sync {
    /// What `open` fixed.
    fn opened(&self) -> Opened;

    /// Measures one candidate on the calling thread; the host calls from several threads at once.
    /// A candidate that cannot be measured is a failure; an error means that the evaluator itself is broken and
    /// ends the study. `None`: it stopped early because `monitor` said so (see [`Monitor::report`]).
    fn evaluate(&self, request: &Request, monitor: &dyn Monitor) -> Result<Option<Measurement>>;

    /// Trains one network in full, and tests it; called where [`EvaluatorInfo::trains`] says that it can. It reports after
    /// every epoch, `train_loss` among the metrics; any other verdict than to go on ends it. An error says why there is no
    /// result. `None`: it stopped early because `monitor` said so, and has left nothing.
    fn train(&self, request: &TrainRequest, monitor: &dyn Monitor) -> Result<Option<Trained>> {
        let _ = (request, monitor);
        Err(Error::new("it cannot train networks in full"))
    }
}

/// An evaluator that the host can open. `state` is a folder of the study where states of trials may be kept; it may have
/// to be made. What lies in its folder [`UNFINISHED`] is removed where the study has ended.
pub trait EvaluatorPlugin: Evaluator + Sized + 'static {
    /// What it says about itself.
    fn info() -> EvaluatorInfo;

    /// Gets ready, or says why it cannot.
    fn open(settings: &Settings, state: Option<&std::path::Path>) -> Result<Self>;
}
