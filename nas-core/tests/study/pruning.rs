//! Curve points of running trials, and pruners that judge by them. Neither time nor the number of workers may influence
//! the records.

use std::sync::atomic::{AtomicBool, Ordering};

use nas_api::CurvePoint;
use nas_core::study::{BudgetSpec, End, Event, PluginSpec, State, StudyRecord, StudySpec, Summary, TrialRecord};

use crate::common::{
    assert_same_records, go_on, message, read, records, run, run_with, run_with_copies, scripted, spec, with,
};
use crate::evaluator::{break_at, repair, take_calls};
use crate::strategy::take_told;

/// A study with trials of eight epochs that report after each epoch.
fn study(label: &str, strategy: &str, trials: u32, workers: u32, sleep: &str) -> StudySpec {
    let settings = [("curve", "true"), ("epochs", "8"), ("sleep", sleep), ("fail", "10")];
    let mut study = with(spec(label, strategy, trials), &settings);
    study.workers = Some(workers);
    study
}

fn pruned(mut study: StudySpec, name: &str, settings: &[(&str, &str)]) -> StudySpec {
    study.pruner = PluginSpec::named(name);
    with(study, settings)
}

fn median(study: StudySpec) -> StudySpec {
    pruned(study, "median", &[("pruner.startup", "3")])
}

/// Removes the setting `sleep` from the records.
fn without_sleep(records: &str) -> String {
    records.lines().filter(|line| !line.starts_with("  sleep = ")).map(|line| format!("{line}\n")).collect()
}

/// The outcome of a trial without times.
fn outcome_of(trial: &TrialRecord) -> (String, State, String, Option<f64>, Vec<CurvePoint>) {
    (trial.key.clone(), trial.state, trial.reason.clone(), trial.pruned_at, trial.curve.clone())
}

#[test]
fn any_number_of_workers_prunes_the_same_trials_at_the_same_epochs() {
    let folder = tempfile::tempdir().unwrap();
    let outcomes = |workers| {
        let file = folder.path().join(format!("{workers}"));
        run(&median(study("pruned", "random-search", 40, workers, "1500")), &file).unwrap();
        read(&file).trials.iter().map(outcome_of).collect::<Vec<_>>()
    };
    let alone = outcomes(1);
    let count = |state| {
        alone.iter().filter(|trial| trial.1 == state && (state == State::Measured) == trial.3.is_none()).count()
    };
    assert!(count(State::Measured) > 5 && count(State::Pruned) > 5, "{alone:?}");
    for workers in [2, 4, 7] {
        assert_eq!(alone, outcomes(workers), "{workers} workers");
    }
}

#[test]
fn random_delays_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for strategy in ["regularized-evolution", "local-search"] {
        let quick = folder.path().join(format!("{strategy}-quick"));
        run(&median(study("delayed", strategy, 30, 4, "0")), &quick).unwrap();
        let slow = folder.path().join(format!("{strategy}-slow"));
        run(&median(study("delayed", strategy, 30, 4, "3000")), &slow).unwrap();
        assert_same_records(&without_sleep(&records(&quick)), &without_sleep(&records(&slow)), strategy);
        assert!(Summary::of(&read(&quick)).pruned > 2);
    }
}

/// The median rule, implemented again from the records alone.
fn should_end(trials: &[TrialRecord], trial: &TrialRecord, epoch: f64) -> bool {
    let scores = |trial: &TrialRecord| -> Vec<f64> {
        let reports = trial.curve.iter().filter(|report| report.fidelity <= epoch);
        reports
            .map(|report| report.metrics.iter().find(|metric| metric.name == "val_accuracy").unwrap().value)
            .collect()
    };
    let far = |other: &&TrialRecord| {
        other.trial < trial.trial && other.curve.last().is_some_and(|report| report.fidelity >= epoch)
    };
    let mut averages: Vec<f64> =
        trials.iter().filter(far).map(|other| scores(other).iter().sum::<f64>() / scores(other).len() as f64).collect();
    averages.sort_by(f64::total_cmp);
    let best = scores(trial).into_iter().fold(f64::MIN, f64::max);
    let count = averages.len();
    count >= 3 && best < (averages[(count - 1) / 2] + averages[count / 2]) / 2.0
}

#[test]
fn the_median_rule_follows_from_the_records() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("study");
    run(&median(study("rule", "random-search", 40, 3, "500")), &file).unwrap();
    let trials = read(&file).trials;
    for trial in trials.iter().filter(|trial| !trial.curve.is_empty()) {
        for report in trial.curve.iter().filter(|report| report.fidelity < 8.0) {
            let ended = trial.pruned_at == Some(report.fidelity);
            assert_eq!(
                ended,
                should_end(&trials, trial, report.fidelity),
                "trial {} at {}",
                trial.trial,
                report.fidelity
            );
        }
        let last = trial.curve.last().unwrap();
        assert_eq!(trial.pruned_at.unwrap_or(8.0), last.fidelity, "nothing is reported after the end");
        if trial.pruned_at.is_some() {
            assert!(trial.reason.starts_with(&format!("pruned at epoch {}: its best val_accuracy", last.fidelity)));
            let reached = last.metrics.iter().find(|metric| metric.name == "val_accuracy").unwrap().value;
            assert_eq!(trial.metric("val_accuracy"), Some(reached), "what it reached is in its record");
            assert!(trial.metric("params").is_some());
        }
    }
}

#[test]
fn a_kill_at_any_commit_changes_nothing() {
    for strategy in ["random-search", "regularized-evolution"] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("whole");
        let study = median(study("pruned-killed", strategy, 14, 3, "500"));
        let copies = run_with_copies(&study, &file, folder.path()).unwrap();
        assert!(Summary::of(&read(&file)).pruned > 0);
        for copy in copies {
            go_on(&copy).unwrap();
            assert_same_records(&records(&file), &records(&copy), &format!("{strategy}, {}", copy.display()));
        }
    }
}

#[test]
fn a_stop_after_any_report_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    let study = median(study("pruned-stopped", "genetic", 12, 3, "300"));
    run(&study, &whole).unwrap();
    for at in (1..60).step_by(4) {
        let file = folder.path().join(at.to_string());
        let (stop, mut heard) = (AtomicBool::new(false), 0);
        let mut listener = |event: &Event<'_>| {
            heard += u32::from(matches!(event, Event::Reported { .. }));
            stop.store(heard >= at, Ordering::Relaxed);
        };
        if run_with(&study, &file, &stop, &mut listener).unwrap() == End::Stopped {
            go_on(&file).unwrap();
        }
        assert_same_records(&records(&whole), &records(&file), &format!("stopped after report {at}"));
    }
}

#[test]
fn an_evaluator_that_breaks_while_another_trial_waits_changes_no_record() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, file) = (folder.path().join("whole"), folder.path().join("study"));
    let study = |label| median(study(label, "random-search", 20, 4, "1000"));
    run(&study("pruned-broken"), &whole).unwrap();
    break_at("pruned-broken", 9);
    message(run(&study("pruned-broken"), &file), &["the disk is full"]);
    repair("pruned-broken");
    go_on(&file).unwrap();
    assert_same_records(&records(&whole), &records(&file), "after a broken evaluator");
}

#[test]
fn a_training_that_is_carried_on_is_judged_as_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    let study = |workers, sleep: &str| {
        let mut study = median(study("carried", "halving", 100, workers, sleep));
        study.evaluator.reference = Some("cheap-resuming".into());
        study
    };
    let file = folder.path().join("study");
    let copies = run_with_copies(&study(3, "0"), &file, folder.path()).unwrap();
    for copy in copies.iter().step_by(5) {
        go_on(copy).unwrap();
        assert_same_records(&records(&file), &records(copy), &copy.display().to_string());
    }
    let slow = folder.path().join("slow");
    run(&study(3, "2000"), &slow).unwrap();
    assert_same_records(&without_sleep(&records(&file)), &without_sleep(&records(&slow)), "slow");
    let carried = read(&file).trials.into_iter().find(|trial| trial.fidelity == Some(4.0)).unwrap();
    assert_eq!(carried.curve.first().unwrap().fidelity, 3.0, "it reports what is its own");
}

#[test]
fn a_strategy_is_told_the_failure_and_the_metrics_of_a_pruned_trial() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("study");
    let script = with(scripted("told", "0,0,0 0,0,1 0,0,0"), &[("curve", "true"), ("epochs", "4")]);
    let always = pruned(script, "threshold", &[("pruner.limit", "1000"), ("pruner.grace", "2")]);
    run(&always, &file).unwrap();
    let (trials, header) = (read(&file).trials, read(&file).header);
    let told = take_told("told");
    assert_eq!(told.len(), 3);
    for (observation, trial) in told.iter().zip(&trials) {
        assert_eq!((trial.state, trial.pruned_at), (State::Pruned, Some(2.0)));
        assert_eq!(observation.failure.as_ref().unwrap().reason, trial.reason);
        assert_eq!(observation.fidelity, Some(2.0), "what was spent, not the four epochs asked for");
        let mut visible = header.metrics.iter().filter(|metric| !metric.hidden);
        let position = visible.position(|metric| metric.name == "val_accuracy").unwrap();
        assert_eq!(Some(observation.metrics[position]), trial.metric("val_accuracy"));
    }
    // The duplicate takes over the outcome.
    assert_eq!((trials[2].duplicate_of, trials[2].curve.len()), (Some(0), 0));
    let summary = Summary::of(&read(&file));
    assert_eq!((summary.measured, summary.failed, summary.pruned, summary.best), (0, 0, 3, None));
}

#[test]
fn the_unspent_fidelity_of_pruned_trials_is_left_for_others() {
    let folder = tempfile::tempdir().unwrap();
    let limited = |study: StudySpec| StudySpec {
        budget: BudgetSpec { total_fidelity: Some(100.0), ..BudgetSpec::default() },
        ..study
    };
    for workers in [1, 4] {
        let file = folder.path().join(format!("{workers}"));
        let study = limited(median(study("spent", "random-search", 1, workers, "300")));
        let copies = run_with_copies(&study, &file, folder.path()).unwrap();
        take_calls("spent");
        let record = read(&file);
        let trained = record.trials.iter().filter(|trial| trial.trained && trial.state.is_final());
        assert!(trained.clone().count() > 13, "twelve trials of eight epochs would fit");
        let spent: f64 = trained.map(|trial| trial.pruned_at.unwrap_or(8.0)).sum();
        assert!((85.0..=100.0).contains(&spent), "{spent}");
        for copy in copies.iter().step_by(5).chain([&file]) {
            let before = records(&file);
            go_on(copy).unwrap();
            assert_same_records(&before, &records(copy), &format!("{workers} workers, {}", copy.display()));
        }
    }
}

/// Trials take 40 simulated seconds on average.
fn simulated(study: StudySpec) -> StudySpec {
    with(study, &[("simulated", "40")])
}

#[test]
fn a_pruned_trial_costs_its_share_of_simulated_seconds() {
    let folder = tempfile::tempdir().unwrap();
    let trials = |name: &str, workers, pruner: bool| {
        let file = folder.path().join(format!("{name}{workers}"));
        let plain = simulated(study("simulated", "random-search", 40, workers, "300"));
        run(&if pruner { median(plain) } else { plain }, &file).unwrap();
        read(&file).trials
    };
    let whole = trials("whole", 1, false);
    let alone = trials("pruned", 1, true);
    let mut cheaper = 0;
    for (ended, whole) in alone.iter().zip(&whole) {
        assert!((&ended.key, ended.simulated) == (&whole.key, whole.trained));
        let share = ended.pruned_at.map_or(1.0, |epochs| epochs / 8.0);
        assert_eq!(ended.cost, if ended.duplicate_of.is_some() { 0.0 } else { whole.cost * share });
        cheaper += u32::from(ended.cost < whole.cost);
    }
    assert!((5..35).contains(&cheaper), "{cheaper} were ended");
    let outcome = |trial: &TrialRecord| (outcome_of(trial), trial.cost.to_bits());
    for workers in [2, 5] {
        let beside = trials("pruned", workers, true);
        assert!(alone.iter().map(outcome).eq(beside.iter().map(outcome)), "{workers} workers");
    }
}

#[test]
fn a_kill_on_a_simulated_clock_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("whole");
    // Results are told in the order of their simulated ends, which pruning changes.
    let mut study = simulated(median(study("simulated-killed", "regularized-evolution", 100, 3, "300")));
    study.budget = BudgetSpec { seconds: Some(250.0), ..BudgetSpec::default() };
    let copies = run_with_copies(&study, &file, folder.path()).unwrap();
    let record = read(&file);
    assert!(Summary::of(&record).pruned > 3);
    let costs = |record: &StudyRecord| record.trials.iter().map(|trial| trial.cost.to_bits()).collect::<Vec<_>>();
    for copy in copies {
        go_on(&copy).unwrap();
        assert_same_records(&records(&file), &records(&copy), &copy.display().to_string());
        assert_eq!(costs(&record), costs(&read(&copy)));
    }
}

#[test]
fn an_evaluator_that_gives_no_simulated_seconds_for_a_pruned_trial_is_broken() {
    let folder = tempfile::tempdir().unwrap();
    let forgets = with(simulated(study("forgets", "random-search", 40, 2, "0")), &[("forgets", "true")]);
    message(run(&median(forgets), &folder.path().join("study")), &["evaluator 'cheap'", "gave no cost for trial "]);
}

#[test]
fn a_panic_while_a_simulated_trial_is_pruned_fails_only_that_trial() {
    let folder = tempfile::tempdir().unwrap();
    let trials = |workers, breaks: &str| {
        let file = folder.path().join(format!("{breaks}{workers}"));
        let study = simulated(study("breaks", "random-search", 40, workers, "0"));
        run(&median(with(study, &[("breaks", breaks)])), &file).unwrap();
        read(&file).trials
    };
    let (alone, fine) = (trials(1, "true"), trials(1, "false"));
    assert_eq!(alone.len(), 40);
    let broken: Vec<_> = alone.iter().filter(|trial| trial.reason.contains("panicked: it broke at")).collect();
    assert!(broken.len() > 3 && broken.iter().all(|trial| trial.state == State::Failed && trial.pruned_at.is_none()));
    let free = |trial: &&TrialRecord| trial.simulated && trial.cost == 0.0 || trial.duplicate_of.is_some();
    assert!(broken.iter().all(free), "no clock of the machine counts");
    assert!(fine.iter().zip(&alone).all(|(fine, broken)| fine.pruned_at.is_some() == broken.reason.contains("broke")));
    let outcome = |trial: &TrialRecord| (outcome_of(trial), trial.cost.to_bits());
    assert!(alone.iter().map(outcome).eq(trials(3, "true").iter().map(outcome)), "three workers");
}

#[test]
fn a_trial_that_still_improves_is_spared() {
    let folder = tempfile::tempdir().unwrap();
    let count = |label: &str, patience: &str| {
        let file = folder.path().join(label);
        let study = study(label, "random-search", 30, 2, "0");
        run(&pruned(study, "median", &[("pruner.startup", "3"), ("pruner.patience", patience)]), &file).unwrap();
        Summary::of(&read(&file)).pruned
    };
    let (strict, patient) = (count("strict", "0"), count("patient", "2"));
    assert!(strict > patient && patient > 0, "{strict} {patient}");
}

#[test]
fn pruners_that_cannot_work_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |study: StudySpec, parts: &[&str]| {
        let file = folder.path().join("study");
        message(run(&study, &file), parts);
        assert!(!file.exists());
    };
    let plain = || study("refused", "random-search", 3, 1, "0");
    refused(pruned(plain(), "medain", &[]), &["no pruner is called 'medain'", "did you mean 'median'"]);
    refused(pruned(plain(), "median", &[("pruner.start", "1")]), &["pruner.start", "did you mean 'startup'"]);
    refused(pruned(plain(), "threshold", &[]), &["pruner.limit"]);
    refused(with(plain(), &[("pruner.startup", "1")]), &["pruner.startup", "there is no pruner"]);
    refused(pruned(plain(), "median", &[("pruner.metric", "latency")]), &["does not report 'latency'", "val_accuracy"]);
    refused(median(spec("refused", "random-search", 3)), &["'cheap' reports nothing"]);
    let simulated = with(spec("refused", "random-search", 3), &[("simulated", "10")]);
    refused(median(simulated), &["'cheap' reports nothing", "or data with several fidelities"]);
    let mut several = median(plain());
    several.objectives = vec!["val_accuracy".into(), "params:minimize".into()];
    several.strategy.reference = Some("genetic".into());
    message(run(&several, &folder.path().join("several")), &["objective"]);
}
