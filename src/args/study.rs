//! The commands about one study.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use nas_core::study::{BudgetChange, BudgetSpec, Duplicates, NewLimit, ResultOrder};

use super::values::{count, number, whole};
use super::{IsolationFlags, PlaceFlags};

/// `nas search`.
#[derive(Debug, clap::Args)]
pub struct Search {
    /// The study as a TOML file; flags take precedence over it
    pub file: Option<PathBuf>,
    /// The space: a name, or a .wasm, .toml or .onnx file [default: one that fits the data]
    #[arg(long)]
    pub space: Option<String>,
    /// The strategy: a name, or a .wasm file [default: regularized-evolution, or nsga2 for several objectives]
    #[arg(long)]
    pub strategy: Option<String>,
    /// The evaluator: a name, a .wasm file or a native library [default: burn]
    #[arg(long)]
    pub evaluator: Option<String>,
    /// The evaluator's data: `digits`; a folder of idx files, of CIFAR's files or of images; a .csv, .csv.gz, .parquet
    /// or .txt file; or the name of a fetched set, unless a file or folder here has that name
    #[arg(long)]
    pub data: Option<String>,
    /// A recipe, which is a set of settings for the evaluator: a name, or a .toml file; `nas plugin inspect burn` lists
    /// the names
    #[arg(long, value_name = "NAME|FILE")]
    pub recipe: Option<String>,
    /// The device to train on: cpu, or cuda:0 with the CUDA library
    #[arg(long, value_name = "cpu|cuda:N")]
    pub device: Option<String>,
    /// The seed from which all random numbers are derived [default: 0]
    #[arg(long, value_name = "N", value_parser = count)]
    pub seed: Option<u32>,
    /// How many trials are measured at the same time; part of the study, because another number makes another search
    /// [default: 1]
    #[arg(long, value_name = "N", value_parser = count)]
    pub workers: Option<u32>,
    /// The order in which the strategy is told of results: `trial` makes equal runs equal, whatever the workers do;
    /// `completion` lets no worker wait for an earlier trial [default: trial]
    #[arg(long, value_name = "WHICH", value_parser = result_order())]
    pub order: Option<ResultOrder>,
    /// Whether a repeated candidate reuses its earlier outcome, or is measured again [default: reuse]
    #[arg(long, value_name = "WHAT", value_parser = duplicates())]
    pub duplicates: Option<Duplicates>,
    /// The file in which the study is kept [default: STRATEGY-SPACE-SEED.study]
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
    /// A meter, which measures candidates before they are trained: onnxruntime, burn, a zero-cost proxy such as
    /// synflow (but grasp does not reproduce its published correlation), or the file of a cost table; may be given more
    /// than once
    #[arg(long, value_name = "NAME|FILE")]
    pub meter: Vec<String>,
    /// The pruner, which ends trials early because of their learning curves: median or threshold; --set
    /// pruner.KEY=VALUE changes its settings
    #[arg(long, value_name = "NAME")]
    pub pruner: Option<String>,
    /// Print one JSON object on standard output
    #[arg(long)]
    pub json: bool,
    // These are the last ones, because a heading also applies to what follows it.
    #[command(flatten, next_help_heading = "Budget; at least one is needed")]
    pub budget: BudgetFlags,
    #[command(flatten, next_help_heading = "Worker processes")]
    pub isolation: IsolationFlags,
}

impl Search {
    /// Whether no flag or file says what to search.
    pub fn describes_nothing(&self) -> bool {
        let BudgetFlags { trials, total_fidelity, seconds } = self.budget;
        let plugins = [&self.space, &self.strategy, &self.evaluator, &self.data];
        self.file.is_none()
            && plugins.iter().all(|given| given.is_none())
            && self.sets.is_empty()
            && trials.is_none()
            && total_fidelity.is_none()
            && seconds.is_none()
    }
}

/// What a search may spend; the first limit that is reached ends it.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct BudgetFlags {
    /// Limit the search to this many trials
    #[arg(long, value_name = "N", value_parser = count)]
    pub trials: Option<u32>,
    /// Limit the fidelity of all trials together to this much, in the evaluator's unit (epochs for burn)
    #[arg(long, value_name = "N", value_parser = number::<f64>)]
    pub total_fidelity: Option<f64>,
    /// Limit the search to this many seconds
    #[arg(long, value_name = "S", value_parser = number::<f64>)]
    pub seconds: Option<f64>,
}

impl BudgetFlags {
    /// The same, as a study's description has it.
    pub fn spec(self) -> BudgetSpec {
        BudgetSpec { trials: self.trials, total_fidelity: self.total_fidelity, seconds: self.seconds }
    }
}

/// What a study that exists may spend.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct NewBudgetFlags {
    /// Raise the study's limit of trials by this many (+30), or to this many (60)
    #[arg(long, value_name = "+N|N", value_parser = new_limit::<u32>)]
    pub trials: Option<NewLimit<u32>>,
    /// Raise the study's limit of total fidelity by this much, or to this much
    #[arg(long, value_name = "+N|N", value_parser = new_limit::<f64>)]
    pub total_fidelity: Option<NewLimit<f64>>,
    /// Raise the study's limit of seconds by this many, or to this many
    #[arg(long, value_name = "+S|S", value_parser = new_limit::<f64>)]
    pub seconds: Option<NewLimit<f64>>,
}

impl NewBudgetFlags {
    /// The same, as a resumed study takes it.
    pub fn change(self) -> BudgetChange {
        BudgetChange { trials: self.trials, total_fidelity: self.total_fidelity, seconds: self.seconds }
    }
}

fn new_limit<T: std::str::FromStr>(text: &str) -> Result<NewLimit<T>, String> {
    let (number, by) = text.strip_prefix('+').map_or((text, false), |number| (number, true));
    let number = number.parse().map_err(|_| format!("'{text}' is not a number such as 60, or +30 for 30 more"))?;
    Ok(if by { NewLimit::By(number) } else { NewLimit::To(number) })
}

fn result_order() -> impl TypedValueParser<Value = ResultOrder> {
    let order = |word| if word == "completion" { ResultOrder::Completion } else { ResultOrder::Trial };
    PossibleValuesParser::new(["trial", "completion"]).map(order)
}

pub(super) fn duplicates() -> impl TypedValueParser<Value = Duplicates> {
    let measure = |word| if word == "measure" { Duplicates::Measure } else { Duplicates::Reuse };
    PossibleValuesParser::new(["reuse", "measure"]).map(measure)
}

/// `nas resume`.
#[derive(Debug, clap::Args)]
pub struct Resume {
    /// The study's file
    pub file: PathBuf,
    /// Begin a new search in this study: a fresh strategy is told about all trials so far
    #[arg(long)]
    pub warm_start: bool,
    /// Use another strategy; needs --warm-start
    #[arg(long)]
    pub strategy: Option<String>,
    /// Set a parameter of the strategy; needs --warm-start
    #[arg(long = "set", value_name = "strategy.KEY=VALUE")]
    pub sets: Vec<String>,
    // Flags that are not given keep the values that the study was begun with.
    #[command(flatten)]
    pub isolation: IsolationFlags,
    /// Print one JSON object on standard output
    #[arg(long)]
    pub json: bool,
    // The last one, because the heading also applies to what follows it.
    #[command(flatten, next_help_heading = "A larger budget; with --warm-start, that of the new search")]
    pub budget: NewBudgetFlags,
}

/// `nas show`.
#[derive(Debug, clap::Args)]
pub struct Show {
    /// The study's file
    pub file: PathBuf,
    /// List all trials
    #[arg(long)]
    pub trials: bool,
    /// Show everything that is known about one trial, including its learning curve
    #[arg(long, value_name = "best|N")]
    pub trial: Option<String>,
    /// Watch a running study: print each trial as it ends, and the summary at the end
    #[arg(long, conflicts_with_all = ["trial", "records", "json"])]
    pub follow: bool,
    /// Print the records without times, so that two studies can be compared byte by byte
    #[arg(long, conflicts_with_all = ["trials", "trial", "json"])]
    pub records: bool,
    /// Print one JSON object on standard output
    #[arg(long)]
    pub json: bool,
}

/// `nas recover`.
#[derive(Debug, clap::Args)]
pub struct Recover {
    /// The damaged file
    pub file: PathBuf,
    /// The new study
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Keep only the trials that a resume can replay, from the first to the last before the damage
    #[arg(long)]
    pub resumable: bool,
    /// Print one JSON object on standard output
    #[arg(long)]
    pub json: bool,
}

/// `nas train`.
#[derive(Debug, clap::Args)]
pub struct Train {
    /// The study's file
    pub file: PathBuf,
    /// The trial whose architecture is trained: `best`, or a trial's number
    #[arg(long, default_value = "best", value_name = "best|N")]
    pub trial: String,
    /// The recipe (name or .toml file) to train with instead of the search's settings. Parameters that it omits take
    /// their defaults, except epochs
    #[arg(long, value_name = "NAME|FILE")]
    pub recipe: Option<String>,
    /// Set a parameter of the training, or another one that the evaluator allows here (train_limit, validation_limit);
    /// takes precedence over the recipe
    #[arg(long = "set", value_name = "evaluator.KEY=VALUE")]
    pub sets: Vec<String>,
    /// The device to train on: cpu, or cuda:0 with the CUDA library [default: as in the search]
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<String>,
    /// Epochs of the final training [default: those of --set or --recipe, or else 5 times those of a trial]
    #[arg(long, value_name = "N", value_parser = whole::<u32, 1, 1_000_000>)]
    pub epochs: Option<u32>,
    /// The folder for weights, network and metrics; created if it does not exist
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    // Flags that are not given keep the values that the study was begun with.
    #[command(flatten)]
    pub place: PlaceFlags,
    /// Print one JSON object on standard output
    #[arg(long)]
    pub json: bool,
}
