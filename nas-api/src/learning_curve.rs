//! Reporting of learning curves that are known in advance, such as those of tabular benchmarks.

use std::ops::ControlFlow;

use crate::{CurvePoint, Measurement, Monitor, Verdict};

/// Reports the points of a curve to `monitor`, in order, until its end or until a verdict ends the trial.
///
/// Each point comes with the simulated seconds that the trial has cost at that point. `Break` holds the answer that
/// [`Evaluator::evaluate`](crate::Evaluator::evaluate) must return because the trial was ended: [`Measurement::pruned`]
/// with those seconds for [`Verdict::Pruned`], `None` for [`Verdict::Stopped`].
pub fn report_all(
    monitor: &dyn Monitor,
    points: impl IntoIterator<Item = (CurvePoint, f64)>,
) -> ControlFlow<Option<Measurement>> {
    for (point, seconds) in points {
        match monitor.report(point) {
            Verdict::Continue => {}
            Verdict::Pruned => return ControlFlow::Break(Some(Measurement::pruned(seconds))),
            Verdict::Stopped => return ControlFlow::Break(None),
        }
    }
    ControlFlow::Continue(())
}
