//! The command blocks of the README run in order, and the first one prints what the README shows.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::target;
use common::test_data::test_data;

/// The blocks of a page whose fence is followed by these words, in order.
fn blocks(page: &str, fence: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(language) = line.strip_prefix("```") else { continue };
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        if language == fence {
            found.push(block.join("\n"));
        }
    }
    found
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Runs a block as a user would, with `nas` on the path, in a folder that it may write to.
fn run(block: &str, folder: &Path) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_nas")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap_or_default());
    let mut shell = Command::new("sh");
    shell.args(["-e", "-c", block]).current_dir(folder).env("PATH", path).env_remove("NAS_PLUGINS");
    shell.env("XDG_DATA_HOME", "/nonexistent").env("XDG_CACHE_HOME", target().join("test-cache"));
    let output = shell.output().unwrap();
    let (printed, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{block}\nended with {}\n{printed}{errors}", output.status);
    printed.into_owned()
}

#[test]
fn the_commands_run_and_print_the_output_in_the_readme() {
    let page = fs::read_to_string(root().join("README.md")).unwrap();
    let commands = blocks(&page, "sh");
    assert!(commands.len() >= 3, "{commands:?}");
    let folder = tempfile::tempdir().unwrap();
    let mut printed = commands.iter().map(|block| run(block, folder.path())).collect::<Vec<_>>();
    let first = printed.swap_remove(0);
    let shown = blocks(&page, "text").swap_remove(0);
    for line in shown.lines() {
        // Seconds differ from run to run, and the last line of the README is shortened.
        let fixed = line.split(", in ").next().unwrap().trim_end_matches('…').trim_end_matches(' ');
        assert!(first.contains(fixed), "the README shows\n{line}\nbut the command prints\n{first}");
    }
    for made in ["found.svg", "winner/weights.safetensors", "found.onnx", "comparison.html"] {
        assert!(folder.path().join(made).is_file(), "{made} is missing");
    }
}

#[cfg(unix)]
#[test]
fn the_commands_on_published_tables_run() {
    let Some(_table) = test_data("nasbench201.csv.gz") else { return };
    let page = fs::read_to_string(root().join("README.md")).unwrap();
    let commands = blocks(&page, "sh data");
    assert!(!commands.is_empty());
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(root().join("docs"), folder.path().join("docs")).unwrap();
    for block in commands {
        let printed = run(&block, folder.path());
        assert!(printed.contains("REINFORCE") && printed.contains("p (Holm)"), "{printed}");
    }
}

/// CI runs the commands that build `nas` itself, before the tests.
#[test]
fn the_commands_that_build_are_run_by_ci() {
    let page = fs::read_to_string(root().join("README.md")).unwrap();
    let script = fs::read_to_string(root().join(".ci/run")).unwrap();
    let build = blocks(&page, "sh build").swap_remove(0);
    for command in build.lines() {
        assert!(script.lines().any(|line| line == command), ".ci/run does not run `{command}`");
    }
}
