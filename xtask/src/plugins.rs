//! Builds every component of `plugins/`, and the native libraries, into `target/plugins`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::guest;
use crate::root;
use crate::run::run;

/// The fixture that is a native library.
const UNRULY: &str = "fixture-unruly";

/// Spaces, strategies and light evaluators, one package each, and the fixtures, one example each. Light evaluators also
/// as native libraries.
pub fn build() -> Result<()> {
    let compiler = guest::compiler()?;
    let mut packages = Vec::new();
    for kind in ["spaces", "strategies", "evaluators", "examples"] {
        for folder in folders(&root().join("plugins").join(kind))? {
            if is_plugin(&folder)? {
                packages.push((kind, package(&folder)?, name_of(&folder)));
            }
        }
    }
    let target = root().join("target/guest");
    let mut cargo = compiler.cargo(&target);
    cargo.args(["build", "--profile", "guest", "--locked"]);
    for (_, package, _) in &packages {
        cargo.args(["--package", package]);
    }
    run(&mut cargo)?;
    let mut fixtures = compiler.cargo(&target);
    run(fixtures.args(["build", "--profile", "guest", "--locked", "--package", "nas-fixtures", "--examples"]))?;

    let evaluators = packages.iter().filter(|(kind, _, _)| *kind == "evaluators");
    let native: Vec<&str> = evaluators.map(|(_, package, _)| package.as_str()).chain([UNRULY]).collect();
    let mut libraries = Command::new("cargo");
    libraries.args(["build", "--release", "--locked"]);
    run(libraries.args(native.iter().flat_map(|package| ["--package", package])))?;

    let built = target.join("wasm32-unknown-unknown/guest");
    let plugins = root().join("target/plugins");
    if plugins.exists() {
        fs::remove_dir_all(&plugins).with_context(|| format!("cannot empty {}", plugins.display()))?;
    }
    for (kind, package, name) in &packages {
        let wasm = built.join(format!("{}.wasm", package.replace('-', "_")));
        copy(&wasm, &plugins.join(kind).join(format!("{name}.wasm")))?;
    }
    let release = root().join("target/release");
    for package in &native {
        let library = library(package);
        copy(&release.join(&library), &plugins.join("libraries").join(&library))?;
    }
    let examples = root().join("plugins/fixtures/examples");
    let mut count = packages.len();
    for file in files(&examples)? {
        let name = file.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
        let wasm = built.join(format!("examples/{}.wasm", name.replace('-', "_")));
        copy(&wasm, &plugins.join("fixtures").join(format!("{name}.wasm")))?;
        count += 1;
    }
    eprintln!("{count} components and {} native libraries are in {}", native.len(), plugins.display());
    Ok(())
}

/// The component of one package, wherever it is; says where the file is.
pub fn build_one(folder: &Path) -> Result<()> {
    let folder = std::path::absolute(folder)?;
    let name = package(&folder)?;
    let target = folder.join("target");
    let mut cargo = guest::compiler()?.cargo(&target);
    run(cargo.args(["build", "--release", "--manifest-path"]).arg(folder.join("Cargo.toml")))?;
    let file = target.join("wasm32-unknown-unknown/release").join(format!("{}.wasm", name.replace('-', "_")));
    if !file.is_file() {
        bail!("{} makes no component: its manifest needs [lib] crate-type = [\"cdylib\"]", folder.display());
    }
    println!("{}", file.display());
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    fs::copy(from, to).with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    Ok(())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let read = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut found = read.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    found.sort();
    Ok(found)
}

fn folders(folder: &Path) -> Result<Vec<PathBuf>> {
    Ok(entries(folder)?.into_iter().filter(|path| path.join("Cargo.toml").is_file()).collect())
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    Ok(entries(folder)?.into_iter().filter(|path| path.extension().is_some_and(|ending| ending == "rs")).collect())
}

fn name_of(folder: &Path) -> String {
    folder.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

/// A package of this workspace that makes a file of its own; others are linked into the program.
fn is_plugin(folder: &Path) -> Result<bool> {
    let manifest = folder.join("Cargo.toml");
    let text = fs::read_to_string(&manifest).with_context(|| format!("cannot read {}", manifest.display()))?;
    Ok(makes_library(&text))
}

/// An example may be a library, too, and a package with a workspace of its own is built by other means.
fn makes_library(manifest: &str) -> bool {
    let before_examples = manifest.split("[[").next().unwrap_or_default();
    before_examples.contains("\"cdylib\"") && !manifest.lines().any(|line| line.trim() == "[workspace]")
}

/// What this machine calls the dynamic library of a package.
fn library(package: &str) -> String {
    format!("{}{}{}", std::env::consts::DLL_PREFIX, package.replace('-', "_"), std::env::consts::DLL_SUFFIX)
}

/// The package's name, from the first `name = "…"` of its manifest.
fn package(folder: &Path) -> Result<String> {
    let manifest = folder.join("Cargo.toml");
    let text = fs::read_to_string(&manifest).with_context(|| format!("cannot read {}", manifest.display()))?;
    let name = text.lines().find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
    match name {
        Some(name) => Ok(name.to_owned()),
        None => bail!("{} has no line `name = \"…\"`", manifest.display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_a_plugin_of_this_workspace() {
        assert!(makes_library("[package]\n[lib]\ncrate-type = [\"cdylib\", \"rlib\"]\n"));
        assert!(!makes_library("[package]\n"));
        assert!(!makes_library("[package]\n[[example]]\ncrate-type = [\"cdylib\"]\n"));
        assert!(!makes_library("[workspace]\n[package]\n[lib]\ncrate-type = [\"cdylib\"]\n"));
    }
}
