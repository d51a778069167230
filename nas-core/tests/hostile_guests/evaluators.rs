//! Evaluators that lie.

use nas_core::study::{State, StudyError};

use super::{checked, guest, mode, plugin, search};

#[test]
fn a_metric_that_is_not_finite_fails_its_trial() {
    let (end, record) = search(plugin("random-search", None), guest("not-a-number-metrics", "metric"));
    end.unwrap();
    let trials = record.unwrap().trials;
    let reasons: Vec<&str> = trials.iter().map(|trial| trial.reason.as_str()).collect();
    assert_eq!(reasons, ["the objective score is NaN", "the objective score is inf", "the objective score is -inf"]);
    assert!(trials.iter().all(|trial| trial.state == State::Failed));
}

#[test]
fn a_cost_that_is_not_finite_ends_the_study() {
    let (end, record) = search(plugin("random-search", None), guest("not-a-number-metrics", "cost"));
    let Err(StudyError::Broken(error)) = end else { panic!("it goes on: {end:?}") };
    let text = checked("not-a-number-metrics", "evaluate", &error);
    assert!(text.contains("it returned a cost of -inf seconds for trial 0"), "{text}");
    assert!(record.unwrap().trials.iter().all(|trial| trial.state != State::Measured));
}

#[test]
fn fidelities_that_are_not_finite_are_refused_before_the_first_trial() {
    let (end, record) = search(plugin("random-search", None), guest("not-a-number-metrics", "fidelity"));
    let Err(StudyError::Open(error)) = end else { panic!("it is not refused: {end:?}") };
    let text = checked("not-a-number-metrics", "open", &error);
    assert!(text.contains("its fidelities must be positive and ascending, but are [NaN, inf]"), "{text}");
    assert!(record.is_none());
}

/// The error of a study with a lying evaluator.
fn ends(lie: &str, n: u32) -> String {
    let (end, _) = search(plugin("random-search", None), mode("heval", lie, n));
    match end {
        Err(StudyError::Broken(error) | StudyError::Open(error)) => {
            let text = error.to_string();
            assert!(text.starts_with("evaluator 'heval'"), "names the evaluator: {text}");
            assert!(text.len() < 10_000, "{}", text.len());
            text
        }
        other => panic!("{lie}: {other:?}"),
    }
}

#[test]
fn what_an_evaluator_offers_is_checked_before_the_first_trial() {
    assert!(ends("fid-nan", 1).contains("must be positive and ascending, but are [NaN, 1.0]"));
    assert!(ends("fid-desc", 1).contains("must be positive and ascending"));
    assert!(ends("fid-many", 200_000).contains("offers 200000 fidelities"));
    assert!(ends("metrics-many", 20_000).contains("has 20001 metrics"));
    let evil = ends("metric-evil", 1);
    assert!(evil.contains("it has a metric of the name 'ev\u{fffd}]52"), "{evil}");
}

#[test]
fn what_an_evaluator_returns_is_checked() {
    assert!(ends("sim-neg", 1).contains("a cost of -5 seconds"));
    assert!(ends("sim-nan", 1).contains("a cost of NaN seconds"));
    assert!(ends("cost-unsaid", 1).contains("without having said that its seconds are simulated"));
    assert!(ends("undeclared", 20_000).contains("it has 20001 metrics"));
    assert!(ends("loop", 1).contains("did not finish within 200 million instructions"));
}

#[test]
fn the_words_of_a_failure_are_cut_and_cleaned() {
    for lie in ["reason-big", "reason-evil"] {
        let (end, record) = search(plugin("random-search", None), mode("heval", lie, 10_000_000));
        end.unwrap();
        for trial in record.unwrap().trials {
            assert_eq!(trial.state, State::Failed);
            assert!(trial.reason.len() < 10_000 && !trial.reason.contains(['\x1b', '\x07']), "{lie}");
        }
    }
}
