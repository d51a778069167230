use std::path::{Path, PathBuf};

/// Why a table cannot be used: what, where and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// No mapping of this name.
    #[error(
        "there is no table '{name}' (known: {known}): import one with `nas table import`, or give the path of its mapping"
    )]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// The table has no such problem, or none was named.
    #[error("the table '{table}' has no problem '{problem}': give one of {known}")]
    Problem {
        /// The table.
        table: String,
        /// What was asked for.
        problem: String,
        /// What there is, as it is written.
        known: String,
    },
    /// The mapping is there, the numbers are not.
    #[error(
        "the numbers of '{name}' are missing: there is no file '{file}' in {searched}; docs/data.md says where it comes from"
    )]
    Missing {
        /// The table.
        name: String,
        /// The file.
        file: String,
        /// Folders.
        searched: String,
    },
    /// A file that cannot be read.
    #[error("cannot read '{}': {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A mapping that is no mapping.
    #[error("'{}': {problem}", path.display())]
    Map {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        problem: String,
    },
    /// A table that does not fit its mapping.
    #[error("'{}'{}: {problem}", path.display(), at_line(*.line))]
    Table {
        /// The file.
        path: PathBuf,
        /// Counted from 1; 0: the file as a whole.
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
