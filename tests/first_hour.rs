//! What a new user meets: progress in logs, defaults, errors of definitions, and words of other tools.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs;
use std::process::{Command, Output, Stdio};

use common::{component, json, nas, refused, scratch, succeed};

#[track_caller]
fn says(message: &str, words: &[&str]) {
    for word in words {
        assert!(message.contains(word), "'{word}' is missing in: {message}");
    }
}

/// Runs a command that must succeed, and returns what it prints on standard output and standard error.
#[track_caller]
fn both(command: &mut Command) -> (String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let (stdout, stderr) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
    assert!(status.success(), "{status}\n{stdout}\n{stderr}");
    (stdout, stderr)
}

#[test]
fn progress_is_written_as_lines_if_there_is_no_terminal() {
    let (folder, study) = scratch();
    let search = |flags: &[&str], name: &str| {
        let file = study.with_file_name(name);
        both(nas(["search", "--space", "mlp", "--data", "digits", "--trials", "12", "--study"]).arg(file).args(flags)).1
    };
    let lines = search(&[], "auto.study");
    assert!(lines.lines().any(|line| line.contains("/12 trials") && line.contains("best val_accuracy")), "{lines}");
    assert!(!lines.contains('\r') && !lines.contains('\x1b'), "a log holds no control characters: {lines:?}");
    says(&search(&["--progress", "plain"], "plain.study"), &["/12 trials"]);
    for flags in [&["--progress", "none"][..], &["--progress", "bar"], &["--quiet"]] {
        let shown = search(flags, &format!("{}.study", flags.len() + flags.concat().len()));
        assert!(!shown.contains("/12 trials"), "{flags:?}: {shown}");
    }
    drop(folder);
}

#[test]
fn a_running_study_can_be_followed_to_its_end() {
    let (_folder, study) = scratch();
    let file = study.to_str().unwrap();
    let mut command = nas(["search", "--space", "mlp", "--strategy", "random-search", "--data", "digits"]);
    let mut running =
        command.args(["--trials", "40", "--quiet", "--study", file]).stdout(Stdio::null()).spawn().unwrap();
    // The file exists as soon as the study has begun.
    for _ in 0..600 {
        if json_is_readable(file) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    says(&refused(&mut nas(["show", file, "--worst"])), &["--worst"]);
    let followed = succeed(&mut nas(["show", file, "--follow"]));
    assert!(running.wait().unwrap().success());
    for trial in [0, 17, 39] {
        assert!(followed.contains(&format!("trial {trial:<4} measured  val_accuracy ")), "{followed}");
    }
    says(&followed, &["best so far", "40 measured, 0 failed", "\nincumbents\n"]);
    says(&succeed(&mut nas(["show", file, "--trial", "best"])), &["\nstate", "measured", "learning curve"]);
    let again = succeed(&mut nas(["show", file, "--follow"]));
    assert_eq!(again.matches("best so far").count(), followed.matches("best so far").count());
    says(&refused(&mut nas(["show", file, "--follow", "--json"])), &["--follow", "--json"]);
}

fn json_is_readable(file: &str) -> bool {
    nas(["show", file, "--json"]).output().unwrap().status.success()
}

#[test]
fn what_is_not_named_is_chosen_and_said() {
    let (folder, study) = scratch();
    let (_, notes) = both(nas(["search", "--data", "digits", "--trials", "2", "--study"]).arg(&study));
    says(&notes, &["the space is 'mlp'", "images of 8×8 pixels", "--space", "the strategy is 'regularized-evolution'"]);
    let shown = json(nas(["show"]).arg(&study));
    assert_eq!(shown["study"]["space"]["name"], "mlp");

    let table = folder.path().join("mine.csv");
    let rows: String = (0..60).map(|row| format!("{},{},{}\n", row, row * 7 % 13, ["a", "b"][row % 2])).collect();
    fs::write(&table, format!("x,y,class\n{rows}")).unwrap();
    let mut command = nas(["search", "--trials", "2", "--strategy", "random-search", "--data"]);
    let other = folder.path().join("b.study");
    let (_, notes) = both(command.arg(&table).arg("--study").arg(&other));
    says(&notes, &["the space is 'mlp'", "a table of 2 features"]);
    assert!(!notes.contains("the strategy is"), "it was named: {notes}");
    says(&succeed(nas(["resume"]).arg(&other)), &["2 measured"]);

    let mut command = nas(["search", "--data", "digits", "--trials", "4", "--study"]);
    let several = ["--objective", "val_accuracy:maximize", "--objective", "params:minimize"];
    let (_, notes) = both(command.arg(folder.path().join("c.study")).args(several));
    says(&notes, &["the strategy is 'nsga2'"]);
    // Data that determine the space leave nothing to choose.
    let mut command = nas(["search", "--evaluator", "synthetic", "--data", "nk", "--trials", "4", "--study"]);
    let (_, notes) = both(command.arg(folder.path().join("d.study")));
    assert!(!notes.contains("the space is"), "{notes}");
}

#[test]
fn a_search_without_arguments_says_what_to_type() {
    says(&refused(&mut nas(["search"])), &["nas search --data digits --trials 30", "nas search --help"]);
    says(&refused(&mut nas(["search", "--data", "digits"])), &["budget", "--trials N"]);
    says(&succeed(&mut nas(["--help"])), &["Start here:", "nas search --data digits", "Plugin options:"]);
}

#[test]
fn a_definition_with_a_mistake_names_the_line_and_the_name_that_was_meant() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cells.toml");
    let text = "name = \"cells\"\nversion = \"1\"\n\n[[decision]]\nname = \"width\"\nchoices = [4, 8]\n\n[[layer]]\n\
                op = \"Conv\"\nout_channels = \"$width\"\nkernel_size = 3\n";
    fs::write(&file, text).unwrap();
    let message = refused(nas(["space", "show"]).arg(&file));
    says(&message, &["cells.toml: choice space 'cells', line 11, column 15: layer 1:", "did you mean 'kernel_shape'?"]);
    fs::write(&file, text.replace("kernel_size", "kernel_shape").replace("Conv", "SiLU")).unwrap();
    says(&refused(nas(["space", "show"]).arg(&file)), &["line 9, column 6", "did you mean 'Swish'?"]);
    let listed = json(&mut nas(["space", "operators"]));
    let conv = listed["operators"].as_array().unwrap().iter().find(|operator| operator["name"] == "Conv").unwrap();
    assert_eq!(conv["required"], serde_json::json!(["out_channels", "kernel_shape"]));
    says(&succeed(&mut nas(["space", "operators"])), &["MaxPool", "Gemm", "out_features"]);
}

#[test]
fn an_argument_without_its_flag_is_recognised() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let search = |argument: &str| refused(&mut nas(["search", argument, "--trials", "3"]));
    says(&search(&file("mine.csv", "x,y\n1,a\n")), &["mine.csv: is a file of data", "nas search --data "]);
    says(&search(folder.path().to_str().unwrap()), &["is a folder", "nas search --data "]);
    says(&search("digits"), &["nas search --data digits"]);
    says(&search(&file("cells.toml", "name = 'a'\n[[decision]]\nname = 'b'\n")), &["is a space", "--space "]);
    says(&search(&file("old.study", "")), &["nas resume "]);
    says(&search(&file("mine.wasm", "")), &["is a plugin", "--strategy "]);

    let named =
        |flag: &str, value: &str| refused(&mut nas(["search", "--data", "digits", "--trials", "1", flag, value]));
    says(&named("--strategy", "mine.py"), &["'mine.py'", ".wasm", "write-a-strategy.md"]);
    says(&named("--evaluator", "train.py"), &["'train.py'", "write-an-evaluator.md"]);
    says(&named("--space", "net.pt"), &["'net.pt'", ".wasm, .toml or .onnx"]);
    says(&named("--study", "no/such/folder/a.study"), &["there is no folder 'no/such/folder'", "mkdir -p"]);
    says(&named("--set", "evaluator.lr=1"), &["did you mean 'learning_rate'?"]);
    says(&named("--objective", "accuracy"), &["did you mean 'val_accuracy'?"]);
    let mut bench = nas(["bench", "--strategies", "tpe", "--problems", "digits", "--trials", "2", "--seeds", "1"]);
    says(&refused(bench.arg("--out").arg(folder.path().join("b"))), &["'digits'", "burn/digits"]);
}

#[test]
fn numbers_are_refused_with_what_they_must_be() {
    let whole = "must be a whole number from 0 to 4294967295";
    for (flag, value, words) in [
        ("--trials", "ten", whole),
        ("--seed", "-1", whole),
        ("--workers", "1.5", whole),
        ("--seconds", "soon", "must be a number"),
        ("--retries", "101", "must be a whole number from 0 to 100"),
        ("--worker-memory", "1", "from 16 to 1073741824"),
    ] {
        let message = refused(&mut nas(["search", "--data", "digits", flag, value]));
        says(&message, &[flag, &format!("'{value}'"), words]);
        assert!(!message.contains("tip:"), "{message}");
    }
}

#[test]
fn words_of_other_tools_and_parts_of_names_are_understood() {
    says(&refused(&mut nas(["compare", "a.study", "b.study"])), &["'compare'", "nas report A.study B.study"]);
    says(&refused(&mut nas(["diff"])), &["nas report"]);
    says(&refused(&mut nas(["watch"])), &["--follow"]);
    let strategy = |name: &str| refused(&mut nas(["search", "--data", "digits", "--trials", "1", "--strategy", name]));
    says(&strategy("evolution"), &["did you mean 'regularized-evolution'?"]);
    says(&strategy("TPE"), &["did you mean 'tpe'?"]);
    says(&refused(&mut nas(["plugin", "inspect", "synflo"])), &["did you mean 'synflow'?"]);
    says(&refused(&mut nas(["export", "mlp", "--format", "onx", "--out", "x"])), &["onx", "onnx"]);
}

#[test]
fn pruners_and_meters_can_be_inspected() {
    says(&succeed(&mut nas(["plugin", "inspect", "median"])), &["startup", "grace", "patience", "--pruner median"]);
    assert!(json(&mut nas(["plugin", "inspect", "threshold"]))["parameters"].as_array().unwrap().len() > 3);
    says(&succeed(&mut nas(["plugin", "inspect", "synflow"])), &["--meter synflow"]);
}

#[test]
fn the_summary_says_why_trials_failed() {
    let (_folder, study) = scratch();
    // A constraint that no candidate keeps fails every trial before it is trained.
    let cost = component("evaluators", "cost");
    let mut command = nas(["search", "--space", "mlp", "--strategy", "random-search", "--evaluator", &cost]);
    let ended = command.args(["--trials", "6", "--constraint", "params<=10", "--study"]).arg(&study).output().unwrap();
    assert_eq!(ended.status.code(), Some(1));
    let shown = succeed(nas(["show"]).arg(&study));
    says(&shown, &["0 measured, 6 failed", "\nfailed     6 trials, the first of them 0: "]);
    let failures = json(nas(["show"]).arg(&study))["failures"].clone();
    assert_eq!((failures[0]["trials"].as_u64(), failures[0]["first"].as_u64()), (Some(6), Some(0)), "{failures}");
}
