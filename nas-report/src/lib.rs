//! Writes the report of a benchmark: one HTML file, or Markdown with SVG pictures, and the raw numbers as CSV and
//! Parquet.
//!
//! [`nas_core::report`] computes everything that a report states. This crate only draws and formats it.

mod chart;
mod colour;
mod content;
mod data;
mod html;
mod markdown;
mod text;

use std::path::{Path, PathBuf};

use nas_api::file::write_atomic;
use nas_core::benchmark::Store;
use nas_core::report::Report;
use nas_core::study::StudyError;

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
    #[error("{}: the ending names no format\n  help: name a file that ends in .html or .md", path.display())]
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

/// Writes the report with these pictures, in the format of the file's extension: `.html`, `.htm` or `.md`. Returns the
/// paths of all files.
///
/// # Errors
/// Fails if the extension is another one, a chart cannot be drawn, or a file cannot be written.
pub fn write(report: &Report, pictures: &[Picture], file: &Path) -> Result<Vec<PathBuf>, ReportError> {
    let ending = file.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    match ending.as_deref() {
        Some("html" | "htm") => html::write(report, pictures, file),
        Some("md") => markdown::write(report, pictures, file),
        _ => Err(ReportError::Format { path: file.to_owned() }),
    }
}

/// Writes a file that is complete or absent.
pub(crate) fn save(file: &Path, bytes: &[u8]) -> Result<(), ReportError> {
    write_atomic(file, bytes).map_err(|error| ReportError::write(&error.path, error.source))
}

/// Writes the raw numbers into a folder, each table as CSV and as Parquet. Returns the paths of all files.
///
/// # Errors
/// Fails if the benchmark cannot be read, or a file cannot be written.
pub fn write_data(store: &Store, report: &Report, folder: &Path) -> Result<Vec<PathBuf>, ReportError> {
    data::write(store, report, folder)
}
