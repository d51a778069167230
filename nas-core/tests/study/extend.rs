//! A study whose budget is raised goes on as if it had never ended.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use nas_core::study::{BudgetChange, BudgetSpec, End, Event, NewLimit, ResumeOptions, StudySpec};

use crate::common::{
    Copies, STRATEGIES, assert_same_records, go_on, go_on_with, message, read, records, run, run_with, scripted, spec,
    with,
};

fn by(trials: u32) -> ResumeOptions {
    options(BudgetChange { trials: Some(NewLimit::By(trials)), ..BudgetChange::default() })
}

fn to(trials: u32) -> ResumeOptions {
    options(BudgetChange { trials: Some(NewLimit::To(trials)), ..BudgetChange::default() })
}

fn options(budget: BudgetChange) -> ResumeOptions {
    ResumeOptions { budget, ..ResumeOptions::default() }
}

/// A study with failures and duplicates.
fn study(strategy: &str, trials: u32, workers: u32) -> StudySpec {
    let mut study = with(spec("extended", strategy, trials), &[("fail", "20")]);
    study.workers = Some(workers);
    study
}

#[test]
fn the_first_trials_stay_and_the_further_ones_are_the_same_every_time() {
    let folder = tempfile::tempdir().unwrap();
    for strategy in STRATEGIES {
        let files = ["once", "twice"].map(|name| folder.path().join(format!("{strategy}-{name}")));
        for file in &files {
            run(&study(strategy, 30, 3), file).unwrap();
            let before = read(file);
            assert_eq!(go_on_with(file, &by(30), &mut ()).unwrap(), End::Trials);
            let after = read(file);
            assert_eq!(after.trials.len(), 60, "{strategy}");
            assert_eq!(after.trials[..30], before.trials, "{strategy}");
            assert_eq!((after.header.budget.trials, after.budget.trials), (Some(30), Some(60)));
            let now = records(file);
            assert_eq!(go_on(file).unwrap(), End::Trials, "an extended study ends at its new budget");
            assert_eq!(records(file), now);
        }
        assert_same_records(&records(&files[0]), &records(&files[1]), strategy);
    }
}

/// The calls and trials of a study, without its budget.
fn without_budget(file: &Path) -> String {
    records(file).lines().filter(|line| !line.contains("Budget {")).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_strategy_that_plans_no_budget_proposes_what_it_would_have_anyway() {
    let folder = tempfile::tempdir().unwrap();
    for strategy in STRATEGIES {
        let (whole, file) = (folder.path().join(format!("{strategy}-whole")), folder.path().join(strategy));
        // By default, the population is a share of the budget.
        let population: &[(&str, &str)] = match strategy {
            "genetic" => &[("strategy.population", "8")],
            "regularized-evolution" => &[("strategy.population", "8"), ("strategy.sample", "3")],
            _ => &[],
        };
        run(&with(study(strategy, 60, 1), population), &whole).unwrap();
        run(&with(study(strategy, 20, 1), population), &file).unwrap();
        go_on_with(&file, &by(25), &mut ()).unwrap();
        go_on_with(&file, &to(60), &mut ()).unwrap();
        assert_same_records(&without_budget(&whole), &without_budget(&file), strategy);
    }
}

#[test]
fn a_kill_at_any_commit_after_the_extension_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (file, base) = (folder.path().join("whole"), folder.path().join("copies"));
    std::fs::create_dir(&base).unwrap();
    run(&study("regularized-evolution", 8, 3), &file).unwrap();
    let mut copies = Copies { file: file.clone(), folder: base, taken: Vec::new() };
    go_on_with(&file, &by(8), &mut copies).unwrap();
    assert!(copies.taken.len() > 16);
    for copy in copies.taken {
        go_on(&copy).unwrap();
        assert_same_records(&records(&file), &records(&copy), &copy.display().to_string());
    }
}

#[test]
fn an_unfinished_study_is_extended_before_it_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("study");
    let stop = AtomicBool::new(false);
    let mut listener = |event: &Event<'_>| {
        if let Event::Finished { trial, .. } = event {
            stop.store(trial.trial >= 5, std::sync::atomic::Ordering::Relaxed);
        }
    };
    assert_eq!(run_with(&study("genetic", 12, 1), &file, &stop, &mut listener).unwrap(), End::Stopped);
    assert_eq!(go_on_with(&file, &to(20), &mut ()).unwrap(), End::Trials);
    assert_eq!(go_on_with(&file, &to(20), &mut ()).unwrap(), End::Trials, "an absolute number is given twice");
    assert_eq!(read(&file).trials.len(), 20);
    message(go_on_with(&file, &to(12), &mut ()), &["budget.trials", "12 is not more than the 20 trials", "+N"]);
    let seconds = BudgetChange { seconds: Some(NewLimit::By(9.0)), ..BudgetChange::default() };
    message(go_on_with(&file, &options(seconds), &mut ()), &["budget.seconds", "no limit of seconds"]);
}

#[test]
fn fidelity_and_simulated_seconds_are_extended() {
    let folder = tempfile::tempdir().unwrap();
    let limited = |budget| StudySpec { budget, ..spec("extended", "random-search", 1) };
    let file = folder.path().join("epochs");
    let budget = BudgetSpec { total_fidelity: Some(30.0), ..BudgetSpec::default() };
    assert_eq!(run(&with(limited(budget), &[("epochs", "4")]), &file).unwrap(), End::TotalFidelity);
    let more = BudgetChange { total_fidelity: Some(NewLimit::By(8.0)), ..BudgetChange::default() };
    assert_eq!(go_on_with(&file, &options(more), &mut ()).unwrap(), End::TotalFidelity);
    let trained =
        |file: &Path| read(file).trials.iter().filter(|trial| trial.trained && trial.state.is_final()).count();
    assert_eq!(trained(&file), 9, "nine trials of four epochs fit in 38");

    let file = folder.path().join("seconds");
    let budget = BudgetSpec { seconds: Some(500.0), ..BudgetSpec::default() };
    assert_eq!(run(&with(limited(budget), &[("simulated", "100")]), &file).unwrap(), End::Seconds);
    let before = read(&file);
    let more = BudgetChange { seconds: Some(NewLimit::To(1000.0)), ..BudgetChange::default() };
    assert_eq!(go_on_with(&file, &options(more), &mut ()).unwrap(), End::Seconds);
    let after = read(&file);
    assert!(after.trials.len() > before.trials.len() && after.trials[..before.trials.len()] == before.trials);
}

#[test]
fn a_strategy_that_has_finished_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("study");
    assert_eq!(run(&scripted("finished", "0,0,0 0,1,0"), &file).unwrap(), End::Finished);
    let mut said = Vec::new();
    let mut listener = |event: &Event<'_>| {
        if let Event::Warning(words) = event {
            said.push((*words).to_owned());
        }
    };
    assert_eq!(go_on_with(&file, &by(30), &mut listener).unwrap(), End::Finished);
    assert!(said.len() == 1 && said[0].contains("nothing more to propose") && said[0].contains("--warm-start"));
}

#[test]
fn a_new_search_takes_a_budget_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("study");
    run(&study("genetic", 6, 1), &file).unwrap();
    go_on_with(&file, &by(2), &mut ()).unwrap();
    let warm = |options: ResumeOptions| ResumeOptions { warm_start: true, ..options };
    message(go_on_with(&file, &warm(by(3)), &mut ()), &["budget.trials", "without '+'"]);
    go_on_with(&file, &warm(to(3)), &mut ()).unwrap();
    assert_eq!((read(&file).trials.len(), read(&file).budget.trials), (11, Some(3)));
}
