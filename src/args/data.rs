//! The commands about data.

use std::path::PathBuf;

use clap::Subcommand;

/// `nas data`.
#[derive(Debug, Subcommand)]
pub enum DataCommand {
    /// Fetch a public data set; without a name, list all of them
    Get(DataGet),
    /// Describe a file or folder of data, and say what is wrong with it
    Check(DataCheck),
}

/// `nas data get`.
#[derive(Debug, clap::Args)]
pub struct DataGet {
    /// The name of the data set, as in --data
    pub name: Option<String>,
    /// The folder in which the set is stored under its name [default: the user's data folder, where --data finds it by
    /// name]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Fetch from this address (the part before the file name) instead of the public ones. May be given more than once;
    /// if one fails, the next one is tried
    #[arg(long, value_name = "URL")]
    pub mirror: Vec<String>,
}

/// `nas data check`.
#[derive(Debug, clap::Args)]
pub struct DataCheck {
    /// A file, a folder, or a name, as in --data
    #[arg(value_name = "PATH|NAME")]
    pub data: String,
    /// Set a parameter of the evaluator `burn`, such as target, task or size
    #[arg(long = "set", value_name = "evaluator.KEY=VALUE")]
    pub sets: Vec<String>,
    /// Print one JSON object on standard output
    #[arg(long)]
    pub json: bool,
}
