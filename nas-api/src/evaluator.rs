//! The traits that the author of an evaluator implements.

use serde::{Deserialize, Serialize};

use crate::{
    Candidate, Error, Failure, FinalTraining, Goal, Graph, Metric, Objective, Parameter, Result, Setting, Settings,
    Task, TrainRequest, Trained, Weights,
};

/// The name of the folder, inside the study's folder for checkpoints, where an evaluator keeps the checkpoints of
/// unfinished trials. The host removes it when the study ends.
pub const UNFINISHED: &str = "unfinished";

/// The file in which an evaluator keeps how far an unfinished trial has got. The evaluator leaves it where it is: the
/// host removes it once the outcome of the trial is recorded, so that a crash in between loses nothing.
pub fn unfinished_file(checkpoints: &std::path::Path, trial: u32) -> std::path::PathBuf {
    checkpoints.join(UNFINISHED).join(format!("trial-{trial}.safetensors"))
}

/// The declaration of one metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricInfo {
    /// The name, in snake case: `val_accuracy`.
    pub name: String,
    /// The unit: `s`, `ms`, `bytes`. Empty for a dimensionless number.
    pub unit: String,
    /// The direction in which the metric gets better; `None` if it has none.
    pub better: Option<Goal>,
    /// Whether the metric is for reports only (test accuracy, for example) and never told to a strategy.
    pub hidden: bool,
    /// One sentence for people.
    pub description: String,
}

/// The description of an evaluator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvaluatorInfo {
    /// The name, in kebab case.
    pub name: String,
    /// The version of the evaluator (not of the contract).
    pub version: String,
    /// One or two sentences for people.
    pub description: String,
    /// The metrics that the evaluator always measures.
    pub metrics: Vec<MetricInfo>,
    /// The unit of fidelity: `epochs`, `steps`. Empty if the evaluator has no fidelities.
    pub fidelity_unit: String,
    /// Whether the evaluator trains supernets, and so accepts relaxed candidates.
    pub accepts_relaxed: bool,
    /// Whether a trial can continue from the checkpoint of an earlier one.
    pub resumes: bool,
    /// Whether the evaluator needs the candidates' graphs. If not, the host builds none and counts no static metrics.
    pub graphs: bool,
    /// The parameters that a user may set.
    pub parameters: Vec<Parameter>,
    /// The parameters that final training may set; `None` if the evaluator does not implement [`Evaluator::train`].
    /// Components cannot.
    pub trains: Option<FinalTraining>,
}

/// The identity of the data that an evaluator reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// The name and location of the data, for people.
    pub source: String,
    /// A digest of everything in the data that measurements depend on, and of nothing else. Equal data have equal
    /// digests, whatever their path and modification time.
    pub digest: String,
}

/// What an evaluator fixes for the whole study when it is opened.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct InstanceInfo {
    /// The fidelities that a trial may have, in [`EvaluatorInfo::fidelity_unit`], ascending. The last one is the
    /// default. Empty if there is no choice.
    pub fidelities: Vec<f64>,
    /// The task of the networks, if the evaluator's data determine it; `None` if any task will do. Its
    /// [`settings`](Task::settings) are empty: the host adds them.
    pub task: Option<Task>,
    /// Metrics that depend on the data, in addition to [`EvaluatorInfo::metrics`].
    pub metrics: Vec<MetricInfo>,
    /// The name of the only space whose architectures the evaluator knows; `None` if it measures any network.
    pub space: Option<String>,
    /// The settings that this space must have.
    pub space_settings: Vec<Setting>,
    /// The objectives of studies that name none. If this is empty, such studies take the first metric with a direction.
    pub objectives: Vec<Objective>,
    /// Whether seconds are simulated. If so, every measurement has a [`cost`](Measurement::cost); if not, none has.
    pub simulated: bool,
    /// The best value of each metric over all architectures at the highest fidelity, as far as it is known. The host
    /// computes regret from these; strategies are not told.
    pub best: Vec<Metric>,
    /// The names of the metrics that the evaluator reports while it measures a [`prunable`](Request::prunable) request
    /// (see [`Monitor::report`]). Empty for components.
    pub intermediate_metrics: Vec<String>,
    /// The data that the evaluator reads, so that a study is not continued on other data. `None` if it reads none, if
    /// the data cannot be identified, and for components.
    pub data: Option<Fingerprint>,
}

/// The request to measure one candidate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// The index of the trial in the study, counted from 0.
    pub trial: u32,
    /// The candidate.
    pub candidate: Candidate,
    /// The [key](crate::SearchSpace::key) of the candidate; empty for a relaxed one.
    pub key: String,
    /// The [text](crate::SearchSpace::format) of the candidate; empty for a relaxed one.
    pub text: String,
    /// The candidate's graph; empty if the evaluator needs none ([`EvaluatorInfo::graphs`]). The host has checked that
    /// shape inference succeeds on it and that it keeps the static constraints.
    pub graph: Graph,
    /// The fidelity, one of [`InstanceInfo::fidelities`]; `None` if the evaluator has none.
    pub fidelity: Option<f64>,
    /// The trial whose checkpoint this one continues from; `None` to start from scratch.
    pub resume: Option<u32>,
    /// Whether to keep a checkpoint, because a later trial may continue from it.
    pub keep_checkpoint: bool,
    /// The seed of this trial. It is independent of what the strategy draws.
    pub seed: u32,
    /// Whether a pruner judges the trial. If so, its curve points should have all of [`InstanceInfo::intermediate_metrics`].
    pub prunable: bool,
}

/// Returns the reason of failure of a trial whose evaluator panicked with this message.
pub fn panic_reason(message: &str) -> String {
    format!("the evaluator panicked: {message}")
}

/// One point of a learning curve: an intermediate result of a trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// The fidelity that has been spent so far, in the evaluator's unit, including that of the trial which this one
    /// continues. It grows from point to point.
    pub fidelity: f64,
    /// The metrics that are known so far. They are records, so only those named `*_seconds` may depend on the machine.
    pub metrics: Vec<Metric>,
}

/// How a trial proceeds after it has reported a curve point.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// The trial continues.
    Continue,
    /// A pruner has ended the trial. Its learning curve is its result.
    Pruned,
    /// The study is stopping. The trial is measured again when the study resumes.
    Stopped,
}

/// The outcome of a measurement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// All metrics that are known, even if the measurement failed.
    pub metrics: Vec<Metric>,
    /// Why there is no objective value; `None` if the candidate was measured.
    pub failure: Option<Failure>,
    /// The gradient of the loss with respect to the weights of a relaxed candidate, in the shape of the weights.
    pub gradient: Option<Weights>,
    /// The simulated seconds, if [`InstanceInfo::simulated`] is true; otherwise `None`, and the host's clock counts.
    pub cost: Option<f64>,
}

impl Measurement {
    /// Returns a successful measurement without a simulated cost.
    pub fn new(metrics: Vec<Metric>) -> Self {
        Self { metrics, failure: None, gradient: None, cost: None }
    }

    /// Returns the answer of an evaluator with simulated seconds if a pruner has ended the trial after this many.
    pub fn pruned(seconds: f64) -> Self {
        Self { cost: Some(seconds), ..Self::failed("pruned") }
    }

    /// Returns a failed measurement with its reason, for people.
    pub fn failed(reason: impl Into<String>) -> Self {
        Self { failure: Some(Failure::new(reason)), ..Self::new(Vec::new()) }
    }
}

/// A function to call between the steps of long work. It returns true if the result is no longer wanted.
pub type StopCheck<'a> = &'a (dyn Fn() -> bool + Sync);

/// The host's side of a measurement in progress.
///
/// Every thread of the evaluator may use it until the call to [`Evaluator::evaluate`] or [`Evaluator::train`] returns.
/// Any closure `Fn() -> bool + Sync` is a monitor that answers [`stopped`](Self::stopped) and ignores the rest.
pub trait Monitor: Sync {
    /// Returns true if the result is no longer wanted. Call this between the steps of a long measurement.
    fn stopped(&self) -> bool;

    /// Reports a point of the learning curve. Call this after every epoch, or whatever step the fidelities count.
    ///
    /// If the verdict is not [`Verdict::Continue`], the evaluator must return `None` from the measurement; but if its
    /// seconds are simulated and the verdict is [`Verdict::Pruned`], it must return [`Measurement::pruned`]. The call
    /// can block until trials that run side by side have reported.
    ///
    /// A trial that is retried reports its whole curve again, including the part that a checkpoint has saved.
    fn report(&self, point: CurvePoint) -> Verdict;

    /// Shows one line to the user.
    fn notice(&self, line: &str);
}

impl<F: Fn() -> bool + Sync> Monitor for F {
    fn stopped(&self) -> bool {
        self()
    }

    fn report(&self, _point: CurvePoint) -> Verdict {
        if self() { Verdict::Stopped } else { Verdict::Continue }
    }

    fn notice(&self, _line: &str) {}
}

/// An opened evaluator.
///
/// It is deterministic: except for times, the outcome depends on the request and the settings alone.
pub trait Evaluator: Send + Sync {
    /// Returns what opening has fixed for the study. It never changes.
    fn instance_info(&self) -> InstanceInfo;

    /// Measures one candidate on the calling thread. The host calls this from several threads at once.
    ///
    /// Returns `None` if the measurement stopped early because `monitor` demanded it (see [`Monitor::report`]). A
    /// candidate that cannot be measured is no error: return [`Measurement::failed`].
    ///
    /// # Errors
    ///
    /// Returns an error if the evaluator itself is broken; the error ends the study.
    fn evaluate(&self, request: &Request, monitor: &dyn Monitor) -> Result<Option<Measurement>>;

    /// Returns the points of the true Pareto front at the highest fidelity, one value for each of these objectives, in their
    /// units; `None` if it is not known. Reports measure strategies against it; strategies are not told. Only evaluators
    /// that are part of the program are asked.
    fn true_front(&self, objectives: &[Objective]) -> Option<Vec<Vec<f64>>> {
        let _ = objectives;
        None
    }

    /// Trains one architecture from scratch and tests it. The host calls this only if [`EvaluatorInfo::trains`] is set.
    ///
    /// The training reports a curve point with the metric `train_loss` after every epoch. Returns `None` if it stopped
    /// early because `monitor` demanded it; it has then left no files.
    ///
    /// # Errors
    ///
    /// Returns an error that says why there is no result.
    fn train(&self, request: &TrainRequest, monitor: &dyn Monitor) -> Result<Option<Trained>> {
        let _ = (request, monitor);
        Err(Error::new("it has no final training"))
    }
}

/// An evaluator that the host can describe and open.
///
/// [`export_evaluator!`](crate::export_evaluator) exports it as a component; `export_native_evaluator!` (with the
/// feature `native`) exports it as a dynamic library.
pub trait EvaluatorPlugin: Evaluator + Sized + 'static {
    /// Returns the description of the evaluator. It never changes.
    fn info() -> EvaluatorInfo;

    /// Opens the evaluator for a study: reads the data and fixes what [`Evaluator::instance_info`] returns.
    ///
    /// `checkpoints` is the study's folder for checkpoints, which need not exist yet; `None` if there is none. The host
    /// removes its subfolder [`UNFINISHED`] when the study ends.
    ///
    /// # Errors
    ///
    /// Returns an error that says why the evaluator cannot be opened with these settings.
    fn open(settings: &Settings, checkpoints: Option<&std::path::Path>) -> Result<Self>;
}
