//! The promises that an evaluator keeps about its learning curves.

use std::sync::{Mutex, PoisonError};

use crate::{CurvePoint, Evaluator, EvaluatorInfo, Measurement, Metric, Monitor, Request, Verdict};

/// Checks what an evaluator promises about the learning curve of a [`prunable`](Request::prunable) request:
///
/// - The fidelities of its points ascend and do not exceed that of the request.
/// - The points have declared metrics only, none of them hidden from strategies.
/// - The curve is the same when the request is measured again, and reporting it does not change the result. Times
///   (metrics named `*_seconds`) are not compared.
/// - After a verdict that ends it, a measurement reports no more points and returns no result. With simulated seconds,
///   a pruned trial returns what it has cost so far.
///
/// The request is measured about six times, so it should be a small one, at a fidelity with several steps below it.
///
/// # Errors
///
/// Returns a description of the first broken promise.
pub fn check_learning_curves(evaluator: &dyn Evaluator, info: &EvaluatorInfo, request: &Request) -> Result<(), String> {
    let prunable = Request { prunable: true, ..request.clone() };
    let full = measure(evaluator, &prunable, None)?;
    let Some(result) = &full.result else { return Err("it stopped early although it was not told to".into()) };
    if let Some(failure) = &result.failure {
        return Err(format!("the request cannot be measured, so nothing can be checked: {}", failure.reason));
    }
    if full.points.is_empty() && !evaluator.instance_info().intermediate_metrics.is_empty() {
        return Err("it declares intermediate metrics and reports no curve point".into());
    }
    check_declared(evaluator, info, &full.points)?;
    check_ascending(request, &full.points)?;
    check_repeatable(evaluator, &prunable, &full)?;
    check_obedient(evaluator, &prunable, &full)
}

/// A measurement with its learning curve.
struct Run {
    points: Vec<CurvePoint>,
    result: Option<Measurement>,
}

/// Measures the request and gives a verdict at the point with an index, counted from 0. A point after it is an error.
fn measure(evaluator: &dyn Evaluator, request: &Request, end: Option<(usize, Verdict)>) -> Result<Run, String> {
    let recorder = Recorder { end, points: Mutex::default() };
    let result = evaluator.evaluate(request, &recorder).map_err(|error| format!("evaluate: {error}"))?;
    let points = recorder.points.into_inner().unwrap_or_else(PoisonError::into_inner);
    match end {
        Some((at, verdict)) if points.len() > at + 1 => {
            Err(format!("it continues to report after point {at}, whose verdict was {verdict:?}"))
        }
        _ => Ok(Run { points, result }),
    }
}

/// Records the curve points, and gives the verdict `end.1` from the point with the index `end.0` on.
struct Recorder {
    end: Option<(usize, Verdict)>,
    points: Mutex<Vec<CurvePoint>>,
}

impl Monitor for Recorder {
    fn stopped(&self) -> bool {
        let points = self.points.lock().unwrap_or_else(PoisonError::into_inner);
        self.end.is_some_and(|(at, _)| points.len() > at)
    }

    fn report(&self, point: CurvePoint) -> Verdict {
        let mut points = self.points.lock().unwrap_or_else(PoisonError::into_inner);
        points.push(point);
        self.end.filter(|(at, _)| points.len() > *at).map_or(Verdict::Continue, |(_, verdict)| verdict)
    }

    fn notice(&self, _line: &str) {}
}

fn check_declared(evaluator: &dyn Evaluator, info: &EvaluatorInfo, points: &[CurvePoint]) -> Result<(), String> {
    let opened = evaluator.instance_info();
    let metrics = || info.metrics.iter().chain(&opened.metrics);
    if let Some(unknown) =
        opened.intermediate_metrics.iter().find(|name| !metrics().any(|metric| metric.name == **name))
    {
        return Err(format!("it declares the intermediate metric '{unknown}', which is not one of its metrics"));
    }
    for (point, metric) in points.iter().flat_map(|point| point.metrics.iter().map(move |metric| (point, metric))) {
        let Metric { name, .. } = metric;
        let what = format!("the point at {} has '{name}'", point.fidelity);
        match metrics().find(|known| known.name == *name) {
            None => return Err(format!("{what}, which is not declared")),
            Some(known) if known.hidden => {
                return Err(format!("{what}, which is hidden: pruners must not see it"));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

fn check_ascending(request: &Request, points: &[CurvePoint]) -> Result<(), String> {
    let mut before = 0.0;
    for CurvePoint { fidelity, .. } in points {
        if !fidelity.is_finite() || *fidelity <= before {
            return Err(format!("it reports at {fidelity} after {before}: fidelities must be above 0 and ascend"));
        }
        before = *fidelity;
    }
    match request.fidelity {
        Some(full) if before > full => {
            Err(format!("it reports at {before}, but the fidelity of the request is {full}"))
        }
        _ => Ok(()),
    }
}

/// Checks that the curve and the result are the same when measured again, and the result also without a pruner.
fn check_repeatable(evaluator: &dyn Evaluator, prunable: &Request, full: &Run) -> Result<(), String> {
    let again = measure(evaluator, prunable, None)?;
    let same = |(a, b): (&CurvePoint, &CurvePoint)| a.fidelity == b.fidelity && equal(&a.metrics, &b.metrics);
    if again.points.len() != full.points.len() || !again.points.iter().zip(&full.points).all(same) {
        return Err("its learning curve differs when the request is measured again".into());
    }
    let unjudged = measure(evaluator, &Request { prunable: false, ..prunable.clone() }, None)?;
    for (result, when) in [(again.result, "measured again"), (unjudged.result, "not prunable")] {
        let (Some(first), Some(second)) = (&full.result, &result) else {
            return Err(format!("it has no result when the request is {when}"));
        };
        if !equal(&first.metrics, &second.metrics) || first.cost != second.cost {
            return Err(format!("its result differs when the request is {when}"));
        }
    }
    Ok(())
}

/// Returns whether the metrics are equal bit for bit, except for times.
fn equal(left: &[Metric], right: &[Metric]) -> bool {
    fn without_times(metrics: &[Metric]) -> impl Iterator<Item = (&str, u64)> {
        let others = metrics.iter().filter(|metric| !metric.name.ends_with("_seconds"));
        others.map(|metric| (metric.name.as_str(), metric.value.to_bits()))
    }
    without_times(left).eq(without_times(right))
}

/// Checks that a measurement ends when it is told to: at its first point, in the middle, and at the last point but one.
fn check_obedient(evaluator: &dyn Evaluator, prunable: &Request, full: &Run) -> Result<(), String> {
    let mut ends = vec![0, full.points.len() / 2, full.points.len().saturating_sub(2)];
    ends.retain(|at| at + 1 < full.points.len());
    ends.sort_unstable();
    ends.dedup();
    let mut spent = 0.0;
    for at in ends {
        let when = format!("pruned at point {at}");
        match (measure(evaluator, prunable, Some((at, Verdict::Pruned)))?.result, evaluator.instance_info().simulated) {
            (None, false) => {}
            (Some(_), false) => return Err(format!("{when}, it returns a result")),
            (None, true) => return Err(format!("{when}, it returns no simulated seconds")),
            (Some(ended), true) => {
                let all = full.result.as_ref().and_then(|result| result.cost).unwrap_or(f64::NAN);
                let cost = ended.cost.unwrap_or(f64::NAN);
                if !(spent..=all).contains(&cost) {
                    let range = format!("{spent} (at the point before) to {all} (in full)");
                    return Err(format!("{when}, it costs {cost} seconds, but must cost from {range}"));
                }
                spent = cost;
            }
        }
    }
    let stopped = measure(evaluator, prunable, Some((0, Verdict::Stopped)))?.result;
    match stopped {
        Some(_) if full.points.len() > 1 => Err("stopped at its first point, it returns a result".into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{Candidate, Graph, InstanceInfo, MetricInfo, Parameter};

    /// An evaluator with four steps of one second, and the name of its fault.
    struct Stepper(&'static str);

    fn metric(name: &str, hidden: bool) -> MetricInfo {
        MetricInfo { name: name.into(), unit: String::new(), better: None, hidden, description: String::new() }
    }

    fn info() -> EvaluatorInfo {
        EvaluatorInfo {
            name: "stepper".into(),
            version: "1".into(),
            description: String::new(),
            metrics: vec![metric("score", false), metric("test", true)],
            fidelity_unit: "steps".into(),
            accepts_relaxed: false,
            resumes: false,
            graphs: false,
            trains: None,
            parameters: Vec::<Parameter>::new(),
        }
    }

    impl Evaluator for Stepper {
        fn instance_info(&self) -> InstanceInfo {
            let intermediate_metrics =
                if self.0 == "hidden" { vec!["score".into(), "test".into()] } else { vec!["score".into()] };
            InstanceInfo { intermediate_metrics, simulated: self.0 != "real", ..InstanceInfo::default() }
        }

        fn evaluate(&self, request: &Request, monitor: &dyn Monitor) -> crate::Result<Option<Measurement>> {
            let steps = if self.0 == "beyond" { 5 } else { 4 };
            for step in (1..=steps).map(f64::from).filter(|_| request.prunable && self.0 != "silent") {
                let fidelity = if self.0 == "backwards" { 5.0 - step } else { step };
                let name = match self.0 {
                    "hidden" | "leaky" => "test",
                    "undeclared" => "secret",
                    _ => "score",
                };
                let verdict = monitor.report(CurvePoint { fidelity, metrics: vec![Metric::new(name, step)] });
                let cost = if self.0 == "dear" { 40.0 } else { step };
                match verdict {
                    _ if self.0 == "deaf" => {}
                    Verdict::Continue => {}
                    Verdict::Pruned if self.0 == "free" || self.0 == "real" => return Ok(None),
                    Verdict::Pruned => return Ok(Some(Measurement::pruned(cost))),
                    Verdict::Stopped if self.0 == "stubborn" => break,
                    Verdict::Stopped => return Ok(None),
                }
            }
            let score = if self.0 == "moved" && request.prunable { 3.0 } else { 4.0 };
            let cost = (self.0 != "real").then_some(4.0);
            Ok(Some(Measurement { cost, ..Measurement::new(vec![Metric::new("score", score)]) }))
        }
    }

    fn verdict(fault: &'static str) -> Result<(), String> {
        let request = Request {
            trial: 0,
            candidate: Candidate::Discrete(vec![0]),
            key: String::new(),
            text: String::new(),
            graph: Graph::default(),
            fidelity: Some(4.0),
            resume: None,
            keep_checkpoint: false,
            seed: 1,
            prunable: false,
        };
        check_learning_curves(&Stepper(fault), &info(), &request)
    }

    #[test]
    fn each_fault_is_found_and_named() {
        assert_eq!((verdict("none"), verdict("real")), (Ok(()), Ok(())));
        for (fault, words) in [
            ("silent", "reports no curve point"),
            ("hidden", "is hidden"),
            ("leaky", "is hidden"),
            ("undeclared", "'secret', which is not declared"),
            ("backwards", "at 3 after 4"),
            ("beyond", "at 5, but the fidelity of the request is 4"),
            ("moved", "differs when the request is not prunable"),
            ("deaf", "continues to report after point 0"),
            ("free", "returns no simulated seconds"),
            ("dear", "costs 40 seconds, but must cost from 0 (at the point before) to 4 (in full)"),
            ("stubborn", "stopped at its first point, it returns a result"),
        ] {
            let found = verdict(fault).unwrap_err();
            assert!(found.contains(words), "{fault}: {found}");
        }
    }
}
