//! A native library runs with the user's rights: it is loaded only if the user names it, and only as it was recorded.
#![cfg(target_os = "linux")]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{nas, refused, scratch, succeed};

/// Compiles a library that writes a file as soon as it is loaded.
fn marking_library(library: &Path, marker: &Path) {
    let code = format!(
        "#include <stdio.h>\n__attribute__((constructor)) static void go(void) {{ fclose(fopen(\"{}\", \"w\")); }}\n",
        marker.display()
    );
    let source = library.with_extension("c");
    fs::write(&source, code).unwrap();
    succeed(Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(library).arg(&source));
}

/// A study whose header was edited to name this library as its evaluator.
fn study_that_names(library: &Path, study: &Path) {
    let search = ["search", "--space", "mlp", "--strategy", "random-search", "--data", "digits", "--trials", "2"];
    let quick = ["--set", "evaluator.train_limit=100", "--set", "evaluator.epochs=1", "--study"];
    succeed(nas(search).args(quick).arg(study));
    let file = rusqlite::Connection::open(study).unwrap();
    let header: String = file.query_row("SELECT header FROM searches", [], |row| row.get(0)).unwrap();
    let (before, after) = header.split_once("[evaluator]\nreference = \"burn\"").expect("the header names burn");
    let header = format!("{before}[evaluator]\nreference = {:?}{after}", library.to_str().unwrap());
    file.execute("UPDATE searches SET header = ?", [header]).unwrap();
}

#[test]
fn no_file_makes_the_program_run_a_library() {
    let (folder, study) = scratch();
    let (library, marker) = (folder.path().join("libmarking.so"), folder.path().join("marker"));
    marking_library(&library, &marker);
    study_that_names(&library, &study);
    let file = study.to_str().unwrap();
    let out = folder.path().join("out");
    let out = out.to_str().unwrap();
    for command in [
        &["resume", file][..],
        &["train", file, "--out", out],
        &["export", file, "--format", "onnx", "--out", out],
        &["latency", "measure", file, "--runtime", "burn"],
    ] {
        let message = refused(&mut nas(command));
        assert!(message.contains("marking"), "{command:?}: {message}");
        assert!(!marker.exists(), "{command:?} ran the library");
    }

    let spec = folder.path().join("spec.toml");
    let text = format!("space = \"mlp\"\nstrategy = \"random-search\"\nevaluator = {library:?}\nbudget.trials = 2\n");
    fs::write(&spec, text).unwrap();
    let message = refused(&mut nas([Path::new("search"), &spec]));
    assert!(message.contains("runs with your rights") && message.contains("--allow-native"), "{message}");
    assert!(!marker.exists(), "a search from a file ran the library");

    let allowed = [Path::new("search"), &spec, Path::new("--allow-native"), &library];
    assert!(refused(&mut nas(allowed)).contains("has no symbol"), "it is loaded");
    assert!(marker.exists(), "the test's library works");
}

#[test]
fn listing_plugins_runs_none_of_them() {
    let (folder, _) = scratch();
    let plugins = folder.path().join("plugins/evaluators");
    fs::create_dir_all(&plugins).unwrap();
    let marker = folder.path().join("marker");
    marking_library(&plugins.join("libmarking.so"), &marker);
    let path: PathBuf = folder.path().join("plugins");
    let path = path.to_str().unwrap();
    let listed = succeed(&mut nas(["plugin", "list", "--plugin-path", path]));
    assert!(listed.contains("libmarking.so"), "{listed}");
    succeed(&mut nas(["plugin", "inspect", "burn", "--plugin-path", path]));
    assert!(!marker.exists(), "a library ran that nobody asked for");
}

#[test]
fn a_library_that_has_changed_is_refused_before_it_is_loaded() {
    let (folder, study) = scratch();
    let library = folder.path().join("libmarking.so");
    fs::copy(common::unruly(), &library).unwrap();
    let search = ["search", "--space", "mlp", "--strategy", "random-search", "--trials", "2", "--study"];
    let evaluator = ["--evaluator", library.to_str().unwrap()];
    succeed(nas(search).arg(&study).args(evaluator).args(["--objective", "score:maximize"]));

    let marker = folder.path().join("marker");
    marking_library(&library, &marker);
    let resume = ["resume", study.to_str().unwrap(), "--allow-native", library.to_str().unwrap()];
    let message = refused(&mut nas(resume));
    assert!(message.contains("bring back the evaluator"), "{message}");
    assert!(!marker.exists(), "the changed library ran");
}
