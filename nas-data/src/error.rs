//! What can be wrong with data: what, where and what to do.

use std::path::{Path, PathBuf};

/// Why data cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// Nothing of this name.
    #[error(
        "there are no data '{}': 'data' is \"digits\", a folder of idx files, of CIFAR's binary ones, of images or of COCO's annotations, or a file that ends in .csv, .csv.gz, .parquet or .txt; \
         `nas data get` fetches public data sets by name",
        path.display()
    )]
    Missing {
        /// What was asked for.
        path: PathBuf,
    },
    /// A file that is there but cannot be read.
    #[error("cannot read '{}': {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A folder without one of the four idx files.
    #[error(
        "the folder '{}' holds neither '{name}' nor '{name}.gz': it needs the four files of MNIST, or those of CIFAR's binary version, \
         under their names, a folder of images for each class, or COCO's annotations",
        folder.display()
    )]
    MissingIdx {
        /// The folder.
        folder: PathBuf,
        /// The file's name.
        name: String,
    },
    /// Not an idx file of the wanted kind.
    #[error(
        "'{}' is no idx file of {wanted}: its magic number is {found:#010x}, not {expected:#010x}; check that the files are not mixed up",
        path.display()
    )]
    Magic {
        /// The file.
        path: PathBuf,
        /// Images or labels.
        wanted: &'static str,
        /// What stands there.
        found: u32,
        /// What should.
        expected: u32,
    },
    /// An idx file whose header does not fit its length.
    #[error(
        "'{}' should hold {expected} bytes after its magic number by its header, but holds {found}: fetch the file again",
        path.display()
    )]
    Length {
        /// The file.
        path: PathBuf,
        /// Bytes that the header promises.
        expected: u64,
        /// Bytes that are there.
        found: u64,
    },
    /// An idx file whose header says that nothing is in it.
    #[error("'{}' holds nothing by its header: fetch the file again", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// Images and labels that do not belong together.
    #[error(
        "'{}' holds {image_count} images, but '{}' holds {label_count} labels: the files do not belong together",
        images.display(),
        labels.display()
    )]
    Count {
        /// The file of images.
        images: PathBuf,
        /// How many it holds.
        image_count: usize,
        /// The file of labels.
        labels: PathBuf,
        /// How many it holds.
        label_count: usize,
    },
    /// Training and test images of different sizes, or a class that only the test set has.
    #[error("the training and test files in '{}' do not belong together: {problem}", folder.display())]
    Mismatch {
        /// The folder.
        folder: PathBuf,
        /// What differs.
        problem: String,
    },
    /// A folder of images with something wrong in it.
    #[error("the folder '{}' cannot be used: {problem}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// Annotations of images with something wrong in them.
    #[error("the annotations '{}' cannot be used: {problem}", path.display())]
    Annotations {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// An image that cannot be decoded.
    #[error("'{}' cannot be read as an image: {problem}; remove or replace it", path.display())]
    Image {
        /// The file.
        path: PathBuf,
        /// Why not.
        problem: String,
    },
    /// A table that the reader refuses, or without a usable header.
    #[error("'{}' is no usable table: {problem}", path.display())]
    Table {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A row with too few or too many cells.
    #[error(
        "'{}', line {line}: {found} cells, but the header names {expected} columns; add or remove cells",
        path.display()
    )]
    Ragged {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: u64,
        /// Columns.
        expected: usize,
        /// Cells.
        found: usize,
    },
    /// A cell that should be a number.
    #[error(
        "'{}', {place}, column '{column}': '{text}' is not a finite number; replace the cell (by nothing where the value is \
         missing), remove the row, or name the column in 'categories' or 'ignore'",
        path.display()
    )]
    NotANumber {
        /// The file.
        path: PathBuf,
        /// The line or row, from 1.
        place: String,
        /// The column's name.
        column: String,
        /// What stands there.
        text: String,
    },
    /// An example without a target.
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
        /// What stands there.
        text: String,
    },
    /// A feature that nothing can be learnt of.
    #[error(
        "'{}': the column '{column}' has no value at all{part}; remove it, or name it in 'ignore'",
        path.display()
    )]
    EmptyColumn {
        /// The file.
        path: PathBuf,
        /// The column's name.
        column: String,
        /// Of which examples, where not of all.
        part: &'static str,
    },
    /// A column that is not there.
    #[error("'{}' has no column '{column}', which '{parameter}' names (columns: {known})", path.display())]
    UnknownColumn {
        /// The file.
        path: PathBuf,
        /// What was asked for.
        column: String,
        /// By which parameter.
        parameter: &'static str,
        /// What is there.
        known: String,
    },
    /// Nothing to tell apart.
    #[error("{origin} has a single class, '{class}': classification needs two; is 'target' the right column?")]
    SingleClass {
        /// Which data.
        origin: String,
        /// The class.
        class: String,
    },
    /// A target that hardly names classes.
    #[error(
        "'{}', column '{column}': the target has {classes} classes in {rows} rows, {why}; set task = \"regression\" if it is a number \
         to be predicted, or name another column as 'target'",
        path.display()
    )]
    ManyClasses {
        /// The file.
        path: PathBuf,
        /// The target.
        column: String,
        /// Different values.
        classes: usize,
        /// Of so many rows.
        rows: usize,
        /// What is too many.
        why: String,
    },
    /// Not enough rows to split.
    #[error(
        "{origin} has {rows} rows, too few for a training, a validation and a test set with validation = {validation} and test = {test}"
    )]
    TooFew {
        /// Which data.
        origin: String,
        /// How many rows.
        rows: usize,
        /// Fraction.
        validation: f64,
        /// Fraction.
        test: f64,
    },
    /// A file whose contents contradict its format.
    #[error("'{}' is damaged: {problem}; fetch the file again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A text file that is none.
    #[error("'{}' is no text: not UTF-8 from byte {byte} on; convert it, or take another file", path.display())]
    NotText {
        /// The file.
        path: PathBuf,
        /// Counted from 0.
        byte: usize,
    },
    /// A file that should say what the tokens of a text are.
    #[error("'{}' is no usable tokenizer: {problem}; 'tokens' takes a tokenizer.json of a byte-level BPE", path.display())]
    Tokenizer {
        /// The file.
        path: PathBuf,
        /// Why not.
        problem: String,
    },
    /// A text with fewer tokens than a window in one of its parts.
    #[error(
        "'{}' has {tokens} tokens, and the smallest of its parts for training, validation and test {smallest}: \
         too few for a window of {context} positions and the token after it; lower 'context', or take a longer text",
        path.display()
    )]
    ShortText {
        /// The file.
        path: PathBuf,
        /// Of the whole.
        tokens: usize,
        /// Of the smallest part.
        smallest: usize,
        /// Positions of a window.
        context: usize,
    },
    /// A parameter that these data cannot serve.
    #[error("{0}")]
    Parameter(String),
}

impl DataError {
    pub(super) fn read(path: &Path, source: std::io::Error) -> Self {
        Self::Read { path: path.to_owned(), source }
    }

    /// A cell that is not what its column holds, or a target that is `missing`.
    pub(super) fn cell(path: &Path, place: String, column: &str, text: &str, missing: bool) -> Self {
        let (path, column, text) = (path.to_owned(), column.to_owned(), text.to_owned());
        if missing {
            Self::MissingTarget { path, place, column, text }
        } else {
            Self::NotANumber { path, place, column, text }
        }
    }
}
