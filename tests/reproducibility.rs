//! A seed determines the records: in two runs, and after an interrupt or `kill -9` at any moment.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{component, nas, records, scratch, succeed};
use nas_api::rng::{RngExt, seeded};

fn search(study: &Path, strategy: &str, workers: &str) -> Command {
    seeded_search(study, strategy, workers, "3")
}

fn seeded_search(study: &Path, strategy: &str, workers: &str, seed: &str) -> Command {
    let mut command = nas(["search", "--space", &component("spaces", "mlp")]);
    command
        .args(["--strategy", &component("strategies", strategy), "--data", "digits", "--trials", "40", "--seed", seed])
        .args(["--set", "evaluator.epochs=3", "--constraint", "params<=30000", "--workers", workers])
        .arg("--study")
        .arg(study);
    command
}

#[test]
fn two_runs_with_one_seed_give_identical_records() {
    for (strategy, workers) in [("regularized-evolution", "1"), ("genetic", "2"), ("reinforce", "2")] {
        let (_keep, first) = scratch();
        let (_keep, second) = scratch();
        succeed(&mut search(&first, strategy, workers));
        succeed(&mut search(&second, strategy, workers));
        assert_eq!(records(&first), records(&second), "{strategy} with {workers} workers");
    }
}

#[test]
fn another_seed_gives_other_records() {
    let (_keep, first) = scratch();
    let (_keep, second) = scratch();
    succeed(&mut search(&first, "random-search", "1"));
    succeed(&mut seeded_search(&second, "random-search", "1", "4"));
    assert_ne!(records(&first), records(&second));
}

#[test]
fn a_study_killed_at_20_random_moments_and_resumed_has_the_same_records() {
    let (_keep, whole) = scratch();
    let started = Instant::now();
    succeed(&mut search(&whole, "genetic", "2"));
    let length = started.elapsed();
    let expected = records(&whole);
    let mut rng = seeded(20);
    let mut interrupted = 0;
    for _ in 0..20 {
        let (_keep, study) = scratch();
        let moment = length.mul_f64(rng.random_range(0.02..0.98));
        let mut running = search(&study, "genetic", "2").stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        std::thread::sleep(moment);
        running.kill().unwrap();
        running.wait().unwrap();
        if !study.exists() {
            // It was killed before the study existed.
            succeed(&mut search(&study, "genetic", "2"));
        } else {
            // It is killed again while the log is replayed or shortly after.
            let resume = |study: &Path| nas(["resume", study.to_str().unwrap()]);
            let mut resumed = resume(&study).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
            std::thread::sleep(Duration::from_millis(rng.random_range(5..150)));
            resumed.kill().unwrap();
            resumed.wait().unwrap();
            interrupted += 1;
            succeed(&mut resume(&study));
        }
        assert_eq!(records(&study), expected, "killed after {moment:?}");
    }
    assert!(interrupted >= 15, "only {interrupted} of 20 were killed while they ran");
}

#[cfg(unix)]
#[test]
fn an_interrupted_study_stops_cleanly_and_is_resumed() {
    let (_keep, whole) = scratch();
    succeed(&mut search(&whole, "random-search", "2"));
    let (_keep, study) = scratch();
    let running = search(&study, "random-search", "2").stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    while !study.exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(Duration::from_millis(100));
    succeed(Command::new("kill").args(["-INT", &running.id().to_string()]));
    let output = running.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{stderr}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("`nas resume` continues it"));
    succeed(&mut nas(["resume", study.to_str().unwrap()]));
    assert_eq!(records(&study), records(&whole));
}
