//! What evaluators promise of their reports.

use std::sync::{Mutex, PoisonError};

use crate::{CurvePoint, Evaluator, EvaluatorInfo, Measurement, Metric, Monitor, Request, Verdict};

/// Reports of a judged request ascend, have declared metrics alone, none of them hidden from strategies, and do not go
/// beyond the request's fidelity; they are the same when it is measured again, and change no result. A measurement that
/// is ended by a verdict says nothing more and has no result; on a simulated clock it costs what was spent by then. Times,
/// the metrics named `*_seconds`, are not compared.
///
/// The request is measured some six times: let it be a small one, at a fidelity with several steps below.
pub fn learning_curves(evaluator: &dyn Evaluator, info: &EvaluatorInfo, request: &Request) -> Result<(), String> {
    let judged = Request { judged: true, ..request.clone() };
    let full = measured(evaluator, &judged, None)?;
    let Some(result) = &full.result else { return Err("it stopped although nobody said so".into()) };
    if let Some(failure) = &result.failure {
        return Err(format!("the request cannot be measured, so that nothing can be said: {}", failure.reason));
    }
    if full.said.is_empty() && !evaluator.opened().intermediate_metrics.is_empty() {
        return Err("it declares reports and makes none".into());
    }
    declared(evaluator, info, &full.said)?;
    ascending(request, &full.said)?;
    repeated(evaluator, &judged, &full)?;
    obedient(evaluator, &judged, &full)
}

/// One measurement.
struct Course {
    said: Vec<CurvePoint>,
    result: Option<Measurement>,
}

/// Measures, and gives this verdict at the report of this number, counted from 0. Going on after it is an error.
fn measured(evaluator: &dyn Evaluator, request: &Request, end: Option<(usize, Verdict)>) -> Result<Course, String> {
    let listener = Listener { end, said: Mutex::default() };
    let result = evaluator.evaluate(request, &listener).map_err(|error| format!("evaluate: {error}"))?;
    let said = listener.said.into_inner().unwrap_or_else(PoisonError::into_inner);
    match end {
        Some((at, verdict)) if said.len() > at + 1 => {
            Err(format!("it goes on reporting after report {at}, whose verdict was {verdict:?}"))
        }
        _ => Ok(Course { said, result }),
    }
}

/// Takes down what is said.
struct Listener {
    end: Option<(usize, Verdict)>,
    said: Mutex<Vec<CurvePoint>>,
}

impl Monitor for Listener {
    fn stopped(&self) -> bool {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        self.end.is_some_and(|(at, _)| said.len() > at)
    }

    fn report(&self, report: CurvePoint) -> Verdict {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.push(report);
        self.end.filter(|(at, _)| said.len() > *at).map_or(Verdict::GoOn, |(_, verdict)| verdict)
    }

    fn notice(&self, _words: &str) {}
}

fn declared(evaluator: &dyn Evaluator, info: &EvaluatorInfo, said: &[CurvePoint]) -> Result<(), String> {
    let opened = evaluator.opened();
    let metrics = || info.metrics.iter().chain(&opened.metrics);
    if let Some(unknown) =
        opened.intermediate_metrics.iter().find(|name| !metrics().any(|metric| metric.name == **name))
    {
        return Err(format!("it says that it reports '{unknown}', which is no metric of it"));
    }
    for (report, metric) in said.iter().flat_map(|report| report.metrics.iter().map(move |metric| (report, metric))) {
        let Metric { name, .. } = metric;
        let place = format!("the report at {} holds '{name}'", report.fidelity);
        match metrics().find(|known| known.name == *name) {
            None => return Err(format!("{place}, which is not declared")),
            Some(known) if known.hidden => {
                return Err(format!("{place}, which is hidden: nothing may be judged by it"));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

fn ascending(request: &Request, said: &[CurvePoint]) -> Result<(), String> {
    let mut before = 0.0;
    for CurvePoint { fidelity, .. } in said {
        if !fidelity.is_finite() || *fidelity <= before {
            return Err(format!("it reports at {fidelity} after {before}: reports must be above 0 and ascend"));
        }
        before = *fidelity;
    }
    match request.fidelity {
        Some(full) if before > full => Err(format!("it reports at {before}, but {full} was asked for")),
        _ => Ok(()),
    }
}

/// The same again; and the same result where nobody judges.
fn repeated(evaluator: &dyn Evaluator, judged: &Request, full: &Course) -> Result<(), String> {
    let again = measured(evaluator, judged, None)?;
    let same = |(a, b): (&CurvePoint, &CurvePoint)| a.fidelity == b.fidelity && alike(&a.metrics, &b.metrics);
    if again.said.len() != full.said.len() || !again.said.iter().zip(&full.said).all(same) {
        return Err("its reports differ when the request is measured again".into());
    }
    let alone = measured(evaluator, &Request { judged: false, ..judged.clone() }, None)?;
    for (result, when) in [(again.result, "measured again"), (alone.result, "not judged")] {
        let (Some(first), Some(second)) = (&full.result, &result) else {
            return Err(format!("it has no result when the request is {when}"));
        };
        if !alike(&first.metrics, &second.metrics) || first.cost != second.cost {
            return Err(format!("its result differs when the request is {when}"));
        }
    }
    Ok(())
}

/// Bit for bit, times aside.
fn alike(left: &[Metric], right: &[Metric]) -> bool {
    fn timeless(metrics: &[Metric]) -> impl Iterator<Item = (&str, u64)> {
        let timeless = metrics.iter().filter(|metric| !metric.name.ends_with("_seconds"));
        timeless.map(|metric| (metric.name.as_str(), metric.value.to_bits()))
    }
    timeless(left).eq(timeless(right))
}

/// Ended at its first report, at one in the middle, and at the last but one.
fn obedient(evaluator: &dyn Evaluator, judged: &Request, full: &Course) -> Result<(), String> {
    let mut places = vec![0, full.said.len() / 2, full.said.len().saturating_sub(2)];
    places.retain(|at| at + 1 < full.said.len());
    places.sort_unstable();
    places.dedup();
    let mut spent = 0.0;
    for at in places {
        let place = format!("ended by a pruner at report {at}");
        match (measured(evaluator, judged, Some((at, Verdict::Pruned)))?.result, evaluator.opened().simulated) {
            (None, false) => {}
            (Some(_), false) => return Err(format!("{place}, it has a result")),
            (None, true) => return Err(format!("{place}, it says no simulated seconds")),
            (Some(ended), true) => {
                let all = full.result.as_ref().and_then(|result| result.cost).unwrap_or(f64::NAN);
                let cost = ended.cost.unwrap_or(f64::NAN);
                if !(spent..=all).contains(&cost) {
                    return Err(format!("{place}, it costs {cost} seconds, after {spent}, of {all} in all"));
                }
                spent = cost;
            }
        }
    }
    let stopped = measured(evaluator, judged, Some((0, Verdict::Stopped)))?.result;
    match stopped {
        Some(_) if full.said.len() > 1 => Err("stopped at its first report, it has a result".into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{Candidate, Graph, MetricInfo, Opened, Parameter};

    /// Four steps of one second, and one thing that it does wrong.
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
        fn opened(&self) -> Opened {
            let intermediate_metrics =
                if self.0 == "hidden" { vec!["score".into(), "test".into()] } else { vec!["score".into()] };
            Opened { intermediate_metrics, simulated: self.0 != "real", ..Opened::default() }
        }

        fn evaluate(&self, request: &Request, monitor: &dyn Monitor) -> crate::Result<Option<Measurement>> {
            let steps = if self.0 == "beyond" { 5 } else { 4 };
            for step in (1..=steps).map(f64::from).filter(|_| request.judged && self.0 != "silent") {
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
                    Verdict::GoOn => {}
                    Verdict::Pruned if self.0 == "free" || self.0 == "real" => return Ok(None),
                    Verdict::Pruned => return Ok(Some(Measurement::pruned(cost))),
                    Verdict::Stopped if self.0 == "stubborn" => break,
                    Verdict::Stopped => return Ok(None),
                }
            }
            let score = if self.0 == "moved" && request.judged { 3.0 } else { 4.0 };
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
            keep: false,
            seed: 1,
            judged: false,
        };
        learning_curves(&Stepper(fault), &info(), &request)
    }

    #[test]
    fn each_fault_is_found_and_named() {
        assert_eq!((verdict("none"), verdict("real")), (Ok(()), Ok(())));
        for (fault, words) in [
            ("silent", "makes none"),
            ("hidden", "is hidden"),
            ("leaky", "is hidden"),
            ("undeclared", "'secret', which is not declared"),
            ("backwards", "at 3 after 4"),
            ("beyond", "at 5, but 4 was asked for"),
            ("moved", "differs when the request is not judged"),
            ("deaf", "goes on reporting after report 0"),
            ("free", "says no simulated seconds"),
            ("dear", "costs 40 seconds, after 0, of 4 in all"),
            ("stubborn", "stopped at its first report, it has a result"),
        ] {
            let found = verdict(fault).unwrap_err();
            assert!(found.contains(words), "{fault}: {found}");
        }
    }
}
