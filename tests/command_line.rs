//! Invalid input of every kind gives one clear error and exit code 2, and never a panic.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs;
use std::process::{Command, Stdio};

use common::{component, json, nas, refused, scratch, succeed};

#[track_caller]
fn says(message: &str, words: &[&str]) {
    for word in words {
        assert!(message.contains(word), "'{word}' is missing in: {message}");
    }
}

/// A search that is valid except for the given arguments.
fn search(arguments: &[&str]) -> (tempfile::TempDir, Command) {
    let (folder, study) = scratch();
    let mut command = nas(["search", "--study", study.to_str().unwrap()]);
    let given = |flag: &str| arguments.contains(&flag);
    for (flag, value) in [("--space", "mlp"), ("--strategy", "random-search"), ("--trials", "2")] {
        if !given(flag) {
            command.args([flag, value]);
        }
    }
    command.args(arguments);
    (folder, command)
}

#[track_caller]
fn search_refused(arguments: &[&str], words: &[&str]) {
    let (folder, mut command) = search(arguments);
    says(&refused(&mut command), words);
    let left = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 0, "a refused study leaves no file behind");
}

#[test]
fn unknown_names_are_answered_with_the_nearest_one() {
    search_refused(&["--strategy", "regularised-evolution"], &["did you mean 'regularized-evolution'?"]);
    search_refused(&["--space", "nas-bench-202"], &["did you mean 'nas-bench-201'?"]);
    search_refused(&["--evaluator", "brun"], &["did you mean 'burn'?"]);
    search_refused(&["--strategy", "genetic", "--set", "strategy.populaton=3"], &["populaton", "'population'"]);
    search_refused(&["--set", "evaluatr.epochs=3"], &["evaluatr", "'evaluator'"]);
    search_refused(&["--objective", "val_acuracy:maximize"], &["val_acuracy", "val_accuracy"]);
    says(&refused(&mut nas(["plugin", "inspect", "genetik"])), &["did you mean 'genetic'?"]);
    says(&refused(&mut nas(["serach"])), &["search"]);
}

#[test]
fn missing_files_are_named() {
    search_refused(&["--strategy", "missing/strategy.wasm"], &["missing/strategy.wasm", "cannot be read"]);
    search_refused(&["--space", "missing.toml"], &["missing.toml", "cannot be read"]);
    search_refused(&["--evaluator", "./missing.so"], &["missing.so", "cannot be read"]);
    search_refused(&["--data", "missing/folder"], &["missing/folder"]);
    search_refused(&["missing/study.toml"], &["missing/study.toml"]);
    says(&refused(&mut nas(["show", "missing.study"])), &["missing.study"]);
    says(&refused(&mut nas(["resume", "missing.study"])), &["missing.study"]);
    says(&refused(&mut nas(["train", "missing.study", "--out", "/tmp/out"])), &["missing.study"]);
}

#[test]
fn values_of_the_wrong_type_are_refused() {
    search_refused(&["--trials", "many"], &["many", "--trials"]);
    search_refused(&["--seed", "-1"], &["-1"]);
    search_refused(&["--set", "evaluator.epochs=three"], &["epochs", "whole number", "three"]);
    search_refused(&["--set", "evaluator.epochs=0"], &["epochs", "between 1 and"]);
    search_refused(&["--set", "evaluator.optimizer=rmsprop"], &["optimizer", "sgd, adam, adamw"]);
    search_refused(&["--set", "epochs=3"], &["--set epochs=3", "TABLE.KEY=VALUE"]);
    search_refused(&["--constraint", "params<5000"], &["params<5000", "params<=5000"]);
    search_refused(&["--constraint", "params<=few"], &["few", "not a number"]);
    search_refused(&["--objective", "val_accuracy:up"], &["up", "maximize"]);
}

#[test]
fn impossible_budgets_are_refused() {
    search_refused(&["--trials", "0"], &["trials"]);
    search_refused(&["--total-fidelity", "0"], &["total_fidelity"]);
    search_refused(&["--total-fidelity", "nan"], &["total_fidelity"]);
    search_refused(&["--seconds", "-5"], &["-5"]);
    search_refused(&["--workers", "0"], &["workers"]);
    let (_folder, study) = scratch();
    let mut command = nas(["search", "--space", "mlp", "--strategy", "random-search"]);
    says(&refused(command.arg("--study").arg(study)), &["budget"]);
}

#[test]
fn a_file_that_cannot_be_written_is_reported_before_anything_runs() {
    let mut command = nas(["search", "--space", "mlp", "--strategy", "random-search", "--trials", "1"]);
    says(&refused(command.args(["--study", "/proc/nowhere/a.study"])), &["/proc/nowhere/a.study", "cannot be written"]);
    let (folder, study) = scratch();
    let file = study.to_str().unwrap();
    let cost = component("evaluators", "cost");
    let mut command = nas(["search", "--space", "mlp", "--strategy", "random-search", "--evaluator", &cost]);
    succeed(command.args(["--trials", "2", "--study", file]));
    let mut again = nas(["search", "--space", "mlp", "--strategy", "random-search", "--trials", "1", "--study", file]);
    says(&refused(&mut again), &["already exists", "nas resume"]);
    // Not every evaluator has final training.
    let out = folder.path().join("out");
    says(&refused(nas(["train", file, "--out"]).arg(&out)), &["'cost'", "has no final training", "'burn'"]);
    assert!(!out.exists());
}

#[test]
fn trials_that_do_not_exist_are_refused() {
    let (_folder, study) = scratch();
    let file = study.to_str().unwrap();
    let cost = component("evaluators", "cost");
    let mut command = nas(["search", "--space", "mlp", "--strategy", "random-search", "--evaluator", &cost]);
    succeed(command.args(["--trials", "2", "--study", file]));
    says(&refused(&mut nas(["show", file, "--trial", "9"])), &["trial 9", "0 to 1"]);
    says(&refused(&mut nas(["train", file, "--trial", "worst", "--out", "/tmp/x"])), &["worst", "'best'"]);
}

#[test]
fn files_that_are_not_studies_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.study");
    fs::write(
        &text,
        "this is not a database, whatever its name says, and it is long enough to look like one".repeat(20),
    )
    .unwrap();
    says(&refused(nas(["show"]).arg(&text)), &["text.study"]);
    says(&refused(nas(["resume"]).arg(&text)), &["text.study"]);
    let other = folder.path().join("other.study");
    rusqlite::Connection::open(&other).unwrap().execute_batch("create table t (x); insert into t values (1);").unwrap();
    says(&refused(nas(["show"]).arg(&other)), &["other.study"]);

    let study = folder.path().join("a.study");
    let cost = component("evaluators", "cost");
    let mut command = nas(["search", "--space", "mlp", "--strategy", "random-search", "--evaluator", &cost]);
    succeed(command.args(["--trials", "2", "--study"]).arg(&study));
    rusqlite::Connection::open(&study).unwrap().execute_batch("pragma user_version = 99;").unwrap();
    says(&refused(nas(["show"]).arg(&study)), &["a.study", "version"]);
    says(&refused(nas(["resume"]).arg(&study)), &["a.study", "version"]);
}

#[test]
fn a_study_file_with_a_mistake_names_the_place() {
    let folder = tempfile::tempdir().unwrap();
    let toml = folder.path().join("study.toml");
    let refuse = |text: &str, words: &[&str]| {
        fs::write(&toml, text).unwrap();
        let study = folder.path().join("a.study");
        says(&refused(nas(["search", toml.to_str().unwrap(), "--study"]).arg(study)), words);
    };
    refuse("space = \"mlp\"\nstrategy = ", &["study.toml", "line 2"]);
    refuse("spce = \"mlp\"\n", &["study.toml", "spce"]);
    refuse("space = \"mlp\"\nstrategy = \"random-search\"\nbudget = { trials = \"ten\" }\n", &["trials"]);
}

#[test]
fn invalid_data_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for file in
        ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"]
    {
        fs::write(folder.path().join(file), b"\0\0\x0b\x03\0\0\0\x01\0\0\0\x02\0\0\0\x02abcd").unwrap();
    }
    search_refused(&["--data", folder.path().to_str().unwrap()], &["train-", "magic"]);
    let csv = folder.path().join("ragged.csv");
    fs::write(&csv, "a,b,class\n1,2,x\n3,y\n").unwrap();
    search_refused(&["--data", csv.to_str().unwrap()], &["ragged.csv", "line 3"]);
}

#[test]
fn misbehaving_plugins_end_the_study_and_keep_its_records() {
    let (_folder, study) = scratch();
    let mut command = nas(["search", "--space", "mlp", "--trials", "5", "--evaluator"]);
    command.args([&component("evaluators", "cost"), "--strategy", &component("fixtures", "panics")]);
    let output = command.args(["--set", "strategy.call=tell", "--study"]).arg(&study).output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{message}");
    says(&message, &["strategy 'panics' 0.1.0", "in tell", "the population must not be empty", "help:"]);
    let shown = json(&mut nas(["show", study.to_str().unwrap(), "--trials"]));
    assert_eq!(shown["trials"].as_array().unwrap().len(), 1, "the trial that was told is on record");
}

#[test]
fn plugins_are_listed_with_the_one_that_wins() {
    let folder = tempfile::tempdir().unwrap();
    let strategies = folder.path().join("strategies");
    fs::create_dir(&strategies).unwrap();
    fs::copy(component("strategies", "genetic"), strategies.join("genetic.wasm")).unwrap();
    fs::write(strategies.join("broken.wasm"), "nonsense").unwrap();
    let listed = json(nas(["plugin", "list", "--plugin-path"]).arg(folder.path()));
    let plugins = listed["plugins"].as_array().unwrap();
    let named = |name: &str| plugins.iter().filter(|plugin| plugin["name"] == name).collect::<Vec<_>>();
    let genetic = named("genetic");
    assert_eq!(genetic.len(), 2);
    assert_eq!((&genetic[0]["wins"], &genetic[1]["wins"]), (&true.into(), &false.into()));
    assert!(genetic[0]["plugin"]["digest"].is_string() && genetic[1]["plugin"]["digest"].is_null());
    assert!(named("broken")[0]["error"].as_str().unwrap().contains("not a WebAssembly component"));
    let inspected = json(&mut nas(["plugin", "inspect", &component("strategies", "genetic")]));
    assert!(inspected["plugins"][0]["parameters"].as_array().unwrap().len() > 3);
}

#[test]
fn spaces_are_shown_and_sampled() {
    let shown = json(&mut nas(["space", "show", "nas-bench-201"]));
    assert_eq!(shown["space"]["decisions"].as_array().unwrap().len(), 6);
    let all_3x3 = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|";
    let sampled = json(&mut nas(["space", "sample", "nas-bench-201", "--text", all_3x3]));
    // The published counts of this cell on CIFAR-10.
    assert_eq!(sampled["samples"][0]["metrics"]["params"].as_u64(), Some(1_531_546));
    assert_eq!(sampled["samples"][0]["metrics"]["flops"].as_u64(), Some(220_119_690));
    let table = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/examples/tiny-cnn.toml");
    let sampled = json(&mut nas(["space", "sample", table, "--count", "5", "--input", "1,16,16"]));
    assert_eq!(sampled["samples"].as_array().unwrap().len(), 5);
    says(&refused(&mut nas(["space", "sample", "nas-bench-201", "--text", "|a~0|"])), &["|a~0|"]);
    says(&refused(&mut nas(["space", "sample", "mlp", "--input", "3,x"])), &["3,x"]);
}

#[test]
fn a_reader_that_closes_the_pipe_early_causes_no_error() {
    for arguments in [&["plugin", "inspect", "burn"][..], &["space", "show", "mlp", "--json"], &["plugin", "list"]] {
        let mut running = nas(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(running.stdout.take());
        let ended = running.wait_with_output().unwrap();
        let message = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success() && !message.contains("panicked"), "{arguments:?}: {message}");
    }
}

#[test]
fn a_random_start_as_long_as_the_study_is_warned_of_in_one_line() {
    let (folder, study) = scratch();
    let file = study.to_str().unwrap();
    let evolution = ["--strategy", "regularized-evolution", "--evaluator", "synthetic", "--trials", "60"];
    let stderr = |command: &mut Command| {
        let output = command.output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{stderr}");
        stderr
    };
    let mut search = nas(["search", "--study", file]);
    let said = stderr(search.args(evolution).args(["--set", "strategy.population=100", "--set", "strategy.sample=25"]));
    let warnings: Vec<&str> = said.lines().filter(|line| line.starts_with("warning:")).collect();
    let [warning] = warnings[..] else { panic!("{said}") };
    assert!(warning.contains("first 100 proposals are random"), "{warning}");
    assert!(warning.contains("set strategy.population to 30 or less"), "{warning}");

    // The defaults leave time to search, and the records show it.
    let by_default = folder.path().join("default.study");
    let said = stderr(nas(["search", "--study", by_default.to_str().unwrap()]).args(evolution));
    assert!(!said.contains("warning"), "{said}");

    // A benchmark opens the strategy for every study, and warns once.
    let grid = folder.path().join("grid.toml");
    fs::write(
        &grid,
        "seeds = 3\n[budget]\ntrials = 60\n[strategies.evolution]\nuse = 'regularized-evolution'\npopulation = 100\n\
         sample = 25\n[problems.'synthetic/additive']\n",
    )
    .unwrap();
    let out = folder.path().join("out");
    let said = stderr(nas(["bench", grid.to_str().unwrap(), "--out"]).arg(&out));
    assert_eq!(said.matches("proposals are random").count(), 1, "{said}");
}
