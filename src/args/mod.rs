//! The command line as it is typed; only its form is checked here.

mod data;
mod latency;
mod networks;
mod worker;

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Parser, Subcommand};
pub use data::{DataCheck, DataCommand, DataGet};
pub use latency::{
    LatencyCheck, LatencyCommand, LatencyCostTable, LatencyMeasure, LatencyUnits, RuntimeFlags, RuntimeName,
    SampleFlags,
};
use nas_core::study::{BudgetSpec, Duplicates};
pub use networks::{
    Draw, Export, Format, NetworkFlags, SpaceCheck, SpaceCommand, SpaceSample, SpaceShow, SpaceStats, TaskFlags,
};
pub use worker::{IsolationFlags, PlaceFlags, Worker};

/// A workbench for neural architecture search.
///
/// Exit codes: 0 done; 1 something broke while it ran, or no trial could be measured; 2 wrong input; 130 stopped by Ctrl-C
/// (`nas resume` goes on).
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
pub struct Args {
    /// The command.
    #[command(subcommand)]
    pub command: Command,

    /// Look for plugins in this folder first (in its folders spaces, strategies and evaluators); may be given more than once.
    /// The folders of the variable NAS_PLUGINS and the user's data folder come after it.
    #[arg(long, value_name = "DIR", global = true)]
    pub plugin_path: Vec<PathBuf>,
    /// Limit the memory of a component to this many MiB [default: 512]
    #[arg(long, value_name = "MIB", global = true, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub plugin_memory: Option<u32>,
    /// Limit one call of a component to this many million instructions [default: 20000]
    #[arg(long, value_name = "MILLIONS", global = true, value_parser = clap::value_parser!(u32).range(1..))]
    pub plugin_fuel: Option<u32>,
    /// Limit one call of a component to this many seconds [default: 60]
    #[arg(long, value_name = "SECONDS", global = true, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub plugin_seconds: Option<u32>,
    /// Keep compiled components in this folder [default: the user's cache folder]
    #[arg(long, value_name = "DIR", global = true)]
    pub plugin_cache: Option<PathBuf>,
    /// Show what plugins log
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// Show no progress
    #[arg(short, long, global = true)]
    pub quiet: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a study: a strategy searches a space, an evaluator measures what it proposes
    Search(Box<Search>),
    /// Go on with a study that was stopped or killed
    Resume(Box<Resume>),
    /// Show what a study has found
    Show(Show),
    /// Train one architecture of a study from scratch, and test it
    Train(Train),
    /// Write a network for other programs, as ONNX, PyTorch, safetensors, JSON or DOT
    Export(Box<Export>),
    /// Compare strategies: a grid of studies over problems and seeds
    Bench(Box<Bench>),
    /// Write the report of a benchmark: curves, tables, statistics
    Report(Report),
    /// Draw a network of a space, or one that a study has found
    Draw(Box<Draw>),
    /// Measure or estimate the latency of networks on a device
    #[command(subcommand)]
    Latency(Box<LatencyCommand>),
    /// Fetch public data sets, and check your own
    #[command(subcommand)]
    Data(DataCommand),
    /// List, check and import tables of trained networks (tabular benchmarks)
    #[command(subcommand)]
    Table(TableCommand),
    /// List and inspect the plugins that a study can name
    #[command(subcommand)]
    Plugin(PluginCommand),
    /// Show, sample and check a space
    #[command(subcommand)]
    Space(SpaceCommand),
    /// Measure candidates for a study that runs in another process; studies start it themselves
    Worker(Worker),
}

/// `nas search`.
#[derive(Debug, clap::Args)]
pub struct Search {
    /// The study as a TOML file; flags take precedence over it
    pub file: Option<PathBuf>,
    /// The space: a name, or a .wasm, .toml or .onnx file
    #[arg(long)]
    pub space: Option<String>,
    /// The strategy: a name, or a .wasm file
    #[arg(long)]
    pub strategy: Option<String>,
    /// The evaluator: a name, a .wasm file or a native library [default: burn]
    #[arg(long)]
    pub evaluator: Option<String>,
    /// The evaluator's data: `digits`, a folder of idx files, of CIFAR's or of images, a .csv, .csv.gz,
    /// .parquet or .txt file; a file or folder here takes precedence over a fetched set of that name
    #[arg(long)]
    pub data: Option<String>,
    /// A recipe, which is a set of settings for the evaluator: a name, or a .toml file; `nas plugin inspect burn` lists them
    #[arg(long, value_name = "NAME|FILE")]
    pub recipe: Option<String>,
    /// The device to train on: cpu, or cuda:0 with the CUDA library
    #[arg(long, value_name = "cpu|cuda:N")]
    pub device: Option<String>,
    #[command(flatten)]
    pub budget: BudgetFlags,
    /// The seed from which all random numbers are derived [default: 0]
    #[arg(long, value_name = "N")]
    pub seed: Option<u32>,
    /// How many trials are measured side by side; part of the study, since another number is another search [default: 1]
    #[arg(long, value_name = "N")]
    pub workers: Option<u32>,
    /// Reuse the outcome of a candidate that was measured before, or measure it again [default: reuse]
    #[arg(long, value_name = "WHAT", value_parser = duplicates())]
    pub duplicates: Option<Duplicates>,
    /// The file that keeps the study [default: STRATEGY-SPACE-SEED.study]
    #[arg(long, value_name = "FILE")]
    pub study: Option<PathBuf>,
    /// Set a parameter of the space, strategy, evaluator, task or pruner; may be given more than once
    #[arg(long = "set", value_name = "strategy.KEY=VALUE")]
    pub sets: Vec<String>,
    /// An objective; may be given more than once, the main one first
    #[arg(long, value_name = "METRIC:maximize|minimize")]
    pub objective: Vec<String>,
    /// A constraint that every candidate must keep; may be given more than once
    #[arg(long, value_name = "METRIC<=VALUE")]
    pub constraint: Vec<String>,
    /// A meter, which measures candidates before they are trained: onnxruntime, burn, a zero-cost proxy such as synflow, or
    /// the file of a cost table
    #[arg(long, value_name = "NAME|FILE")]
    pub meter: Vec<String>,
    /// The pruner, which ends trials early by their learning curves: median or threshold; --set pruner.KEY=VALUE sets it
    #[arg(long, value_name = "NAME")]
    pub pruner: Option<String>,
    #[command(flatten)]
    pub isolation: IsolationFlags,
    /// Print one JSON object on standard output
    #[arg(long)]
    pub json: bool,
}

/// What a search may spend; the first limit that is reached ends it.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct BudgetFlags {
    /// At most this many trials
    #[arg(long, value_name = "N")]
    pub trials: Option<u32>,
    /// At most this much fidelity over all trials together, in the evaluator's unit (epochs, for burn)
    #[arg(long, value_name = "N")]
    pub total_fidelity: Option<f64>,
    /// At most this many seconds
    #[arg(long, value_name = "S")]
    pub seconds: Option<f64>,
}

impl BudgetFlags {
    /// The same, as a study's description has it.
    pub fn spec(self) -> BudgetSpec {
        BudgetSpec { trials: self.trials, total_fidelity: self.total_fidelity, seconds: self.seconds }
    }
}

fn duplicates() -> impl TypedValueParser<Value = Duplicates> {
    let measure = |word| if word == "measure" { Duplicates::Measure } else { Duplicates::Reuse };
    PossibleValuesParser::new(["reuse", "measure"]).map(measure)
}

/// `nas resume`.
#[derive(Debug, clap::Args)]
pub struct Resume {
    /// The study's file
    pub file: PathBuf,
    /// Begin a new search in this study: a fresh strategy is told of all trials so far
    #[arg(long)]
    pub warm_start: bool,
    /// Use another strategy; needs --warm-start
    #[arg(long)]
    pub strategy: Option<String>,
    /// Set a parameter of the strategy; needs --warm-start
    #[arg(long = "set", value_name = "strategy.KEY=VALUE")]
    pub sets: Vec<String>,
    #[command(flatten, next_help_heading = "Budget of the new search; needs --warm-start")]
    pub budget: BudgetFlags,
    // Those that are not given are those that the study was begun with.
    #[command(flatten)]
    pub isolation: IsolationFlags,
    /// Print one JSON object on standard output
    #[arg(long)]
    pub json: bool,
}

/// `nas show`.
#[derive(Debug, clap::Args)]
pub struct Show {
    /// The study's file
    pub file: PathBuf,
    /// List all trials
    #[arg(long)]
    pub trials: bool,
    /// Show everything that is known of one trial, its learning curve included
    #[arg(long, value_name = "N")]
    pub trial: Option<u32>,
    /// Print the records without times, so that two studies can be compared byte by byte
    #[arg(long, conflicts_with_all = ["trials", "trial", "json"])]
    pub records: bool,
    /// Print one JSON object on standard output
    #[arg(long)]
    pub json: bool,
}

/// `nas train`.
#[derive(Debug, clap::Args)]
pub struct Train {
    /// The study's file
    pub file: PathBuf,
    /// `best`, or a trial's number
    #[arg(long, default_value = "best", value_name = "best|N")]
    pub trial: String,
    /// The recipe (name or .toml file) to train with instead of the search's settings. Parameters that it omits take their
    /// defaults, except epochs
    #[arg(long, value_name = "NAME|FILE")]
    pub recipe: Option<String>,
    /// Set a parameter of the training, or another one that the evaluator allows here (train_limit, validation_limit); takes
    /// precedence over the recipe
    #[arg(long = "set", value_name = "evaluator.KEY=VALUE")]
    pub sets: Vec<String>,
    /// The device to train on: cpu, or cuda:0 with the CUDA library [default: as in the search]
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<String>,
    /// Epochs of the final training [default: those of --set or --recipe, or else 5 times those of a trial]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub epochs: Option<u32>,
    /// The folder for weights, network and metrics; created if it does not exist
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    // Those that are not given are those that the study was begun with.
    #[command(flatten)]
    pub place: PlaceFlags,
    /// Print one JSON object on standard output
    #[arg(long)]
    pub json: bool,
}

/// `nas bench`.
#[derive(Debug, clap::Args)]
pub struct Bench {
    /// The benchmark as a TOML file; flags take precedence over it
    pub file: Option<PathBuf>,
    /// Strategies: names or .wasm files
    #[arg(long, value_delimiter = ',', value_name = "A,B")]
    pub strategies: Vec<String>,
    /// Problems: TABLE/PROBLEM, as in nas-bench-201/c10, or EVALUATOR/DATA, as in synthetic/trap
    #[arg(long, value_delimiter = ',', value_name = "P,Q")]
    pub problems: Vec<String>,
    /// Limit each study to this many trials
    #[arg(long, value_name = "N")]
    pub trials: Option<u32>,
    /// Limit each study to this many seconds, which are simulated where the table knows what training costs
    #[arg(long, value_name = "S")]
    pub seconds: Option<f64>,
    /// How many seeds; every strategy runs with the same ones
    #[arg(long, value_name = "N")]
    pub seeds: Option<u32>,
    /// The folder that keeps the benchmark; an existing one is continued
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// How many trials of a study are measured side by side, simulated where seconds are [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub workers: Option<u32>,
    /// Reuse the outcome of a candidate that a study measured before, or measure and pay for it again [default: reuse]
    #[arg(long, value_name = "WHAT", value_parser = duplicates())]
    pub duplicates: Option<Duplicates>,
    /// The pruner of each study: median or threshold, with settings from the file. Where nothing is reported (data with one
    /// fidelity), studies are skipped
    #[arg(long, value_name = "NAME")]
    pub pruner: Option<String>,
    /// Count the strategy's own seconds on the simulated clock, too; two runs are then no longer equal
    #[arg(long)]
    pub count_strategy: bool,
    /// How many studies run side by side [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub jobs: Option<u32>,
    /// Leave out random search, which otherwise joins every benchmark
    #[arg(long)]
    pub no_random_search: bool,
    #[command(flatten)]
    pub isolation: IsolationFlags,
    /// Print one JSON object on standard output
    #[arg(long)]
    pub json: bool,
}

/// `nas report`.
#[derive(Debug, clap::Args)]
pub struct Report {
    /// The folder that `nas bench` was given as --out, or the files of studies
    #[arg(required = true, value_name = "DIR|STUDY")]
    pub paths: Vec<PathBuf>,
    /// The report to write: an .html file, or an .md file with its charts in a folder beside it
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// A folder for the raw numbers, as CSV and Parquet
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Print one JSON object on standard output
    #[arg(long)]
    pub json: bool,
}

/// `nas table`.
#[derive(Debug, Subcommand)]
pub enum TableCommand {
    /// List the names of all tables
    List,
    /// Check that a table fits its mapping and its space, and show what is in it
    Check(TableCheck),
    /// Check a table and put it where every study finds it by name
    Import(TableImport),
}

/// `nas table check`.
#[derive(Debug, clap::Args)]
pub struct TableCheck {
    /// A table's name, or its mapping
    pub table: String,
    /// The table's numbers [default: beside the mapping, in NAS_DATA, or in the user's folder]
    #[arg(long)]
    pub file: Option<PathBuf>,
    /// The table's space, where its name does not find it
    #[arg(long)]
    pub space: Option<String>,
    /// Print one JSON object on standard output
    #[arg(long)]
    pub json: bool,
}

/// `nas table import`.
#[derive(Debug, clap::Args)]
pub struct TableImport {
    /// The numbers: a .csv, .csv.gz or .parquet file
    pub file: PathBuf,
    /// The mapping, which says what each column is
    #[arg(long, value_name = "MAP.toml")]
    pub map: PathBuf,
    /// The name by which studies find the table
    #[arg(long)]
    pub name: String,
    /// The table's space, where its name does not find it
    #[arg(long)]
    pub space: Option<String>,
}

/// `nas plugin`.
#[derive(Debug, Subcommand)]
pub enum PluginCommand {
    /// List every plugin that a name can mean, and which of them takes precedence
    List {
        /// Print one JSON object on standard output
        #[arg(long)]
        json: bool,
    },
    /// Show what a plugin is and what can be set
    Inspect {
        /// A name or a file
        plugin: String,
        /// Print one JSON object on standard output
        #[arg(long)]
        json: bool,
    },
}
