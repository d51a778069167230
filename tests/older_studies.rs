//! Studies that earlier versions of the program wrote are shown, resumed and trained. `tests/studies/` keeps one of
//! each kind.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::path::{Path, PathBuf};

use common::{json, nas, records, refused, scratch, succeed};

/// The name of each study with its numbers of measured, pruned and unfinished trials.
const STUDIES: [(&str, u64, u64, u64); 6] = [
    ("trained", 4, 0, 0),
    ("searched", 12, 0, 0),
    ("pruned", 7, 5, 0),
    ("warm-started", 11, 0, 0),
    ("budgeted", 3, 0, 0),
    ("stopped", 10, 0, 1),
];

/// Copies a kept study to a file that may be changed.
fn copy(name: &str, study: &Path) {
    let kept = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/studies/{name}.study"));
    std::fs::copy(&kept, study).unwrap_or_else(|error| panic!("{}: {error}", kept.display()));
}

fn counts(study: &str) -> (u64, u64, u64, u64) {
    let found = json(&mut nas(["show", study]));
    let count = |key: &str| found[key].as_u64().unwrap();
    (count("measured"), count("pruned"), count("unfinished"), count("failed"))
}

#[test]
fn older_studies_are_shown_with_the_current_trial_states() {
    for (name, measured, pruned, unfinished) in STUDIES {
        let (_folder, study) = scratch();
        copy(name, &study);
        let file = study.to_str().unwrap();
        assert_eq!(counts(file), (measured, pruned, unfinished, 0), "{name}");
        let shown = json(nas(["show", file]).arg("--trials"));
        let states = |wanted: &str| {
            shown["trials"].as_array().unwrap().iter().filter(|trial| trial["state"] == wanted).count() as u64
        };
        assert_eq!((states("measured"), states("pruned"), states("failed")), (measured, pruned, 0), "{name}");
    }
}

#[test]
fn older_studies_are_resumed_and_every_proposal_is_replayed() {
    for (name, measured, pruned, unfinished) in STUDIES {
        let (_folder, study) = scratch();
        copy(name, &study);
        let before = records(&study);
        let file = study.to_str().unwrap();
        succeed(&mut nas(["resume", file, "--quiet"]));
        let (now_measured, now_pruned, left, _) = counts(file);
        assert_eq!((now_pruned, left), (pruned, 0), "{name}");
        if unfinished == 0 {
            assert_eq!((records(&study), now_measured), (before, measured), "{name}: it had ended");
        } else {
            assert_eq!(now_measured, 24, "{name}");
        }
    }
}

#[test]
fn older_studies_are_warm_started() {
    for (name, measured, ..) in STUDIES {
        let (_folder, study) = scratch();
        copy(name, &study);
        let file = study.to_str().unwrap();
        let mut resume =
            nas(["resume", file, "--warm-start", "--strategy", "local-search", "--trials", "2", "--quiet"]);
        succeed(&mut resume);
        let found = json(&mut nas(["show", file]));
        assert!(found["measured"].as_u64().unwrap() > measured, "{name}");
        assert_eq!(found["study"]["strategy"]["name"], "local-search");
    }
}

#[test]
fn networks_of_older_studies_are_trained() {
    for name in ["trained", "budgeted", "stopped"] {
        let (folder, study) = scratch();
        copy(name, &study);
        let out = folder.path().join("winner");
        let (file, out) = (study.to_str().unwrap(), out.to_str().unwrap());
        let trained = json(&mut nas(["train", file, "--epochs", "1", "--out", out]));
        assert!(trained["metrics"]["test_accuracy"].as_f64().unwrap() > 0.0, "{name}");
    }
}

/// Files of version 2 have no tables for learning curves.
#[test]
fn files_of_version_2_are_read_and_resumed() {
    let (_folder, study) = scratch();
    copy("searched", &study);
    let before = records(&study);
    let file = study.to_str().unwrap();
    let db = rusqlite::Connection::open(&study).unwrap();
    db.execute_batch("DROP TABLE reported; DROP TABLE reports; DROP TABLE pruned; PRAGMA user_version = 2;").unwrap();
    db.close().unwrap();
    assert_eq!(records(&study), before, "it is read without being changed");
    succeed(&mut nas(["resume", file, "--quiet"]));
    assert_eq!(records(&study), before);
    let db = rusqlite::Connection::open(&study).unwrap();
    let version: i32 = db.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert_eq!(version, 5);
}

#[test]
fn an_older_benchmark_is_continued_with_more_seeds_and_reported() {
    let (folder, _study) = scratch();
    let kept = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/studies/benchmark/benchmark.db");
    let out = folder.path().join("benchmark");
    std::fs::create_dir(&out).unwrap();
    std::fs::copy(kept, out.join("benchmark.db")).unwrap();
    let out = out.to_str().unwrap();
    let bench = |strategies: &str| {
        let mut bench = nas(["bench", "--strategies", strategies, "--problems", "synthetic/trap", "--trials", "30"]);
        bench.args(["--seeds", "4", "--quiet", "--out", out]);
        bench
    };
    succeed(&mut bench("local-search"));
    // Its default population has changed since: more seeds of it would be seeds of another strategy.
    let message = refused(&mut bench("genetic"));
    assert!(message.contains("genetic on synthetic/trap") && message.contains("choose another --out"), "{message}");
    let report = folder.path().join("report.html");
    succeed(nas(["report", out, "--out"]).arg(&report));
    assert!(std::fs::read_to_string(&report).unwrap().contains("local-search"));
}
