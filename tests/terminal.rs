//! Nothing that a plugin or a study file says reaches a terminal as it is.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::path::Path;
use std::process::{Command, Stdio};

use common::{component, nas, scratch, succeed};

/// Clipboard, title, a forged line, and text that runs backwards.
const EVIL: &str = "e\u{1b}]52;c;AA\u{7}\u{1b}]0;t\u{7}\u{9b}2J\u{202e}\nforged";

/// What a command prints on both streams, which is short and has nothing that a terminal obeys.
#[track_caller]
fn printed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.code().is_some_and(|code| code <= 2), "{:?}", output.status);
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    let obeyed = text.chars().find(|&letter| nas_core::is_control(letter) && letter != '\n' && letter != '\t');
    assert_eq!(obeyed, None, "{:?}", text.chars().take(3000).collect::<String>());
    assert!(text.len() < 300_000, "{} bytes", text.len());
    assert!(!text.lines().any(|line| line.starts_with("forged")), "{text}");
    text
}

fn small_study(study: &Path) {
    let evaluator = ["--evaluator", "synthetic", "--data", "trap", "--strategy", "random-search"];
    let study = study.to_str().unwrap();
    succeed(nas(["search", "--space", "synthetic", "--trials", "3", "--study", study]).args(evaluator));
}

#[test]
fn a_study_file_of_somebody_else_is_shown_safely() {
    let (_folder, study) = scratch();
    small_study(&study);
    let database = rusqlite::Connection::open(&study).unwrap();
    database.execute("UPDATE trials SET key = ?1, text = ?1, reason = ?1", [EVIL]).unwrap();
    database.execute("UPDATE trials SET text = ?1 WHERE trial = 0", ["long".repeat(1 << 20)]).unwrap();
    database.execute("UPDATE metrics SET name = ?1 WHERE position = 0 AND trial = 1", [EVIL]).unwrap();
    drop(database);
    let study = study.to_str().unwrap();
    for arguments in [vec![], vec!["--trials"], vec!["--trial", "1"], vec!["--trial", "1", "--json"]] {
        let text = printed(nas(["show", study]).args(&arguments));
        assert!(text.contains("forged") || arguments.is_empty(), "{arguments:?}: {text}");
    }
}

#[test]
fn what_plugins_say_is_printed_safely() {
    let (_folder, study) = scratch();
    let study = study.to_str().unwrap();
    printed(&mut nas(["plugin", "inspect", &component("fixtures", "hname")]));
    let strategy = component("fixtures", "hstrat");
    let on = ["--space", "synthetic", "--evaluator", "synthetic", "--data", "trap", "--trials", "1", "-v"];
    for mode in ["log-ansi", "refuse-ansi", "panic-ansi", "log-big", "log-err", "refuse-big", "big-genotype"] {
        let _ = std::fs::remove_file(study);
        let mode = format!("strategy.mode={mode}");
        let set = ["--set", &mode, "--set", "strategy.n=15000000", "--study", study, "--strategy", &strategy];
        printed(nas(["search"]).args(on).args(set));
    }
    let space = component("fixtures", "hspace");
    for mode in ["ansi", "refuse", "panic", "nochoices"] {
        for command in ["show", "sample", "check"] {
            printed(nas(["space", command, &space, "--set", &format!("space.mode={mode}")]).stdin(Stdio::null()));
        }
    }
}
