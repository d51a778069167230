//! Writes the report of a benchmark or of one study: one HTML file, Markdown with SVG pictures, or LaTeX tables, and
//! the raw numbers as CSV and Parquet.
//!
//! [`nas_core::report`] computes everything that a report states. This crate only draws and formats it.

mod chart;
mod colour;
mod content;
mod data;
mod html;
mod latex;
mod markdown;
mod text;

use std::path::{Path, PathBuf};

use nas_api::file::write_atomic;
use nas_core::benchmark::Store;
use nas_core::report::Report;
use nas_core::study::{StudyError, StudyRecord};

/// A part of a document.
pub(crate) enum Block {
    /// A section's title, with its level from 1.
    Heading(u8, String),
    /// A paragraph.
    Text(String),
    /// A table. The first `text_columns` columns are texts, and the others are numbers. A page folds a table away if
    /// `folded` gives it a name, which is shown instead.
    Table { header: Vec<String>, rows: Vec<Vec<String>>, text_columns: usize, folded: Option<String> },
    /// A table of names against names. Each cell has a text and a score for the row, from −1 to 1.
    Matrix { corner: String, columns: Vec<String>, rows: Vec<(String, Vec<(String, f64)>)> },
    /// A chart with its caption.
    Chart { name: String, caption: String, chart: chart::Chart },
}

/// A picture of an architecture, for the section of its problem.
#[derive(Clone, Debug)]
pub struct Picture {
    /// The problem's name.
    pub problem: String,
    /// A sentence that says what it shows.
    pub caption: String,
    /// The picture as one `svg` element.
    pub svg: String,
}

/// One study, whose report is about its trials instead of a comparison.
#[derive(Clone, Debug)]
pub struct Study {
    /// The study.
    pub record: StudyRecord,
    /// For each trial the names of its decisions, each with the name of the choice; empty where they are not known.
    pub choices: Vec<Vec<(String, String)>>,
}

/// What a report shows besides the numbers of [`Report`].
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// Pictures of architectures.
    pub pictures: Vec<Picture>,
    /// The labels of strategies that are drawn prominently however they rank. Strategies that are not built in always
    /// are.
    pub highlighted: Vec<String>,
    /// The study, if the report is about a single one.
    pub study: Option<Study>,
}

/// Why a report could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A benchmark or study that cannot be read.
    #[error(transparent)]
    Study(#[from] StudyError),
    /// A file that cannot be written.
    #[error("{}: cannot be written: {problem}\n  help: choose a folder that you may write", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system reported.
        problem: String,
    },
    /// A file name whose extension is no format.
    #[error("{}: the ending names no format\n  help: name a file that ends in .html, .md or .tex", path.display())]
    Format {
        /// The file.
        path: PathBuf,
    },
    /// A chart that cannot be drawn.
    #[error("a chart cannot be drawn: {0}\n  help: this is a defect of nas; --data still writes the numbers")]
    Draw(String),
}

impl ReportError {
    fn write(path: &Path, problem: impl ToString) -> Self {
        Self::Write { path: path.to_owned(), problem: problem.to_string() }
    }
}

/// Writes the report in the format of the file's extension: `.html` or `.htm`, `.md`, or `.tex` for the tables alone.
/// Returns the paths of all files.
///
/// # Errors
/// Fails if the extension is another one, a chart cannot be drawn, or a file cannot be written.
pub fn write(report: &Report, shown: &Shown, file: &Path) -> Result<Vec<PathBuf>, ReportError> {
    let ending = file.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    match ending.as_deref() {
        Some("html" | "htm") => html::write(report, shown, file),
        Some("md") => markdown::write(report, shown, file),
        Some("tex") => latex::write(report, file),
        _ => Err(ReportError::Format { path: file.to_owned() }),
    }
}

/// Writes a file that is complete or absent.
pub(crate) fn save(file: &Path, bytes: &[u8]) -> Result<(), ReportError> {
    write_atomic(file, bytes).map_err(|error| ReportError::write(&error.path, error.source))
}

/// The text of a genotype of a strategy on a problem, both given by name; empty if it is not known.
pub type TextOf<'t> = dyn FnMut(&str, &str, &[u32]) -> String + 't;

/// Writes the raw numbers into a folder, each table as CSV and as Parquet. `text` gives the texts of architectures.
/// Returns the paths of all files.
///
/// # Errors
/// Fails if the benchmark cannot be read, or a file cannot be written.
pub fn write_data(
    store: &Store,
    report: &Report,
    folder: &Path,
    text: &mut TextOf<'_>,
) -> Result<Vec<PathBuf>, ReportError> {
    data::write(store, report, folder, text)
}
