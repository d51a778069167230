//! Trials at several fidelities, and trials that continue earlier ones.

use nas_core::study::{Duplicates, PluginSpec, State, StudySpec, Summary};

use crate::common::{assert_same_records, go_on, message, read, records, run, run_with_copies, scripted, spec, with};
use crate::evaluator::take_calls;

fn resuming(study: StudySpec) -> StudySpec {
    let mut study = with(study, &[("epochs", "4")]);
    study.evaluator.reference = Some("cheap-resuming".into());
    study
}

#[test]
fn successive_halving_continues_trials() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("study");
    run(&resuming(spec("halving", "halving", 100)), &file).unwrap();
    let record = read(&file);
    let rungs: Vec<usize> = [1.0, 2.0, 4.0]
        .iter()
        .map(|rung| record.trials.iter().filter(|trial| trial.fidelity == Some(*rung)).count())
        .collect();
    assert_eq!(rungs, [9, 3, 1]);
    for call in take_calls("halving") {
        assert_eq!(call.resume.is_some(), call.fidelity > Some(1.0), "{call:?}");
    }
    let last = &record.trials[12];
    let origin = &record.trials[last.resume.unwrap() as usize];
    assert_eq!(origin.key, last.key);
    assert_eq!(Summary::of(&record).best, Some(12), "only the highest fidelity counts");
    assert_eq!(Summary::of(&record).front, [12]);
}

#[test]
fn successive_halving_resumes_after_a_kill_at_any_commit() {
    let folder = tempfile::tempdir().unwrap();
    let mut study = resuming(spec("halving-killed", "halving", 100));
    study.workers = Some(3);
    let file = folder.path().join("whole");
    let copies = run_with_copies(&study, &file, folder.path()).unwrap();
    assert!(copies.len() > 26);
    for copy in copies {
        go_on(&copy).unwrap();
        assert_same_records(&records(&file), &records(&copy), &copy.display().to_string());
    }
}

#[test]
fn duplicates_are_measured_if_the_study_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let mut study = with(scripted("measured-again", "0,0,0 0,0,1 0,0,0 0,0,0"), &[("epochs", "4")]);
    study.evaluator.reference = Some("cheap-resuming".into());
    study.duplicates = Some(Duplicates::Measure);
    let file = folder.path().join("study");
    let copies = run_with_copies(&study, &file, folder.path()).unwrap();
    let record = read(&file);
    assert!(record.trials.iter().all(|trial| trial.trained && trial.duplicate_of.is_none()));
    let calls = take_calls("measured-again");
    assert_eq!(calls.iter().filter(|call| call.key == record.trials[0].key).count(), 3);
    let seeds: std::collections::BTreeSet<u32> = calls.iter().map(|call| call.seed).collect();
    assert_eq!(seeds.len(), 4, "each has a seed of its own");
    // The setting also holds after a resume.
    for copy in copies {
        go_on(&copy).unwrap();
        assert_same_records(&records(&file), &records(&copy), &copy.display().to_string());
    }
    assert_eq!(record.header.duplicates, Duplicates::Measure);
}

#[test]
fn the_same_architecture_at_another_fidelity_is_trained() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("study");
    run(&resuming(scripted("fidelities", "0,0,0@1 0,0,0@4 0,0,0 0,0,0@4<0 0,0,0@1")), &file).unwrap();
    let duplicates: Vec<_> = read(&file).trials.iter().map(|trial| trial.duplicate_of).collect();
    // The default is the highest fidelity. A trial that continues another one is not a duplicate of one trained at
    // once.
    assert_eq!(duplicates, [None, None, Some(1), None, Some(0)]);
    assert_eq!(read(&file).trials[3].resume, Some(0));
}

#[test]
fn a_duplicate_is_carried_on_from_the_state_of_its_original() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("study");
    run(&resuming(scripted("originals", "0,0,0@1 0,0,0@1 0,0,0@2<1")), &file).unwrap();
    let trial = &read(&file).trials[2];
    assert_eq!((trial.resume, trial.state), (Some(0), State::Measured));
}

#[test]
fn trials_that_cannot_be_carried_on_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |label: &str, study: StudySpec, parts: &[&str]| {
        message(run(&study, &folder.path().join(label)), parts);
    };
    let carry = |label: &str, script: &str| resuming(scripted(label, script));
    refused("future", carry("future", "0,0,0@1 0,0,0@2<1"), &["continue trial 1", "has not been told of that trial"]);
    refused("other", carry("other", "0,0,0@1 0,1,0@2<0"), &["continue trial 0", "another architecture"]);
    refused("lower", carry("lower", "0,0,0@4 0,0,0@2<0"), &["continue trial 0", "not to a higher fidelity"]);
    let failing = with(carry("failed", "0,0,0@1 0,0,0@2<0"), &[("fail", "100")]);
    refused("failed", failing, &["continue trial 0", "that trial failed"]);
    refused("offered", carry("offered", "0,0,0@3"), &["fidelity of 3", "offers [1.0, 2.0, 4.0]"]);
    let cannot = with(scripted("cannot", "0,0,0@1 0,0,0@2<0"), &[("epochs", "4")]);
    refused("cannot", cannot, &["continue trial 0", "'cheap' cannot"]);
}

#[test]
fn the_needs_of_a_strategy_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("study");
    let mut study = spec("needs", "halving", 10);
    message(run(&study, &file), &["needs several fidelities", "'cheap' offers 0"]);
    study = with(study, &[("epochs", "4")]);
    message(run(&study, &file), &["continues trials", "'cheap' cannot"]);
    study.evaluator = PluginSpec { reference: Some("cheap-resuming".into()), ..study.evaluator };
    run(&study, &file).unwrap();
}
