//! The CUDA library: a workspace of its own, built by those alone who ask for it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::root;
use crate::run::run;

/// How it is built.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Only looks whether it compiles, lints included.
    pub check: bool,
    /// Where LLVM cannot be downloaded: kernels are compiled by NVRTC at run time.
    pub without_llvm: bool,
}

/// Builds the library, and says where it is.
pub fn build(options: Options) -> Result<()> {
    let target = root().join("target/cuda");
    let folder = root().join("plugins/evaluators/burn-cuda");
    let manifest = if options.without_llvm { stand_in(&folder, &target)? } else { folder.join("Cargo.toml") };
    // Not --locked: the lock file pins what CUDA needs, and follows the crates of the main workspace, which change more
    // often.
    let mut cargo = Command::new("cargo");
    cargo.arg(if options.check { "clippy" } else { "build" }).args(["--release", "--manifest-path"]).arg(manifest);
    cargo.env("CARGO_TARGET_DIR", &target);
    if options.without_llvm {
        cargo.args(["--features", "nvrtc"]);
    }
    if options.check {
        cargo.args(["--", "-D", "warnings"]);
        return run(&mut cargo);
    }
    run(&mut cargo)?;
    let (prefix, suffix) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let library = format!("{prefix}nas_burn_cuda{suffix}");
    // A folder of plugins, for --plugin-path or to be copied.
    let plugins = target.join("evaluators");
    fs::create_dir_all(&plugins).with_context(|| format!("cannot make {}", plugins.display()))?;
    let (built, placed) = (target.join("release").join(&library), plugins.join(&library));
    fs::copy(&built, &placed).with_context(|| format!("cannot copy {}", built.display()))?;
    println!("{}", placed.display());
    Ok(())
}

/// The same package with another crate in place of `cubecl-llvm`. A copy of the manifest, so that neither the published
/// one nor its lock file changes.
fn stand_in(folder: &Path, target: &Path) -> Result<PathBuf> {
    let copy = target.join("without-llvm");
    fs::create_dir_all(&copy).with_context(|| format!("cannot make {}", copy.display()))?;
    let manifest = folder.join("Cargo.toml");
    let text = fs::read_to_string(&manifest).with_context(|| format!("cannot read {}", manifest.display()))?;
    let patch = folder.join("without-llvm");
    let text = format!(
        "{}\n[patch.crates-io]\ncubecl-llvm = {{ path = \"{}\" }}\n",
        absolute_paths(&text, folder),
        patch.display()
    );
    let written = copy.join("Cargo.toml");
    fs::write(&written, text).with_context(|| format!("cannot write {}", written.display()))?;
    fs::copy(folder.join("Cargo.lock"), copy.join("Cargo.lock")).context("cannot copy the lock file")?;
    Ok(written)
}

/// A manifest whose every `path = "…"` holds from any folder.
fn absolute_paths(manifest: &str, folder: &Path) -> String {
    const KEY: &str = "path = \"";
    let mut parts = manifest.split(KEY);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (path, rest) = part.split_once('"').unwrap_or((part, ""));
        text.push_str(&format!("{KEY}{}\"{rest}", folder.join(path).display()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_a_manifest_become_absolute_and_the_rest_stays() {
        let manifest = "[lib]\npath = \"src/lib.rs\"\n[dependencies]\na = { path = \"../a\", features = [\"b\"] }\n";
        let absolute = absolute_paths(manifest, Path::new("/at/b"));
        let expected =
            "[lib]\npath = \"/at/b/src/lib.rs\"\n[dependencies]\na = { path = \"/at/b/../a\", features = [\"b\"] }\n";
        assert_eq!(absolute, expected);
    }
}
