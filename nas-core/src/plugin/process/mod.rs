//! Evaluators in worker processes. A worker that crashes, is killed, runs out of memory or hangs costs its trial and
//! nothing else.
//!
//! The host starts one `nas worker EVALUATOR` for each trial that is measured side by side, and exchanges messages with
//! it over its standard input and output ([`protocol`]). A worker loads its data once and serves one trial after
//! another. Final training is a job like any other.

pub mod protocol;
mod serve;
mod worker;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use nas_api::evaluator::panic_reason;
use nas_api::{
    CurvePoint, Evaluator, EvaluatorInfo, InstanceInfo, Measurement, Monitor, Request, Result, Settings, StopCheck,
    TrainRequest, Trained, Verdict,
};

use super::wasm::Log;
use super::{EvaluatorSource, Identity, PluginError};
use protocol::{HostMessage, WorkerMessage};
use worker::{Outcome, StartError, Worker};

pub use serve::{Served, serve};

/// How evaluators are run in worker processes.
#[derive(Clone)]
pub struct Processes {
    /// The worker's program.
    pub program: PathBuf,
    /// The program's arguments; the evaluator's name or path comes after them.
    pub arguments: Vec<OsString>,
    /// The maximum duration of a trial; a trial that takes longer fails. `None` means no limit.
    pub trial_limit: Option<Duration>,
    /// How often a trial is tried again after its worker died.
    pub retries: u32,
    /// Receives the lines that workers write to their standard error.
    pub log: Log,
}

/// An evaluator that runs in worker processes.
pub(super) struct ProcessSource {
    /// Describes the evaluator; it is never opened in this process.
    inner: Arc<dyn EvaluatorSource>,
    reference: OsString,
    processes: Processes,
}

impl ProcessSource {
    /// Wraps an evaluator; a worker finds the same one by `reference`.
    pub fn new(inner: Arc<dyn EvaluatorSource>, reference: impl Into<OsString>, processes: Processes) -> Self {
        Self { inner, reference: reference.into(), processes }
    }
}

impl EvaluatorSource for ProcessSource {
    fn identity(&self) -> &Identity {
        self.inner.identity()
    }

    fn info(&self) -> Result<EvaluatorInfo, PluginError> {
        self.inner.info()
    }

    fn open(&self, settings: &Settings, checkpoints: Option<&Path>) -> Result<Arc<dyn Evaluator>, PluginError> {
        // One worker may continue what another one has kept, so all share a folder. The evaluator creates it with the
        // first checkpoint.
        let (own, checkpoints) = match checkpoints {
            Some(checkpoints) => (None, checkpoints.to_owned()),
            None => {
                let own = TemporaryStates::new();
                let checkpoints = own.0.clone();
                (Some(own), checkpoints)
            }
        };
        let launcher = Launcher {
            identity: self.identity().clone(),
            reference: self.reference.clone(),
            processes: self.processes.clone(),
            settings: settings.clone(),
            checkpoints,
        };
        let (first, opened) = launcher.start_first()?;
        Ok(Arc::new(ProcessEvaluator { launcher, opened, idle: Mutex::new(vec![first]), _state: own }))
    }
}

/// Everything that is needed to start a worker.
struct Launcher {
    identity: Identity,
    reference: OsString,
    processes: Processes,
    settings: Settings,
    checkpoints: PathBuf,
}

impl Launcher {
    /// Starts a worker and waits until it is ready, at most as long as a trial may take.
    fn start(&self, stop: StopCheck<'_>) -> Result<(Worker, InstanceInfo), StartError> {
        let Self { processes, reference, identity, settings, checkpoints } = self;
        Worker::start(processes, reference, identity, settings, checkpoints, stop)
    }

    /// Starts the first worker, which every study needs. If it dies before it is ready, another one is started.
    fn start_first(&self) -> Result<(Worker, InstanceInfo), PluginError> {
        let mut tries = 0;
        loop {
            let died = match self.start(&|| false) {
                Ok(started) => return Ok(started),
                Err(StartError::Refused(error)) => return Err(error),
                Err(StartError::Died(how)) => how,
                // This stop condition is never true.
                Err(StartError::Stopped) => "it was stopped".into(),
            };
            tries += 1;
            if tries > self.processes.retries {
                let problem = format!("its worker died{}: {died}", times(tries));
                return Err(PluginError::new(&self.identity, "open", problem)
                    .remedy("if memory ran out, give it more (--worker-memory)"));
            }
        }
    }
}

/// How often a worker died, if more than once.
fn times(tries: u32) -> String {
    if tries > 1 { format!(", {tries} times") } else { String::new() }
}

struct ProcessEvaluator {
    launcher: Launcher,
    opened: InstanceInfo,
    /// The workers that wait for a trial.
    idle: Mutex<Vec<Worker>>,
    /// Removed together with the evaluator.
    _state: Option<TemporaryStates>,
}

/// A folder for the checkpoints of a study without a file. It is created with the first checkpoint and removed with the study.
struct TemporaryStates(PathBuf);

impl TemporaryStates {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let moment = UNIX_EPOCH.elapsed().map_or(0, |since| since.as_nanos());
        Self(std::env::temp_dir().join(format!("nas-checkpoints-{}-{count}-{moment}", std::process::id())))
    }
}

impl Drop for TemporaryStates {
    fn drop(&mut self) {
        // Most studies never create it, so an error is expected.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl ProcessEvaluator {
    /// A running worker: an idle one, or a new one. A worker that died while it was idle is dropped silently.
    fn worker(&self, stop: StopCheck<'_>) -> Result<Worker, StartError> {
        loop {
            // A panic elsewhere leaves the list valid, because it is only pushed to and popped from.
            let waiting = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            match waiting {
                Some(mut worker) => {
                    if worker.is_running() {
                        return Ok(worker);
                    }
                }
                None => return Ok(self.launcher.start(stop)?.0),
            }
        }
    }
}

impl Evaluator for ProcessEvaluator {
    fn instance_info(&self) -> InstanceInfo {
        self.opened.clone()
    }

    fn evaluate(&self, request: &Request, monitor: &dyn Monitor) -> Result<Option<Measurement>> {
        let job = HostMessage::Evaluate(Box::new(request.clone()));
        let measured = |message| if let WorkerMessage::Measured(measured) = message { Some(measured) } else { None };
        match self.work(&job, measured, monitor)? {
            JobResult::Answer(answer) => Ok(answer),
            JobResult::Lost(reason) => Ok(Some(Measurement::failed(reason))),
        }
    }

    fn train(&self, request: &TrainRequest, monitor: &dyn Monitor) -> Result<Option<Trained>> {
        let job = HostMessage::Train(Box::new(request.clone()));
        let trained = |message| if let WorkerMessage::Trained(trained) = message { Some(trained) } else { None };
        match self.work(&job, trained, monitor)? {
            JobResult::Answer(answer) => Ok(answer),
            JobResult::Lost(reason) => Err(PluginError::new(&self.launcher.identity, "train", reason).into()),
        }
    }
}

/// How a job ended.
enum JobResult<T> {
    /// The evaluator's answer; `None` if it was stopped.
    Answer(Option<T>),
    /// There is no answer, for this reason.
    Lost(String),
}

impl ProcessEvaluator {
    /// Has a worker do a job. If the worker dies, another one tries again, at most `retries` times.
    fn work<T>(
        &self,
        job: &HostMessage,
        result_of: impl Fn(WorkerMessage) -> Option<Option<T>>,
        monitor: &dyn Monitor,
    ) -> Result<JobResult<T>> {
        let retry = RetryMonitor { monitor, pruned: AtomicBool::new(false), repeating: AtomicBool::new(false) };
        let stop = || retry.stopped();
        // When a pruner ends a simulated trial, the study still needs its simulated seconds.
        let wanted = || self.opened.simulated && retry.pruned.load(Ordering::Relaxed);
        let Processes { trial_limit, retries, .. } = self.launcher.processes;
        let mut tries = 0;
        loop {
            let died = match self.worker(&stop) {
                Ok(mut worker) => match worker.work(job, &result_of, &retry, trial_limit)? {
                    Outcome::Answer(answer) => {
                        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(worker);
                        return answer.map(JobResult::Answer);
                    }
                    // The worker is dropped, because the panic may have left it unusable: a GPU may refuse all further
                    // work of its process.
                    Outcome::Panicked(message) => return Ok(JobResult::Lost(panic_reason(&message))),
                    Outcome::Stopped if wanted() => {
                        let reason = "it did not stop when a pruner ended its trial, so its worker was ended";
                        return Ok(JobResult::Lost(reason.to_owned()));
                    }
                    Outcome::Stopped => return Ok(JobResult::Answer(None)),
                    Outcome::TimedOut(limit) => {
                        let seconds = limit.as_secs_f64();
                        return Ok(JobResult::Lost(format!(
                            "it took longer than {seconds} seconds (--trial-seconds), so its worker was ended"
                        )));
                    }
                    Outcome::Died(how) => how,
                },
                Err(StartError::Stopped) => return Ok(JobResult::Answer(None)),
                Err(StartError::Died(how)) => format!("before it was ready: {how}"),
                Err(StartError::Refused(error)) => return Err(error.into()),
            };
            tries += 1;
            if stop() && !wanted() {
                return Ok(JobResult::Answer(None));
            }
            if tries > retries {
                return Ok(JobResult::Lost(format!("its worker died{}: {died}", times(tries))));
            }
            retry.repeating.store(wanted(), Ordering::Relaxed);
        }
    }
}

/// The monitor of a trial that may be tried again.
struct RetryMonitor<'a> {
    monitor: &'a dyn Monitor,
    /// Whether a pruner has ended the trial.
    pruned: AtomicBool,
    /// Whether the trial is repeated up to the point where the pruner ended it.
    repeating: AtomicBool,
}

impl Monitor for RetryMonitor<'_> {
    /// A repeated trial learns from the verdict on a report that the study is stopping.
    fn stopped(&self) -> bool {
        !self.repeating.load(Ordering::Relaxed) && self.monitor.stopped()
    }

    fn report(&self, report: CurvePoint) -> Verdict {
        let verdict = self.monitor.report(report);
        if verdict != Verdict::Continue {
            self.repeating.store(false, Ordering::Relaxed);
            self.pruned.store(verdict == Verdict::Pruned, Ordering::Relaxed);
        }
        verdict
    }

    fn notice(&self, message: &str) {
        self.monitor.notice(message);
    }
}
