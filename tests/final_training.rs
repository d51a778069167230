//! `nas train` with several evaluators: the built-in one, the same one as a library, one in C, and one that misbehaves.
#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::process::{children, kill, wait_for};
use common::{component, json, nas, refused, scratch, succeed, target, unruly};
use serde_json::Value;

/// The evaluator `burn` as a library for the CPU.
fn burn() -> PathBuf {
    let (prefix, suffix) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let path = target().join(format!("release/examples/{prefix}nas_burn{suffix}"));
    let remedy = "run `cargo build --release --package nas-evaluator-burn --example nas_burn`";
    assert!(path.is_file(), "the library has not been built: {remedy}");
    path
}

/// A study on the digits that takes a second; tests may add another evaluator.
fn search(study: &Path) -> Command {
    let mut command = nas(["search", "--space", "mlp", "--strategy", "random-search", "--trials", "2", "--seed", "7"]);
    command.args(["--set", "evaluator.train_limit=200", "--set", "evaluator.epochs=1", "--study"]).arg(study);
    command
}

fn train(study: &Path, out: &Path) -> Command {
    let mut command = nas(["train", study.to_str().unwrap(), "--out", out.to_str().unwrap()]);
    command.args(["--epochs", "3"]);
    command
}

/// Trains, and returns the metrics without times, the bytes of the saved tensors, and their header.
fn outcome(study: &Path, out: &Path, more: &[&str]) -> (Value, Vec<u8>, Value) {
    let mut trained = json(train(study, out).args(more));
    let written: Value = serde_json::from_slice(&fs::read(out.join("metrics.json")).unwrap()).unwrap();
    assert_eq!(written, trained);
    let object = trained.as_object_mut().unwrap();
    assert_eq!(object.remove("weights").unwrap(), out.join("weights.safetensors").to_str().unwrap());
    object["metrics"].as_object_mut().unwrap().remove("train_seconds").unwrap();
    let bytes = fs::read(out.join("weights.safetensors")).unwrap();
    let header = usize::try_from(u64::from_le_bytes(bytes[..8].try_into().unwrap())).unwrap();
    let header_json = serde_json::from_slice(&bytes[8..8 + header]).unwrap();
    (trained, bytes[8 + header..].to_vec(), header_json)
}

#[test]
fn final_training_with_a_library_equals_that_of_the_built_in_evaluator() {
    let (folder, study) = scratch();
    let at = |name: &str| folder.path().join(name);
    succeed(&mut search(&study));
    let expected = outcome(&study, &at("built-in"), &[]);
    assert!(expected.0["metrics"]["test_accuracy"].as_f64().unwrap() > 0.2, "{}", expected.0);
    assert_eq!((expected.0["confusion"][9].as_array().unwrap().len(), expected.1.len() % 4), (10, 0));
    assert_eq!(outcome(&study, &at("within"), &["--isolation", "none"]), expected);

    let by_library = at("library.study");
    succeed(search(&by_library).arg("--evaluator").arg(burn()));
    for (name, more) in [
        ("library", &[][..]),
        ("library-within", &["--isolation", "none"]),
        ("library-device", &["--device", "cpu", "--worker-memory", "4000"]),
        ("library-set", &["--set", "evaluator.device=cpu"]),
    ] {
        assert_eq!(outcome(&by_library, &at(name), more), expected, "{name}");
        // No temporary file is left.
        let mut left: Vec<String> =
            fs::read_dir(at(name)).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        left.sort();
        assert_eq!(left, ["metrics.json", "network.json", "weights.safetensors"]);
    }
    // Training on more examples of the study's data is allowed.
    let more = outcome(&by_library, &at("more"), &["--set", "evaluator.train_limit=0"]);
    assert_eq!(more.0["settings"]["train_limit"], 0.0);
    assert_ne!(more.1, expected.1);

    for (more, expected) in [
        (&["--device", "cuda:0"][..], "'device' is cuda:0"),
        (&["--device", "cpu", "--set", "evaluator.device=cuda:0"], "leave one of them out"),
        (&["--set", "evaluator.split_seed=3"], "train_limit, validation_limit, device"),
        (&["--set", "evaluator.data=digits"], "the data of the study"),
    ] {
        let message = refused(train(&by_library, &at("refused")).args(more));
        assert!(message.contains(expected), "{message}");
    }
}

/// A study of the unruly evaluator in which it does not misbehave.
fn unruly_study(folder: &Path) -> PathBuf {
    let study = folder.join("unruly.study");
    let mut command = nas(["search", "--space", "mlp", "--strategy", "random-search", "--trials", "2"]);
    succeed(command.args(["--evaluator", &unruly(), "--study"]).arg(&study));
    study
}

#[test]
fn a_misbehaving_evaluator_ends_final_training_with_the_reason() {
    let (folder, _) = scratch();
    let study = unruly_study(folder.path());
    let out = folder.path().join("out");
    let trained = json(&mut train(&study, &out));
    let seed = trained["seed"].as_u64().unwrap();
    assert_eq!(trained["metrics"]["test_score"].as_f64(), Some(seed as f64));
    assert_eq!(fs::read_to_string(out.join("weights.safetensors")).unwrap(), seed.to_string());
    for (behaviour, expected) in [
        ("panic", "the evaluator panicked: it was told to"),
        ("abort", "its worker died: signal 6 (aborted); its last words: about to abort"),
        ("overflow", "stack overflow"),
        ("exit", "its worker died: exit code 3"),
        ("hog", "memory allocation of 16777216 bytes failed"),
        ("lie", "it claims to have written the file 'weights.safetensors', which does not exist"),
    ] {
        let out = folder.path().join(behaviour);
        let mut command = train(&study, &out);
        command.args(["--set", &format!("evaluator.behaviour={behaviour}"), "--set", "evaluator.at=1"]);
        let Output { status, stdout, stderr } = command.args(["--worker-memory", "300"]).output().unwrap();
        let message = String::from_utf8_lossy(&stderr);
        assert_eq!(status.code(), Some(1), "{behaviour}: {message}");
        assert!(message.contains(expected) && message.contains("error: "), "{behaviour}: {message}");
        assert!(message.contains("'unruly'"), "{behaviour}: {message}");
        assert!(stdout.is_empty() && fs::read_dir(&out).unwrap().count() == 0, "{behaviour}");
    }
    // A panic is also caught without a worker process.
    let mut command = train(&study, &out);
    command.args(["--isolation", "none", "--set", "evaluator.behaviour=panic"]);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("training failed: the evaluator panicked: it was told to")
    );
}

/// Starts a final training that would take minutes, and returns it with the worker that trains.
fn long_training(study: &Path, out: &Path) -> (std::process::Child, u32) {
    let mut command = train(study, out);
    command.args(["--set", "evaluator.milliseconds=30000"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let running = command.spawn().unwrap();
    let host = running.id();
    // The first worker opens the study; the second one trains.
    let mut seen = std::collections::BTreeSet::new();
    let start = Instant::now();
    while seen.len() < 2 {
        seen.extend(children(host));
        assert!(start.elapsed() < Duration::from_secs(60), "there is no second worker");
        std::thread::sleep(Duration::from_millis(1));
    }
    wait_for("the first worker to end", || children(host).len() == 1);
    std::thread::sleep(Duration::from_millis(300));
    (running, children(host).into_iter().next().unwrap())
}

#[test]
#[cfg(target_os = "linux")]
fn an_interrupt_and_a_killed_worker_end_final_training_with_a_message() {
    let (folder, _) = scratch();
    let study = unruly_study(folder.path());
    let out = folder.path().join("out");
    let (running, _) = long_training(&study, &out);
    succeed(Command::new("kill").args(["-INT", &running.id().to_string()]));
    let output = running.wait_with_output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{message}");
    assert!(message.contains("stopped; nothing was saved"), "{message}");
    assert_eq!(fs::read_dir(&out).unwrap().count(), 0);

    let (running, worker) = long_training(&study, &out);
    kill("-9", worker);
    let output = running.wait_with_output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains("in train: its worker died: signal 9"), "{message}");
}

/// Compiles the evaluator in C with warnings as errors.
fn in_c(compiler: &str, flags: &[&str], library: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(compiler);
    command.args(flags).args(["-Wall", "-Wextra", "-Werror", "-pedantic", "-O2", "-shared", "-fPIC", "-I"]);
    command.arg(root.join("nas-api/include")).arg("-o").arg(library).arg(root.join("tests/c/logistic.c")).arg("-lm");
    succeed(&mut command);
}

#[test]
fn an_evaluator_in_c_runs_final_training() {
    let (folder, study) = scratch();
    for (compiler, flags) in [("cc", &["-std=c99"][..]), ("c++", &["-x", "c++", "-std=c++11"])] {
        let library = folder.path().join(format!("lib{compiler}.so"));
        in_c(compiler, flags, &library);
        assert!(succeed(nas(["plugin", "inspect"]).arg(&library)).contains("trains: in full"));
        let _ = fs::remove_file(&study);
        let search = ["search", "--space", "mlp", "--strategy", "random-search", "--trials", "2"];
        succeed(nas(search).arg("--evaluator").arg(&library).arg("--study").arg(&study));
        let allowed = ["--allow-native", library.to_str().unwrap()];
        let long = [&["--epochs", "200"][..], &allowed].concat();
        let (trained, weights, header_json) = outcome_in_c(&study, &folder.path().join(compiler), &long);
        let metric = |name: &str| trained["metrics"][name].as_f64().unwrap();
        assert!(metric("test_accuracy") > 0.9 && metric("train_loss") < 0.2, "{trained}");
        assert_eq!(metric("nodes"), f64::from(nodes(&folder.path().join(compiler))));
        assert_eq!((weights.len(), &header_json["line"]["dtype"]), (8, &"F32".into()));
        let rows: Vec<Vec<u64>> = serde_json::from_value(trained["confusion"].clone()).unwrap();
        assert_eq!(rows.iter().flatten().sum::<u64>(), 20);
        assert_eq!((rows[0][0] + rows[1][1]) as f64 / 20.0, metric("test_accuracy"));
        // It has no parameter for its epochs, but receives them in the request: five times those of a trial.
        let faster = [&["--set", "evaluator.rate=2"][..], &allowed].concat();
        let (default, _, _) = outcome_in_c(&study, &folder.path().join("default"), &faster);
        assert_eq!((&default["epochs"], &default["settings"]["rate"]), (&20.into(), &2.0.into()));
        let message =
            refused(train(&study, &folder.path().join("no")).args(["--set", "evaluator.shift=0.5"]).args(allowed));
        assert!(message.contains("the data of the study"), "{message}");
        let message = refused(train(&study, &folder.path().join("no")).args(["--device", "cpu"]).args(allowed));
        assert!(message.contains("--device cpu: the evaluator 'logistic' takes no device"), "{message}");
    }
    let library = folder.path().join("libwithout.so");
    in_c("cc", &["-std=c99", "-DWITHOUT_TRAIN"], &library);
    let message = refused(nas(["plugin", "inspect"]).arg(&library));
    assert!(message.contains("has no function for it") && message.contains("fill in `train`"), "{message}");
}

fn outcome_in_c(study: &Path, out: &Path, more: &[&str]) -> (Value, Vec<u8>, Value) {
    let mut command = nas(["train", study.to_str().unwrap(), "--out", out.to_str().unwrap()]);
    let trained = json(command.args(more));
    let bytes = fs::read(out.join("weights.safetensors")).unwrap();
    let header = usize::try_from(u64::from_le_bytes(bytes[..8].try_into().unwrap())).unwrap();
    let header_json = serde_json::from_slice(&bytes[8..8 + header]).unwrap();
    (trained, bytes[8 + header..].to_vec(), header_json)
}

/// The number of operators in the trained network.
fn nodes(out: &Path) -> u32 {
    let network: Value = serde_json::from_slice(&fs::read(out.join("network.json")).unwrap()).unwrap();
    network["graph"]["nodes"].as_array().unwrap().len() as u32
}

#[test]
fn an_evaluator_without_final_training_is_refused() {
    let (folder, study) = scratch();
    let mut command = nas(["search", "--space", "mlp", "--strategy", "random-search", "--trials", "1"]);
    succeed(command.args(["--evaluator", &component("evaluators", "cost"), "--study"]).arg(&study));
    let message = refused(&mut train(&study, &folder.path().join("out")));
    assert!(message.contains("has no final training") && message.contains("help:"), "{message}");
}
