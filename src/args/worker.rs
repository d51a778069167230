//! Processes that measure.

use std::ffi::OsString;

use clap::ValueEnum;
use nas_core::study::{self, Limits};

use super::values::{seconds, whole};

/// Where evaluators that train networks run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Isolation {
    /// In separate processes, so that a crash costs only its trial
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
    /// Limit the memory of each worker process to this many MiB [default: no limit]
    #[arg(long, value_name = "MIB", value_parser = whole::<u64, 16, 1_073_741_824>)]
    pub worker_memory: Option<u64>,
}

impl PlaceFlags {
    /// The same, as a study's description has it.
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
    /// Limit a trial in a worker process to this many seconds [default: no limit]
    #[arg(long, value_name = "S", value_parser = seconds)]
    pub trial_seconds: Option<f64>,
    /// How often a trial is retried after its process has died, at most 100 [default: 1]
    #[arg(long, value_name = "N", value_parser = whole::<u32, 0, 100>)]
    pub retries: Option<u32>,
}

impl IsolationFlags {
    /// The same, as a study's description has it.
    pub fn limits(self) -> Limits {
        let Self { place, trial_seconds, retries } = self;
        Limits { trial_seconds, retries, ..place.limits() }
    }
}

/// `nas worker`.
#[derive(Debug, clap::Args)]
pub struct Worker {
    /// The evaluator: a name, or a native library
    pub evaluator: OsString,
    /// Limit the memory of this process to this many MiB [default: no limit]
    #[arg(long, value_name = "MIB", value_parser = whole::<u64, 16, 1_073_741_824>)]
    pub worker_memory: Option<u64>,
}
