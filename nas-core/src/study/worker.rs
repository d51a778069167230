//! Threads that measure candidates, one candidate at a time each.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, Scope};
use std::time::Instant;

use nas_api::native::panic_words;
use nas_api::{Evaluator, Measurement, Request};

use super::StudyError;

/// Deep networks are differentiated recursively; the default of 2 MiB is soon used up.
pub const STACK_BYTES: usize = 16 << 20;

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
    threads: Option<Threads>,
    /// Without threads: what is to be measured next.
    waiting: VecDeque<Request>,
    evaluator: Arc<dyn Evaluator>,
    running: usize,
    stop: &'a AtomicBool,
    /// Measurements are no longer wanted.
    abort: &'a AtomicBool,
}

struct Threads {
    jobs: Sender<Request>,
    answers: Receiver<Answer>,
}

impl<'scope> Pool<'scope> {
    /// Starts so many threads; with none, `next` measures on the calling thread. A measurement is told to stop when
    /// `stop` or `abort` says so.
    pub fn start<'env>(
        scope: &'scope Scope<'scope, 'env>,
        workers: u32,
        evaluator: &Arc<dyn Evaluator>,
        stop: &'scope AtomicBool,
        abort: &'scope AtomicBool,
    ) -> Result<Self, StudyError> {
        let evaluator_here = Arc::clone(evaluator);
        let pool =
            |threads| Self { threads, waiting: VecDeque::new(), evaluator: evaluator_here, running: 0, stop, abort };
        if workers == 0 {
            return Ok(pool(None));
        }
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
        Ok(pool(Some(Threads { jobs, answers })))
    }

    /// Gives a candidate to the next free thread.
    pub fn measure(&mut self, request: Request) {
        let taken = match &self.threads {
            // Sending fails only when every thread is gone, and then `next` says so.
            Some(threads) => threads.jobs.send(request).is_ok(),
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

    /// Waits for the next measurement that ends; `None` where none is under way.
    pub fn next(&mut self) -> Option<Answer> {
        if self.running == 0 {
            return None;
        }
        self.running -= 1;
        match &self.threads {
            Some(threads) => threads.answers.recv().ok(),
            None => {
                let stopping = || self.stop.load(Ordering::Relaxed) || self.abort.load(Ordering::Relaxed);
                Some(measure(self.evaluator.as_ref(), &self.waiting.pop_front()?, &stopping))
            }
        }
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
        Err(panic) => Came::Panic(panic_words(panic.as_ref())),
    };
    Answer { trial: request.trial, came, seconds: start.elapsed().as_secs_f64() }
}
