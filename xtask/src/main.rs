//! The project's own tasks: `cargo xtask help`.

mod cuda;
mod guest;
mod packages;
mod plugins;
mod run;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};

const HELP: &str = "\
cargo xtask plugins         build every component of plugins/ into target/plugins
cargo xtask plugin FOLDER   build the component of one package, wherever it is
cargo xtask cuda            build the evaluator burn for CUDA into target/cuda/evaluators
  --check                   only look whether it compiles
  --without-llvm            if LLVM cannot be downloaded: CUDA's NVRTC compiles kernels, which needs the toolkit there
cargo xtask demo            build the program and two components, search on `digits`, train the winner
cargo xtask test            build everything, run all tests
cargo xtask help            this text";

fn main() -> ExitCode {
    match task() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn task() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["plugins"] => plugins::build(None),
        ["plugin", folder] => plugins::build_one(folder.as_ref()),
        ["cuda", flags @ ..] => cuda::build(cuda_options(flags)?),
        ["demo"] => run::demo(),
        ["test", rest @ ..] => run::test(rest),
        ["help" | "--help" | "-h"] | [] => {
            println!("{HELP}");
            Ok(())
        }
        other => bail!("there is no task '{}'\n{HELP}", other.join(" ")),
    }
}

fn cuda_options(flags: &[&str]) -> Result<cuda::Options> {
    let mut options = cuda::Options::default();
    for flag in flags {
        match *flag {
            "--check" => options.check = true,
            "--without-llvm" => options.without_llvm = true,
            other => bail!("`cargo xtask cuda` knows no '{other}'\n{HELP}"),
        }
    }
    Ok(options)
}

/// The workspace's folder.
fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.parent().map_or_else(|| here.clone(), PathBuf::from)
}
