//! Damaged files and full disks, from the command line.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs::{self, OpenOptions};
use std::path::Path;
use std::process::Command;

use common::{json, nas, records, refused, scratch, succeed};

fn search(study: &Path, trials: &str) -> Command {
    let mut command = nas(["search", "--space", "synthetic", "--evaluator", "synthetic", "--data", "trap"]);
    command.args(["--strategy", "regularized-evolution", "--trials", trials, "--seed", "4", "--quiet", "--study"]);
    command.arg(study);
    command
}

/// Says what is wrong, and the command that helps.
fn is_told(message: &str, study: &str) {
    for words in ["the study is damaged", "go back to a copy", &format!("nas recover {study} --out")] {
        assert!(message.contains(words), "'{words}' is missing: {message}");
    }
}

#[test]
fn a_truncated_study_is_recovered_and_resumed_to_the_same_end() {
    let (folder, study) = scratch();
    succeed(&mut search(&study, "600"));
    let expected = records(&study);
    let file = study.to_str().unwrap();
    let length = fs::metadata(&study).unwrap().len();
    OpenOptions::new().write(true).open(&study).unwrap().set_len(length * 9 / 10).unwrap();
    is_told(&refused(&mut nas(["show", file])), file);
    is_told(&refused(&mut nas(["resume", file])), file);
    let report = folder.path().join("r.html");
    is_told(&refused(nas(["report", file, "--out"]).arg(&report)), file);
    assert!(!report.exists());

    let out = folder.path().join("new.study");
    let saved = json(nas(["recover", file, "--resumable", "--out"]).arg(&out));
    assert_eq!(saved["resumes"], true, "{saved}");
    assert!(saved["trials"].as_u64().unwrap() > 300, "{saved}");
    succeed(nas(["resume", "--quiet"]).arg(&out));
    assert_eq!(records(&out), expected);
    let message = refused(nas(["recover", file, "--out"]).arg(&out));
    assert!(message.contains("already exists"), "{message}");
}

#[test]
fn an_overwritten_study_is_recovered_shown_and_reported() {
    let (folder, study) = scratch();
    succeed(&mut search(&study, "600"));
    let mut bytes = fs::read(&study).unwrap();
    // 4 kB in the middle, not at the border of a page.
    let middle = bytes.len() / 2 / 4096 * 4096 + 2048;
    bytes[middle..middle + 4096].fill(0xa5);
    fs::write(&study, bytes).unwrap();
    let file = study.to_str().unwrap();
    is_told(&refused(&mut nas(["resume", file])), file);
    let out = folder.path().join("new.study");
    let printed = succeed(nas(["recover", file, "--out"]).arg(&out));
    assert!(printed.contains("trials saved"), "{printed}");
    let shown = json(nas(["show"]).arg(&out));
    assert!(shown["measured"].as_u64().unwrap() > 300, "{shown}");
    succeed(nas(["report", "--out"]).arg(folder.path().join("r.md")).arg(&out));
    if printed.contains("--warm-start") {
        let output = nas(["resume"]).arg(&out).output().unwrap();
        assert!(String::from_utf8_lossy(&output.stderr).contains("recovered from a damaged file"));
    }
    let resume = ["resume", "--warm-start", "--trials", "5", "--quiet"];
    succeed(nas(resume).arg(&out));
}

#[test]
fn a_study_is_extended_from_the_command_line() {
    let (folder, study) = scratch();
    let again = folder.path().join("again.study");
    for study in [&study, &again] {
        succeed(&mut search(study, "30"));
    }
    let before = json(nas(["show", "--trials"]).arg(&study));
    let resume = |study: &Path, trials: &str| {
        json(nas(["resume", "--trials", trials, "--quiet"]).arg(study))["measured"].as_u64().unwrap()
    };
    assert_eq!((resume(&study, "+30"), resume(&study, "60")), (60, 60));
    assert_eq!(resume(&again, "+30"), 60);
    let after = json(nas(["show", "--trials"]).arg(&study));
    assert_eq!(after["study"]["budget"]["trials"], 60);
    assert_eq!(after["trials"].as_array().unwrap()[..30], before["trials"].as_array().unwrap()[..]);
    assert_eq!(records(&study), records(&again));
    let message = refused(nas(["resume", "--trials", "20"]).arg(&study));
    assert!(message.contains("20 is not more than the 60 trials"), "{message}");
    let message = refused(nas(["resume", "--trials", "+many"]).arg(&study));
    assert!(message.contains("+30 for 30 more"), "{message}");
}

#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_printed_is_an_error() {
    let (_folder, study) = scratch();
    succeed(&mut search(&study, "3"));
    let file = study.to_str().unwrap();
    let commands = [&["show", file][..], &["show", file, "--records"], &["show", file, "--json"], &["table", "list"]];
    for arguments in commands {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = nas(arguments).stdout(full).output().unwrap();
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {message}");
        assert!(message.contains("standard output cannot be written"), "{message}");
    }
}

/// What two processes measured at the same time would be paid twice, and kept once.
#[cfg(unix)]
#[test]
fn a_benchmark_is_run_by_one_process_at_a_time() {
    use common::process::{kill, start, wait_for};
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let bench = |trials: &str| {
        let mut command = nas(["bench", "--strategies", "genetic", "--problems", "synthetic/trap", "--quiet"]);
        command.args(["--jobs", "1", "--seeds", "200", "--trials", trials, "--out"]).arg(&out);
        command
    };
    let mut running = start(&mut bench("20000"));
    wait_for("the benchmark", || out.join("benchmark.db").exists());
    let message = refused(&mut bench("20000"));
    assert!(message.contains("another `nas bench` is running this benchmark"), "{message}");
    kill("-9", running.id());
    running.wait().unwrap();
}

#[test]
fn an_import_writes_nowhere_but_in_the_folder_of_tables() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    let table = folder.path().join("numbers.csv");
    fs::write(&table, "width,acc\n8,1\n16,2\n").unwrap();
    let outside = folder.path().join("outside.csv");
    let import = |file: &str, join: &str| {
        let text = format!(
            "name = \"tiny\"\nfile = {file:?}\nspace = \"tiny-blocks\"\nversion = \"1\"\n\
             decision = [ {{ name = \"width\", choices = [8, 16] }} ]\n{join}[metric.acc]\ngoal = \"maximize\"\n\
             [problem.p]\ntask = {{ input_shape = [3, 32, 32], outputs = 10, kind = \"classification\" }}\n\
             [[problem.p.fidelity]]\nmetrics = {{ acc = \"acc\" }}\nseconds = {{ column = \"acc\" }}\n"
        );
        let map = folder.path().join("map.toml");
        fs::write(&map, text).unwrap();
        let mut command = nas(["table", "import", "--name", "mine"]);
        command.arg(&table).arg("--map").arg(map).env("XDG_DATA_HOME", &home);
        command
    };
    for file in [outside.to_str().unwrap(), "../../outside.csv", "sub/x.csv", "sub\\x.csv", "C:x", "..", "", "nul.csv"]
    {
        let message = refused(&mut import(file, ""));
        assert!(message.contains("is not the name of a file"), "{file}: {message}");
        let message = refused(&mut import("x.csv", &format!("[[join]]\nfile = {file:?}\non = \"width\"\n")));
        assert!(message.contains("is not the name of a file"), "{file}: {message}");
    }
    assert!(!outside.exists() && !home.exists());
    let message = refused(&mut import("mine.toml", ""));
    assert!(message.contains("two files have one name"), "{message}");
    succeed(&mut import("x.csv", ""));
    assert!(home.join("nas/tables/x.csv").is_file() && home.join("nas/tables/mine.toml").is_file());
}
