//! Threads, each of which measures one candidate at a time.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, Scope};
use std::time::Instant;

use nas_api::native::panic_message;
use nas_api::{Evaluator, Request};

use super::StudyError;
use super::message::{Finished, Outcome, WorkerEvent};
use super::pruner::PruningCoordinator;
use super::trial_monitor::TrialMonitor;

/// The stack of each thread, in bytes: deep networks are differentiated recursively, and the default of 2 MiB is too
/// small.
pub const STACK_BYTES: usize = 16 << 20;

/// A study's worker threads. They end when it is dropped.
pub(crate) struct Pool<'a> {
    /// `None`: there are no threads, and `next` measures on the calling one.
    jobs: Option<Sender<Request>>,
    /// Without threads: the requests that are still to be measured.
    waiting: VecDeque<Request>,
    sender: Sender<WorkerEvent>,
    events: Receiver<WorkerEvent>,
    evaluator: Arc<dyn Evaluator>,
    coordinator: &'a PruningCoordinator,
    running: usize,
    stop: &'a AtomicBool,
    /// Measurements are no longer wanted.
    abort: &'a AtomicBool,
}

impl<'scope> Pool<'scope> {
    /// Starts `workers` threads; with 0, `next` measures on the calling thread. A measurement is told to stop when
    /// `stop` or `abort` is set.
    pub fn start<'env>(
        scope: &'scope Scope<'scope, 'env>,
        workers: u32,
        evaluator: &Arc<dyn Evaluator>,
        coordinator: &'scope PruningCoordinator,
        stop: &'scope AtomicBool,
        abort: &'scope AtomicBool,
    ) -> Result<Self, StudyError> {
        let (sender, events) = channel();
        let mut pool = Self {
            jobs: None,
            waiting: VecDeque::new(),
            sender,
            events,
            evaluator: Arc::clone(evaluator),
            coordinator,
            running: 0,
            stop,
            abort,
        };
        if workers == 0 {
            return Ok(pool);
        }
        let (jobs, waiting) = channel::<Request>();
        let waiting = Arc::new(Mutex::new(waiting));
        for worker in 0..workers {
            let (evaluator, waiting, sender) = (Arc::clone(evaluator), Arc::clone(&waiting), pool.sender.clone());
            let work = move || {
                let stopping = || stop.load(Ordering::Relaxed) || abort.load(Ordering::Relaxed);
                loop {
                    let job = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    // The study is over.
                    let Ok(request) = job else { return };
                    measure(evaluator.as_ref(), &request, coordinator, &stopping, &sender);
                }
            };
            let builder = Builder::new().name(format!("trial-{worker}")).stack_size(STACK_BYTES);
            builder.spawn_scoped(scope, work).map_err(|error| {
                StudyError::spec("workers", format!("{workers} threads cannot be started: {error}"), "use fewer")
            })?;
        }
        pool.jobs = Some(jobs);
        Ok(pool)
    }

    /// Gives a candidate to the next free thread.
    pub fn measure(&mut self, request: Request) {
        let taken = match &self.jobs {
            // Sending fails only when every thread is gone.
            Some(jobs) => jobs.send(request).is_ok(),
            None => {
                self.waiting.push_back(request);
                true
            }
        };
        self.running += usize::from(taken);
    }

    /// How many measurements are under way.
    pub fn running(&self) -> usize {
        self.running
    }

    /// Waits for the next event; `None` where no measurement is under way.
    pub fn next(&mut self) -> Option<WorkerEvent> {
        if self.running == 0 {
            return None;
        }
        let event = match self.events.try_recv() {
            Ok(event) => event,
            Err(_) => {
                if let Some(request) = self.waiting.pop_front() {
                    let stopping = || self.stop.load(Ordering::Relaxed) || self.abort.load(Ordering::Relaxed);
                    measure(self.evaluator.as_ref(), &request, self.coordinator, &stopping, &self.sender);
                }
                // Every measurement ends with an event, even one that panics.
                self.events.recv().ok()?
            }
        };
        self.running -= usize::from(matches!(event, WorkerEvent::Finished(_)));
        Some(event)
    }

    /// Tells every measurement to stop.
    pub fn abort(&self) {
        self.abort.store(true, Ordering::Relaxed);
    }
}

/// Measures one candidate, and sends the outcome. Sending fails only when the study is over.
fn measure(
    evaluator: &dyn Evaluator,
    request: &Request,
    coordinator: &PruningCoordinator,
    stopping: &(dyn Fn() -> bool + Sync),
    sender: &Sender<WorkerEvent>,
) {
    let start = Instant::now();
    let trial = request.trial;
    let monitor = TrialMonitor::new(request, coordinator, stopping, sender);
    let returned = catch_unwind(AssertUnwindSafe(|| evaluator.evaluate(request, &monitor)));
    let outcome = match (returned, monitor.defect()) {
        (_, Some(defect)) => Outcome::Returned(Err(defect)),
        (Ok(answer), None) => Outcome::Returned(answer),
        (Err(panic), None) => Outcome::Panic(panic_message(panic.as_ref())),
    };
    let pruned = coordinator.pruned(trial);
    let certain = pruned.is_some() || !matches!(outcome, Outcome::Returned(Ok(None) | Err(_)));
    // Sent before waiting trials are released, so that their events arrive after it.
    let _ =
        sender.send(WorkerEvent::Finished(Finished { trial, outcome, seconds: start.elapsed().as_secs_f64(), pruned }));
    coordinator.leave(trial, certain);
}
