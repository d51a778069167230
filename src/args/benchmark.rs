//! The commands about benchmarks: comparisons of strategies, reports, and tables of trained networks.

use std::path::PathBuf;

use clap::Subcommand;
use nas_core::study::Duplicates;

use super::IsolationFlags;
use super::study::duplicates;
use super::values::{count, number, whole};

/// `nas bench`.
#[derive(Debug, clap::Args)]
pub struct Bench {
    /// The benchmark as a TOML file; flags take precedence over it
    pub file: Option<PathBuf>,
    /// Strategies, as names or .wasm files
    #[arg(long, value_delimiter = ',', value_name = "A,B")]
    pub strategies: Vec<String>,
    /// Problems, as TABLE/PROBLEM (nas-bench-201/c10) or EVALUATOR/DATA (synthetic/trap)
    #[arg(long, value_delimiter = ',', value_name = "P,Q")]
    pub problems: Vec<String>,
    /// Limit each study to this many trials
    #[arg(long, value_name = "N", value_parser = count)]
    pub trials: Option<u32>,
    /// Limit each study to this many seconds (simulated ones if the table knows what training costs)
    #[arg(long, value_name = "S", value_parser = number::<f64>)]
    pub seconds: Option<f64>,
    /// The number of seeds; every strategy runs with the same ones
    #[arg(long, value_name = "N", value_parser = count)]
    pub seeds: Option<u32>,
    /// The folder in which the benchmark is kept; an existing benchmark is continued
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// How many trials of a study are measured at the same time (simulated if seconds are) [default: 1]
    #[arg(long, value_name = "N", value_parser = whole::<u32, 1, 1024>)]
    pub workers: Option<u32>,
    /// Whether a repeated candidate reuses its earlier outcome, or is measured and paid for again [default: reuse]
    #[arg(long, value_name = "WHAT", value_parser = duplicates())]
    pub duplicates: Option<Duplicates>,
    /// The pruner of each study: median or threshold, with settings from the file. Studies whose trials report nothing
    /// (data with one fidelity) are skipped
    #[arg(long, value_name = "NAME")]
    pub pruner: Option<String>,
    /// Also count the strategy's own seconds on the simulated clock; two runs are then no longer equal
    #[arg(long)]
    pub count_strategy: bool,
    /// How many studies run at the same time [default: one per core]
    #[arg(long, value_name = "N", value_parser = whole::<u32, 1, 1024>)]
    pub jobs: Option<u32>,
    /// Leave out random search, which is otherwise part of every benchmark
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
    /// The --out folder of `nas bench`, or the files of studies
    #[arg(required = true, value_name = "DIR|STUDY")]
    pub paths: Vec<PathBuf>,
    /// The report to write: an .html file, an .md file with its charts in a folder beside it, or a .tex file with the
    /// tables alone
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Draw these strategies prominently however they rank, as strategies that are not built in always are
    #[arg(long, value_delimiter = ',', value_name = "A,B")]
    pub highlight: Vec<String>,
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
    /// Check that a table fits its mapping and its space, and show what it contains
    Check(TableCheck),
    /// Check a table and store it where every study finds it by name
    Import(TableImport),
}

/// `nas table check`.
#[derive(Debug, clap::Args)]
pub struct TableCheck {
    /// A table's name, or its mapping file
    pub table: String,
    /// The file with the table's numbers [default: beside the mapping, in NAS_DATA, or in the user's data folder]
    #[arg(long)]
    pub file: Option<PathBuf>,
    /// The table's space, if its name alone does not find it
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
    /// The mapping, which says what each column contains
    #[arg(long, value_name = "MAP.toml")]
    pub map: PathBuf,
    /// The name by which studies find the table
    #[arg(long)]
    pub name: String,
    /// The table's space, if its name alone does not find it
    #[arg(long)]
    pub space: Option<String>,
}
