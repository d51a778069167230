//! Evaluators in processes of their own. A worker that crashes, is killed, runs out of memory or hangs costs its trial, and
//! nothing else.
//!
//! The host starts `nas worker EVALUATOR` as often as trials are measured side by side, and talks with each over its standard
//! input and output ([`protocol`]). A worker loads its data once and serves one trial after another. Final training is one more job.

mod child;
pub mod protocol;
mod serve;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use nas_api::evaluator::panicked;
use nas_api::{
    CurvePoint, Evaluator, EvaluatorInfo, Measurement, Monitor, Opened, Request, Result, Settings, Stop, TrainRequest,
    Trained, Verdict,
};

use super::wasm::Log;
use super::{EvaluatorSource, Identity, PluginError};
use child::{Came, Child, Unstarted};
use protocol::{Job, Said};

pub use serve::{Served, serve};

/// How evaluators are run in processes of their own.
#[derive(Clone)]
pub struct Processes {
    /// The program that serves, and its arguments; the evaluator's name or path comes after them.
    pub program: PathBuf,
    /// See `program`.
    pub arguments: Vec<OsString>,
    /// A trial that takes longer has failed; `None`: as long as it likes.
    pub trial_limit: Option<Duration>,
    /// How often a trial is tried again whose worker died.
    pub retries: u32,
    /// Where lines go that workers write on their standard error.
    pub log: Log,
}

/// An evaluator whose instances are other processes.
pub(super) struct ProcessSource {
    /// What it is; never opened here.
    inner: Arc<dyn EvaluatorSource>,
    reference: OsString,
    processes: Processes,
}

impl ProcessSource {
    /// `reference` is what the worker finds the same evaluator by.
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

    fn open(&self, settings: &Settings, state: Option<&Path>) -> Result<Arc<dyn Evaluator>, PluginError> {
        // What one worker keeps of a trial, another may carry on. The evaluator makes the folder with the first state.
        let (own, state) = match state {
            Some(state) => (None, state.to_owned()),
            None => {
                let own = Scratch::new();
                let state = own.0.clone();
                (Some(own), state)
            }
        };
        let way = Way {
            identity: self.identity().clone(),
            reference: self.reference.clone(),
            processes: self.processes.clone(),
            settings: settings.clone(),
            state,
        };
        let (first, opened) = way.start_first()?;
        Ok(Arc::new(ProcessEvaluator { way, opened, idle: Mutex::new(vec![first]), _state: own }))
    }
}

/// All that a worker is started with.
struct Way {
    identity: Identity,
    reference: OsString,
    processes: Processes,
    settings: Settings,
    state: PathBuf,
}

impl Way {
    /// A worker that is ready. It has as long for it as a trial has.
    fn start(&self, stop: Stop<'_>) -> Result<(Child, Opened), Unstarted> {
        let Self { processes, reference, identity, settings, state } = self;
        Child::start(processes, reference, identity, settings, state, stop)
    }

    /// The first worker, without which there is no study; one that dies before it is ready is tried again.
    fn start_first(&self) -> Result<(Child, Opened), PluginError> {
        let mut tries = 0;
        loop {
            let died = match self.start(&|| false) {
                Ok(started) => return Ok(started),
                Err(Unstarted::Refused(error)) => return Err(error),
                Err(Unstarted::Died(how)) => how,
                // Nobody says so.
                Err(Unstarted::Stopped) => "it was stopped".into(),
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

/// How often a worker died, where it was more than once.
fn times(tries: u32) -> String {
    if tries > 1 { format!(", {tries} times") } else { String::new() }
}

struct ProcessEvaluator {
    way: Way,
    opened: Opened,
    /// Workers that wait for a trial.
    idle: Mutex<Vec<Child>>,
    /// A folder that goes with the evaluator.
    _state: Option<Scratch>,
}

/// A folder for the states of a study without a file: not there before the first state, gone with the study.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let moment = UNIX_EPOCH.elapsed().map_or(0, |since| since.as_nanos());
        Self(std::env::temp_dir().join(format!("nas-states-{}-{count}-{moment}", std::process::id())))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Most studies never made it.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl ProcessEvaluator {
    /// A worker that lives. Whether one died while it had nothing to do matters to nobody.
    fn worker(&self, stop: Stop<'_>) -> Result<Child, Unstarted> {
        loop {
            // Pushing and popping leave the list whole, whoever panicked.
            let waiting = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            match waiting {
                Some(mut child) => {
                    if child.lives() {
                        return Ok(child);
                    }
                }
                None => return Ok(self.way.start(stop)?.0),
            }
        }
    }
}

impl Evaluator for ProcessEvaluator {
    fn opened(&self) -> Opened {
        self.opened.clone()
    }

    fn evaluate(&self, request: &Request, monitor: &dyn Monitor) -> Result<Option<Measurement>> {
        let job = Job::Evaluate(Box::new(request.clone()));
        let measured = |said| if let Said::Measured(measured) = said { Some(measured) } else { None };
        match self.work(&job, measured, monitor)? {
            Ended::Answer(answer) => Ok(answer),
            Ended::Lost(reason) => Ok(Some(Measurement::failed(reason))),
        }
    }

    fn train(&self, request: &TrainRequest, monitor: &dyn Monitor) -> Result<Option<Trained>> {
        let job = Job::Train(Box::new(request.clone()));
        let trained = |said| if let Said::Trained(trained) = said { Some(trained) } else { None };
        match self.work(&job, trained, monitor)? {
            Ended::Answer(answer) => Ok(answer),
            Ended::Lost(reason) => Err(PluginError::new(&self.way.identity, "train", reason).into()),
        }
    }
}

/// How a job ended.
enum Ended<T> {
    /// As the evaluator answered; `None`: it was stopped.
    Answer(Option<T>),
    /// Without an answer, and why.
    Lost(String),
}

impl ProcessEvaluator {
    /// Has a worker do a job, and another one where it dies, as often as it may.
    fn work<T>(&self, job: &Job, take: impl Fn(Said) -> Option<Option<T>>, monitor: &dyn Monitor) -> Result<Ended<T>> {
        let course = Course { monitor, ended: AtomicBool::new(false), again: AtomicBool::new(false) };
        let stop = || course.stopped();
        // Of what a pruner ended the study knows all but the simulated seconds.
        let wanted = || self.opened.simulated && course.ended.load(Ordering::Relaxed);
        let Processes { trial_limit, retries, .. } = self.way.processes;
        let mut tries = 0;
        loop {
            let died = match self.worker(&stop) {
                Ok(mut worker) => match worker.work(job, &take, &course, trial_limit)? {
                    Came::Answer(answer) => {
                        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(worker);
                        return answer.map(Ended::Answer);
                    }
                    // Its worker goes: nobody knows what the panic left behind. A GPU may refuse all further work of its process.
                    Came::Panicked(words) => return Ok(Ended::Lost(panicked(&words))),
                    Came::Stopped if wanted() => {
                        let reason = "it did not end when a pruner had ended its trial, and its worker was ended";
                        return Ok(Ended::Lost(reason.to_owned()));
                    }
                    Came::Stopped => return Ok(Ended::Answer(None)),
                    Came::TooLong(limit) => {
                        let seconds = limit.as_secs_f64();
                        return Ok(Ended::Lost(format!(
                            "it took longer than {seconds} seconds (--trial-seconds), and its worker was ended"
                        )));
                    }
                    Came::Died(how) => how,
                },
                Err(Unstarted::Stopped) => return Ok(Ended::Answer(None)),
                Err(Unstarted::Died(how)) => format!("before it was ready: {how}"),
                Err(Unstarted::Refused(error)) => return Err(error.into()),
            };
            tries += 1;
            if stop() && !wanted() {
                return Ok(Ended::Answer(None));
            }
            if tries > retries {
                return Ok(Ended::Lost(format!("its worker died{}: {died}", times(tries))));
            }
            course.again.store(wanted(), Ordering::Relaxed);
        }
    }
}

/// Who listens to a trial that may be tried again.
struct Course<'a> {
    monitor: &'a dyn Monitor,
    /// A pruner has ended it.
    ended: AtomicBool,
    /// It is on its way once more to where the pruner has ended it.
    again: AtomicBool,
}

impl Monitor for Course<'_> {
    /// On its way once more it hears from the verdict on a report that the study is stopping.
    fn stopped(&self) -> bool {
        !self.again.load(Ordering::Relaxed) && self.monitor.stopped()
    }

    fn report(&self, report: CurvePoint) -> Verdict {
        let verdict = self.monitor.report(report);
        if verdict != Verdict::GoOn {
            self.again.store(false, Ordering::Relaxed);
            self.ended.store(verdict == Verdict::Pruned, Ordering::Relaxed);
        }
        verdict
    }

    fn notice(&self, words: &str) {
        self.monitor.notice(words);
    }
}
