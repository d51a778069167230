//! The example of an evaluator in C is compiled as C and C++ with the header, loaded, and compared with the graph.
#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use common::{json, nas, scratch, succeed};
use serde_json::Value;

/// Compiles the example with warnings as errors.
fn compile(compiler: &str, language: &[&str], library: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(compiler);
    command.args(language).args(["-Wall", "-Wextra", "-Werror", "-pedantic", "-O2", "-shared", "-fPIC", "-I"]);
    command.arg(root.join("nas-api/include")).arg("-o").arg(library).arg(root.join("docs/examples/wiring.c"));
    succeed(&mut command);
}

#[test]
fn an_evaluator_in_c_measures_the_graph() {
    let (folder, study) = scratch();
    let file = study.to_str().unwrap();
    for (compiler, language) in [("cc", &["-std=c99"][..]), ("c++", &["-x", "c++", "-std=c++11"])] {
        let library = folder.path().join(format!("lib{compiler}.so"));
        compile(compiler, language, &library);
        let library = library.to_str().unwrap();
        let shown = succeed(&mut nas(["plugin", "inspect", library]));
        assert!(shown.contains("evaluator 'wiring' 1") && shown.contains("whole, 1 to 1000"), "{shown}");

        let _ = fs::remove_file(&study);
        let search = ["search", "--space", "nas-bench-201", "--strategy", "random-search", "--trials", "8"];
        let study = ["--study", file, "--evaluator", library, "--set", "evaluator.fan_in=2"];
        let found = json(nas(search).args(study));
        assert_eq!((found["measured"].as_u64(), found["failed"].as_u64()), (Some(8), Some(0)), "{compiler}");

        let trials = json(&mut nas(["show", file, "--trials"]));
        for trial in trials["trials"].as_array().unwrap() {
            let number = trial["trial"].to_string();
            let out = folder.path().join("network.json");
            let export = ["export", file, "--trial", &number, "--format", "json", "--out", out.to_str().unwrap()];
            succeed(nas(export).args(["--allow-native", library]));
            let network: Value = serde_json::from_str(&fs::read_to_string(out).unwrap()).unwrap();
            let nodes = network["graph"]["nodes"].as_array().unwrap();
            let read = nodes.iter().map(|node| node["inputs"].as_array().unwrap().len());
            let expected = [nodes.len(), read.clone().sum(), read.filter(|&count| count > 2).count()];
            let metric = |name: &str| trial["metrics"][name].as_f64().unwrap() as usize;
            assert_eq!(["nodes", "edges", "joins"].map(metric), expected, "{compiler}, trial {number}");
        }
    }
}

#[test]
fn an_evaluator_in_c_reports_and_is_pruned() {
    let (folder, study) = scratch();
    let file = study.to_str().unwrap();
    let library = folder.path().join("libwiring.so");
    compile("cc", &["-std=c99"], &library);
    let search = ["search", "--space", "nas-bench-201", "--strategy", "random-search", "--trials", "12", "--seed", "2"];
    let study = ["--study", file, "--evaluator", library.to_str().unwrap(), "--objective", "longest_path:minimize"];
    // The paths of these networks have 81 to 156 operators.
    let pruner = ["--pruner", "threshold", "--set", "pruner.limit=100"];
    let found = json(nas(search).args(study).args(pruner));
    let (measured, pruned) = (found["measured"].as_u64().unwrap(), found["pruned"].as_u64().unwrap());
    assert!(measured > 0 && pruned > 0 && measured + pruned == 12, "{found}");
    let trials = json(&mut nas(["show", file, "--trials"]));
    for trial in trials["trials"].as_array().unwrap().iter().filter(|trial| trial["duplicate_of"].is_null()) {
        let reports = trial["curve"].as_array().unwrap();
        let path = trial["metrics"]["longest_path"].as_f64().unwrap();
        assert_eq!(reports.last().unwrap()["metrics"]["longest_path"].as_f64(), Some(path));
        match trial["pruned_at"].as_f64() {
            // It ends at the first operator beyond the limit.
            Some(at) => assert!(path == 101.0 && reports.len() as f64 == at, "{trial}"),
            None => {
                assert!(path <= 100.0 && trial["metrics"]["nodes"].as_f64() == Some(reports.len() as f64), "{trial}")
            }
        }
    }
}

#[test]
fn a_library_for_an_earlier_abi_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let (source, library) = (folder.path().join("old.c"), folder.path().join("libold.so"));
    for symbol in ["nas_evaluator_0_1", "nas_evaluator_0_2"] {
        fs::write(&source, format!("int {symbol}(void) {{ return 0; }}\n")).unwrap();
        succeed(Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([&library, &source]));
        let message = common::refused(&mut nas(["plugin", "inspect", library.to_str().unwrap()]));
        assert!(
            message.contains(symbol) && message.contains("nas_evaluator_0_3") && message.contains("rebuild it"),
            "{message}"
        );
    }
}

#[test]
fn a_wrong_setting_is_refused_before_the_library_sees_it() {
    let (folder, _) = scratch();
    let library = folder.path().join("libwiring.so");
    compile("cc", &["-std=c99"], &library);
    let search = ["search", "--space", "nas-bench-201", "--strategy", "random-search", "--trials", "2"];
    let mut command = nas(search);
    let wrong = ["--evaluator", library.to_str().unwrap(), "--set", "evaluator.fan_in=0"];
    let message = common::refused(command.args(wrong));
    assert!(message.contains("fan_in") && message.contains('1'), "{message}");
}
