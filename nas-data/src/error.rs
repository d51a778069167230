//! Errors of this crate. A message says what is wrong with the data, where, and what to do about it.

use std::path::{Path, PathBuf};

/// Why data cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// No data exist under this name or path.
    #[error(
        "there are no data '{}': 'data' must be \"digits\", a folder (of MNIST's idx files, CIFAR's binary files, \
         images in a folder for each class, or COCO's annotations) or a file that ends in .csv, .csv.gz, .parquet or \
         .txt; `nas data get` fetches public data sets by name",
        path.display()
    )]
    Missing {
        /// The name or path as given.
        path: PathBuf,
    },
    /// A file exists but cannot be read.
    #[error("cannot read '{}': {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        source: std::io::Error,
    },
    /// A folder lacks one of the four idx files.
    #[error(
        "the folder '{}' holds neither '{name}' nor '{name}.gz': it must hold MNIST's four files or those of CIFAR's \
         binary version, under their published names, a folder of images for each class, or COCO's annotations",
        folder.display()
    )]
    MissingIdx {
        /// The folder.
        folder: PathBuf,
        /// The file's name.
        name: String,
    },
    /// A file is not an idx file of the expected kind.
    #[error(
        "'{}' is not an idx file of {wanted}: its magic number is {found:#010x}, not {expected:#010x}; check that the \
         files are not mixed up",
        path.display()
    )]
    Magic {
        /// The file.
        path: PathBuf,
        /// `images` or `labels`.
        wanted: &'static str,
        /// The file's magic number.
        found: u32,
        /// The magic number of the expected kind.
        expected: u32,
    },
    /// The length of an idx file does not match its header.
    #[error(
        "by its header, '{}' should hold {expected} bytes after its magic number, but it holds {found}: \
         fetch the file again",
        path.display()
    )]
    Length {
        /// The file.
        path: PathBuf,
        /// Bytes after the magic number, according to the header.
        expected: u64,
        /// Bytes after the magic number that the file has.
        found: u64,
    },
    /// The header of an idx file says that the file holds nothing.
    #[error("by its header, '{}' holds nothing: fetch the file again", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The files of images and labels differ in length.
    #[error(
        "'{}' holds {image_count} images, but '{}' holds {label_count} labels: the files do not belong together",
        images.display(),
        labels.display()
    )]
    Count {
        /// The file of images.
        images: PathBuf,
        /// Number of images.
        image_count: usize,
        /// The file of labels.
        labels: PathBuf,
        /// Number of labels.
        label_count: usize,
    },
    /// Training and test images differ in size, or only the test set has some class.
    #[error("the training and test files in '{}' do not belong together: {problem}", folder.display())]
    Mismatch {
        /// The folder.
        folder: PathBuf,
        /// What differs.
        problem: String,
    },
    /// A folder of images cannot be used.
    #[error("the folder '{}' cannot be used: {problem}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// A file of annotations cannot be used.
    #[error("the annotations '{}' cannot be used: {problem}", path.display())]
    Annotations {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// An image cannot be decoded.
    #[error("'{}' cannot be read as an image: {problem}; remove or replace it", path.display())]
    Image {
        /// The file.
        path: PathBuf,
        /// The decoder's message.
        problem: String,
    },
    /// A table cannot be parsed, or has no usable header.
    #[error("'{}' is not a usable table: {problem}", path.display())]
    Table {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A row has too few or too many cells.
    #[error(
        "'{}', line {line}: {found} cells, but the header names {expected} columns; add or remove cells",
        path.display()
    )]
    Ragged {
        /// The file.
        path: PathBuf,
        /// The row's line, counted from 1.
        line: u64,
        /// Number of columns that the header names.
        expected: usize,
        /// Number of cells in the row.
        found: usize,
    },
    /// A cell should hold a number and does not.
    #[error(
        "'{}', {place}, column '{column}': '{text}' is not a finite number; correct the cell (leave it empty if the \
         value is missing), remove the row, or name the column in 'categories' or 'ignore'",
        path.display()
    )]
    NotANumber {
        /// The file.
        path: PathBuf,
        /// The line or row, from 1.
        place: String,
        /// The column's name.
        column: String,
        /// The cell's text.
        text: String,
    },
    /// An example has no target.
    #[error(
        "'{}', {place}, column '{column}': the target is missing ('{text}'), and cannot be filled in; remove the row",
        path.display()
    )]
    MissingTarget {
        /// The file.
        path: PathBuf,
        /// The line or row, from 1.
        place: String,
        /// The column's name.
        column: String,
        /// The cell's text.
        text: String,
    },
    /// A feature has no values to learn from.
    #[error(
        "'{}': the column '{column}' has no value at all{part}; remove it, or name it in 'ignore'",
        path.display()
    )]
    EmptyColumn {
        /// The file.
        path: PathBuf,
        /// The column's name.
        column: String,
        /// Which examples lack it, as the end of the sentence; empty for all.
        part: &'static str,
    },
    /// A parameter names a column that the table does not have.
    #[error("'{}' has no column '{column}', which '{parameter}' names (columns: {known})", path.display())]
    UnknownColumn {
        /// The file.
        path: PathBuf,
        /// The name that was not found.
        column: String,
        /// The parameter that gave the name.
        parameter: &'static str,
        /// The table's columns, separated by commas.
        known: String,
    },
    /// All examples have the same class.
    #[error("{origin} has a single class, '{class}': classification needs two; is 'target' the right column?")]
    SingleClass {
        /// The source of the data, as messages name it.
        origin: String,
        /// The class.
        class: String,
    },
    /// The target has so many values that they are unlikely to be classes.
    #[error(
        "'{}', column '{column}': the target has {classes} classes in {rows} rows, {why}; set task = \"regression\" \
         if the target is a number, or name another column as 'target'",
        path.display()
    )]
    ManyClasses {
        /// The file.
        path: PathBuf,
        /// The target's column.
        column: String,
        /// Number of different values.
        classes: usize,
        /// Number of rows.
        rows: usize,
        /// Why this number is too large.
        why: String,
    },
    /// There are too few rows to split.
    #[error(
        "{origin} has {rows} rows, too few for a training, a validation and a test set with validation = {validation} \
         and test = {test}"
    )]
    TooFew {
        /// The source of the data, as messages name it.
        origin: String,
        /// Number of rows.
        rows: usize,
        /// Fraction of the rows for validation.
        validation: f64,
        /// Fraction of the rows for testing.
        test: f64,
    },
    /// The contents of a file contradict its format.
    #[error("'{}' is damaged: {problem}; fetch the file again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A file is not UTF-8 text.
    #[error("'{}' is not a text: it is not UTF-8 from byte {byte} on; convert it, or use another file", path.display())]
    NotText {
        /// The file.
        path: PathBuf,
        /// The first byte that is not UTF-8, counted from 0.
        byte: usize,
    },
    /// A file is not a tokenizer that can be used.
    #[error(
        "'{}' is not a usable tokenizer: {problem}; 'tokens' takes a tokenizer.json of a byte-level BPE",
        path.display()
    )]
    Tokenizer {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// One part of a text is shorter than a window.
    #[error(
        "'{}' has {tokens} tokens, and the smallest of its training, validation and test parts has {smallest}: \
         too few for a window of {context} positions and the token after it; lower 'context', or use a longer text",
        path.display()
    )]
    ShortText {
        /// The file.
        path: PathBuf,
        /// Tokens of the whole text.
        tokens: usize,
        /// Tokens of the smallest part.
        smallest: usize,
        /// Positions of a window.
        context: usize,
    },
    /// A parameter does not fit these data.
    #[error("{0}")]
    Parameter(String),
}

impl DataError {
    pub(super) fn read(path: &Path, source: std::io::Error) -> Self {
        Self::Read { path: path.to_owned(), source }
    }

    /// The error for a cell that does not fit its column, or for a target that is `missing`.
    pub(super) fn cell(path: &Path, place: String, column: &str, text: &str, missing: bool) -> Self {
        let (path, column, text) = (path.to_owned(), column.to_owned(), text.to_owned());
        if missing {
            Self::MissingTarget { path, place, column, text }
        } else {
            Self::NotANumber { path, place, column, text }
        }
    }
}
