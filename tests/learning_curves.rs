//! Learning curves, pruners that end trials by them, and training that continues after a process was killed.
#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use common::process::{children, kill, start, wait_for};
use common::{json, nas, records, scratch, succeed, unruly};
use nas_api::conformance::check_learning_curves;
use nas_api::{Candidate, Graph, Request, Setting, Settings};
use nas_core::plugin::process::Processes;
use nas_core::plugin::{Options, Registry};
use serde_json::Value;

/// A study of the unruly evaluator, whose trials report five times.
fn search(study: &Path, trials: u32, settings: &[&str]) -> Command {
    let mut command = nas(["search", "--space", "mlp", "--strategy", "random-search", "--objective", "score:maximize"]);
    command.args(["--evaluator", &unruly(), "--trials", &trials.to_string(), "--study", study.to_str().unwrap()]);
    command.args(["--set", "evaluator.steps=5"]);
    settings.iter().for_each(|setting| {
        command.args(["--set", setting]);
    });
    command
}

/// All trials of a study without their times.
fn trials(study: &Path) -> Vec<Value> {
    let shown = json(&mut nas(["show", study.to_str().unwrap(), "--trials"]));
    let mut trials = shown["trials"].as_array().unwrap().clone();
    for trial in &mut trials {
        for time in ["cost", "started", "finished"] {
            trial.as_object_mut().unwrap().remove(time);
        }
    }
    trials
}

fn stderr_of(mut process: Child) -> String {
    let mut message = String::new();
    std::io::Read::read_to_string(process.stderr.as_mut().unwrap(), &mut message).unwrap();
    assert!(process.wait().unwrap().success(), "{message}");
    message
}

#[test]
fn a_library_reports_and_a_worker_that_dies_leaves_no_trace_in_the_learning_curves() {
    let (folder, fine) = scratch();
    succeed(&mut search(&fine, 4, &[]));
    let expected = trials(&fine);
    for trial in &expected {
        let reports = trial["curve"].as_array().unwrap();
        let score = trial["metrics"]["score"].as_f64().unwrap();
        assert_eq!(reports.len(), 5);
        assert_eq!(reports[1]["fidelity"], 2.0);
        assert_eq!(reports[1]["metrics"]["score"].as_f64().unwrap(), score * 2.0 / 5.0);
    }
    for behaviour in ["abort", "exit"] {
        let study = folder.path().join(format!("{behaviour}.study"));
        let marker = folder.path().join(format!("{behaviour}.marker"));
        let behaves = format!("evaluator.behaviour={behaviour}");
        let marks = format!("evaluator.marker={}", marker.display());
        succeed(&mut search(&study, 4, &[&behaves, &marks, "evaluator.trial=1", "evaluator.at=3"]));
        assert!(marker.exists(), "it has misbehaved after three reports");
        assert_eq!(trials(&study), expected, "{behaviour}");
    }
    let within = folder.path().join("within.study");
    succeed(search(&within, 4, &[]).args(["--isolation", "none"]));
    assert_eq!(records(&within), records(&fine));

    let shown = succeed(&mut nas(["show", fine.to_str().unwrap(), "--trial", "2"]));
    let curve: Vec<&str> = shown.lines().skip_while(|line| *line != "learning curve").collect();
    assert_eq!(curve.len(), 7, "{shown}");
    assert!(curve[1].contains("fidelity") && curve[1].contains("score") && curve[4].trim().starts_with('3'), "{shown}");
}

#[test]
fn learning_curves_of_a_library_pass_the_conformance_suite_with_and_without_a_worker() {
    let processes = Processes {
        program: env!("CARGO_BIN_EXE_nas").into(),
        arguments: vec!["worker".into()],
        trial_limit: None,
        retries: 0,
        log: Arc::new(|_, _, _| {}),
    };
    for processes in [None, Some(processes)] {
        let registry = Registry::new(Options { processes, allow_native: vec![unruly().into()], ..Options::default() });
        let source = registry.evaluator(&unruly()).unwrap();
        let info = source.info().unwrap();
        let steps = Setting { name: "steps".into(), value: nas_api::Value::Number(5.0) };
        let evaluator = source.open(&Settings::checked(&info.parameters, &[steps]).unwrap(), None).unwrap();
        let request = Request {
            trial: 1,
            candidate: Candidate::Discrete(vec![0]),
            key: "key".into(),
            text: "text".into(),
            graph: Graph::default(),
            fidelity: None,
            resume: None,
            keep_checkpoint: false,
            seed: 7,
            prunable: false,
        };
        check_learning_curves(evaluator.as_ref(), &info, &request).unwrap();
    }
}

#[test]
fn a_trial_that_is_pruned_on_a_simulated_clock_records_where_and_what_it_cost() {
    let folder = tempfile::tempdir().unwrap();
    let search = |name: &str, more: &[&str]| {
        let study = folder.path().join(name);
        let mut command = nas(["search", "--strategy", "regularized-evolution", "--evaluator", "synthetic"]);
        command.args(["--data", "curves", "--seconds", "2000", "--study", study.to_str().unwrap()]).args(more);
        succeed(&mut command);
        study
    };
    let median = ["--pruner", "median", "--set", "pruner.startup=3"];
    let study = search("pruned.study", &median);
    let all = json(&mut nas(["show", study.to_str().unwrap(), "--trials"]));
    let all = all["trials"].as_array().unwrap();
    let number = |trial: &Value, of: &str| trial[of].as_f64().unwrap();
    let ended: Vec<&Value> = all.iter().filter(|trial| trial["pruned_at"].is_number()).collect();
    assert!(ended.len() > 4, "{} trials were pruned", ended.len());
    for trial in &ended {
        assert_eq!((number(trial, "cost"), trial["state"].as_str()), (number(trial, "pruned_at"), Some("pruned")));
    }
    let spent: f64 = all.iter().map(|trial| number(trial, "cost")).sum();
    assert!((2000.0..2081.0).contains(&spent), "{spent}");
    let whole = all.iter().find(|trial| trial["state"] == "measured").unwrap();
    let epochs = |trial: &Value| {
        let reports = trial["curve"].as_array().unwrap();
        reports.iter().map(|report| number(report, "fidelity")).collect::<Vec<_>>()
    };
    assert_eq!(epochs(whole), [1.0, 3.0, 9.0, 27.0, 81.0]);
    assert_eq!(epochs(ended[0]).last().copied(), ended[0]["pruned_at"].as_f64());
    let shown = succeed(&mut nas(["show", study.to_str().unwrap(), "--trial", ended[0]["trial"].to_string().as_str()]));
    assert!(shown.contains("learning curve") && shown.contains("pruned at epoch"), "{shown}");

    assert_eq!(records(&search("again.study", &median)), records(&study));
    let plain = search("plain.study", &[]);
    assert!(trials(&plain).iter().all(|trial| trial["curve"].as_array().is_none_or(Vec::is_empty)), "nobody asks");
    let output = nas(["search", "--strategy", "random-search", "--evaluator", "synthetic", "--data", "additive"])
        .args(["--trials", "5", "--pruner", "median", "--study", folder.path().join("none.study").to_str().unwrap()])
        .output()
        .unwrap();
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(
        message.contains("'synthetic' reports nothing") && message.contains("data with several fidelities"),
        "{message}"
    );
}

#[test]
fn on_a_simulated_clock_a_trial_whose_worker_dies_when_pruned_is_retried_or_fails_alone() {
    let (folder, fine) = scratch();
    let run = |study: &Path, more: &[String]| {
        let more = more.iter().map(String::as_str);
        let settings: Vec<&str> = ["evaluator.simulated=true"].into_iter().chain(more).collect();
        succeed(search(study, 12, &settings).args(["--pruner", "median", "--set", "pruner.startup=3"]));
        let shown = json(&mut nas(["show", study.to_str().unwrap(), "--trials"]));
        let costs = shown["trials"].as_array().unwrap().iter().map(|trial| trial["cost"].clone());
        // Costs are simulated, so they do not depend on this machine's clock.
        trials(study).into_iter().zip(costs).collect::<Vec<_>>()
    };
    let expected = run(&fine, &[]);
    let ended = expected.iter().position(|(trial, _)| trial["pruned_at"].is_number()).unwrap();
    let (study, marker) = (folder.path().join("again.study"), folder.path().join("marker"));
    let fault = ["behaviour=exit".to_owned(), "pruned=true".to_owned(), format!("trial={ended}")];
    let mut fault: Vec<String> = fault.iter().map(|setting| format!("evaluator.{setting}")).collect();
    let once = format!("evaluator.marker={}", marker.display());
    assert_eq!(run(&study, &[&fault[..], &[once]].concat()), expected);
    assert!(marker.exists(), "its worker has died");

    for (behaviour, reason) in
        [("exit", "its worker died, 2 times"), ("panic", "the evaluator panicked: it was told to")]
    {
        fault[0] = format!("evaluator.behaviour={behaviour}");
        let found = run(&folder.path().join(behaviour), &fault);
        assert_eq!(found.len(), expected.len());
        for (at, (found, expected)) in found.iter().zip(&expected).enumerate() {
            if at == ended {
                assert!(found.0["reason"].as_str().unwrap().contains(reason), "{}", found.0);
                assert_eq!((found.0["state"].as_str(), found.1.as_f64()), (Some("failed"), Some(0.0)));
            } else {
                assert_eq!(found, expected, "{behaviour}");
            }
        }
    }
}

#[test]
fn pruners_decide_the_same_with_one_worker_and_with_four() {
    let (folder, alone) = scratch();
    let median = ["--pruner", "median", "--set", "pruner.startup=3"];
    // Trial 6 ignores that it is pruned.
    let settings = ["evaluator.behaviour=deaf", "evaluator.trial=6", "evaluator.milliseconds=2"];
    succeed(search(&alone, 24, &settings).args(median));
    let expected = trials(&alone);
    let of = |state: &str| expected.iter().filter(|trial| trial["state"] == state).count();
    assert!(of("measured") >= 4 && of("pruned") >= 4, "{expected:?}");
    for trial in expected.iter().filter(|trial| trial["state"] == "pruned") {
        let reason = trial["reason"].as_str().unwrap();
        assert!(reason.starts_with("pruned at ") && reason.contains("is worse than the median"), "{reason}");
        assert_eq!(trial["curve"].as_array().unwrap().last().unwrap()["fidelity"], trial["pruned_at"]);
    }
    for (name, more) in [("four", &["--workers", "4"][..]), ("within", &["--workers", "4", "--isolation", "none"])] {
        let study = folder.path().join(format!("{name}.study"));
        succeed(search(&study, 24, &settings).args(median).args(more));
        assert_eq!(trials(&study), expected, "{name}");
    }
    let summary = json(&mut nas(["show", alone.to_str().unwrap()]));
    assert_eq!(summary["pruned"], of("pruned"));
    assert_eq!(summary["study"]["pruner"]["settings"]["startup"], 3.0);
}

#[test]
fn an_invalid_report_of_a_library_ends_the_study_and_names_the_library() {
    for more in [&[][..], &["--isolation", "none"]] {
        let (_folder, study) = scratch();
        let settings = ["evaluator.behaviour=babble", "evaluator.trial=1"];
        let output = search(&study, 3, &settings).args(more).output().unwrap();
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{message}");
        for part in ["note: trial 1: words for the user", "evaluator 'unruly'", "it reported a fidelity of NaN"] {
            assert!(message.contains(part), "'{part}' is missing: {message}");
        }
    }
}

#[test]
fn burn_prunes_by_validation_after_every_epoch() {
    let (folder, study) = scratch();
    let file = folder.path().join("study.toml");
    let text = "space = \"mlp\"\nstrategy = \"random-search\"\nseed = 0\n\
                evaluator = { use = \"burn\", epochs = 4 }\n\
                pruner = { use = \"median\", startup = 3 }\n\
                [budget]\ntrials = 20\n[limits]\ntrial_seconds = 600\n";
    fs::write(&file, text).unwrap();
    succeed(&mut nas(["search", file.to_str().unwrap(), "--study", study.to_str().unwrap()]));
    let expected = trials(&study);
    let pruned = expected.iter().filter(|trial| trial["pruned_at"].is_number()).count();
    assert!((2..17).contains(&pruned), "{pruned} of 20 trials were pruned");
    for trial in expected.iter().filter(|trial| trial["duplicate_of"].is_null()) {
        for report in trial["curve"].as_array().unwrap() {
            assert!(report["metrics"]["val_accuracy"].is_number() && report["metrics"]["train_loss"].is_number());
        }
    }
    let side = folder.path().join("side.study");
    succeed(nas(["search", file.to_str().unwrap(), "--workers", "4", "--study"]).arg(&side));
    let without_seconds = |study: &Path| {
        let mut trials = trials(study);
        for trial in &mut trials {
            trial["metrics"].as_object_mut().unwrap().remove("train_seconds");
        }
        trials
    };
    assert_eq!(without_seconds(&side), without_seconds(&study));
}

/// A study whose training takes long enough to be killed.
fn long_training(study: &Path) -> Command {
    let mut command = nas(["search", "--space", "mlp", "--strategy", "random-search", "--data", "digits"]);
    command.args(["--trials", "2", "--seed", "4", "--set", "evaluator.epochs=25", "--study", study.to_str().unwrap()]);
    command.args(["--set", "evaluator.checkpoint_seconds=0", "--set", "evaluator.batch_size=4"]);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// The checkpoint of trial 0.
fn checkpoint(study: &Path) -> PathBuf {
    PathBuf::from(format!("{}.state/unfinished/trial-0.safetensors", study.display()))
}

/// The epoch after which trial 0 continued, according to the note.
fn continued_after(message: &str) -> u32 {
    let line = message.lines().find(|line| line.starts_with("note: trial 0: continues after epoch "));
    let line = line.unwrap_or_else(|| panic!("it did not continue: {message}"));
    line.split_whitespace().nth(6).and_then(|epoch| epoch.parse().ok()).unwrap_or_else(|| panic!("{line}"))
}

#[test]
#[cfg(target_os = "linux")]
fn a_training_whose_worker_or_host_is_killed_continues_with_the_same_bits() {
    let (folder, whole) = scratch();
    assert!(!stderr_of(long_training(&whole).spawn().unwrap()).contains("continues"));
    let expected = records(&whole);

    let worker_killed = folder.path().join("worker.study");
    let running = long_training(&worker_killed).spawn().unwrap();
    wait_for("a checkpoint", || checkpoint(&worker_killed).exists());
    children(running.id()).into_iter().for_each(|worker| kill("-9", worker));
    let epoch = continued_after(&stderr_of(running));
    assert!((1..25).contains(&epoch), "{epoch}");
    assert_eq!(records(&worker_killed), expected);

    let host_killed = folder.path().join("host.study");
    let mut running = long_training(&host_killed).spawn().unwrap();
    wait_for("a checkpoint", || checkpoint(&host_killed).exists());
    kill("-9", running.id());
    running.wait().unwrap();
    assert!(checkpoint(&host_killed).exists(), "it was killed in time");
    let mut resume = nas(["resume", host_killed.to_str().unwrap()]);
    let message = stderr_of(resume.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap());
    let epoch = continued_after(&message);
    assert!((1..25).contains(&epoch), "{epoch}");
    assert_eq!(records(&host_killed), expected);
    for study in [&whole, &worker_killed, &host_killed] {
        assert!(!Path::new(&format!("{}.state", study.display())).exists(), "nothing is left behind");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_resumed_study_keeps_its_limits() {
    let (_folder, study) = scratch();
    let settings = ["evaluator.behaviour=hang", "evaluator.trial=1"];
    let mut running = start(search(&study, 3, &settings).args(["--trial-seconds", "3", "--retries", "0"]));
    wait_for("the study", || study.exists() && !children(running.id()).is_empty());
    kill("-9", running.id());
    running.wait().unwrap();
    succeed(&mut nas(["resume", study.to_str().unwrap()]));
    let reason = trials(&study)[1]["reason"].clone();
    assert!(reason.as_str().unwrap().contains("longer than 3 seconds (--trial-seconds)"), "{reason}");
}

#[test]
fn the_time_limit_holds_for_a_trial_that_reports_all_the_time() {
    let (_folder, study) = scratch();
    // Without the limit, it would report for at least five seconds and be measured.
    let settings = ["evaluator.steps=1000", "evaluator.milliseconds=5"];
    let output = search(&study, 1, &settings).args(["--trial-seconds", "1"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let reason = trials(&study)[0]["reason"].clone();
    assert!(reason.as_str().unwrap().contains("longer than 1 seconds (--trial-seconds)"), "{reason}");
}

#[test]
fn a_study_without_a_measured_trial_fails_with_a_reason() {
    let (_folder, study) = scratch();
    let always = ["--pruner", "threshold", "--set", "pruner.limit=1e12", "--json"];
    let output = search(&study, 3, &[]).args(always).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(message.contains("0 failed and 3 were pruned; trial 0: pruned at 1: its score"), "{message}");
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((printed["pruned"].as_u64(), printed["measured"].as_u64()), (Some(3), Some(0)));
}
