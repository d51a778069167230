//! Learning curves that are known as a whole before anybody hears of them, as those of tables are.

use std::ops::ControlFlow;

use crate::{CurvePoint, Measurement, Monitor, Verdict};

/// Says the points of a curve one after another, each with the simulated seconds that are spent by then. `Break`: the trial
/// ends on its way, and this is what [`Evaluator::evaluate`](crate::Evaluator::evaluate) answers.
pub fn tell(
    monitor: &dyn Monitor,
    points: impl IntoIterator<Item = (CurvePoint, f64)>,
) -> ControlFlow<Option<Measurement>> {
    for (report, seconds) in points {
        match monitor.report(report) {
            Verdict::GoOn => {}
            Verdict::Pruned => return ControlFlow::Break(Some(Measurement::pruned(seconds))),
            Verdict::Stopped => return ControlFlow::Break(None),
        }
    }
    ControlFlow::Continue(())
}
