//! Tests of the learning curves that a table reports.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Mutex;

use nas_api::conformance::check_learning_curves;
use nas_api::{CurvePoint, Evaluator, EvaluatorPlugin, Measurement, Metric, Monitor, Request, Verdict};

use super::{MAP, TABLE, measure, request, written};
use crate::TableEvaluator;

/// Returns a mapping with three fidelities and its table. The second row lacks the middle accuracy, and the third row
/// lacks the first seconds.
fn three_fidelities() -> (String, String) {
    let middle = "[[problem.a.fidelity]]\nat = 2\nseconds = { column = \"half\" }\n\
                  metrics = { accuracy = [\"middle1\", \"middle2\", \"middle3\"] }\n";
    let last = "[[problem.a.fidelity]]\nat = 4\n";
    let first = "seconds = { column = \"seconds\" }";
    let map = MAP.replace(last, &format!("{middle}{last}")).replace(first, "seconds = { column = \"begin\" }");
    let more = ["middle1,middle2,middle3,half,begin", "15,16,17,5,2.5", ",,,5,2.5", "15,,,5,"];
    let table = TABLE.lines().zip(more).map(|(line, more)| format!("{line},{more}\n")).collect();
    (map, table)
}

/// Records the curve points, and gives the verdict `end.1` from the point number `end.0` on, counted from 1.
struct Recorder {
    end: Option<(usize, Verdict)>,
    points: Mutex<Vec<CurvePoint>>,
}

impl Monitor for Recorder {
    fn stopped(&self) -> bool {
        false
    }

    fn report(&self, point: CurvePoint) -> Verdict {
        let mut points = self.points.lock().unwrap();
        points.push(point);
        self.end.filter(|(count, _)| points.len() >= *count).map_or(Verdict::Continue, |(_, verdict)| verdict)
    }

    fn notice(&self, _line: &str) {}
}

fn prunable(
    evaluator: &TableEvaluator,
    request: &Request,
    end: Option<(usize, Verdict)>,
) -> (Vec<CurvePoint>, Option<Measurement>) {
    let recorder = Recorder { end, points: Mutex::default() };
    let measured = evaluator.evaluate(&Request { prunable: true, ..request.clone() }, &recorder).unwrap();
    (recorder.points.into_inner().unwrap(), measured)
}

fn point(fidelity: f64, accuracy: f64, size: Option<f64>) -> CurvePoint {
    let metrics = [Some(Metric::new("accuracy", accuracy)), size.map(|size| Metric::new("size", size))];
    CurvePoint { fidelity, metrics: metrics.into_iter().flatten().collect() }
}

#[test]
fn every_known_fidelity_up_to_the_requested_one_is_reported() {
    let (map, table) = three_fidelities();
    let (_folder, name) = written(&map, &table);
    let evaluator = TableEvaluator::find(&name, "").unwrap();
    assert_eq!(evaluator.instance_info().intermediate_metrics, ["accuracy", "size"], "hidden metrics are not reported");
    let points = |genotype: &[u32], fidelity| prunable(&evaluator, &request(genotype, Some(fidelity), 4), None).0;
    let [first, middle, last] = &points(&[0, 0], 4.0)[..] else { panic!("three fidelities") };
    assert_eq!(*first, point(1.0, 10.0, Some(1000.0)));
    // The seed draws the same training at every fidelity.
    let run = middle.metrics[0].value - 15.0;
    assert_eq!(*middle, point(2.0, 15.0 + run, None));
    assert_eq!(*last, point(4.0, 20.0 + run, Some(1000.0)));
    assert_eq!(points(&[0, 0], 2.0), [first.clone(), middle.clone()], "nothing is reported beyond the request");
    assert_eq!(points(&[0, 1], 4.0), [point(1.0, 11.0, Some(2000.0)), point(4.0, 23.0, Some(2000.0))]);
    let gap = points(&[1, 0], 4.0);
    assert_eq!(gap[0], point(2.0, 15.0, None), "the seconds at fidelity 1 are not known");
    assert_eq!(points(&[1, 1], 4.0), [], "there is no such row");
}

#[test]
fn a_row_without_its_last_seconds_costs_the_known_maximum() {
    let (map, table) = three_fidelities();
    let (_folder, name) = written(&map, &table.replace("33,,,2.5,2", "33,,,,2"));
    let evaluator = TableEvaluator::find(&name, "").unwrap();
    let measured = measure(&evaluator, &request(&[0, 1], Some(4.0), 0));
    assert_eq!((Metric::find(&measured.metrics, "accuracy"), measured.cost), (Some(23.0), Some(5.0)));
    let ended = prunable(&evaluator, &request(&[0, 1], Some(4.0), 0), Some((1, Verdict::Pruned))).1.unwrap();
    assert_eq!(ended.cost, Some(2.5));
    let unknown = measure(&evaluator, &request(&[1, 0], Some(1.0), 0));
    let reason = unknown.failure.unwrap().reason;
    assert!(reason.contains("row 2") && reason.contains("'begin'"), "{reason}");
}

#[test]
fn a_pruned_trial_costs_the_seconds_until_then() {
    let (map, table) = three_fidelities();
    let (_folder, name) = written(&map, &table);
    let evaluator = TableEvaluator::find(&name, "").unwrap();
    let wanted = request(&[0, 0], Some(4.0), 4);
    for (count, seconds) in [(1, 2.5), (2, 5.0), (3, 10.0)] {
        let (points, measured) = prunable(&evaluator, &wanted, Some((count, Verdict::Pruned)));
        assert_eq!((points.len(), measured.unwrap().cost), (count, Some(seconds)));
    }
    assert_eq!(prunable(&evaluator, &wanted, Some((2, Verdict::Stopped))).1, None);
    let (_, whole) = prunable(&evaluator, &wanted, None);
    assert_eq!(whole.unwrap(), measure(&evaluator, &wanted), "reporting does not change the result");
    let recorder = Recorder { end: None, points: Mutex::default() };
    evaluator.evaluate(&wanted, &recorder).unwrap();
    assert_eq!(recorder.points.into_inner().unwrap(), [], "a request that is not prunable reports nothing");
}

#[test]
fn learning_curves_conform_to_the_contract() {
    let (map, table) = three_fidelities();
    let (_folder, name) = written(&map, &table);
    let evaluator = TableEvaluator::find(&name, "").unwrap();
    for (genotype, fidelity) in [([0, 0], 4.0), ([0, 0], 1.0), ([0, 1], 4.0), ([0, 0], 2.0)] {
        check_learning_curves(&evaluator, &TableEvaluator::info(), &request(&genotype, Some(fidelity), 4)).unwrap();
    }
}
