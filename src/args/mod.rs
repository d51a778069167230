//! The command line as it is typed; only its form is checked here.

mod benchmark;
mod command;
mod data;
mod latency;
mod networks;
mod study;
mod values;
mod worker;

use std::io::IsTerminal;
use std::path::PathBuf;

pub use benchmark::{Bench, Report, TableCheck, TableCommand, TableImport};
use clap::{Parser, Subcommand};
use clap_complete::Shell;
pub use command::{command, parse};
pub use data::{DataCheck, DataCommand, DataGet};
pub use latency::{
    LatencyCheck, LatencyCommand, LatencyCostTable, LatencyMeasure, LatencyUnits, RuntimeFlags, RuntimeName,
    SampleFlags,
};
pub use networks::{
    Draw, Export, Format, NetworkFlags, SpaceCheck, SpaceCommand, SpaceSample, SpaceShow, SpaceStats, TaskFlags,
};
pub use study::{Recover, Resume, Search, Show, Train};
use values::whole;
pub use worker::{IsolationFlags, PlaceFlags, Worker};

/// What `nas --help` ends with.
const START_HERE: &str = "\
Start here:
  nas search --data digits --trials 30 --study first.study   # images that come with nas
  nas show first.study --trials                              # what it has found
  nas train first.study --out winner                         # train the best one, and test it
  nas export first.study --format onnx --out net.onnx        # take it elsewhere
  nas data check mine.csv                                    # then look at your own data";

/// A workbench for neural architecture search.
///
/// Exit codes: 0: done; 1: something failed during the run, or no trial could be measured; 2: wrong input; 130: stopped
/// by Ctrl-C (`nas resume` continues).
#[derive(Debug, Parser)]
#[command(name = "nas", version, propagate_version = true, after_help = START_HERE)]
pub struct Args {
    /// The command.
    #[command(subcommand)]
    pub command: Command,

    /// Show what plugins log
    #[arg(short, long, global = true, help_heading = "Global options")]
    pub verbose: bool,
    /// Do not show progress; the same as --progress none
    #[arg(short, long, global = true, help_heading = "Global options")]
    pub quiet: bool,
    /// How to show progress on standard error: a bar, or plain lines for logs [default: a bar on a terminal, plain lines
    /// elsewhere]
    #[arg(
        long,
        value_name = "HOW",
        global = true,
        value_enum,
        default_value_t,
        hide_default_value = true,
        help_heading = "Global options"
    )]
    pub progress: Progress,

    /// Look for plugins in this folder first (in its subfolders spaces, strategies and evaluators); may be given more
    /// than once. The folders in the variable NAS_PLUGINS and the user's data folder come next.
    #[arg(long, value_name = "DIR", global = true, help_heading = PLUGIN_OPTIONS)]
    pub plugin_path: Vec<PathBuf>,
    /// Allow this native library, although nothing but a study or a TOML file names it; may be given more than once. A
    /// library runs with your rights, unlike a component. The variable NAS_ALLOW_NATIVE lists others; libraries in
    /// plugin folders need no permission.
    #[arg(long, value_name = "PATH", global = true, help_heading = PLUGIN_OPTIONS)]
    pub allow_native: Vec<PathBuf>,
    /// Limit the memory of a component to this many MiB [default: 512]
    #[arg(long, value_name = "MIB", global = true, value_parser = whole::<u32, 1, 65_536>, help_heading = PLUGIN_OPTIONS,
        hide_short_help = true)]
    pub plugin_memory: Option<u32>,
    /// Limit one call of a component to this many million instructions [default: 20000]
    #[arg(long, value_name = "MILLIONS", global = true, value_parser = whole::<u32, 1, 4_294_967_295>,
        help_heading = PLUGIN_OPTIONS, hide_short_help = true)]
    pub plugin_fuel: Option<u32>,
    /// Limit one call of a component to this many seconds [default: 60]
    #[arg(long, value_name = "SECONDS", global = true, value_parser = whole::<u32, 1, 86_400>,
        help_heading = PLUGIN_OPTIONS, hide_short_help = true)]
    pub plugin_seconds: Option<u32>,
    /// Keep compiled components in this folder [default: the user's cache folder]
    #[arg(long, value_name = "DIR", global = true, help_heading = PLUGIN_OPTIONS, hide_short_help = true)]
    pub plugin_cache: Option<PathBuf>,
}

/// The heading of the options that are about components.
const PLUGIN_OPTIONS: &str = "Plugin options";

/// How progress is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Progress {
    /// A bar on a terminal, plain lines elsewhere
    #[default]
    Auto,
    /// One line every 15 seconds and for each new best trial
    Plain,
    /// A bar that is redrawn in place
    Bar,
    /// No progress
    None,
}

impl Args {
    /// The libraries that the user allows: those that `--allow-native` names, and those that the command itself does.
    pub fn named_libraries(&self) -> Vec<PathBuf> {
        let named = match &self.command {
            Command::Search(search) => search.evaluator.as_ref().map(PathBuf::from),
            Command::Plugin(PluginCommand::Inspect { plugin, .. }) => Some(PathBuf::from(plugin)),
            Command::Worker(worker) => Some(PathBuf::from(&worker.evaluator)),
            _ => None,
        };
        let variable = std::env::var_os("NAS_ALLOW_NATIVE").unwrap_or_default();
        let listed = std::env::split_paths(&variable).filter(|path| !path.as_os_str().is_empty());
        self.allow_native.iter().cloned().chain(named).chain(listed).collect()
    }

    /// How progress is shown, with `auto` settled: `Plain`, `Bar` or `None`.
    pub fn shown_progress(&self) -> Progress {
        match self.progress {
            _ if self.quiet => Progress::None,
            Progress::Auto if std::io::stderr().is_terminal() => Progress::Bar,
            Progress::Auto => Progress::Plain,
            given => given,
        }
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a study: a strategy searches a space, and an evaluator measures what it proposes
    Search(Box<Search>),
    /// Continue a study that was stopped or killed
    Resume(Box<Resume>),
    /// Show what a study has found
    Show(Show),
    /// Save what can be read of a study whose file is damaged
    Recover(Recover),
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
    /// Print shell completions
    Completions(Completions),
    /// Write man pages
    Man(Man),
    /// Measure candidates for a study that runs in another process; studies start workers themselves
    #[command(hide = true)]
    Worker(Worker),
}

/// `nas completions`.
#[derive(Debug, clap::Args)]
pub struct Completions {
    /// The shell to print completions for
    pub shell: Shell,
}

/// `nas man`.
#[derive(Debug, clap::Args)]
pub struct Man {
    /// The folder for the man pages; created if it does not exist
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

/// `nas plugin`.
#[derive(Debug, Subcommand)]
pub enum PluginCommand {
    /// List every plugin that can be named, and which one takes precedence if a name has several
    List {
        /// Print one JSON object on standard output
        #[arg(long)]
        json: bool,
    },
    /// Describe a plugin, a pruner or a meter, with everything that can be set for it
    Inspect {
        /// A name or a file
        plugin: String,
        /// Print one JSON object on standard output
        #[arg(long)]
        json: bool,
    },
}
