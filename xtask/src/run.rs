//! Runs a program and says which one failed; the two commands of the README.

use std::ffi::OsStr;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{packages, plugins, root};

/// Runs the command to its end, in the workspace's folder.
pub fn run(command: &mut Command) -> Result<()> {
    let shown = show(command);
    let status = command.current_dir(root()).status().with_context(|| format!("`{shown}` could not be started"))?;
    if !status.success() {
        bail!("`{shown}` failed ({status})");
    }
    Ok(())
}

/// What the command prints on standard output, or `None` where it fails.
pub fn output(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn show(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}

/// cargo with these arguments.
pub fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.args(arguments);
    command
}

/// All tests, with the components that they need.
pub fn test(rest: &[&str]) -> Result<()> {
    packages::browser();
    plugins::build(Some("nas"))?;
    run(cargo(&["test", "--release", "--workspace"]).args(rest))
}

/// One search, end to end: a component strategy on a component space, then the winner in full.
pub fn demo() -> Result<()> {
    plugins::build_demo()?;
    run(&mut cargo(&["build", "--release", "--package", "nas"]))?;
    let nas = root().join("target/release/nas");
    let folder = root().join("out/demo");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let study = folder.join("digits.study");
    run(Command::new(&nas)
        .args(["search", "--space", "target/plugins/spaces/mlp.wasm"])
        .args(["--strategy", "target/plugins/strategies/regularized-evolution.wasm"])
        .args(["--evaluator", "burn", "--data", "digits", "--trials", "60", "--workers", "2"])
        .args(["--set", "strategy.population=15", "--set", "strategy.sample=5", "--seed", "1"])
        .arg("--study")
        .arg(&study))?;
    run(Command::new(&nas).arg("show").arg(&study))?;
    run(Command::new(&nas).arg("train").arg(&study).arg("--out").arg(folder.join("winner")))
}
