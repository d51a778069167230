//! Processes that measure.

use std::ffi::OsString;

use clap::ValueEnum;

/// Where evaluators that train networks run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Isolation {
    /// In processes of their own: what crashes there costs its trial alone
    Process,
    /// In the process of the study
    None,
}

/// Flags of every command that measures.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct IsolationFlags {
    /// Where built-in evaluators and libraries that train networks run
    #[arg(long, value_enum, value_name = "WHERE", default_value = "process", global = true)]
    pub isolation: Isolation,
    /// Seconds that a trial may take in a process of its own [default: as long as it likes]
    #[arg(long, value_name = "S", global = true, value_parser = seconds)]
    pub trial_seconds: Option<f64>,
    /// Memory that a process of its own may use, in MiB [default: all that there is]
    #[arg(long, value_name = "MIB", global = true, value_parser = clap::value_parser!(u64).range(16..=1 << 30))]
    pub worker_memory: Option<u64>,
    /// How often a trial is tried again whose process died, at most 100
    #[arg(long, value_name = "N", default_value_t = 1, global = true, value_parser = clap::value_parser!(u32).range(..=100))]
    pub retries: u32,
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok().filter(|seconds: &f64| (0.001..=1e9).contains(seconds));
    seconds.ok_or_else(|| "it takes seconds: a number from 0.001 to 1e9".to_owned())
}

/// `nas worker`.
#[derive(Debug, clap::Args)]
pub struct Worker {
    /// The evaluator: a name, or a native library
    pub evaluator: OsString,
}
