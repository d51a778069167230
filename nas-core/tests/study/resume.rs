//! A study that was interrupted in any way ends as if it had not been.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nas_core::study::{End, Event, Listener, PluginSpec, ResumeOptions, State, StudyError, StudySpec};

use crate::common::{
    Copies, STRATEGIES, assert_same_records, go_on, go_on_with, message, read, records, run, run_with, run_with_copies,
    spec, with,
};
use crate::evaluator::{break_at, repair, take_calls};

/// A study with three workers, failures, duplicates, and measurements of random duration.
fn study(label: &str, strategy: &str) -> StudySpec {
    let mut study = with(spec(label, strategy, 14), &[("sleep", "500"), ("fail", "20")]);
    study.workers = Some(3);
    study
}

#[test]
fn a_kill_at_any_commit_changes_nothing() {
    for strategy in STRATEGIES {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("whole");
        let copies = run_with_copies(&study("killed", strategy), &file, folder.path()).unwrap();
        assert!(copies.len() > 28, "an ask and a tell for every trial");
        for copy in copies {
            go_on(&copy).unwrap();
            assert_same_records(&records(&file), &records(&copy), &format!("{strategy}, {}", copy.display()));
        }
    }
}

/// On a simulated clock, results are told in the order of their ends, which a resume has to reproduce.
#[test]
fn a_kill_at_any_commit_of_simulated_workers_changes_nothing() {
    for strategy in ["regularized-evolution", "reinforce"] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("whole");
        let study = with(study("simulated", strategy), &[("simulated", "100")]);
        for copy in run_with_copies(&study, &file, folder.path()).unwrap() {
            go_on(&copy).unwrap();
            assert_same_records(&records(&file), &records(&copy), &format!("{strategy}, {}", copy.display()));
        }
        let told = |line: &str| line.trim().strip_prefix("tell: ").and_then(|trial| trial.parse::<u32>().ok());
        let told: Vec<u32> = records(&file).lines().filter_map(told).collect();
        assert!(told.len() == 14 && !told.is_sorted(), "{told:?}");
    }
}

#[test]
fn a_kill_during_a_resume_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("whole");
    let copies = run_with_copies(&study("killed-twice", "regularized-evolution"), &file, folder.path()).unwrap();
    let again = tempfile::tempdir().unwrap();
    for (number, copy) in copies.iter().enumerate().step_by(7) {
        let folder = again.path().join(number.to_string());
        std::fs::create_dir(&folder).unwrap();
        let mut copies = Copies { file: copy.clone(), folder, taken: Vec::new() };
        go_on_with(copy, &ResumeOptions::default(), &mut copies).unwrap();
        for copy in copies.taken.iter().step_by(3) {
            go_on(copy).unwrap();
            assert_same_records(&records(&file), &records(copy), &copy.display().to_string());
        }
    }
}

/// Stops the study after this number of commits.
struct StopAt<'a> {
    stop: &'a AtomicBool,
    commits: u32,
}

impl Listener for StopAt<'_> {
    fn event(&mut self, event: &Event<'_>) {
        if matches!(event, Event::Committed) {
            self.commits = self.commits.saturating_sub(1);
            self.stop.store(self.commits == 0, Ordering::Relaxed);
        }
    }
}

#[test]
fn a_stop_at_any_commit_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    run(&study("stopped", "genetic"), &whole).unwrap();
    for commits in 1..28 {
        let file = folder.path().join(commits.to_string());
        let stop = AtomicBool::new(false);
        let end = run_with(&study("stopped", "genetic"), &file, &stop, &mut StopAt { stop: &stop, commits }).unwrap();
        assert_eq!(end, End::Stopped);
        let trials = read(&file).trials;
        assert!(trials.iter().all(|trial| trial.state != State::Running), "what was running is recorded as stopped");
        assert_eq!(go_on(&file).unwrap(), End::Trials);
        assert_same_records(&records(&whole), &records(&file), &format!("stopped at commit {commits}"));
    }
}

#[test]
fn a_long_measurement_is_interrupted() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("study");
    let study = with(spec("hangs", "random-search", 10), &[("hang_at", "3")]);
    let stop = AtomicBool::new(false);
    let start = Instant::now();
    let mut listener = |event: &Event<'_>| {
        if let Event::Started { trial, .. } = event {
            stop.store(*trial >= 3, Ordering::Relaxed);
        }
    };
    assert_eq!(run_with(&study, &file, &stop, &mut listener).unwrap(), End::Stopped);
    // Without the interruption it would take a minute.
    assert!(start.elapsed() < Duration::from_secs(30));
    let record = read(&file);
    let trial = record.trials.last().unwrap();
    assert_eq!((trial.state, trial.reason.as_str()), (State::Stopped, "interrupted"));
}

#[test]
fn a_broken_evaluator_ends_the_study_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, file) = (folder.path().join("whole"), folder.path().join("study"));
    run(&study("broken", "local-search"), &whole).unwrap();
    break_at("broken", 5);
    let error = run(&study("broken", "local-search"), &file).unwrap_err();
    assert!(matches!(error, StudyError::Broken(_)) && !error.is_input());
    message::<()>(Err(error), &["cheap", "evaluate", "the disk is full"]);
    // The evaluator is still broken.
    message(go_on(&file), &["the disk is full"]);
    repair("broken");
    go_on(&file).unwrap();
    assert_same_records(&records(&whole), &records(&file), "after a broken evaluator");
}

#[test]
fn measured_trials_are_not_measured_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("study");
    run(&study("again", "random-search"), &file).unwrap();
    let trained = read(&file).trials.iter().filter(|trial| trial.trained).count();
    assert_eq!(take_calls("again").len(), trained);
    assert_eq!(go_on(&file).unwrap(), End::Trials);
    assert_eq!(take_calls("again"), []);
}

#[test]
fn a_strategy_that_is_not_deterministic_is_detected() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("study");
    run(&spec("fickle", "fickle", 6), &file).unwrap();
    let before = records(&file);
    let error = go_on(&file).unwrap_err();
    assert!(matches!(error, StudyError::Replay { trial: 3, .. }), "{error}");
    message::<()>(Err(error), &["fickle", "trial 3", "recorded", "not deterministic", "--warm-start"]);
    assert_eq!(records(&file), before, "nothing was written");
}

#[test]
fn the_settings_of_a_study_cannot_be_changed_on_resume() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("study");
    run(&spec("stays", "random-search", 6), &file).unwrap();
    let before = records(&file);
    let refused = |options: ResumeOptions, parts: &[&str]| {
        message(go_on_with(&file, &options, &mut ()), parts);
        assert_eq!(records(&file), before, "nothing was written");
    };
    let strategy = |name: &str| ResumeOptions { strategy: PluginSpec::named(name), ..ResumeOptions::default() };
    refused(strategy("genetic"), &["begun with", "random-search", "genetic", "--warm-start"]);
    refused(strategy("random"), &["no strategy", "did you mean"]);
    let mut other = strategy("random-search");
    other.strategy.settings.insert("unknown".into(), nas_core::study::UnresolvedSetting::Raw("1".into()));
    refused(other, &["strategy.unknown", "no such parameter"]);
    assert_eq!(go_on_with(&file, &strategy("random-search"), &mut ()).unwrap(), End::Trials);
}
