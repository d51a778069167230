//! The helpers of the end-to-end tests: the real binary, the components, scratch folders.
#![allow(dead_code, missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod grid;
#[cfg(unix)]
pub mod process;
pub mod test_data;

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// The real binary, without the user's plugins and with a compile cache of the tests' own.
pub fn nas<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nas"));
    command.env_remove("NAS_PLUGINS").env("XDG_DATA_HOME", "/nonexistent");
    let libraries = ["plugins/libraries", "release/examples"].map(|folder| target().join(folder));
    let names = [unruly_name(), format!("{DLL_PREFIX}nas_burn{DLL_SUFFIX}")];
    let allowed = std::env::join_paths(libraries.iter().zip(&names).map(|(folder, name)| folder.join(name)));
    command.env("NAS_ALLOW_NATIVE", allowed.unwrap());
    command.env("NAS_DATA_CACHE", target().join("test-cache").join("data"));
    command.arg("--plugin-cache").arg(target().join("test-cache")).args(arguments);
    command
}

pub fn target() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target")
}

/// The path of a file that `cargo xtask plugins` has built.
pub fn built(kind: &str, file: &str) -> String {
    let path = target().join("plugins").join(kind).join(file);
    assert!(path.is_file(), "the components have not been built: run `cargo xtask plugins`");
    path.to_str().unwrap().to_owned()
}

pub fn component(kind: &str, name: &str) -> String {
    built(kind, &format!("{name}.wasm"))
}

/// The native evaluator that misbehaves according to its settings.
pub fn unruly() -> String {
    built("libraries", &unruly_name())
}

fn unruly_name() -> String {
    format!("{DLL_PREFIX}fixture_unruly{DLL_SUFFIX}")
}

/// Runs a command that must succeed, and returns its standard output.
pub fn succeed(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&stderr);
    assert!(status.success(), "{command:?} ended with {status}\n{stderr}");
    String::from_utf8(stdout).unwrap()
}

/// Runs a command that must be refused as invalid input, and returns its message.
pub fn refused(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{command:?}\n{message}");
    assert!(!message.contains("panicked"), "{message}");
    assert_eq!(message.matches("error:").count(), 1, "one error: {message}");
    assert!(output.stdout.is_empty(), "nothing on standard output");
    message
}

/// Runs a command with `--json`, which must succeed, and returns the JSON value.
pub fn json(command: &mut Command) -> Value {
    serde_json::from_str(&succeed(command.arg("--json"))).unwrap()
}

/// The cells of a line of CSV. Commas inside quotes belong to a cell.
pub fn csv_cells(line: &str) -> Vec<String> {
    let (mut cells, mut quoted) = (vec![String::new()], false);
    for letter in line.chars() {
        match letter {
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            letter => cells.last_mut().unwrap().push(letter),
        }
    }
    cells
}

/// The records of a study without the times.
pub fn records(study: &Path) -> String {
    let study = study.to_str().unwrap();
    succeed(&mut nas(["show", study, "--records"]))
}

/// A temporary folder, and the path of a new study in it.
pub fn scratch() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let study = folder.path().join("a.study");
    (folder, study)
}
