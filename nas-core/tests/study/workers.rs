//! The duration of measurements must not influence the records.

use crate::common::{STRATEGIES, assert_same_records, read, records, run, spec, with};

fn study(strategy: &str, workers: u32, sleep: &str) -> nas_core::study::StudySpec {
    let mut study = with(spec("workers", strategy, 40), &[("sleep", sleep), ("fail", "20")]);
    study.workers = Some(workers);
    study
}

/// Removes the setting `sleep` from the records.
fn without_sleep(records: &str) -> String {
    records.lines().filter(|line| !line.starts_with("  sleep = ")).map(|line| format!("{line}\n")).collect()
}

#[test]
fn random_delays_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for strategy in STRATEGIES {
        let quick = folder.path().join(format!("{strategy}-quick"));
        run(&study(strategy, 4, "0"), &quick).unwrap();
        for attempt in 0..2 {
            let slow = folder.path().join(format!("{strategy}-{attempt}"));
            run(&study(strategy, 4, "3000"), &slow).unwrap();
            assert_same_records(&without_sleep(&records(&quick)), &without_sleep(&records(&slow)), strategy);
        }
    }
}

#[test]
fn a_strategy_that_ignores_results_finds_the_same_trials_with_any_number_of_workers() {
    let folder = tempfile::tempdir().unwrap();
    let metrics = |workers| {
        let file = folder.path().join(format!("{workers}"));
        run(&study("random-search", workers, "1000"), &file).unwrap();
        let seconds = |metric: &nas_api::Metric| metric.name != "train_seconds";
        let trials = read(&file).trials.into_iter();
        trials
            .map(|trial| (trial.key, trial.metrics.into_iter().filter(seconds).collect()))
            .collect::<Vec<(_, Vec<_>)>>()
    };
    let alone = metrics(1);
    assert_eq!(alone.len(), 40);
    assert_eq!(alone, metrics(2));
    assert_eq!(alone, metrics(7));
}

#[test]
fn trials_really_run_side_by_side() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("study");
    run(&study("random-search", 4, "20000"), &file).unwrap();
    let trials = read(&file).trials;
    let overlap = |a: &nas_core::study::TrialRecord, b: &nas_core::study::TrialRecord| {
        a.trained && b.trained && a.started < b.finished.unwrap() && b.started < a.finished.unwrap()
    };
    assert!(trials.windows(2).any(|pair| overlap(&pair[0], &pair[1])));
}
