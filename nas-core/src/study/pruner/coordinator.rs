//! Collects the intermediate results of concurrent trials and lets the pruner judge them.
//!
//! A pruner compares a trial with the earlier ones at the fidelity that it has reached itself. While an earlier trial
//! has not come as far, the later one waits inside its report, so that the decision is the one that a single worker
//! would have led to. The earliest trial never waits, so one trial always makes progress; its result would have to be
//! told first anyway.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nas_api::{CurvePoint, Verdict};

use super::{Point, Pruner};
use crate::study::record::{Pruned, TrialRecord};

/// How often a waiting trial checks whether the study is stopping.
const POLL: Duration = Duration::from_millis(20);

/// What all trials of a study have reported, and the pruner that judges it.
pub(crate) struct PruningCoordinator {
    pruner: Option<Pruner>,
    reported: Mutex<Reported>,
    changed: Condvar,
}

/// What the trials have reported so far.
#[derive(Default)]
struct Reported {
    /// By trial number.
    trials: BTreeMap<u32, TrialCurve>,
    /// A measurement ended without a result, so that nothing can be compared with it.
    halted: bool,
}

/// One trial's learning curve so far.
struct TrialCurve {
    /// All points, beginning with those of the trial that it continues.
    points: Vec<Point>,
    /// The fidelity from which it continued.
    from: f64,
    /// The fidelity that it has reached.
    reached: f64,
    /// The pruner's verdict, if that ended it.
    pruned: Option<Pruned>,
    /// It will report nothing more.
    over: bool,
}

impl TrialCurve {
    /// The points up to this fidelity; `None` if the trial did not reach it in its own run.
    fn up_to(&self, fidelity: f64) -> Option<Vec<Point>> {
        if self.reached < fidelity || self.from >= fidelity {
            return None;
        }
        let points: Vec<Point> = self.points.iter().filter(|point| point.fidelity <= fidelity).copied().collect();
        (!points.is_empty()).then_some(points)
    }
}

impl PruningCoordinator {
    pub fn new(pruner: Option<Pruner>) -> Self {
        Self { pruner, reported: Mutex::default(), changed: Condvar::new() }
    }

    /// Whether the study has a pruner.
    pub fn has_pruner(&self) -> bool {
        self.pruner.is_some()
    }

    /// Registers a trial that is about to run, or that ran in an earlier run of the program; in order of trial numbers.
    pub fn enter(&self, trial: &TrialRecord) {
        let Some(pruner) = &self.pruner else { return };
        let mut reported = self.lock();
        let carried = trial.resume.and_then(|resume| reported.trials.get(&resume));
        let (mut points, from) =
            carried.map_or((Vec::new(), f64::NEG_INFINITY), |carried| (carried.points.clone(), carried.reached));
        points.extend(trial.curve.iter().filter_map(|point| pruner.point(point.fidelity, &point.metrics)));
        let reached = trial.curve.last().map_or(from, |point| point.fidelity);
        let curve = TrialCurve { points, from, reached, pruned: None, over: trial.state.is_final() };
        reported.trials.insert(trial.trial, curve);
    }

    /// Notes that the trial will report nothing more. `certain`: its outcome is known.
    pub fn leave(&self, trial: u32, certain: bool) {
        let mut reported = self.lock();
        reported.halted |= !certain;
        if let Some(curve) = reported.trials.get_mut(&trial) {
            curve.over = true;
        }
        drop(reported);
        self.changed.notify_all();
    }

    /// Why the pruner ended the trial; `None` if it did not.
    pub fn pruned(&self, trial: u32) -> Option<Pruned> {
        self.lock().trials.get(&trial)?.pruned.clone()
    }

    /// The verdict on a trial after this point of its learning curve. `last`: it has reached its full fidelity, so
    /// nothing is left to prune. May wait until earlier trials have come as far.
    pub fn judge(&self, trial: u32, reported_point: &CurvePoint, last: bool, stopping: &dyn Fn() -> bool) -> Verdict {
        let Some(pruner) = &self.pruner else {
            return if stopping() { Verdict::Stopped } else { Verdict::Continue };
        };
        let fidelity = reported_point.fidelity;
        let mut reported = self.lock();
        let Some(curve) = reported.trials.get_mut(&trial) else { return Verdict::Stopped };
        let point = pruner.point(fidelity, &reported_point.metrics);
        curve.points.extend(point);
        curve.reached = fidelity;
        let judged = point.is_some() && !last && pruner.may_end(&curve.points);
        self.changed.notify_all();
        loop {
            if reported.halted || stopping() {
                return Verdict::Stopped;
            }
            if !judged {
                return Verdict::Continue;
            }
            let behind = |curve: &TrialCurve| !curve.over && curve.reached < fidelity;
            if !pruner.compares() || !reported.trials.range(..trial).any(|(_, curve)| behind(curve)) {
                break;
            }
            let waited = self.changed.wait_timeout(reported, POLL);
            reported = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let earlier: Vec<_> = reported.trials.range(..trial).filter_map(|(_, curve)| curve.up_to(fidelity)).collect();
        let Some(curve) = reported.trials.get_mut(&trial) else { return Verdict::Stopped };
        curve.pruned = pruner.fault(&curve.points, &earlier).map(|reason| Pruned { fidelity, reason });
        if curve.pruned.is_some() { Verdict::Pruned } else { Verdict::Continue }
    }

    fn lock(&self) -> MutexGuard<'_, Reported> {
        // No operation that could panic leaves a curve half changed.
        self.reported.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
