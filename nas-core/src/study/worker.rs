//! Threads that measure candidates, one candidate at a time each.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, Scope};
use std::time::Instant;

use nas_api::{Evaluator, Measurement, Request};

use super::StudyError;

/// Deep networks are differentiated recursively; the default of 2 MiB is soon used up.
const STACK_BYTES: usize = 16 << 20;

/// What one measurement came to.
pub(crate) enum Came {
    /// As the evaluator answered.
    Answer(nas_api::Result<Option<Measurement>>),
    /// The evaluator panicked, with these words.
    Panic(String),
}

/// One finished measurement.
pub(crate) struct Answer {
    pub trial: u32,
    pub came: Came,
    /// Of the host's clock.
    pub seconds: f64,
}

/// The running side of a study's workers. The threads end when it is dropped.
pub(crate) struct Pool<'a> {
    jobs: Sender<Request>,
    answers: Receiver<Answer>,
    running: usize,
    /// Measurements are no longer wanted.
    abort: &'a AtomicBool,
}

impl<'scope> Pool<'scope> {
    /// Starts the threads. A measurement is told to stop when `stop` or `abort` says so.
    pub fn start<'env>(
        scope: &'scope Scope<'scope, 'env>,
        workers: u32,
        evaluator: &Arc<dyn Evaluator>,
        stop: &'scope AtomicBool,
        abort: &'scope AtomicBool,
    ) -> Result<Self, StudyError> {
        let (jobs, waiting) = channel::<Request>();
        let (done, answers) = channel();
        let waiting = Arc::new(Mutex::new(waiting));
        for worker in 0..workers {
            let (evaluator, waiting, done) = (Arc::clone(evaluator), Arc::clone(&waiting), done.clone());
            let work = move || {
                let stopping = || stop.load(Ordering::Relaxed) || abort.load(Ordering::Relaxed);
                loop {
                    let job = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    // The study is over, or nobody listens any more.
                    let Ok(request) = job else { return };
                    if done.send(measure(evaluator.as_ref(), &request, &stopping)).is_err() {
                        return;
                    }
                }
            };
            let builder = Builder::new().name(format!("trial-{worker}")).stack_size(STACK_BYTES);
            builder.spawn_scoped(scope, work).map_err(|error| {
                StudyError::spec("workers", format!("{workers} threads cannot be started: {error}"), "use fewer")
            })?;
        }
        Ok(Self { jobs, answers, running: 0, abort })
    }

    /// Gives a candidate to the next free thread.
    pub fn measure(&mut self, request: Request) {
        // Sending fails only when every thread is gone, and then `next` says so.
        if self.jobs.send(request).is_ok() {
            self.running += 1;
        }
    }

    /// How many measurements are under way.
    pub fn running(&self) -> usize {
        self.running
    }

    /// Waits for the next measurement that ends; `None` where none is under way.
    pub fn next(&mut self) -> Option<Answer> {
        if self.running == 0 {
            return None;
        }
        self.running -= 1;
        self.answers.recv().ok()
    }

    /// Tells every measurement to stop.
    pub fn abort(&self) {
        self.abort.store(true, Ordering::Relaxed);
    }
}

fn measure(evaluator: &dyn Evaluator, request: &Request, stopping: &(dyn Fn() -> bool + Sync)) -> Answer {
    let start = Instant::now();
    let came = match catch_unwind(AssertUnwindSafe(|| evaluator.evaluate(request, stopping))) {
        Ok(answer) => Came::Answer(answer),
        Err(panic) => {
            let words = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
            Came::Panic(words.unwrap_or("without a message").to_owned())
        }
    };
    Answer { trial: request.trial, came, seconds: start.elapsed().as_secs_f64() }
}
