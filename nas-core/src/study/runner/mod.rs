//! Runs a study: asks, measures several trials at the same time, records, tells.
//!
//! Two runs with one seed must give equal records, however long each measurement takes. So the order in which the
//! strategy is asked and told depends on trial numbers alone: at first it is asked for as many proposals as there are
//! workers; then results are told one by one in the order of the trials, and after each one it is asked for what is
//! missing to as many as there are workers. A result that comes early waits in the log for its turn. The price is that,
//! while the oldest trial is running, up to `workers` - 1 finished ones wait behind it, and their threads idle.
//!
//! Where the evaluator simulates seconds, their order is known and does not depend on the machine: results are told in
//! the order of their simulated ends, as the same number of real workers would deliver them.

mod start;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nas_api::evaluator::panic_reason;
use nas_api::{CurvePoint, Observation};

use super::StudyError;
use crate::plugin::PluginError;
use crate::study::event::{End, Event, Listener};
use crate::study::header::{Budget, Header};
use crate::study::ledger::{Ledger, Next};
use crate::study::log::Log;
use crate::study::message::{Finished, Outcome, WorkerEvent};
use crate::study::plan::Plan;
use crate::study::pruner::PruningCoordinator;
use crate::study::record::{State, TrialRecord};
use crate::study::settle::{fail, fail_as_said, observation, record_measurement, record_pruned};
use crate::study::summary::better;
use crate::study::worker::Pool;

pub use start::Times;

/// A study without a limit on trials ends after this many proposals in a row that cost nothing.
const IDLE_TRIALS: u32 = 1000;
/// How long a reported point may wait to be written.
const SAVE: Duration = Duration::from_secs(1);

/// A study in progress.
pub(crate) struct Runner<'a> {
    pub plan: Plan,
    /// What may be spent: the budget that the strategy planned with, unless it has been extended since.
    pub budget: Budget,
    /// `None`: nothing is kept.
    pub log: Option<Log>,
    /// Where evaluators keep how far unfinished trials have got.
    pub checkpoints: Option<PathBuf>,
    pub ledger: Ledger,
    /// The strategy is to be asked next, not told.
    pub turn: bool,
    /// Seconds of earlier runs.
    pub seconds_before: f64,
    /// Seconds of all runs, this one included, once it is over.
    pub seconds: f64,
    start: Instant,
    stop: &'a AtomicBool,
    listener: &'a mut dyn Listener,
    best: Option<u32>,
    warned: bool,
    /// The strategy's own seconds pass on the simulated clock.
    pub count_strategy: bool,
    /// The times of the trials of this run.
    times: Vec<Times>,
    /// What trials report, and the pruner that judges it.
    coordinator: Arc<PruningCoordinator>,
    /// Running trials with reports that the log does not have yet, and when it had all of them.
    unsaved: BTreeSet<usize>,
    saved: Instant,
}

impl<'a> Runner<'a> {
    pub fn new(
        mut plan: Plan,
        log: Option<Log>,
        ledger: Ledger,
        stop: &'a AtomicBool,
        listener: &'a mut dyn Listener,
    ) -> Self {
        let start = Instant::now();
        let coordinator = Arc::new(PruningCoordinator::new(plan.pruner.take()));
        Self {
            budget: plan.header.budget,
            plan,
            log,
            checkpoints: None,
            ledger,
            turn: true,
            seconds_before: 0.0,
            seconds: 0.0,
            start,
            stop,
            listener,
            best: None,
            warned: false,
            count_strategy: false,
            times: Vec::new(),
            coordinator,
            unsaved: BTreeSet::new(),
            saved: start,
        }
    }

    /// Continues until the study ends. Trials that are not finished are measured first.
    pub fn run(&mut self) -> Result<End, StudyError> {
        let abort = AtomicBool::new(false);
        let Header { workers, graphs, .. } = self.plan.header;
        // A lookup takes less time than handing it to a thread.
        let threads = if workers == 1 && !graphs { 0 } else { workers };
        let (evaluator, stop) = (self.plan.problem.evaluator.clone(), self.stop);
        let coordinator = Arc::clone(&self.coordinator);
        let result = std::thread::scope(|scope| {
            let mut pool = Pool::start(scope, threads, &evaluator, &coordinator, stop, &abort)?;
            let result = self.drive(&mut pool);
            if result.is_err() {
                // Running measurements end early; results that arrived meanwhile are kept.
                pool.abort();
                let _ = self.drain(&mut pool);
            }
            result
        });
        let seconds = self.run_seconds();
        if let Ok(end) = result {
            if let Some(log) = &mut self.log {
                log.end(end, seconds)?;
            }
            self.seconds = self.seconds_before + seconds;
            self.listener.event(&Event::Ended(end));
        }
        result
    }

    fn drive(&mut self, pool: &mut Pool<'_>) -> Result<End, StudyError> {
        self.restart(pool)?;
        loop {
            if std::mem::take(&mut self.turn) && self.closed()?.is_none() {
                if self.stopping() {
                    // The turn stays open in the log: a resume asks first.
                    return self.stopped(pool);
                }
                self.ask(pool)?;
            }
            let next = loop {
                match self.ledger.next() {
                    Next::Tell(next) => break next,
                    Next::Nothing => return self.closed()?.ok_or_else(|| self.stalled()),
                    Next::Wait if self.stopping() => return self.stopped(pool),
                    Next::Wait => match pool.next() {
                        Some(event) => self.handle(event)?,
                        // Nothing is running, so some trial was never started: it does not fit in the budget.
                        None => return Ok(End::TotalFidelity),
                    },
                }
            };
            if self.stopping() {
                // Not told: a strategy is told and asked in turns, and it will not be asked now.
                return self.stopped(pool);
            }
            self.tell(next)?;
        }
    }

    /// Why no more trials are asked for.
    fn closed(&mut self) -> Result<Option<End>, StudyError> {
        let budget = self.budget;
        if budget.trials.is_some_and(|limit| self.ledger.asked() >= limit) {
            return Ok(Some(End::Trials));
        }
        if let Some(limit) = budget.total_fidelity {
            let least = self.plan.problem.fidelities.first().copied().unwrap_or(0.0);
            if self.ledger.overspent
                || (!self.plan.keeps_checkpoints && self.ledger.spent() + least > limit)
                || self.ledger.spent() >= limit
            {
                return Ok(Some(End::TotalFidelity));
            }
        }
        if budget.seconds.is_some_and(|limit| self.clock() >= limit) {
            return Ok(Some(End::Seconds));
        }
        if self.plan.search.finished().map_err(StudyError::Broken)? {
            return Ok(Some(End::Finished));
        }
        if budget.trials.is_none() && self.ledger.idle.max(self.ledger.futile) >= IDLE_TRIALS {
            return Ok(Some(End::Exhausted));
        }
        Ok(None)
    }

    fn handle(&mut self, event: WorkerEvent) -> Result<(), StudyError> {
        match event {
            WorkerEvent::Finished(finished) => return self.settle(finished),
            WorkerEvent::Noticed { trial, words } => self.listener.event(&Event::Notice { trial, words: &words }),
            WorkerEvent::Reported { trial, point } => self.reported(trial as usize, point)?,
        }
        Ok(())
    }

    /// Notes a point of a trial's learning curve. It is in the log within [`SAVE`], and at the latest with the trial's
    /// outcome.
    fn reported(&mut self, number: usize, point: CurvePoint) -> Result<(), StudyError> {
        self.ledger.trials[number].curve.push(point);
        self.unsaved.insert(number);
        let trial = &self.ledger.trials[number];
        if let Some(point) = trial.curve.last() {
            self.listener.event(&Event::Reported { trial, point });
        }
        if self.saved.elapsed() >= SAVE {
            let seconds = self.run_seconds();
            if let Some(log) = &mut self.log {
                log.update(self.unsaved.iter().map(|&number| &self.ledger.trials[number]), seconds)?;
                self.listener.event(&Event::Committed);
            }
            self.unsaved.clear();
            self.saved = Instant::now();
        }
        Ok(())
    }

    /// Records the outcome of a measurement, for the trial and for its duplicates.
    fn settle(&mut self, finished: Finished) -> Result<(), StudyError> {
        let Finished { trial: number, outcome, seconds, pruned } = finished;
        self.unsaved.remove(&(number as usize));
        let identity = &self.plan.header.evaluator.identity;
        let defective = |problem: String| {
            let remedy = "this is a defect of the plugin: report it to its author, with the study file";
            StudyError::Broken(PluginError::new(identity, "evaluate", problem).remedy(remedy))
        };
        let trial = &mut self.ledger.trials[number as usize];
        let simulated = self.plan.header.simulated;
        let fault = outcome.fault().filter(|_| simulated);
        let stopping = self.stop.load(Ordering::Relaxed) || self.ledger.aborted;
        match (outcome, pruned, fault) {
            (Outcome::Returned(Err(error)), ..) => {
                let mut error = PluginError::from_api(identity, "evaluate", error);
                if error.remedy.is_empty() {
                    error = error.remedy("nothing is lost: once the cause is fixed, `nas resume` continues");
                }
                return Err(StudyError::Broken(error));
            }
            // Whether or not it was pruned, what it would have cost is not known.
            (.., Some(failure)) => {
                fail_as_said(trial, failure);
                trial.simulated = true;
            }
            // Nor is it known if the study stops before a pruned trial is tried again.
            (Outcome::Returned(Ok(None)), Some(_), _) if simulated && stopping => interrupt(trial),
            (outcome, Some(pruned), _) => {
                let answer = if let Outcome::Returned(Ok(answer)) = outcome { answer } else { None };
                record_pruned(trial, pruned, answer, &self.plan.header).map_err(defective)?;
            }
            (Outcome::Panic(words), ..) => fail(trial, panic_reason(&words), 0.0),
            (Outcome::Returned(Ok(None)), ..) => interrupt(trial),
            (Outcome::Returned(Ok(Some(measurement))), ..) => {
                record_measurement(trial, measurement, seconds, &self.plan.header).map_err(defective)?;
            }
        }
        if trial.state == State::Stopped && !stopping {
            let problem = format!("it stopped measuring trial {number} although it was not told to");
            return Err(StudyError::Broken(PluginError::new(identity, "evaluate", problem)));
        }
        if trial.cost == 0.0 && !trial.simulated {
            trial.cost = seconds;
        }
        let changed = self.ledger.settled(number);
        let elapsed = self.run_seconds();
        if let Some(log) = &mut self.log {
            log.update(changed.iter().map(|&number| &self.ledger.trials[number]), elapsed)?;
            self.listener.event(&Event::Committed);
        }
        self.remove_unfinished(number);
        for number in changed {
            self.announce(number);
        }
        Ok(())
    }

    /// Says that a trial is finished, if it is.
    fn announce(&mut self, number: usize) {
        let (seconds, fidelity) = (self.clock(), self.ledger.spent());
        let trial = &self.ledger.trials[number];
        if !trial.state.is_final() {
            return;
        }
        self.listener.event(&Event::Finished { trial, seconds, fidelity });
        if self.lead(number) {
            self.listener.event(&Event::Incumbent(&self.ledger.trials[number]));
        }
        let trial = &self.ledger.trials[number];
        let known = |name: &str| self.plan.header.metrics.iter().any(|metric| metric.name == name);
        let undeclared = trial.metrics.iter().find(|metric| !known(&metric.name));
        if let Some(metric) = undeclared.filter(|_| !self.warned) {
            let name = &metric.name;
            let words = format!("the evaluator reports '{name}' without declaring it: the strategy is not told of it");
            self.warned = true;
            self.listener.event(&Event::Warning(&words));
        }
    }

    /// Whether the trial is the best so far; then it leads.
    fn lead(&mut self, number: usize) -> bool {
        let trial = &self.ledger.trials[number];
        let leader = self.best.map(|best| &self.ledger.trials[best as usize]);
        let leads = better(trial, leader, &self.plan.header.objectives);
        if leads {
            self.best = Some(trial.trial);
        }
        leads
    }

    fn tell(&mut self, number: usize) -> Result<(), StudyError> {
        let seconds = self.run_seconds();
        let trial = &self.ledger.trials[number];
        if let Some(log) = &mut self.log {
            log.tell(self.plan.header.search, trial.trial, seconds)?;
            self.listener.event(&Event::Committed);
        }
        let observation = self.observation(number, true)?;
        self.ledger.tell(number);
        let (told, start) = (self.clock(), Instant::now());
        self.plan.search.tell(vec![observation]).map_err(StudyError::Broken)?;
        let tell = self.strategy_took(start);
        // Trials of earlier runs of the program have no times.
        let earlier = self.ledger.trials.len() - self.times.len();
        if let Some(times) = number.checked_sub(earlier).and_then(|at| self.times.get_mut(at)) {
            *times = Times { tell, told, ..*times };
        }
        self.turn = true;
        Ok(())
    }

    /// A call of the strategy that began then is over.
    fn strategy_took(&mut self, start: Instant) -> f64 {
        let seconds = start.elapsed().as_secs_f64();
        if self.count_strategy {
            self.ledger.pass(seconds);
        }
        seconds
    }

    /// The times of the trials that this run has asked for.
    pub fn times(&self) -> Vec<Times> {
        self.times.clone()
    }

    /// What the strategy is told about a finished trial. `own`: this search asked for it.
    pub fn observation(&self, number: usize, own: bool) -> Result<Observation, StudyError> {
        let first = own.then_some(self.ledger.first);
        observation(&self.plan.header, &self.ledger.trials[number], first)
    }

    fn stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn stopped(&mut self, pool: &mut Pool<'_>) -> Result<End, StudyError> {
        self.drain(pool)?;
        Ok(End::Stopped)
    }

    /// Waits for what is running, and records it.
    fn drain(&mut self, pool: &mut Pool<'_>) -> Result<(), StudyError> {
        self.ledger.aborted = true;
        while pool.running() > 0 {
            let Some(event) = pool.next() else { break };
            self.handle(event)?;
        }
        Ok(())
    }

    fn stalled(&self) -> StudyError {
        let problem = "it proposed nothing although nothing is being measured, and it has not finished";
        let error = PluginError::new(&self.plan.header.strategy.identity, "ask", problem);
        StudyError::Broken(error.remedy("this is a defect of the plugin: report it to its author, with the study file"))
    }

    fn run_seconds(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    /// Seconds on the study's clock: real ones, or simulated ones where the evaluator simulates.
    fn clock(&self) -> f64 {
        if self.plan.header.simulated { self.ledger.clock } else { self.seconds_before + self.run_seconds() }
    }
}

fn interrupt(trial: &mut TrialRecord) {
    trial.state = State::Stopped;
    trial.reason = "interrupted".into();
}
