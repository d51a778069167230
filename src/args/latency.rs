//! `nas latency`.

use std::path::PathBuf;

use clap::Subcommand;

use super::values::{count, whole};
use super::{NetworkFlags, TaskFlags};

/// `nas latency`.
#[derive(Debug, Subcommand)]
pub enum LatencyCommand {
    /// Measure how long one network takes on this machine
    Measure(LatencyMeasure),
    /// Measure the operators of a space on this machine, and write a cost table that studies can use
    CostTable(LatencyCostTable),
    /// Write the operators of a space as ONNX files, to be measured on another device
    Units(LatencyUnits),
    /// Check how well a cost table agrees with measurements of whole networks
    Check(LatencyCheck),
}

/// What runs networks.
#[derive(Debug, clap::Args)]
pub struct RuntimeFlags {
    /// The runtime that runs the networks
    #[arg(long, value_enum, default_value_t = RuntimeName::Onnxruntime)]
    pub runtime: RuntimeName,
    /// How many threads one operator may use; burn always uses one
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = whole::<u32, 1, 256>)]
    pub threads: u32,
}

/// The runtimes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum RuntimeName {
    /// ONNX Runtime; NAS_ONNXRUNTIME names its library, or a folder to look in
    Onnxruntime,
    /// burn, which also trains the networks
    Burn,
}

/// Random networks of a space.
#[derive(Debug, clap::Args)]
pub struct SampleFlags {
    /// The space: a name, or a .wasm, .toml or .onnx file
    pub space: String,
    /// The seed of the first network [default: 0]
    #[arg(long, value_name = "N", value_parser = count)]
    pub seed: Option<u32>,
    /// What the networks are for.
    #[command(flatten)]
    pub task: TaskFlags,
}

/// `nas latency measure`.
#[derive(Debug, clap::Args)]
pub struct LatencyMeasure {
    /// Which network.
    #[command(flatten)]
    pub network: NetworkFlags,
    /// What runs it.
    #[command(flatten)]
    pub runtime: RuntimeFlags,
    /// Print one JSON object on standard output
    #[arg(long)]
    pub json: bool,
}

/// `nas latency cost-table`.
#[derive(Debug, clap::Args)]
pub struct LatencyCostTable {
    /// Which networks.
    #[command(flatten)]
    pub sample: SampleFlags,
    /// How many random networks to take the operators from
    #[arg(long, default_value_t = 200, value_name = "N", value_parser = whole::<u32, 1, 1_000_000>)]
    pub samples: u32,
    /// The cost table to write, a .csv file; operators that an existing one lacks are added to it
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// What runs them.
    #[command(flatten)]
    pub runtime: RuntimeFlags,
    /// Print one JSON object on standard output
    #[arg(long)]
    pub json: bool,
}

/// `nas latency units`.
#[derive(Debug, clap::Args)]
pub struct LatencyUnits {
    /// Which networks.
    #[command(flatten)]
    pub sample: SampleFlags,
    /// How many random networks to take the operators from
    #[arg(long, default_value_t = 200, value_name = "N", value_parser = whole::<u32, 1, 1_000_000>)]
    pub samples: u32,
    /// The folder for the ONNX files and for the cost table to be filled in
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Print one JSON object on standard output
    #[arg(long)]
    pub json: bool,
}

/// `nas latency check`.
#[derive(Debug, clap::Args)]
pub struct LatencyCheck {
    /// The cost table
    pub table: PathBuf,
    /// Which networks.
    #[command(flatten)]
    pub sample: SampleFlags,
    /// How many whole networks to measure
    #[arg(long, default_value_t = 30, value_name = "N", value_parser = whole::<u32, 2, 100_000>)]
    pub samples: u32,
    /// What runs them.
    #[command(flatten)]
    pub runtime: RuntimeFlags,
    /// Print one JSON object on standard output
    #[arg(long)]
    pub json: bool,
}
