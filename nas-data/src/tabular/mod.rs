//! Reads tables. Every column but the target is a feature; what it holds is inferred from its cells.

mod column;
mod encoding;
mod rows;

use std::collections::BTreeMap;
use std::path::Path;

use csv::StringRecord;

use crate::config::{DataConfig, Kind};
use crate::error::DataError;
use crate::examples::Targets;
use column::{Cell, ColumnSummary, is_missing};
pub use column::{Column, ColumnKind};
pub use encoding::Encoding;
use rows::Rows;
pub use rows::is_table;

/// Largest number of classes of a table, since networks have an output for each.
const CLASSES: usize = 10_000;
/// Tables of at most this many rows may have a class for every row.
const FEW: usize = 20;

/// A table in memory, with features that are not encoded yet.
#[derive(Debug)]
pub struct Table {
    /// The features.
    pub columns: Vec<Column>,
    /// The targets, row by row.
    pub targets: Targets,
    /// The names of the classes, in order; empty for regression.
    pub classes: Vec<String>,
}

/// What a column is used for.
enum Use {
    Ignored,
    Target,
    Feature(ColumnKind),
}

impl Table {
    /// Reads a `.csv`, `.csv.gz` or `.parquet` file.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be read, if a cell does not fit its column, or if a parameter does not fit the table.
    pub fn read(path: &Path, config: &DataConfig) -> Result<Self, DataError> {
        let uses = uses(path, config)?;
        let mut rows = Rows::open(path)?;
        let target = rows.header.iter().zip(&uses).find(|(_, used)| matches!(used, Use::Target));
        let target = target.map(|(name, _)| name.to_owned()).unwrap_or_default();
        let feature = |(name, used): (&str, &Use)| match used {
            Use::Feature(kind) => Some(Column::new(name.to_owned(), *kind)),
            Use::Ignored | Use::Target => None,
        };
        let mut columns: Vec<Column> = rows.header.iter().zip(&uses).filter_map(feature).collect();
        let (mut texts, mut values) = (Vec::new(), Vec::new());
        let mut row = StringRecord::new();
        while rows.read(&mut row)? {
            let mut features = columns.iter_mut();
            for (at, (text, used)) in row.iter().zip(&uses).enumerate() {
                // The file may have changed since the first reading.
                let wrong = |missing: bool| DataError::cell(path, rows.place(&row), &rows.header[at], text, missing);
                match used {
                    Use::Ignored => {}
                    Use::Target if is_missing(text) => return Err(wrong(true)),
                    Use::Target if config.kind == Kind::Regression => match Cell::read(text, ColumnKind::Number) {
                        Some(Cell::Number(number)) => values.push(number),
                        _ => return Err(wrong(false)),
                    },
                    Use::Target => texts.push(text.to_owned()),
                    Use::Feature(kind) => {
                        let cell = Cell::read(text, *kind).ok_or_else(|| wrong(false))?;
                        if let Some(column) = features.next() {
                            column.push(cell);
                        }
                    }
                }
            }
        }
        let (targets, classes) = match config.kind {
            // Other kinds than classification were refused before: a table is not a text and has no boxes.
            Kind::Classification | Kind::Language | Kind::Detection => classes(path, &target, &texts)?,
            Kind::Regression => (Targets::Values(values), Vec::new()),
        };
        Ok(Self { columns, targets, classes })
    }
}

/// Reads the whole file once to find out what each column is used for.
fn uses(path: &Path, config: &DataConfig) -> Result<Vec<Use>, DataError> {
    let mut rows = Rows::open(path)?;
    let target = target(path, &rows.header, &config.target)?;
    for (parameter, names) in [("ignore", &config.ignore), ("categories", &config.categories)] {
        for name in names {
            let found = rows.header.iter().position(|column| column == name);
            if found.ok_or_else(|| unknown(path, &rows.header, name, parameter))? == target {
                let problem = format!("'{parameter}' names '{name}', which is the target of '{}'", path.display());
                return Err(DataError::Parameter(problem));
            }
        }
    }
    let mut looks: Vec<ColumnSummary> = rows.header.iter().map(|_| ColumnSummary::default()).collect();
    let mut row = StringRecord::new();
    let mut empty = true;
    while rows.read(&mut row)? {
        empty = false;
        for (look, text) in looks.iter_mut().zip(&row) {
            look.at(text, || rows.place(&row));
        }
    }
    let used = |(at, (name, look)): (usize, (&str, ColumnSummary))| {
        let named = |names: &[String]| names.iter().any(|known| known == name);
        if at == target {
            return Ok(Use::Target);
        }
        // A table without rows gets an error of its own later.
        if named(&config.ignore) || empty {
            return Ok(Use::Ignored);
        }
        match look.kind() {
            Ok(None) => Err(DataError::EmptyColumn { path: path.to_owned(), column: name.to_owned(), part: "" }),
            _ if named(&config.categories) => Ok(Use::Feature(ColumnKind::Category)),
            Ok(Some(kind)) => Ok(Use::Feature(kind)),
            Err((place, text)) => Err(DataError::cell(path, place, name, &text, false)),
        }
    };
    let uses: Vec<Use> = rows.header.iter().zip(looks).enumerate().map(used).collect::<Result<_, _>>()?;
    if !empty && !uses.iter().any(|used| matches!(used, Use::Feature(_))) {
        let problem = format!("'ignore' leaves no feature of '{}'", path.display());
        return Err(DataError::Parameter(problem));
    }
    Ok(uses)
}

fn target(path: &Path, header: &StringRecord, target: &str) -> Result<usize, DataError> {
    if target.is_empty() {
        return Ok(header.len() - 1);
    }
    let mut found = header.iter().enumerate().filter(|(_, name)| *name == target);
    match (found.next(), found.next()) {
        (Some((column, _)), None) => Ok(column),
        (Some(_), Some(_)) => {
            let problem = format!("it has several columns '{target}'; rename all but the target");
            Err(DataError::Table { path: path.to_owned(), problem })
        }
        (None, _) => Err(unknown(path, header, target, "target")),
    }
}

fn unknown(path: &Path, header: &StringRecord, column: &str, parameter: &'static str) -> DataError {
    let known = header.iter().collect::<Vec<_>>().join(", ");
    DataError::UnknownColumn { path: path.to_owned(), column: column.to_owned(), parameter, known }
}

/// The targets as classes, which are numbered in the alphabetical order of their names, and these names.
fn classes(path: &Path, column: &str, texts: &[String]) -> Result<(Targets, Vec<String>), DataError> {
    let mut names: BTreeMap<&str, u32> = texts.iter().map(|text| (text.as_str(), 0)).collect();
    if let (1, Some((class, _))) = (names.len(), names.first_key_value()) {
        return Err(DataError::SingleClass { origin: format!("'{}'", path.display()), class: (*class).to_owned() });
    }
    if let Some(why) = too_many(names.len(), texts.len()) {
        let (path, column) = (path.to_owned(), column.to_owned());
        return Err(DataError::ManyClasses { path, column, classes: names.len(), rows: texts.len(), why });
    }
    for (index, (_, class)) in (0..).zip(&mut names) {
        *class = index;
    }
    let labels = texts.iter().map(|text| names.get(text.as_str()).copied().unwrap_or_default()).collect();
    let targets = Targets::Labels { labels, classes: names.len() as u32 };
    Ok((targets, names.into_keys().map(str::to_owned).collect()))
}

/// Why there are too many classes, if there are.
fn too_many(classes: usize, rows: usize) -> Option<String> {
    if classes > CLASSES {
        return Some(format!("more than {CLASSES}"));
    }
    // A class with a single example can be learnt or tested, but not both.
    (rows > FEW && classes * 10 >= rows * 9).then(|| "nearly one for each".to_owned())
}
