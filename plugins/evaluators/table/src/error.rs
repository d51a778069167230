//! The errors of tabular benchmarks.

use std::path::{Path, PathBuf};

/// Why a tabular benchmark cannot be used: the problem, its location, and the remedy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// There is no mapping with this name.
    #[error(
        "there is no table '{name}' (known: {known}): import one with `nas table import`, or name its mapping by path"
    )]
    Unknown {
        /// The name.
        name: String,
        /// The known names, joined by commas.
        known: String,
    },
    /// The table has no such problem, or no problem was named.
    #[error("the table '{table}' has no problem '{problem}': give one of {known}")]
    Problem {
        /// The name of the table.
        table: String,
        /// The problem.
        problem: String,
        /// The known problems as `TABLE/PROBLEM`, joined by commas.
        known: String,
    },
    /// The mapping exists, but the file with its numbers does not.
    #[error(
        "the numbers of '{name}' are missing: there is no file '{file}' in {searched}; docs/data.md gives its source"
    )]
    Missing {
        /// The name of the table.
        name: String,
        /// The name of the file.
        file: String,
        /// The folders that were searched, joined by commas.
        searched: String,
    },
    /// A file cannot be read.
    #[error("cannot read '{}': {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A mapping is not valid.
    #[error("'{}': {problem}", path.display())]
    Map {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        problem: String,
    },
    /// A table does not fit its mapping.
    #[error("'{}'{}: {problem}", path.display(), at_line(*.line))]
    Table {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1; 0 for the file as a whole.
        line: u64,
        /// What is wrong.
        problem: String,
    },
}

fn at_line(line: u64) -> String {
    if line == 0 { String::new() } else { format!(", line {line}") }
}

impl TableError {
    pub(crate) fn read(path: &Path, source: std::io::Error) -> Self {
        Self::Read { path: path.to_owned(), source }
    }

    pub(crate) fn table(path: &Path, line: u64, problem: impl Into<String>) -> Self {
        Self::Table { path: path.to_owned(), line, problem: problem.into() }
    }
}
