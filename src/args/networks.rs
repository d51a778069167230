//! The commands that look at spaces and at single networks.

use std::path::PathBuf;

use clap::Subcommand;

/// A space's settings, and what its networks are for. A study says all of it itself.
#[derive(Debug, clap::Args)]
pub struct TaskFlags {
    /// Of a space: the shape of one example [default: 3,32,32; of an .onnx file, its own]
    #[arg(long, value_name = "C,H,W")]
    pub input: Option<String>,
    /// Of a space: classes [default: 10; of an .onnx file, its own]
    #[arg(long, value_name = "N")]
    pub outputs: Option<u32>,
    /// Of a space: what is learned [default: classification]
    #[arg(long, value_name = "WORD", value_parser = ["classification", "regression", "language", "detection"])]
    pub kind: Option<String>,
    /// Of a space: a parameter of the space or of the task
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
    /// A study's file; or a space: a name, or a .wasm, .toml or .onnx file
    #[arg(value_name = "STUDY|SPACE")]
    pub source: String,
    /// Of a study: `best`, or a trial's number [default: best]
    #[arg(long, value_name = "best|N", conflicts_with = "text")]
    pub trial: Option<String>,
    /// Of a space: the architecture, as `nas space sample` writes it
    #[arg(long, value_name = "TEXT")]
    pub text: Option<String>,
    /// What the networks are for.
    #[command(flatten)]
    pub task: TaskFlags,
}

/// `nas space`.
#[derive(Debug, Subcommand)]
pub enum SpaceCommand {
    /// The decisions and the size of a space
    Show(SpaceShow),
    /// Random networks of a space, with what they cost
    Sample(SpaceSample),
    /// How large, how varied and how smooth a space is
    Stats(SpaceStats),
    /// Whether a space keeps every promise of the contract
    Check(SpaceCheck),
}

/// `nas space show`.
#[derive(Debug, clap::Args)]
pub struct SpaceShow {
    /// A name, or a .wasm, .toml or .onnx file
    pub space: String,
    /// A parameter of the space
    #[arg(long = "set", value_name = "space.KEY=VALUE")]
    pub sets: Vec<String>,
    /// One JSON object on standard output
    #[arg(long)]
    pub json: bool,
}

/// `nas space sample`.
#[derive(Debug, clap::Args)]
pub struct SpaceSample {
    /// A name, or a .wasm, .toml or .onnx file
    pub space: String,
    /// How many
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub count: u32,
    /// The seed of the first one
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub seed: u32,
    /// This architecture instead of a random one, as `sample` writes it
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["count", "seed"])]
    pub text: Option<String>,
    /// What the networks are for.
    #[command(flatten)]
    pub task: TaskFlags,
    /// With the network's graph
    #[arg(long)]
    pub graph: bool,
    /// One JSON object on standard output
    #[arg(long)]
    pub json: bool,
}

/// `nas space stats`.
#[derive(Debug, clap::Args)]
pub struct SpaceStats {
    /// A name, or a .wasm, .toml or .onnx file
    pub space: String,
    /// Random architectures
    #[arg(long, default_value_t = 500, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub samples: u32,
    /// The seed of the first one
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub seed: u32,
    /// What the networks are for.
    #[command(flatten)]
    pub task: TaskFlags,
    /// One JSON object on standard output
    #[arg(long)]
    pub json: bool,
}

/// `nas space check`.
#[derive(Debug, clap::Args)]
pub struct SpaceCheck {
    /// A name, or a .wasm, .toml or .onnx file
    pub space: String,
    /// Random architectures that every check looks at
    #[arg(long, default_value_t = 40, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=100_000))]
    pub samples: u32,
    /// What the networks are for.
    #[command(flatten)]
    pub task: TaskFlags,
    /// The space has no networks
    #[arg(long)]
    pub no_networks: bool,
    /// One JSON object on standard output
    #[arg(long)]
    pub json: bool,
}

/// `nas draw`.
#[derive(Debug, clap::Args)]
pub struct Draw {
    /// A space: a name, or a .wasm, .toml or .onnx file; or a study's file
    #[arg(value_name = "SPACE|STUDY")]
    pub of: String,
    /// The picture: an .svg or .png file
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Of a space: this architecture, as `nas space sample` writes it
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["seed", "trial"])]
    pub text: Option<String>,
    /// Of a space: the random architecture of this seed [default: 0]
    #[arg(long, value_name = "N", conflicts_with = "trial")]
    pub seed: Option<u32>,
    /// Of a study: `best`, or a trial's number [default: best]
    #[arg(long, value_name = "best|N")]
    pub trial: Option<String>,
    /// Another network beside it, differences marked: of a space a text or a seed, of a study a trial's number or
    /// another study's file
    #[arg(long, value_name = "TEXT|N|STUDY")]
    pub against: Option<String>,
    /// What the networks are for.
    #[command(flatten)]
    pub task: TaskFlags,
    /// Pixels for each unit of length of a .png
    #[arg(long, default_value_t = 2.0, value_name = "X")]
    pub scale: f32,
    /// One JSON object on standard output
    #[arg(long)]
    pub json: bool,
}

/// `nas export`.
#[derive(Debug, clap::Args)]
pub struct Export {
    /// Which network.
    #[command(flatten)]
    pub network: NetworkFlags,
    /// What to write
    #[arg(long, value_enum)]
    pub format: Format,
    /// The file
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Trained weights: the folder that `nas train` was given as --out, or a safetensors file [default: fresh ones]
    #[arg(long, value_name = "DIR|FILE")]
    pub weights: Option<PathBuf>,
    /// The seed of fresh weights [default: 0]
    #[arg(long, value_name = "N", conflicts_with = "weights")]
    pub seed: Option<u32>,
    /// One JSON object on standard output
    #[arg(long)]
    pub json: bool,
}

/// What `nas export` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// The network with its weights, for any runtime
    Onnx,
    /// A readable module, with its weights as safetensors beside it
    Pytorch,
    /// The weights alone
    Safetensors,
    /// The graph with shapes and counts
    Json,
    /// The graph for Graphviz
    Dot,
}
