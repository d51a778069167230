//! Latency as it is measured, as cost tables predict it, and as objective and constraint of studies.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
#[path = "../nas-export/tests/common/python.rs"]
mod python;

use std::fs;

use common::{json, nas, records, refused, scratch};

const CELL: &str = "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|";
const SMALL: [&str; 4] = ["--set", "task.channels=4", "--set", "task.cells=1"];

#[test]
fn a_network_is_measured_in_both_runtimes() {
    let measure = |runtime: &str| {
        let mut command = nas(["latency", "measure", "nas-bench-201", "--text", CELL, "--input", "3,8,8"]);
        command.args(SMALL).args(["--runtime", runtime]);
        command
    };
    let burn = json(&mut measure("burn"));
    assert!(burn["milliseconds"]["median"].as_f64().unwrap() > 0.0, "{burn}");
    if let Some(python) = python::python(&common::target()) {
        let packages = python.parent().unwrap().parent().unwrap().join("lib");
        let packages = fs::read_dir(packages).unwrap().next().unwrap().unwrap().path().join("site-packages");
        let found = json(measure("onnxruntime").env("NAS_ONNXRUNTIME", packages));
        assert!(found["milliseconds"]["median"].as_f64().unwrap() > 0.0, "{found}");
        assert!(found["by"].as_str().unwrap().starts_with("onnxruntime 1."), "{found}");
    }
    let message = refused(measure("onnxruntime").env("NAS_ONNXRUNTIME", "/nonexistent/libonnxruntime.so"));
    assert!(message.contains("no ONNX Runtime") && message.contains("pip install onnxruntime"), "{message}");
}

#[test]
fn a_cost_table_is_made_extended_checked_and_used_in_a_search() {
    let (folder, study) = scratch();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let table = at("here.csv");
    let make = |samples: &str, threads: &str| {
        let mut command = nas(["latency", "cost-table", "nas-bench-201", "--runtime", "burn", "--out", &table]);
        command.args(["--input", "1,8,8", "--samples", samples, "--threads", threads]).args(SMALL);
        command
    };
    let few = json(&mut make("2", "1"));
    let all = json(&mut make("60", "1"));
    let (before, after) = (few["units"].as_u64().unwrap(), all["units"].as_u64().unwrap());
    assert_eq!(after - before, all["measured"].as_u64().unwrap(), "operators in the table are not measured again");
    assert_eq!(json(&mut make("60", "1"))["measured"], 0);
    assert!(refused(&mut make("60", "2")).contains("burn runs a network on one thread"));

    let check = |file: &str| {
        let mut command = nas(["latency", "check", file, "nas-bench-201", "--runtime", "burn", "--input", "1,8,8"]);
        command.args(["--samples", "12", "--seed", "100"]).args(SMALL);
        command
    };
    let found = json(&mut check(&table));
    assert_eq!(found["networks"], 12, "{found}");
    assert!(found["error"].as_f64().unwrap().is_finite(), "{found}");

    // For a space without networks, no table is written.
    let none = at("none.csv");
    let message = refused(&mut nas(["latency", "cost-table", "synthetic", "--runtime", "burn", "--out", &none]));
    assert!(message.contains("has no networks") && !std::path::Path::new(&none).exists(), "{message}");

    // Predictions of a table are equal in two runs, and several workers may train.
    let search = |file: &str, study: &str| {
        let mut command = nas(["search", "--space", "nas-bench-201", "--strategy", "nsga2", "--data", "digits"]);
        command.args(["--trials", "12", "--workers", "2", "--set", "evaluator.epochs=1"]).args(SMALL);
        command.args(["--set", "evaluator.train_limit=300"]);
        command.args(["--meter", file, "--objective", "val_accuracy", "--objective", "latency_here"]);
        command.args(["--study", study]);
        command
    };
    let latencies = |study: &str| -> Vec<f64> {
        let shown = json(nas(["show", study, "--trials"]).args::<[&str; 0], &str>([]));
        let trials = shown["trials"].as_array().unwrap();
        trials.iter().filter_map(|trial| trial["metrics"]["latency_here"].as_f64()).collect()
    };
    json(&mut search(&table, study.to_str().unwrap()));
    let again = at("again.study");
    json(&mut search(&table, &again));
    assert_eq!(records(&study), records(again.as_ref()));
    let mut found = latencies(&again);
    assert_eq!(found.len(), 12);
    found.sort_by(f64::total_cmp);
    let constraint = f64::midpoint(found[3], found[4]);
    let bounded = at("bounded.study");
    json(search(&table, &bounded).args(["--constraint", &format!("latency_here<={constraint}")]));
    let shown = json(&mut nas(["show", &bounded, "--trials"]));
    let trials = shown["trials"].as_array().unwrap();
    let failed = |trial: &&serde_json::Value| trial["state"] == "failed";
    assert!(trials.iter().any(|trial| failed(&trial)), "{shown}");
    for trial in trials {
        let slow = trial["metrics"]["latency_here"].as_f64().unwrap() > constraint;
        assert_eq!(failed(&trial), slow, "{trial}");
        // A network that is too slow is never trained.
        assert_eq!(trial["metrics"]["val_accuracy"].is_null(), slow, "{trial}");
    }

    // `nas` cannot measure energies, so a table with energies is not extended.
    let energies = at("energies.csv");
    fs::write(&energies, "# burn 0.1.0, 1 thread\nunit,latency,energy\noverhead,1,2\n").unwrap();
    let mut complete = nas(["latency", "cost-table", "mlp", "--runtime", "burn", "--input", "8", "--out", &energies]);
    assert!(refused(&mut complete).contains("has energies"), "energies are kept");

    // A study does not continue with a changed table.
    let text = fs::read_to_string(&table).unwrap();
    fs::write(&table, text.replacen("overhead\",0", "overhead\",1", 1)).unwrap();
    let message = refused(&mut nas(["resume", &again]));
    assert!(message.contains("'here'") && message.contains("bring back"), "{message}");
    // The networks of the study can still be exported.
    json(&mut nas(["export", &again, "--format", "json", "--out", &at("net.json")]));
}

#[test]
fn measured_latency_is_a_constraint_and_needs_a_single_worker() {
    let (_folder, study) = scratch();
    let search = |workers: &str| {
        let mut command = nas(["search", "--space", "mlp", "--strategy", "random-search", "--data", "digits"]);
        command.args(["--trials", "3", "--workers", workers, "--set", "evaluator.epochs=1", "--meter", "burn"]);
        command.args(["--constraint", "latency_burn<=1000", "--study", study.to_str().unwrap()]);
        command
    };
    let message = refused(&mut search("2"));
    assert!(message.contains("measures time on this machine") && message.contains("--workers 1"), "{message}");
    let done = json(&mut search("1"));
    assert!(done["best"]["metrics"]["latency_burn"].as_f64().unwrap() > 0.0, "{done}");
    assert!(done["best"]["metrics"]["val_accuracy"].as_f64().is_some(), "{done}");
    let message = refused(nas(["search", "--space", "mlp", "--strategy", "random-search", "--data", "digits"]).args([
        "--trials",
        "3",
        "--meter",
        "onnxruntim",
    ]));
    assert!(message.contains("no meter and no file") && message.contains("did you mean 'onnxruntime'"), "{message}");
}

#[test]
fn operators_are_written_as_files_for_another_device() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("units");
    let found = json(nas(["latency", "units", "mlp", "--input", "8", "--samples", "20", "--out"]).arg(&out));
    let table = fs::read_to_string(out.join("costs.csv")).unwrap();
    assert_eq!(table.lines().count() as u64, 2 + found["units"].as_u64().unwrap());
    for line in table.lines().skip(1) {
        let file = line.rsplit(',').nth(3).unwrap();
        assert!(out.join(file).is_file(), "{line}");
    }
    // The table is not filled in yet, and the message names the line.
    let message = refused(nas(["latency", "check"]).arg(out.join("costs.csv")).args(["mlp", "--input", "8"]));
    assert!(message.contains("line 2: the latency is ''"), "{message}");
    // A table that is filled in makes predictions.
    let filled: Vec<String> =
        table.lines().enumerate().map(|(at, line)| if at == 0 { line.into() } else { format!("{line}1") }).collect();
    fs::write(out.join("costs.csv"), filled.join("\n")).unwrap();
    let check = json(nas(["latency", "check"]).arg(out.join("costs.csv")).args([
        "mlp",
        "--input",
        "8",
        "--runtime",
        "burn",
        "--samples",
        "5",
    ]));
    assert_eq!(check["networks"], 5, "{check}");
}
