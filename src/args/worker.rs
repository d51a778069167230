//! Processes that measure.

use std::ffi::OsString;

use clap::ValueEnum;
use nas_core::study::{self, Limits};

/// Where evaluators that train networks run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Isolation {
    /// In processes of their own: what crashes there costs its trial alone
    Process,
    /// In the process of the study
    None,
}

/// Where networks are trained.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct PlaceFlags {
    /// Where built-in evaluators and libraries that train networks run [default: process]
    #[arg(long, value_enum, value_name = "WHERE")]
    pub isolation: Option<Isolation>,
    /// Memory that a process of its own may use, in MiB [default: all that there is]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(16..=1 << 30))]
    pub worker_memory: Option<u64>,
}

impl PlaceFlags {
    /// As a study takes them.
    pub fn limits(self) -> Limits {
        let isolation = self.isolation.map(|isolation| match isolation {
            Isolation::Process => study::Isolation::Process,
            Isolation::None => study::Isolation::None,
        });
        Limits { isolation, worker_memory: self.worker_memory, ..Limits::default() }
    }
}

/// Flags of every command that runs studies.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct IsolationFlags {
    #[command(flatten)]
    pub place: PlaceFlags,
    /// Seconds that a trial may take in a process of its own [default: as long as it likes]
    #[arg(long, value_name = "S", value_parser = seconds)]
    pub trial_seconds: Option<f64>,
    /// How often a trial is tried again whose process died, at most 100 [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=100))]
    pub retries: Option<u32>,
}

impl IsolationFlags {
    /// As a study takes them.
    pub fn limits(self) -> Limits {
        let Self { place, trial_seconds, retries } = self;
        Limits { trial_seconds, retries, ..place.limits() }
    }
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
    /// Memory that this process may use, in MiB [default: all that there is]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(16..=1 << 30))]
    pub worker_memory: Option<u64>,
}
