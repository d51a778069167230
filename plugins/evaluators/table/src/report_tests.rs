//! What a table reports of a training whose curve it has.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Mutex;

use nas_api::conformance::learning_curves;
use nas_api::{CurvePoint, Evaluator, EvaluatorPlugin, Measurement, Metric, Monitor, Request, Verdict};

use crate::TableEvaluator;
use crate::tests::{MAP, TABLE, measure, request, written};

/// Three fidelities; the second row has no number in the middle, the third no seconds at first.
fn longer() -> (String, String) {
    let middle = "[[problem.a.fidelity]]\nat = 2\nseconds = { column = \"half\" }\n\
                  metrics = { accuracy = [\"middle1\", \"middle2\", \"middle3\"] }\n";
    let last = "[[problem.a.fidelity]]\nat = 4\n";
    let first = "seconds = { column = \"seconds\" }";
    let map = MAP.replace(last, &format!("{middle}{last}")).replace(first, "seconds = { column = \"begin\" }");
    let more = ["middle1,middle2,middle3,half,begin", "15,16,17,5,2.5", ",,,5,2.5", "15,,,5,"];
    let table = TABLE.lines().zip(more).map(|(line, more)| format!("{line},{more}\n")).collect();
    (map, table)
}

/// Says this after so many reports.
struct Listener {
    end: Option<(usize, Verdict)>,
    said: Mutex<Vec<CurvePoint>>,
}

impl Monitor for Listener {
    fn stopped(&self) -> bool {
        false
    }

    fn report(&self, report: CurvePoint) -> Verdict {
        let mut said = self.said.lock().unwrap();
        said.push(report);
        self.end.filter(|(count, _)| said.len() >= *count).map_or(Verdict::GoOn, |(_, verdict)| verdict)
    }

    fn notice(&self, _words: &str) {}
}

fn judged(
    evaluator: &TableEvaluator,
    request: &Request,
    end: Option<(usize, Verdict)>,
) -> (Vec<CurvePoint>, Option<Measurement>) {
    let listener = Listener { end, said: Mutex::default() };
    let measured = evaluator.evaluate(&Request { judged: true, ..request.clone() }, &listener).unwrap();
    (listener.said.into_inner().unwrap(), measured)
}

fn report(fidelity: f64, accuracy: f64, size: Option<f64>) -> CurvePoint {
    let metrics = [Some(Metric::new("accuracy", accuracy)), size.map(|size| Metric::new("size", size))];
    CurvePoint { fidelity, metrics: metrics.into_iter().flatten().collect() }
}

#[test]
fn every_fidelity_up_to_the_requests_is_reported_where_the_table_has_a_value() {
    let (map, table) = longer();
    let (_folder, name) = written(&map, &table);
    let evaluator = TableEvaluator::find(&name, "").unwrap();
    assert_eq!(evaluator.opened().intermediate_metrics, ["accuracy", "size"], "nothing hidden");
    let said = |genotype: &[u32], fidelity| judged(&evaluator, &request(genotype, Some(fidelity), 4), None).0;
    let [first, middle, last] = &said(&[0, 0], 4.0)[..] else { panic!("three fidelities") };
    assert_eq!(*first, report(1.0, 10.0, Some(1000.0)));
    // The run that the seed draws, at every fidelity.
    let run = middle.metrics[0].value - 15.0;
    assert_eq!(*middle, report(2.0, 15.0 + run, None));
    assert_eq!(*last, report(4.0, 20.0 + run, Some(1000.0)));
    assert_eq!(said(&[0, 0], 2.0), [first.clone(), middle.clone()], "not beyond what was asked for");
    assert_eq!(said(&[0, 1], 4.0), [report(1.0, 11.0, Some(2000.0)), report(4.0, 23.0, Some(2000.0))]);
    let gap = said(&[1, 0], 4.0);
    assert_eq!(gap[0], report(2.0, 15.0, None), "what it took to come to 1 is not known");
    assert_eq!(said(&[1, 1], 4.0), [], "there is no such row");
}

#[test]
fn a_row_without_its_last_seconds_costs_the_most_that_is_known() {
    let (map, table) = longer();
    let (_folder, name) = written(&map, &table.replace("33,,,2.5,2", "33,,,,2"));
    let evaluator = TableEvaluator::find(&name, "").unwrap();
    let measured = measure(&evaluator, &request(&[0, 1], Some(4.0), 0));
    assert_eq!((Metric::find(&measured.metrics, "accuracy"), measured.cost), (Some(23.0), Some(5.0)));
    let ended = judged(&evaluator, &request(&[0, 1], Some(4.0), 0), Some((1, Verdict::Pruned))).1.unwrap();
    assert_eq!(ended.cost, Some(2.5));
    let unknown = measure(&evaluator, &request(&[1, 0], Some(1.0), 0));
    let reason = unknown.failure.unwrap().reason;
    assert!(reason.contains("row 2") && reason.contains("'begin'"), "{reason}");
}

#[test]
fn a_trial_that_is_ended_costs_what_was_spent_by_then() {
    let (map, table) = longer();
    let (_folder, name) = written(&map, &table);
    let evaluator = TableEvaluator::find(&name, "").unwrap();
    let wanted = request(&[0, 0], Some(4.0), 4);
    for (count, seconds) in [(1, 2.5), (2, 5.0), (3, 10.0)] {
        let (said, measured) = judged(&evaluator, &wanted, Some((count, Verdict::Pruned)));
        assert_eq!((said.len(), measured.unwrap().cost), (count, Some(seconds)));
    }
    assert_eq!(judged(&evaluator, &wanted, Some((2, Verdict::Stopped))).1, None);
    let (_, whole) = judged(&evaluator, &wanted, None);
    assert_eq!(whole.unwrap(), measure(&evaluator, &wanted), "who listens changes nothing");
    let listener = Listener { end: None, said: Mutex::default() };
    evaluator.evaluate(&wanted, &listener).unwrap();
    assert_eq!(listener.said.into_inner().unwrap(), [], "nobody judges");
}

#[test]
fn reports_keep_the_laws() {
    let (map, table) = longer();
    let (_folder, name) = written(&map, &table);
    let evaluator = TableEvaluator::find(&name, "").unwrap();
    for (genotype, fidelity) in [([0, 0], 4.0), ([0, 0], 1.0), ([0, 1], 4.0), ([0, 0], 2.0)] {
        learning_curves(&evaluator, &TableEvaluator::info(), &request(&genotype, Some(fidelity), 4)).unwrap();
    }
}
