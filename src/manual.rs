//! `nas completions` and `nas man`: shell completions and manual pages, generated from the command line's definition.

use std::fs;
use std::io::Write;
use std::process::ExitCode;

use crate::args::{self, Completions, Man};
use crate::failure::Failure;

/// Prints the completions for one shell.
///
/// # Errors
/// Standard output cannot be written.
pub fn completions(completions: &Completions) -> Result<ExitCode, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(completions.shell, &mut args::command(), "nas", &mut text);
    let printed = std::io::stdout().write_all(&text);
    printed.map_err(|error| Failure::broken(format!("standard output: {error}")))?;
    Ok(ExitCode::SUCCESS)
}

/// Writes a manual page for the program and one for every command.
///
/// # Errors
/// The folder cannot be created or written.
pub fn man(man: &Man) -> Result<ExitCode, Failure> {
    let folder = &man.out;
    let broken = |error: std::io::Error| Failure::broken(format!("{}: {error}", folder.display()));
    fs::create_dir_all(folder).map_err(broken)?;
    clap_mangen::generate_to(args::command(), folder).map_err(broken)?;
    Ok(ExitCode::SUCCESS)
}
