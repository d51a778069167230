//! Studies whose evaluator crashes, hangs or is killed: its trial fails or is retried, and no other trial changes.
#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::process::{children, kill, start, wait_for};
use common::{json, nas, records, scratch, succeed, unruly};
use serde_json::Value;

/// A study of the unruly evaluator; tests add how it misbehaves.
fn search(study: &Path, trials: u32) -> Command {
    let mut command = nas(["search", "--space", "mlp", "--strategy", "random-search", "--objective", "score:maximize"]);
    command.args(["--evaluator", &unruly(), "--trials", &trials.to_string(), "--study", study.to_str().unwrap()]);
    command
}

fn trials(study: &Path) -> Vec<Value> {
    let shown = json(&mut nas(["show", study.to_str().unwrap(), "--trials"]));
    shown["trials"].as_array().unwrap().clone()
}

/// The number, state, genotype and score of a trial, without its times.
fn essence(trial: &Value) -> (Value, Value, Value, Value) {
    let score = trial["metrics"]["score"].clone();
    (trial["trial"].clone(), trial["state"].clone(), trial["genotype"].clone(), score)
}

#[test]
fn a_misbehaving_evaluator_fails_only_its_own_trial() {
    let (folder, fine) = scratch();
    succeed(&mut search(&fine, 5));
    let expected = trials(&fine);
    for (behaviour, expected_reason) in [
        ("panic", "the evaluator panicked: it was told to"),
        ("poison", "the evaluator panicked: the device is poisoned"),
        ("abort", "signal 6 (aborted); its last words: about to abort"),
        ("overflow", "stack overflow"),
        ("exit", "its worker died, 2 times: exit code 3"),
        ("hang", "it took longer than 1 seconds (--trial-seconds)"),
        ("hog", "signal 6 (aborted); its last words: memory allocation of 16777216 bytes failed"),
    ] {
        let study = folder.path().join(format!("{behaviour}.study"));
        succeed(
            search(&study, 5)
                .args(["--set", &format!("evaluator.behaviour={behaviour}"), "--set", "evaluator.trial=2"])
                .args(["--trial-seconds", "1", "--worker-memory", "300"]),
        );
        let found = trials(&study);
        for (found, expected) in found.iter().zip(&expected) {
            if found["trial"] == 2 {
                assert_eq!(found["state"], "failed", "{behaviour}");
                let reason = found["reason"].as_str().unwrap();
                assert!(reason.contains(expected_reason), "{behaviour}: {reason}");
            } else {
                assert_eq!(essence(found), essence(expected), "{behaviour}");
            }
        }
        assert_eq!(found.len(), 5, "{behaviour}");
    }
}

#[test]
fn a_trial_whose_worker_died_is_retried() {
    let (folder, fine) = scratch();
    succeed(&mut search(&fine, 4));
    for behaviour in ["abort", "exit", "print", "read", "spawn"] {
        let study = folder.path().join(format!("{behaviour}.study"));
        let marker = folder.path().join(format!("{behaviour}.marker"));
        let start = Instant::now();
        succeed(
            search(&study, 4)
                .args(["--set", &format!("evaluator.behaviour={behaviour}"), "--set", "evaluator.trial=1"])
                .args(["--set", &format!("evaluator.marker={}", marker.display())]),
        );
        assert!(marker.exists(), "it has misbehaved");
        assert!(start.elapsed() < Duration::from_secs(20), "{behaviour} took {:?}", start.elapsed());
        let essences = |study: &Path| trials(study).iter().map(essence).collect::<Vec<_>>();
        assert_eq!(essences(&study), essences(&fine), "{behaviour}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn workers_killed_at_random_change_no_record() {
    let (folder, fine) = scratch();
    let arguments = ["--workers", "2", "--retries", "100", "--set", "evaluator.milliseconds=15"];
    succeed(search(&fine, 200).args(arguments));
    let study = folder.path().join("killed.study");
    let mut running = start(search(&study, 200).args(arguments));
    let host = running.id();
    let mut killed = 0;
    // The pauses have no common divisor, so that they are not in step with any interval of the program.
    for pause in [31, 7, 53, 3, 17, 43, 11, 29, 5, 37, 23, 13] {
        wait_for("a worker", || !children(host).is_empty());
        std::thread::sleep(Duration::from_millis(pause));
        let workers: Vec<u32> = children(host).into_iter().collect();
        if let Some(&worker) = workers.get(pause as usize % workers.len().max(1)) {
            kill("-9", worker);
            killed += 1;
        }
    }
    assert!(running.wait().unwrap().success());
    assert!(killed >= 6, "{killed} workers were killed");
    assert_eq!(records(&study), records(&fine));
}

#[test]
#[cfg(target_os = "linux")]
fn a_killed_host_leaves_no_workers_behind() {
    let (_folder, study) = scratch();
    let mut running = start(search(&study, 4).args(["--set", "evaluator.behaviour=hang", "--workers", "2"]));
    let host = running.id();
    wait_for("a worker", || !children(host).is_empty());
    // Wait until the first trial hangs. One worker may have measured all others before the second one started.
    std::thread::sleep(Duration::from_millis(300));
    let workers = children(host);
    assert!(!workers.is_empty());
    kill("-9", host);
    running.wait().unwrap();
    let lives = |worker: &u32| {
        let stat = fs::read_to_string(format!("/proc/{worker}/stat")).unwrap_or_default();
        // A zombie (Z) has ended.
        stat.rsplit(')').next().is_some_and(|after| !after.trim().is_empty() && !after.trim().starts_with('Z'))
    };
    wait_for("the workers to end", || !workers.iter().any(lives));
}

#[test]
fn burn_gives_the_same_bits_in_any_process() {
    let (folder, _) = scratch();
    let study = |name: &str| folder.path().join(name);
    let run = |study: &PathBuf, more: &[&str]| {
        let mut command = nas(["search", "--space", "mlp", "--strategy", "hyperband", "--data", "digits"]);
        command.args(["--trials", "12", "--seed", "5", "--set", "evaluator.epochs=3", "--set", "strategy.eta=3"]);
        succeed(command.args(["--study", study.to_str().unwrap()]).args(more));
        records(study)
    };
    let within = run(&study("within"), &["--isolation", "none"]);
    assert_eq!(run(&study("process"), &[]), within);
    let side_by_side = ["--workers", "2"];
    let within = run(&study("within2"), &[&side_by_side[..], &["--isolation", "none"]].concat());
    assert_eq!(run(&study("process2"), &side_by_side), within);
}

#[test]
fn limits_without_effect_are_refused() {
    let message = common::refused(&mut nas(["search", "--trials", "1", "--isolation", "none", "--trial-seconds", "3"]));
    assert!(message.contains("--isolation none") && message.contains("help:"), "{message}");
    let message = common::refused(&mut nas(["search", "--trial-seconds", "soon"]));
    assert!(message.contains("0.001"), "{message}");
    // The time limit of trials does not apply to final training.
    let message = common::refused(&mut nas(["train", "a.study", "--out", "x", "--trial-seconds", "3"]));
    assert!(message.contains("--trial-seconds"), "{message}");
}

#[test]
fn a_worker_that_a_user_starts_reports_what_is_wrong() {
    let output = nas(["worker", "burn"]).stdin(Stdio::null()).output().unwrap();
    // It sends its greeting and ends with its input.
    assert!(output.status.success() && !output.stdout.is_empty());
    let output = nas(["worker", "nosuch"]).stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        String::from_utf8_lossy(&output.stderr)
            .contains("error: evaluator 'nosuch': there is no evaluator of this name"),
        "{output:?}"
    );
    let mut command = nas(["worker", "burn"]);
    let mut worker = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(worker.stdin.as_mut().unwrap(), b"What can you do?\n").unwrap();
    let output = worker.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no message of a study"));
}
