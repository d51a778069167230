//! The study's file: invalid files are refused, one process may write, and all may read.

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use nas_core::study::{Event, StudyRecord};

use crate::common::{go_on, message, read, records, run, run_with, spec};

fn study() -> nas_core::study::StudySpec {
    spec("files", "random-search", 4)
}

#[test]
fn an_existing_file_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("study");
    fs::write(&file, "precious").unwrap();
    message(run(&study(), &file), &["already exists", "nas resume"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
}

#[test]
fn files_that_are_no_studies_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let refused = |path: &Path, part: &str| {
        let read = message(StudyRecord::read(path), &[&path.display().to_string(), part]);
        assert!(!read.contains("panicked"));
        message(go_on(path), &[part]);
    };
    refused(&path("missing"), "there is no such file");
    fs::write(path("text"), "not a database at all, but long enough to be one").unwrap();
    refused(&path("text"), "is not a study file");
    fs::write(path("empty"), "").unwrap();
    refused(&path("empty"), "is not a study file");
    refused(folder.path(), "is not a study file");
    let other = rusqlite::Connection::open(path("other")).unwrap();
    other.execute_batch("CREATE TABLE t (x)").unwrap();
    drop(other);
    refused(&path("other"), "is a database, but not a study");
}

#[test]
fn a_study_of_another_version_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("study");
    run(&study(), &file).unwrap();
    let db = rusqlite::Connection::open(&file).unwrap();
    db.pragma_update(None, "user_version", 99).unwrap();
    drop(db);
    message(StudyRecord::read(&file), &["version 99"]);
    message(go_on(&file), &["version 99"]);
}

#[test]
fn damaged_records_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let damaged = |sql: &str, part: &str| {
        let file = folder.path().join(part.replace(' ', "-"));
        run(&study(), &file).unwrap();
        rusqlite::Connection::open(&file).unwrap().execute_batch(sql).unwrap();
        let error = StudyRecord::read(&file).map(drop).and_then(|()| go_on(&file)).unwrap_err().to_string();
        assert!(error.contains(part) && error.contains("help"), "{error}");
    };
    damaged("PRAGMA foreign_keys = OFF; DELETE FROM metrics; DELETE FROM trials WHERE trial = 1", "trial 1 is missing");
    damaged("UPDATE trials SET proposal = '{' WHERE trial = 2", "the record of trial 2 cannot be read");
    damaged("UPDATE searches SET header = 'x'", "holds no header");
    damaged("UPDATE trials SET state = 'running' WHERE trial = 0", "the strategy was told of trial 0");
}

#[test]
fn one_process_at_a_time_may_write_and_all_may_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("study");
    let mut seen = 0;
    let mut listener = |event: &Event<'_>| {
        if let Event::Finished { trial, .. } = event {
            message(go_on(&file), &["another process is running this study", "nas show"]);
            message(run(&study(), &file), &["another process is running this study"]);
            assert_eq!(read(&file).trials[trial.trial as usize].state, trial.state);
            seen += 1;
        }
    };
    run_with(&study(), &file, &AtomicBool::new(false), &mut listener).unwrap();
    assert_eq!(seen, 4);
    let beside: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(beside, ["study"], "no lock and no journal stays behind");
}

/// The copy is what a process leaves that is killed during a write with a rollback journal.
#[test]
fn an_unfinished_write_of_a_killed_process_is_rolled_back() {
    let folder = tempfile::tempdir().unwrap();
    let (file, copy) = (folder.path().join("study"), folder.path().join("copy"));
    run(&study(), &file).unwrap();
    let expected = records(&file);
    let db = rusqlite::Connection::open(&file).unwrap();
    // With such a small cache, SQLite writes to the file before the end of the transaction.
    db.execute_batch(
        "PRAGMA journal_mode = DELETE; PRAGMA cache_size = 1; BEGIN; UPDATE trials SET proposal = 'x'; \
         CREATE TABLE big (x); \
         WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 2000) \
         INSERT INTO big SELECT randomblob(500) FROM n",
    )
    .unwrap();
    fs::copy(&file, &copy).unwrap();
    fs::copy(folder.path().join("study-journal"), folder.path().join("copy-journal")).unwrap();
    assert_eq!(records(&copy), expected);
    go_on(&copy).unwrap();
}

/// How far a training has got is needed until its outcome is in the file: a kill in between would lose hours.
#[test]
fn the_checkpoint_of_a_trial_is_removed_after_its_outcome_is_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("study");
    let kept = |trial: u32| nas_api::evaluator::unfinished_file(&nas_core::study::checkpoint_folder(&file), trial);
    let (mut recorded, mut seen) = (false, 0);
    let mut listener = |event: &Event<'_>| match event {
        Event::Started { trial, .. } => {
            fs::create_dir_all(kept(*trial).parent().unwrap()).unwrap();
            fs::write(kept(*trial), "half").unwrap();
        }
        Event::Committed => {
            let running = |trial: &u32| kept(*trial).exists();
            recorded = (0..4).filter(running).any(|trial| read(&file).trials[trial as usize].state.is_final());
        }
        Event::Finished { trial, .. } if trial.trained => {
            assert!(recorded, "it was there when the outcome was recorded");
            assert!(!kept(trial.trial).exists());
            seen += 1;
        }
        _ => {}
    };
    run_with(&study(), &file, &AtomicBool::new(false), &mut listener).unwrap();
    assert!(seen > 0);
}

#[test]
fn a_missing_folder_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    message(run(&study(), &folder.path().join("no/such/study")), &["cannot be written", "folder"]);
}

#[test]
fn numbers_are_read_back_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("study");
    let mut live = Vec::new();
    let mut listener = |event: &Event<'_>| {
        if let Event::Finished { trial, .. } = event {
            live.push((*trial).clone());
        }
    };
    run_with(&spec("bits", "reinforce", 30), &file, &AtomicBool::new(false), &mut listener).unwrap();
    let bits = |metrics: &[nas_api::Metric]| metrics.iter().map(|m| m.value.to_bits()).collect::<Vec<_>>();
    for (written, back) in live.iter().zip(read(&file).trials) {
        assert_eq!(bits(&written.metrics), bits(&back.metrics));
        assert_eq!(written.proposal, back.proposal);
    }
    assert_eq!(records(&file), records(&file));
}
