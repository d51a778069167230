//! The commands that look at spaces and at single networks.

use std::path::PathBuf;

use clap::Subcommand;

use super::values::{count, number, whole};

/// The settings of a space and its task. For a study they are recorded, so they cannot be given.
#[derive(Debug, clap::Args)]
pub struct TaskFlags {
    /// With a space: the shape of one example [default: 3,32,32, or that of the .onnx file]
    #[arg(long, value_name = "C,H,W")]
    pub input: Option<String>,
    /// With a space: the number of classes [default: 10, or those of the .onnx file]
    #[arg(long, value_name = "N", value_parser = count)]
    pub outputs: Option<u32>,
    /// With a space: the kind of task [default: classification]
    #[arg(long, value_name = "WORD", value_parser = ["classification", "regression", "language", "detection"])]
    pub kind: Option<String>,
    /// With a space: set a parameter of the space or of the task
    #[arg(long = "set", value_name = "task.KEY=VALUE")]
    pub sets: Vec<String>,
}

impl TaskFlags {
    /// Each flag, and whether it is given.
    pub fn given(&self) -> [(&'static str, bool); 4] {
        [
            ("--input", self.input.is_some()),
            ("--outputs", self.outputs.is_some()),
            ("--kind", self.kind.is_some()),
            ("--set", !self.sets.is_empty()),
        ]
    }
}

/// One network.
#[derive(Debug, clap::Args)]
pub struct NetworkFlags {
    /// A study's file, or a space: a name, or a .wasm, .toml or .onnx file
    #[arg(value_name = "STUDY|SPACE")]
    pub source: String,
    /// With a study: `best`, or a trial's number [default: best]
    #[arg(long, value_name = "best|N", conflicts_with = "text")]
    pub trial: Option<String>,
    /// With a space: the architecture, as `nas space sample` writes it
    #[arg(long, value_name = "TEXT")]
    pub text: Option<String>,
    /// What the networks are for.
    #[command(flatten)]
    pub task: TaskFlags,
}

/// `nas space`.
#[derive(Debug, Subcommand)]
pub enum SpaceCommand {
    /// Show the decisions and the size of a space
    Show(SpaceShow),
    /// Sample random architectures of a space, with their costs
    Sample(SpaceSample),
    /// Measure how large, how varied and how smooth a space is
    Stats(SpaceStats),
    /// Check that a space keeps every promise of the contract
    Check(SpaceCheck),
    /// List the operators that a choice space, written in TOML, can have as layers
    Operators {
        /// Print one JSON object on standard output
        #[arg(long)]
        json: bool,
    },
}

/// `nas space show`.
#[derive(Debug, clap::Args)]
pub struct SpaceShow {
    /// The space: a name, or a .wasm, .toml or .onnx file
    pub space: String,
    /// Set a parameter of the space; may be given more than once
    #[arg(long = "set", value_name = "space.KEY=VALUE")]
    pub sets: Vec<String>,
    /// Print one JSON object on standard output
    #[arg(long)]
    pub json: bool,
}

/// `nas space sample`.
#[derive(Debug, clap::Args)]
pub struct SpaceSample {
    /// The space: a name, or a .wasm, .toml or .onnx file
    pub space: String,
    /// How many architectures to sample
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = count)]
    pub count: u32,
    /// The seed of the first one
    #[arg(long, default_value_t = 0, value_name = "N", value_parser = count)]
    pub seed: u32,
    /// Show this architecture, as `sample` writes it, instead of a random one
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["count", "seed"])]
    pub text: Option<String>,
    /// What the networks are for.
    #[command(flatten)]
    pub task: TaskFlags,
    /// Also print the graph
    #[arg(long)]
    pub graph: bool,
    /// Print one JSON object on standard output
    #[arg(long)]
    pub json: bool,
}

/// `nas space stats`.
#[derive(Debug, clap::Args)]
pub struct SpaceStats {
    /// The space: a name, or a .wasm, .toml or .onnx file
    pub space: String,
    /// How many random architectures to sample
    #[arg(long, default_value_t = 500, value_name = "N", value_parser = whole::<u32, 1, 1_000_000>)]
    pub samples: u32,
    /// The seed of the first one
    #[arg(long, default_value_t = 0, value_name = "N", value_parser = count)]
    pub seed: u32,
    /// What the networks are for.
    #[command(flatten)]
    pub task: TaskFlags,
    /// Print one JSON object on standard output
    #[arg(long)]
    pub json: bool,
}

/// `nas space check`.
#[derive(Debug, clap::Args)]
pub struct SpaceCheck {
    /// The space: a name, or a .wasm, .toml or .onnx file
    pub space: String,
    /// How many random architectures each check looks at
    #[arg(long, default_value_t = 40, value_name = "N", value_parser = whole::<u32, 2, 100_000>)]
    pub samples: u32,
    /// What the networks are for.
    #[command(flatten)]
    pub task: TaskFlags,
    /// Skip the checks of networks, for a space that builds none
    #[arg(long)]
    pub no_networks: bool,
    /// Print one JSON object on standard output
    #[arg(long)]
    pub json: bool,
}

/// `nas draw`.
#[derive(Debug, clap::Args)]
pub struct Draw {
    /// A study's file, or a space: a name, or a .wasm, .toml or .onnx file
    #[arg(value_name = "SPACE|STUDY")]
    pub of: String,
    /// The picture to write: an .svg or .png file
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// With a space: draw this architecture, as `nas space sample` writes it
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["seed", "trial"])]
    pub text: Option<String>,
    /// With a space: draw the random architecture of this seed [default: 0]
    #[arg(long, value_name = "N", conflicts_with = "trial", value_parser = count)]
    pub seed: Option<u32>,
    /// With a study: draw this trial, `best` or a number [default: best]
    #[arg(long, value_name = "best|N")]
    pub trial: Option<String>,
    /// Draw a second network beside it, with the differences marked: a text or a seed of the space, a trial's number,
    /// or the file of another study
    #[arg(long, value_name = "TEXT|N|STUDY")]
    pub against: Option<String>,
    /// What the networks are for.
    #[command(flatten)]
    pub task: TaskFlags,
    /// Pixels per unit of length in a .png
    #[arg(long, default_value_t = 2.0, value_name = "X", value_parser = number::<f32>)]
    pub scale: f32,
    /// Print one JSON object on standard output
    #[arg(long)]
    pub json: bool,
}

/// `nas export`.
#[derive(Debug, clap::Args)]
pub struct Export {
    /// Which network.
    #[command(flatten)]
    pub network: NetworkFlags,
    /// The format to write
    #[arg(long, value_enum)]
    pub format: Format,
    /// The file to write
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// The weights: the --out folder of `nas train`, or a safetensors file [default: fresh weights]
    #[arg(long, value_name = "DIR|FILE")]
    pub weights: Option<PathBuf>,
    /// The seed of fresh weights [default: 0]
    #[arg(long, value_name = "N", conflicts_with = "weights", value_parser = count)]
    pub seed: Option<u32>,
    /// Print one JSON object on standard output
    #[arg(long)]
    pub json: bool,
}

/// What `nas export` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// The network with its weights, for any runtime
    Onnx,
    /// A readable module, with its weights in a safetensors file beside it
    Pytorch,
    /// The weights alone
    Safetensors,
    /// The graph with shapes and counts
    Json,
    /// The graph for Graphviz
    Dot,
}
