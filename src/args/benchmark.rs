//! The commands about benchmarks: comparisons of strategies, reports, and tables of trained networks.

use std::path::PathBuf;

use clap::Subcommand;
use nas_core::study::Duplicates;

use super::IsolationFlags;
use super::study::duplicates;

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
