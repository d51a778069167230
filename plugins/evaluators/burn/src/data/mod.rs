//! The data that networks are trained on: read, split by a seed, normalised by the training set.

mod cifar;
mod csv;
mod digits;
mod error;
mod examples;
mod idx;
mod image;
mod normalize;
mod split;
#[cfg(test)]
mod tests;
mod text;

use std::path::Path;

pub use error::DataError;
pub use examples::{Examples, Targets};
pub use normalize::Normalization;
pub use split::shuffled;

/// What is predicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One of several classes.
    Classification,
    /// A number.
    Regression,
    /// The next token at every position of a text.
    Language,
}

impl Kind {
    /// What is predicted of these data where nobody says.
    pub fn of(source: &str) -> Self {
        if is_text(source) { Self::Language } else { Self::Classification }
    }
}

fn is_text(source: &str) -> bool {
    source.to_ascii_lowercase().ends_with(".txt")
}

/// Which data, and how they are split. Fractions are of all rows.
#[derive(Clone, Debug)]
pub struct DataConfig {
    /// `digits`, a folder of idx files or of CIFAR's binary ones, or a `.csv`, `.csv.gz` or `.txt` file.
    pub source: String,
    /// CSV: the column to predict; empty: the last.
    pub target: String,
    /// What is predicted.
    pub kind: Kind,
    /// Decides the split, and nothing else does.
    pub split_seed: u32,
    /// For validation; of the training files where there are test files.
    pub validation: f64,
    /// For testing; not used where there are test files.
    pub test: f64,
    /// Training examples at most; 0: all.
    pub train_limit: usize,
    /// Validation examples at most; 0: all.
    pub validation_limit: usize,
    /// Side length that images are resized to; 0: as they are.
    pub size: usize,
    /// Positions of one example of a text.
    pub context: usize,
}

/// Normalised data in three sets that share no example.
#[derive(Clone, Debug)]
pub struct Data {
    /// What is predicted.
    pub kind: Kind,
    /// What networks are trained on.
    pub train: Examples,
    /// What strategies see results of.
    pub validation: Examples,
    /// For final results alone.
    pub test: Examples,
    /// How inputs and targets were scaled.
    pub normalization: Normalization,
    /// The characters of a text, in the order of their tokens; empty for other data.
    pub vocabulary: String,
}

impl Data {
    /// Reads, splits and normalises.
    pub fn open(config: &DataConfig) -> Result<Self, DataError> {
        let path = Path::new(&config.source);
        let name = config.source.to_ascii_lowercase();
        if is_text(&config.source) && path.is_file() {
            return Self::text(path, config);
        }
        let (all, test) = if config.source == "digits" {
            (digits::read()?, None)
        } else if path.is_dir() {
            let (train, test) = cifar::read_folder(path).unwrap_or_else(|| idx::read_folder(path))?;
            (train, Some(test))
        } else if path.is_file() && (name.ends_with(".csv") || name.ends_with(".csv.gz")) {
            (csv::read(path, &config.target, config.kind)?, None)
        } else {
            return Err(DataError::Missing { path: path.to_owned() });
        };
        check(config, &all)?;
        let (mut train, mut validation, mut test) = split(config, &all, test)?;
        if config.size > 0 {
            [train, validation, test] = [train, validation, test].map(|set| image::resize(&set, config.size));
        }
        let normalization = Normalization::of(&train);
        for set in [&mut train, &mut validation, &mut test] {
            normalization.apply(set);
        }
        Ok(Self { kind: config.kind, train, validation, test, normalization, vocabulary: String::new() })
    }

    fn text(path: &Path, config: &DataConfig) -> Result<Self, DataError> {
        let unfit = |what: &str| Err(DataError::Parameter(format!("{} is a text, {what}", origin(config))));
        if config.kind != Kind::Language {
            return unfit("so 'task' must be \"language\" or \"auto\"");
        }
        if !config.target.is_empty() {
            return unfit("which has no columns: 'target' is for CSV files; leave it empty");
        }
        if config.size > 0 {
            return unfit("and holds no images to resize: leave 'size' at 0");
        }
        let text::Text { train, validation, test, vocabulary } = text::read(path, config)?;
        Ok(Self { kind: config.kind, train, validation, test, normalization: Normalization::none(), vocabulary })
    }
}

fn origin(config: &DataConfig) -> String {
    format!("'{}'", config.source)
}

/// What the parameters ask and these examples cannot serve.
fn check(config: &DataConfig, all: &Examples) -> Result<(), DataError> {
    if config.kind == Kind::Language {
        let problem = format!("{} is no text, so 'task' cannot be \"language\": give a .txt file", origin(config));
        return Err(DataError::Parameter(problem));
    }
    let images = all.shape.len() == 3;
    if images && config.kind == Kind::Regression {
        let problem = format!("{} has classes, so 'task' cannot be \"regression\"", origin(config));
        return Err(DataError::Parameter(problem));
    }
    if images && !config.target.is_empty() {
        let problem = format!("{} has no columns: 'target' is for CSV files; leave it empty", origin(config));
        return Err(DataError::Parameter(problem));
    }
    if !images && config.size > 0 {
        let problem = format!("{} holds no images to resize: leave 'size' at 0", origin(config));
        return Err(DataError::Parameter(problem));
    }
    if all.outputs() < 2 && config.kind == Kind::Classification && !all.is_empty() {
        return Err(DataError::SingleClass { origin: origin(config), class: "0".to_owned() });
    }
    if let Targets::Labels { labels, .. } = &all.targets
        && let Some(first) = labels.first()
        && labels.iter().all(|label| label == first)
    {
        return Err(DataError::SingleClass { origin: origin(config), class: first.to_string() });
    }
    Ok(())
}

fn split(
    config: &DataConfig,
    all: &Examples,
    test: Option<Examples>,
) -> Result<(Examples, Examples, Examples), DataError> {
    let rows = all.len();
    let part = |fraction: f64| ((rows as f64 * fraction).round() as usize).max(1);
    let for_test = if test.is_some() { 0 } else { part(config.test) };
    let for_validation = part(config.validation);
    if for_test + for_validation >= rows || test.as_ref().is_some_and(Examples::is_empty) {
        let test = if test.is_some() { 0.0 } else { config.test };
        return Err(DataError::TooFew { origin: origin(config), rows, validation: config.validation, test });
    }
    let order = split::order(all, config.split_seed);
    let (test_rows, rest) = order.split_at(for_test);
    let (validation_rows, train_rows) = rest.split_at(for_validation);
    // A prefix of the order is a stratified sample, so a limit needs no further draw.
    let limited =
        |rows: &[usize], limit: usize| all.rows(&rows[..if limit == 0 { rows.len() } else { limit.min(rows.len()) }]);
    Ok((
        limited(train_rows, config.train_limit),
        limited(validation_rows, config.validation_limit),
        test.unwrap_or_else(|| all.rows(test_rows)),
    ))
}
