//! Warm starts: a new search in the file of an earlier one.

use nas_core::study::{End, ResumeOptions, State, Summary};

use crate::common::{
    Copies, assert_same_records, go_on, go_on_with, message, read, records, run, run_with_copies, scripted, spec, warm,
    with,
};
use crate::evaluator::take_calls;
use crate::strategy::take_told;

/// Options for a warm start with a scripted strategy.
fn script(label: &str, script: &str) -> ResumeOptions {
    let mut options = warm("scripted", 10);
    options.strategy = scripted(label, script).strategy;
    options
}

#[test]
fn the_new_strategy_is_told_of_everything_measured() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("study");
    let study = with(spec("told", "random-search", 30), &[("fail", "30")]);
    run(&study, &file).unwrap();
    let old = read(&file).trials;
    assert_eq!(go_on_with(&file, &script("told", "0,0,0 0,1,0"), &mut ()).unwrap(), End::Finished);
    let told = take_told("told");
    let known = old.iter().filter(|trial| trial.state == State::Measured && trial.duplicate_of.is_none());
    let known: Vec<_> = known.map(|trial| trial.proposal.candidate.clone()).collect();
    assert!(known.len() > 5);
    let (knowledge, own) = told.split_at(known.len());
    assert!(knowledge.iter().all(|told| told.trial.is_none()));
    assert_eq!(knowledge.iter().map(|told| told.candidate.clone()).collect::<Vec<_>>(), known);
    assert_eq!(own.iter().map(|told| told.trial).collect::<Vec<_>>(), [Some(0), Some(1)], "trials count from 0 again");
}

#[test]
fn old_measurements_are_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("study");
    run(&scripted("repeated", "0,0,0 0,1,0"), &file).unwrap();
    take_calls("repeated");
    go_on_with(&file, &script("repeated", "0,1,0 0,2,0"), &mut ()).unwrap();
    assert_eq!(take_calls("repeated").iter().map(|call| call.trial).collect::<Vec<_>>(), [3]);
    let record = read(&file);
    assert_eq!(record.earlier.len(), 1);
    assert_eq!(record.trials.iter().map(|trial| trial.search).collect::<Vec<_>>(), [0, 0, 1, 1]);
    assert_eq!(record.trials[2].duplicate_of, Some(1));
    assert_eq!(Summary::of(&record).measured, 4);
}

#[test]
fn another_strategy_takes_over_and_resumes_after_a_kill_at_any_commit() {
    for strategy in ["local-search", "genetic", "regularized-evolution", "reinforce"] {
        let folder = tempfile::tempdir().unwrap();
        let mut study = with(spec("warm", "random-search", 8), &[("sleep", "300")]);
        study.workers = Some(2);
        let file = folder.path().join("whole");
        // The last copy is the finished search; earlier copies have unfinished trials.
        let old = run_with_copies(&study, &file, folder.path()).unwrap();
        for from in [old.len() - 1, old.len() / 2] {
            let (file, folder) = (old[from].clone(), folder.path().join(format!("{from}-warm")));
            std::fs::create_dir(&folder).unwrap();
            let mut copies = Copies { file: file.clone(), folder, taken: Vec::new() };
            assert_eq!(go_on_with(&file, &warm(strategy, 9), &mut copies).unwrap(), End::Trials);
            let record = read(&file);
            assert_eq!(record.trials.iter().filter(|trial| trial.search == 1).count(), 9);
            for copy in &copies.taken {
                go_on(copy).unwrap();
                assert_same_records(&records(&file), &records(copy), &format!("{strategy}, {}", copy.display()));
            }
        }
    }
}

#[test]
fn unfinished_trials_are_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let mut study = spec("left", "random-search", 6);
    study.workers = Some(3);
    let file = folder.path().join("whole");
    let first = run_with_copies(&study, &file, folder.path()).unwrap().into_iter().nth(1).unwrap();
    assert_eq!(read(&first).trials.len(), 3);
    go_on_with(&first, &warm("random-search", 2), &mut ()).unwrap();
    let record = read(&first);
    for trial in &record.trials[..3] {
        assert_eq!(trial.state, State::Stopped);
        assert_eq!(trial.reason, "left unfinished when search 1 began");
    }
    assert_eq!(record.trials.len(), 5);
}

#[test]
fn a_study_can_have_two_warm_starts() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("study");
    run(&spec("twice", "random-search", 5), &file).unwrap();
    go_on_with(&file, &warm("genetic", 5), &mut ()).unwrap();
    go_on_with(&file, &warm("reinforce", 5), &mut ()).unwrap();
    let record = read(&file);
    assert_eq!(record.earlier.len(), 2);
    assert_eq!(record.trials.len(), 15);
    let names: Vec<_> =
        record.earlier.iter().chain([&record.header]).map(|h| h.strategy.identity.name.clone()).collect();
    assert_eq!(names, ["random-search", "genetic", "reinforce"]);
    let before = records(&file);
    assert_eq!(go_on(&file).unwrap(), End::Trials);
    assert_eq!(records(&file), before);
}

#[test]
fn the_needs_of_the_new_strategy_are_checked_first() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("study");
    run(&spec("first", "random-search", 3), &file).unwrap();
    let before = records(&file);
    message(go_on_with(&file, &warm("halving", 5), &mut ()), &["needs several fidelities"]);
    assert_eq!(records(&file), before);
}
