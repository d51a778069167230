//! The command line as it is typed; nothing is checked here but the form.

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
/// Exit codes: 0 done, 1 broken while running or no trial could be measured, 2 wrong input, 130 stopped by Ctrl-C (`nas resume` goes on).
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,

    /// Look for plugins here first (folders spaces, strategies, evaluators within); may be given more than once.
    /// Then come the folders of the variable NAS_PLUGINS and the user's data folder.
    #[arg(long, value_name = "DIR", global = true)]
    pub plugin_path: Vec<PathBuf>,
    /// Memory that a component may use, in MiB [default: 512]
    #[arg(long, value_name = "MIB", global = true, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub plugin_memory: Option<u32>,
    /// Instructions that one call of a component may take, in millions [default: 20000]
    #[arg(long, value_name = "MILLIONS", global = true, value_parser = clap::value_parser!(u32).range(1..))]
    pub plugin_fuel: Option<u32>,
    /// Seconds that one call of a component may take [default: 60]
    #[arg(long, value_name = "SECONDS", global = true, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub plugin_seconds: Option<u32>,
    /// Where compiled components are kept [default: the user's cache folder]
    #[arg(long, value_name = "DIR", global = true)]
    pub plugin_cache: Option<PathBuf>,
    /// Show what plugins log
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// No progress
    #[arg(short, long, global = true)]
    pub quiet: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a study: a strategy searches a space, an evaluator measures
    Search(Box<Search>),
    /// Go on with a study that was stopped or killed
    Resume(Box<Resume>),
    /// What a study has found
    Show(Show),
    /// Train a network of a study in full and test it
    Train(Train),
    /// Write a network for other programs: ONNX, PyTorch, safetensors, JSON, DOT
    Export(Box<Export>),
    /// Compare strategies: a grid of studies over problems and seeds
    Bench(Box<Bench>),
    /// Write the report of a benchmark: curves, tables, statistics
    Report(Report),
    /// Draw a network of a space, or one that a study has found
    Draw(Box<Draw>),
    /// What networks cost on a device: latency, measured or added up
    #[command(subcommand)]
    Latency(Box<LatencyCommand>),
    /// Data sets: fetch public ones, look at your own
    #[command(subcommand)]
    Data(DataCommand),
    /// Tables of trained networks, which the evaluator `table` looks candidates up in
    #[command(subcommand)]
    Table(TableCommand),
    /// The plugins that a study can name
    #[command(subcommand)]
    Plugin(PluginCommand),
    /// Look at a space
    #[command(subcommand)]
    Space(SpaceCommand),
    /// Measure candidates for a study that runs in another process; studies start it by themselves
    Worker(Worker),
}

/// `nas search`.
#[derive(Debug, clap::Args)]
pub struct Search {
    /// The study as a TOML file; flags override it
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
    /// .parquet or .txt file; what is in this folder comes before a fetched set of that name
    #[arg(long)]
    pub data: Option<String>,
    /// Settings of the evaluator by name, or in a .toml file; `nas plugin inspect burn` lists them
    #[arg(long, value_name = "NAME|FILE")]
    pub recipe: Option<String>,
    /// Where the evaluator trains: `cpu`, or with the CUDA library `cuda:0`; short for --set evaluator.device=
    #[arg(long, value_name = "cpu|cuda:N")]
    pub device: Option<String>,
    #[command(flatten)]
    pub budget: BudgetFlags,
    /// What all random numbers are derived from [default: 0]
    #[arg(long, value_name = "N")]
    pub seed: Option<u32>,
    /// Trials measured side by side [default: 1]
    #[arg(long, value_name = "N")]
    pub workers: Option<u32>,
    /// Whether a candidate that was measured before is measured again [default: reuse]
    #[arg(long, value_name = "WHAT", value_parser = duplicates())]
    pub duplicates: Option<Duplicates>,
    /// The file that keeps the study [default: STRATEGY-SPACE-SEED.study]
    #[arg(long, value_name = "FILE")]
    pub study: Option<PathBuf>,
    /// A parameter of space, strategy, evaluator, task or pruner
    #[arg(long = "set", value_name = "strategy.KEY=VALUE")]
    pub sets: Vec<String>,
    /// What to search for, the main objective first
    #[arg(long, value_name = "METRIC:maximize|minimize")]
    pub objective: Vec<String>,
    /// What every candidate must keep
    #[arg(long, value_name = "METRIC<=VALUE")]
    pub constraint: Vec<String>,
    /// What measures candidates before they are trained: onnxruntime, burn, a zero-cost proxy such as synflow, or a table
    /// of operators' costs
    #[arg(long, value_name = "NAME|FILE")]
    pub meter: Vec<String>,
    /// What ends trials early by what they report: median or threshold; --set pruner.KEY=VALUE sets it
    #[arg(long, value_name = "NAME")]
    pub pruner: Option<String>,
    #[command(flatten)]
    pub isolation: IsolationFlags,
    /// One JSON object on standard output
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
    /// Another strategy; needs --warm-start
    #[arg(long)]
    pub strategy: Option<String>,
    /// A parameter of the strategy; needs --warm-start
    #[arg(long = "set", value_name = "strategy.KEY=VALUE")]
    pub sets: Vec<String>,
    #[command(flatten, next_help_heading = "Budget of the new search; needs --warm-start")]
    pub budget: BudgetFlags,
    // Those that are not given are those that the study was begun with.
    #[command(flatten)]
    pub isolation: IsolationFlags,
    /// One JSON object on standard output
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
    /// One trial with everything that is known of it, what it reported while it was measured among it
    #[arg(long, value_name = "N")]
    pub trial: Option<u32>,
    /// The records without times, as bytes that can be compared
    #[arg(long, conflicts_with_all = ["trials", "trial", "json"])]
    pub records: bool,
    /// One JSON object on standard output
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
    /// How to train instead of as in the search: a recipe by name, or a .toml file. What it leaves open is at its default,
    /// but for epochs
    #[arg(long, value_name = "NAME|FILE")]
    pub recipe: Option<String>,
    /// A parameter of the training, or what else the evaluator lets be set for it (train_limit, validation_limit); overrides
    /// the recipe
    #[arg(long = "set", value_name = "evaluator.KEY=VALUE")]
    pub sets: Vec<String>,
    /// Where to train: cpu, or with a library for it cuda:0 and others; short for --set evaluator.device= [default: as in the
    /// search]
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<String>,
    /// Epochs of the final training [default: those of --set or --recipe where they say, else 5 times those of the search]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub epochs: Option<u32>,
    /// The folder for weights, network and metrics; made where it does not exist
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    // Those that are not given are those that the study was begun with.
    #[command(flatten)]
    pub place: PlaceFlags,
    /// One JSON object on standard output
    #[arg(long)]
    pub json: bool,
}

/// `nas bench`.
#[derive(Debug, clap::Args)]
pub struct Bench {
    /// The grid as a TOML file; flags override it
    pub file: Option<PathBuf>,
    /// Strategies: names or .wasm files
    #[arg(long, value_delimiter = ',', value_name = "A,B")]
    pub strategies: Vec<String>,
    /// Problems: TABLE/PROBLEM, as in nas-bench-201/c10, or EVALUATOR/DATA, as in synthetic/trap
    #[arg(long, value_delimiter = ',', value_name = "P,Q")]
    pub problems: Vec<String>,
    /// Trials of each study
    #[arg(long, value_name = "N")]
    pub trials: Option<u32>,
    /// Seconds of each study, simulated where the table says what training costs
    #[arg(long, value_name = "S")]
    pub seconds: Option<f64>,
    /// How many seeds; every strategy has the same ones
    #[arg(long, value_name = "N")]
    pub seeds: Option<u32>,
    /// The folder that keeps the benchmark; an existing one goes on
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Trials of a study that are measured side by side, in simulation where seconds are simulated [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub workers: Option<u32>,
    /// Whether a study measures again, and pays for, what it measured before [default: reuse]
    #[arg(long, value_name = "WHAT", value_parser = duplicates())]
    pub duplicates: Option<Duplicates>,
    /// What ends trials of each study early by what they report: median or threshold; a file has its settings. Where
    /// nothing is reported (data with one fidelity), studies are skipped
    #[arg(long, value_name = "NAME")]
    pub pruner: Option<String>,
    /// The simulated clock counts the strategy's own seconds, too; two runs are not equal then
    #[arg(long)]
    pub count_strategy: bool,
    /// Studies that run side by side [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub jobs: Option<u32>,
    /// Leave out random search, which joins every benchmark otherwise
    #[arg(long)]
    pub no_random_search: bool,
    #[command(flatten)]
    pub isolation: IsolationFlags,
    /// One JSON object on standard output
    #[arg(long)]
    pub json: bool,
}

/// `nas report`.
#[derive(Debug, clap::Args)]
pub struct Report {
    /// The folder that `nas bench` was given as --out, or the files of studies
    #[arg(required = true, value_name = "DIR|STUDY")]
    pub paths: Vec<PathBuf>,
    /// The report: an .html file, or an .md file with its charts in a folder beside it
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// A folder for the raw numbers, as CSV and Parquet
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// One JSON object on standard output
    #[arg(long)]
    pub json: bool,
}

/// `nas table`.
#[derive(Debug, Subcommand)]
pub enum TableCommand {
    /// The names of all tables
    List,
    /// Whether a table fits its mapping and its space, and what is in it
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
    /// Where the table's space is, if not by its name
    #[arg(long)]
    pub space: Option<String>,
    /// One JSON object on standard output
    #[arg(long)]
    pub json: bool,
}

/// `nas table import`.
#[derive(Debug, clap::Args)]
pub struct TableImport {
    /// The numbers: a .csv, .csv.gz or .parquet file
    pub file: PathBuf,
    /// The mapping that says which columns are what
    #[arg(long, value_name = "MAP.toml")]
    pub map: PathBuf,
    /// What studies call the table
    #[arg(long)]
    pub name: String,
    /// Where the table's space is, if not by its name
    #[arg(long)]
    pub space: Option<String>,
}

/// `nas plugin`.
#[derive(Debug, Subcommand)]
pub enum PluginCommand {
    /// Every plugin that a name can mean, and which one wins
    List {
        /// One JSON object on standard output
        #[arg(long)]
        json: bool,
    },
    /// What a plugin is and what can be set
    Inspect {
        /// A name or a file
        plugin: String,
        /// One JSON object on standard output
        #[arg(long)]
        json: bool,
    },
}
