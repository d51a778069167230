//! The report of a benchmark as files: one HTML file, or Markdown with SVG pictures, and the raw numbers as CSV and
//! Parquet. What is said is computed by [`nas_core::report`]; here it is only written down and drawn.

mod chart;
mod colour;
mod content;
mod data;
mod html;
mod markdown;
mod text;

use std::path::{Path, PathBuf};

use nas_core::benchmark::Store;
use nas_core::report::Report;
use nas_core::study::StudyError;

/// What stands in a document, in order.
pub(crate) enum Block {
    /// A section's title, with its level from 1.
    Heading(u8, String),
    /// A paragraph.
    Text(String),
    /// Words, with a number of columns from the left that are words too; the others are numbers. Where it has a name, it is
    /// for those who look for something: a page folds it away under its name.
    Table { header: Vec<String>, rows: Vec<Vec<String>>, words: usize, folded: Option<String> },
    /// Names against names, with words in each cell and how good that is for the row, from −1 to 1.
    Matrix { corner: String, columns: Vec<String>, rows: Vec<(String, Vec<(String, f64)>)> },
    /// A picture with its caption.
    Chart { name: String, caption: String, chart: chart::Chart },
}

/// A picture of something that was found, for the section of its problem.
#[derive(Clone, Debug)]
pub struct Picture {
    /// The problem's name.
    pub problem: String,
    /// What it shows.
    pub caption: String,
    /// One `svg` element.
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
        /// Which.
        path: PathBuf,
        /// Why.
        problem: String,
    },
    /// An ending that names no format.
    #[error("{}: the ending says no format\n  help: name a file that ends in .html or .md", path.display())]
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

/// Writes the report as the file's ending says, `.html` or `.md`, with these pictures. Returns all files that were written.
pub fn write(report: &Report, pictures: &[Picture], file: &Path) -> Result<Vec<PathBuf>, ReportError> {
    let ending = file.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    match ending.as_deref() {
        Some("html" | "htm") => html::write(report, pictures, file),
        Some("md") => markdown::write(report, pictures, file),
        _ => Err(ReportError::Format { path: file.to_owned() }),
    }
}

/// Writes the raw numbers, each table as CSV and as Parquet. Returns all files that were written.
pub fn write_data(store: &Store, report: &Report, folder: &Path) -> Result<Vec<PathBuf>, ReportError> {
    data::write(store, report, folder)
}
