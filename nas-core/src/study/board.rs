//! Where trials that run side by side report, and where pruners decide.
//!
//! A pruner compares a trial with the earlier ones, as far as it has come itself. Where an earlier trial is still on its
//! way, the later one waits for it in its report: so the decision is the one that a single worker would bring about. The
//! earliest trial never waits, so there is always one that goes on; and its result would have to be told first anyway.

use std::collections::BTreeMap;
use std::sync::mpsc::Sender;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nas_api::{Error, Metric, Monitor, Report, Request, Verdict};

use super::pruner::{Point, Pruner};
use super::record::TrialRecord;
use super::worker::Heard;

/// How often a trial that waits looks whether the study is stopping.
const LOOK: Duration = Duration::from_millis(20);

/// Why and when a pruner has ended a trial.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pruned {
    /// What was spent.
    pub fidelity: f64,
    /// In words.
    pub reason: String,
}

/// What all trials have reported.
pub(crate) struct Board {
    pruner: Option<Pruner>,
    seen: Mutex<Seen>,
    changed: Condvar,
}

#[derive(Default)]
struct Seen {
    /// By the trial's number.
    trials: BTreeMap<u32, Course>,
    /// A measurement ended without a result, so that nothing can be compared with it.
    halted: bool,
}

/// How one trial has gone so far.
struct Course {
    /// All of it; what it carries on from another trial comes first.
    curve: Vec<Point>,
    /// What was spent before its own first report.
    from: f64,
    /// What is spent by now.
    reached: f64,
    /// What its last report means.
    pruned: Option<Pruned>,
    /// It reports nothing more.
    over: bool,
}

impl Course {
    /// The curve up to here, where the trial came as far by itself.
    fn up_to(&self, fidelity: f64) -> Option<Vec<Point>> {
        if self.reached < fidelity || self.from >= fidelity {
            return None;
        }
        let curve: Vec<Point> = self.curve.iter().filter(|point| point.fidelity <= fidelity).copied().collect();
        (!curve.is_empty()).then_some(curve)
    }
}

impl Board {
    pub fn new(pruner: Option<Pruner>) -> Self {
        Self { pruner, seen: Mutex::default(), changed: Condvar::new() }
    }

    /// Whether anybody judges trials.
    pub fn judges(&self) -> bool {
        self.pruner.is_some()
    }

    /// Trials are about to run, or have run in an earlier run of the program. In the order of their numbers.
    pub fn enter(&self, trial: &TrialRecord) {
        let Some(pruner) = &self.pruner else { return };
        let mut seen = self.lock();
        let carried = trial.resume.and_then(|resume| seen.trials.get(&resume));
        let (mut curve, from) =
            carried.map_or((Vec::new(), f64::NEG_INFINITY), |carried| (carried.curve.clone(), carried.reached));
        curve.extend(trial.reports.iter().filter_map(|report| pruner.point(report.fidelity, &report.metrics)));
        let reached = trial.reports.last().map_or(from, |report| report.fidelity);
        let course = Course { curve, from, reached, pruned: None, over: trial.state.is_final() };
        seen.trials.insert(trial.trial, course);
    }

    /// The trial reports nothing more. `certain`: what it came to is known.
    pub fn leave(&self, trial: u32, certain: bool) {
        let mut seen = self.lock();
        seen.halted |= !certain;
        if let Some(course) = seen.trials.get_mut(&trial) {
            course.over = true;
        }
        drop(seen);
        self.changed.notify_all();
    }

    /// Why the trial has ended early, if it has.
    pub fn pruned(&self, trial: u32) -> Option<Pruned> {
        self.lock().trials.get(&trial)?.pruned.clone()
    }

    /// What becomes of the trial after this report. `last`: it has spent all that it may, so that it is over anyway.
    fn judge(&self, trial: u32, report: &Report, last: bool, stopping: &dyn Fn() -> bool) -> Verdict {
        let Some(pruner) = &self.pruner else {
            return if stopping() { Verdict::Stopped } else { Verdict::GoOn };
        };
        let fidelity = report.fidelity;
        let mut seen = self.lock();
        let Some(course) = seen.trials.get_mut(&trial) else { return Verdict::Stopped };
        let point = pruner.point(fidelity, &report.metrics);
        course.curve.extend(point);
        course.reached = fidelity;
        let judged = point.is_some() && !last && pruner.may_end(&course.curve);
        self.changed.notify_all();
        loop {
            if seen.halted || stopping() {
                return Verdict::Stopped;
            }
            if !judged {
                return Verdict::GoOn;
            }
            let behind = |course: &Course| !course.over && course.reached < fidelity;
            if !pruner.compares() || !seen.trials.range(..trial).any(|(_, course)| behind(course)) {
                break;
            }
            let waited = self.changed.wait_timeout(seen, LOOK);
            seen = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let earlier: Vec<_> = seen.trials.range(..trial).filter_map(|(_, course)| course.up_to(fidelity)).collect();
        let Some(course) = seen.trials.get_mut(&trial) else { return Verdict::Stopped };
        course.pruned = pruner.fault(&course.curve, &earlier).map(|reason| Pruned { fidelity, reason });
        if course.pruned.is_some() { Verdict::Pruned } else { Verdict::GoOn }
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        // Nothing that could panic leaves a course half changed.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who listens to one measurement.
pub(crate) struct Ear<'a> {
    request: &'a Request,
    board: &'a Board,
    stopping: &'a (dyn Fn() -> bool + Sync),
    told: &'a Sender<Heard>,
    so_far: Mutex<SoFar>,
}

/// What was reported by now.
struct SoFar {
    fidelity: f64,
    verdict: Verdict,
    defect: Option<Error>,
}

impl<'a> Ear<'a> {
    pub fn new(
        request: &'a Request,
        board: &'a Board,
        stopping: &'a (dyn Fn() -> bool + Sync),
        told: &'a Sender<Heard>,
    ) -> Self {
        let so_far = SoFar { fidelity: f64::NEG_INFINITY, verdict: Verdict::GoOn, defect: None };
        Self { request, board, stopping, told, so_far: Mutex::new(so_far) }
    }

    /// What is wrong with what was reported.
    pub fn defect(self) -> Option<Error> {
        self.so_far.into_inner().unwrap_or_else(PoisonError::into_inner).defect
    }

    /// One form of "not a number", and of zero.
    fn exact(report: Report) -> Report {
        let exact = super::outcome::exact;
        let metric = |metric: Metric| Metric { value: exact(metric.value), ..metric };
        Report { fidelity: exact(report.fidelity), metrics: report.metrics.into_iter().map(metric).collect() }
    }
}

impl Monitor for Ear<'_> {
    fn stopped(&self) -> bool {
        (self.stopping)() || self.so_far.lock().unwrap_or_else(PoisonError::into_inner).verdict != Verdict::GoOn
    }

    fn report(&self, report: Report) -> Verdict {
        let trial = self.request.trial;
        let mut so_far = self.so_far.lock().unwrap_or_else(PoisonError::into_inner);
        match so_far.verdict {
            // Tried again, after its worker died with the verdict: it ends where it ended before.
            Verdict::Pruned if report.fidelity < so_far.fidelity => {
                return if (self.stopping)() { Verdict::Stopped } else { Verdict::GoOn };
            }
            Verdict::GoOn => {}
            ended => return ended,
        }
        if !report.fidelity.is_finite() {
            so_far.defect = Some(Error::new(format!("it reported a fidelity of {}", report.fidelity)));
            so_far.verdict = Verdict::Stopped;
            return Verdict::Stopped;
        }
        // Heard before, from a worker that died: then it was to go on.
        if report.fidelity <= so_far.fidelity {
            return if (self.stopping)() { Verdict::Stopped } else { Verdict::GoOn };
        }
        let report = Self::exact(report);
        so_far.fidelity = report.fidelity;
        let last = self.request.fidelity.is_some_and(|full| report.fidelity >= full);
        // Where nobody listens any more, the study is over.
        let _ = self.told.send(Heard::Reported { trial, report: report.clone() });
        so_far.verdict = self.board.judge(trial, &report, last, &self.stopping);
        so_far.verdict
    }

    fn notice(&self, words: &str) {
        let (trial, words) = (self.request.trial, words.to_owned());
        let _ = self.told.send(Heard::Noticed { trial, words });
    }
}
