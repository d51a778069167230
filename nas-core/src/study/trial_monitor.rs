//! Listens to one measurement: checks what the evaluator reports, and passes on the pruner's verdict.

use std::sync::mpsc::Sender;
use std::sync::{Mutex, PoisonError};

use nas_api::{CurvePoint, Error, Metric, Monitor, Request, Verdict};

use super::message::WorkerEvent;
use super::pruner::PruningCoordinator;
use super::record::exact;

/// The [`Monitor`] of one measurement.
pub(crate) struct TrialMonitor<'a> {
    request: &'a Request,
    coordinator: &'a PruningCoordinator,
    stopping: &'a (dyn Fn() -> bool + Sync),
    events: &'a Sender<WorkerEvent>,
    last: Mutex<LastReport>,
}

/// What the evaluator reported last, and what it was answered.
struct LastReport {
    fidelity: f64,
    verdict: Verdict,
    defect: Option<Error>,
}

impl<'a> TrialMonitor<'a> {
    pub fn new(
        request: &'a Request,
        coordinator: &'a PruningCoordinator,
        stopping: &'a (dyn Fn() -> bool + Sync),
        events: &'a Sender<WorkerEvent>,
    ) -> Self {
        let last = LastReport { fidelity: f64::NEG_INFINITY, verdict: Verdict::Continue, defect: None };
        Self { request, coordinator, stopping, events, last: Mutex::new(last) }
    }

    /// How the evaluator broke the contract of reports; `None` if it did not.
    pub fn defect(self) -> Option<Error> {
        self.last.into_inner().unwrap_or_else(PoisonError::into_inner).defect
    }

    /// One form of "not a number", and of zero.
    fn exact(point: CurvePoint) -> CurvePoint {
        let metric = |metric: Metric| Metric { value: exact(metric.value), ..metric };
        CurvePoint { fidelity: exact(point.fidelity), metrics: point.metrics.into_iter().map(metric).collect() }
    }
}

impl Monitor for TrialMonitor<'_> {
    fn stopped(&self) -> bool {
        (self.stopping)() || self.last.lock().unwrap_or_else(PoisonError::into_inner).verdict != Verdict::Continue
    }

    fn report(&self, point: CurvePoint) -> Verdict {
        let trial = self.request.trial;
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match last.verdict {
            // It is tried again, because its worker died with the verdict: it ends where it ended before.
            Verdict::Pruned if point.fidelity < last.fidelity => {
                return if (self.stopping)() { Verdict::Stopped } else { Verdict::Continue };
            }
            Verdict::Continue => {}
            ended => return ended,
        }
        if !point.fidelity.is_finite() {
            last.defect = Some(Error::new(format!("it reported a fidelity of {}", point.fidelity)));
            last.verdict = Verdict::Stopped;
            return Verdict::Stopped;
        }
        // Reported before, by a worker that died: the verdict was then to continue.
        if point.fidelity <= last.fidelity {
            return if (self.stopping)() { Verdict::Stopped } else { Verdict::Continue };
        }
        let point = Self::exact(point);
        last.fidelity = point.fidelity;
        let complete = self.request.fidelity.is_some_and(|full| point.fidelity >= full);
        // If nobody is listening any more, the study is over.
        let _ = self.events.send(WorkerEvent::Reported { trial, point: point.clone() });
        last.verdict = self.coordinator.judge(trial, &point, complete, &self.stopping);
        last.verdict
    }

    fn notice(&self, words: &str) {
        let (trial, words) = (self.request.trial, words.to_owned());
        let _ = self.events.send(WorkerEvent::Noticed { trial, words });
    }
}
