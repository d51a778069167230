//! Files that came from elsewhere, or that something else has changed: nothing in them runs, and numbers that no study
//! writes are refused in words.

use std::fs;
use std::sync::atomic::AtomicBool;

use nas_core::study::{Event, StudyRecord, checkpoint_folder};

use crate::common::{go_on, message, read, records, run, run_with, run_with_copies, spec};

fn study() -> nas_core::study::StudySpec {
    spec("foreign", "random-search", 6)
}

/// Runs SQL on a finished study without any of SQLite's checks, and returns how the study is refused.
fn refused(sql: &str, parts: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("study");
    run(&study(), &file).unwrap();
    let db = rusqlite::Connection::open(&file).unwrap();
    let off = "PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF; PRAGMA writable_schema = ON;";
    db.execute_batch(&format!("{off} {sql}")).unwrap();
    drop(db);
    let error = StudyRecord::read(&file).map(drop).and_then(|()| go_on(&file).map(drop));
    let error = message(error, parts);
    assert!(error.contains("the study is damaged") && error.contains("nas recover"), "{error}");
}

#[test]
fn what_a_file_declares_besides_its_tables_never_runs() {
    refused(
        "CREATE TRIGGER g AFTER INSERT ON metrics BEGIN UPDATE metrics SET value = 99 WHERE trial = new.trial; END",
        &["the trigger 'g'"],
    );
    refused(
        "ALTER TABLE trials RENAME TO t2; CREATE VIEW trials AS \
         WITH RECURSIVE r(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM r) SELECT t2.* FROM t2, r",
        &["the view 'trials'"],
    );
    refused("CREATE TABLE other (x)", &["the table 'other'"]);
    refused(
        "ALTER TABLE trials ADD COLUMN more INTEGER GENERATED ALWAYS AS (trial + 1)",
        &["'trials' is not that of a study"],
    );
    refused("DROP INDEX told", &["'told' is missing"]);
}

#[test]
fn numbers_that_no_study_writes_are_refused() {
    let trial = |set: &str| format!("UPDATE trials SET {set} WHERE trial = 3");
    refused(&trial("duplicate_of = 3, trained = 0"), &["trial 3", "whose outcome it took over"]);
    refused(&trial("duplicate_of = 99999"), &["trial 3", "whose outcome it took over"]);
    refused(&trial("resume = 3"), &["trial 3", "that it continues"]);
    refused(&trial("search = 7"), &["trial 3", "no search 7"]);
    refused("UPDATE trials SET trial = 4294967296 WHERE trial = 5", &[]);
    refused(&trial("cost = -1.0"), &["trial 3", "out of range"]);
    refused(&trial("cost = 9e999"), &["trial 3", "out of range"]);
    refused(&trial("duplicate_of = -1"), &[]);
    let event = |set: &str| format!("UPDATE events SET {set} WHERE event = (SELECT max(event) FROM events)");
    refused(&event("trials = '99999'"), &["told of trial 99999"]);
    refused(&event("kind = 'ask', trials = '99999'"), &["out of turn"]);
    refused(&event("kind = '3'"), &[]);
    refused(&event("trials = 'x'"), &["names no trials"]);
    refused("UPDATE events SET amount = 4000000000 WHERE event = 1", &["asked for 4000000000 trials"]);
    refused("DELETE FROM events", &["the call that asked for trial 0 is missing"]);
    refused("UPDATE searches SET header = replace(header, 'workers = 1', 'workers = 4000000')", &["4000000 workers"]);
    refused("UPDATE searches SET header = replace(header, 'trials = 6', 'trials = 0')", &["no budget"]);
    refused("UPDATE sessions SET seconds = -1.0", &["seconds of a run"]);
    refused("INSERT INTO budgets (search, after) VALUES (0, 3)", &["no budget"]);
}

#[test]
fn nothing_of_a_deleted_study_reaches_a_new_one_of_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let clean = folder.path().join("clean");
    run(&study(), &clean).unwrap();
    let mut other = study();
    other.seed = Some(99);
    let copies = run_with_copies(&other, &folder.path().join("other"), folder.path()).unwrap();
    // What kill -9 leaves.
    let file = copies.last().unwrap();
    let log = file.with_extension("study-wal");
    assert!(fs::metadata(&log).unwrap().len() > 0);
    let states = checkpoint_folder(file);
    fs::create_dir_all(states.join("unfinished")).unwrap();
    fs::write(states.join("trial-7"), "of another study").unwrap();
    fs::write(file.with_extension("study.new-journal"), "of another study").unwrap();
    fs::remove_file(file).unwrap();
    run(&study(), file).unwrap();
    assert_eq!(records(file), records(&clean));
    assert!(fs::read_dir(&states).map_or(0, Iterator::count) == 0, "no checkpoint of another study");
    let found = rusqlite::Connection::open(file).unwrap().query_row("PRAGMA integrity_check", [], |row| row.get(0));
    assert_eq!(found, Ok("ok".to_owned()));
}

#[test]
fn another_name_of_a_running_study_is_the_same_study() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("study");
    let mut seen = 0;
    let mut listener = |event: &Event<'_>| {
        if let Event::Finished { trial, .. } = event {
            let name = folder.path().join(format!("link-{}", trial.trial));
            #[cfg(unix)]
            {
                std::os::unix::fs::symlink(&file, &name).unwrap();
                message(go_on(&name), &["another process is running this study"]);
                fs::remove_file(&name).unwrap();
            }
            if cfg!(target_os = "linux") {
                fs::hard_link(&file, &name).unwrap();
                message(go_on(&name), &["another process is running this study"]);
                let _ = fs::remove_file(folder.path().join("study.lock"));
                message(go_on(&file), &["another process is running this study"]);
            }
            seen += 1;
        }
    };
    run_with(&study(), &file, &AtomicBool::new(false), &mut listener).unwrap();
    assert_eq!(seen, 6);
    go_on(&file).unwrap();
}

#[test]
fn a_run_ends_when_another_one_has_begun() {
    let folder = tempfile::tempdir().unwrap();
    let (clean, file) = (folder.path().join("clean"), folder.path().join("study"));
    run(&study(), &clean).unwrap();
    let mut listener = |event: &Event<'_>| {
        if let Event::Finished { trial, .. } = event
            && trial.trial == 3
        {
            let insert = "INSERT INTO sessions (search, started, seconds) VALUES (0, 0, 0)";
            rusqlite::Connection::open(&file).unwrap().execute_batch(insert).unwrap();
        }
    };
    let ended = run_with(&study(), &file, &AtomicBool::new(false), &mut listener);
    message(ended, &["another process has begun to run this study"]);
    go_on(&file).unwrap();
    assert_eq!(records(&file), records(&clean));
}

#[test]
fn the_file_alone_is_the_whole_study_after_a_stop() {
    let folder = tempfile::tempdir().unwrap();
    let (file, copy) = (folder.path().join("study"), folder.path().join("copy"));
    // A reader keeps SQLite from removing its log of writes.
    let mut reader = None;
    let mut listener = |event: &Event<'_>| {
        if let (Event::Finished { .. }, None) = (event, &reader) {
            let db = rusqlite::Connection::open(&file).unwrap();
            let _: u32 = db.query_row("SELECT count(*) FROM trials", [], |row| row.get(0)).unwrap();
            reader = Some(db);
        }
    };
    run_with(&study(), &file, &AtomicBool::new(false), &mut listener).unwrap();
    assert_eq!(fs::metadata(folder.path().join("study-wal")).unwrap().len(), 0);
    fs::copy(&file, &copy).unwrap();
    assert_eq!(records(&copy), records(&file));
    drop(reader);
}

/// Where nothing can be written beside the file, not even SQLite's own index; root may write anywhere.
#[cfg(unix)]
#[test]
fn a_study_is_read_where_nothing_can_be_written() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let copies = run_with_copies(&study(), &folder.path().join("study"), folder.path()).unwrap();
    let file = copies.last().unwrap();
    let place = folder.path().join("media");
    fs::create_dir(&place).unwrap();
    for ending in ["", "-wal"] {
        let (from, to) = (format!("{}{ending}", file.display()), place.join(format!("study{ending}")));
        fs::copy(from, &to).unwrap();
        fs::set_permissions(&to, fs::Permissions::from_mode(0o444)).unwrap();
    }
    fs::set_permissions(&place, fs::Permissions::from_mode(0o555)).unwrap();
    let record = read(&place.join("study"));
    fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(record.trials.len(), 6, "what is in the log of writes is read too");
}
