//! Threads that measure candidates, one candidate at a time each.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, Scope};
use std::time::Instant;

use nas_api::evaluator::panicked;
use nas_api::native::panic_words;
use nas_api::{Evaluator, Failure, Measurement, Report, Request};

use super::StudyError;
use super::board::{Board, Ear, Pruned};

/// Deep networks are differentiated recursively; the default of 2 MiB is soon used up.
pub const STACK_BYTES: usize = 16 << 20;

/// What one measurement came to.
pub(crate) enum Came {
    /// As the evaluator answered.
    Answer(nas_api::Result<Option<Measurement>>),
    /// The evaluator panicked, with these words.
    Panic(String),
}

impl Came {
    /// Why there is neither a result nor what it would have cost: it panicked, its worker died, it took too long.
    pub fn fault(&self) -> Option<Failure> {
        match self {
            Self::Panic(words) => Some(Failure::new(panicked(words))),
            Self::Answer(Ok(Some(Measurement { failure: Some(failure), cost: None, .. }))) => Some(failure.clone()),
            Self::Answer(_) => None,
        }
    }
}

/// One finished measurement.
pub(crate) struct Answer {
    pub trial: u32,
    pub came: Came,
    /// Of the host's clock.
    pub seconds: f64,
    /// A pruner has ended it, whatever it came to.
    pub pruned: Option<Pruned>,
}

/// What a pool says.
pub(crate) enum Heard {
    /// How far a measurement has come.
    Reported { trial: u32, report: Report },
    /// A line for the user.
    Noticed { trial: u32, words: String },
    /// A measurement has ended.
    Answer(Answer),
}

/// The running side of a study's workers. The threads end when it is dropped.
pub(crate) struct Pool<'a> {
    /// Without: `next` measures on the calling thread.
    jobs: Option<Sender<Request>>,
    /// Without threads: what is to be measured next.
    waiting: VecDeque<Request>,
    told: Sender<Heard>,
    heard: Receiver<Heard>,
    evaluator: Arc<dyn Evaluator>,
    board: &'a Board,
    running: usize,
    stop: &'a AtomicBool,
    /// Measurements are no longer wanted.
    abort: &'a AtomicBool,
}

impl<'scope> Pool<'scope> {
    /// Starts so many threads; with none, `next` measures on the calling thread. A measurement is told to stop when
    /// `stop` or `abort` says so.
    pub fn start<'env>(
        scope: &'scope Scope<'scope, 'env>,
        workers: u32,
        evaluator: &Arc<dyn Evaluator>,
        board: &'scope Board,
        stop: &'scope AtomicBool,
        abort: &'scope AtomicBool,
    ) -> Result<Self, StudyError> {
        let (told, heard) = channel();
        let mut pool = Self {
            jobs: None,
            waiting: VecDeque::new(),
            told,
            heard,
            evaluator: Arc::clone(evaluator),
            board,
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
            let (evaluator, waiting, told) = (Arc::clone(evaluator), Arc::clone(&waiting), pool.told.clone());
            let work = move || {
                let stopping = || stop.load(Ordering::Relaxed) || abort.load(Ordering::Relaxed);
                loop {
                    let job = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    // The study is over.
                    let Ok(request) = job else { return };
                    measure(evaluator.as_ref(), &request, board, &stopping, &told);
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

    /// Waits for what is said next; `None` where no measurement is under way.
    pub fn next(&mut self) -> Option<Heard> {
        if self.running == 0 {
            return None;
        }
        let heard = match self.heard.try_recv() {
            Ok(heard) => heard,
            Err(_) => {
                if let Some(request) = self.waiting.pop_front() {
                    let stopping = || self.stop.load(Ordering::Relaxed) || self.abort.load(Ordering::Relaxed);
                    measure(self.evaluator.as_ref(), &request, self.board, &stopping, &self.told);
                }
                // Every measurement ends with an answer, also one that panics.
                self.heard.recv().ok()?
            }
        };
        self.running -= usize::from(matches!(heard, Heard::Answer(_)));
        Some(heard)
    }

    /// Tells every measurement to stop.
    pub fn abort(&self) {
        self.abort.store(true, Ordering::Relaxed);
    }
}

/// Measures one candidate, and tells of it; where nobody listens any more, the study is over.
fn measure(
    evaluator: &dyn Evaluator,
    request: &Request,
    board: &Board,
    stopping: &(dyn Fn() -> bool + Sync),
    told: &Sender<Heard>,
) {
    let start = Instant::now();
    let trial = request.trial;
    let ear = Ear::new(request, board, stopping, told);
    let came = catch_unwind(AssertUnwindSafe(|| evaluator.evaluate(request, &ear)));
    let came = match (came, ear.defect()) {
        (_, Some(defect)) => Came::Answer(Err(defect)),
        (Ok(answer), None) => Came::Answer(answer),
        (Err(panic), None) => Came::Panic(panic_words(panic.as_ref())),
    };
    let pruned = board.pruned(trial);
    let certain = pruned.is_some() || !matches!(came, Came::Answer(Ok(None) | Err(_)));
    // Told first: who waits for this trial, and stops because of it, is heard after it.
    let _ = told.send(Heard::Answer(Answer { trial, came, seconds: start.elapsed().as_secs_f64(), pruned }));
    board.leave(trial, certain);
}
