//! CSV files: a header, then one example a line; every column but the target is a feature.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use csv::{ReaderBuilder, StringRecord, Trim};
use flate2::read::MultiGzDecoder;

use super::{DataError, Examples, Kind, Targets};

/// Reads a `.csv` or `.csv.gz`. `target` names the column to predict; empty: the last one.
pub fn read(path: &Path, target: &str, kind: Kind) -> Result<Examples, DataError> {
    let file = File::open(path).map_err(|error| DataError::read(path, error))?;
    let source: Box<dyn Read> = if path.extension().is_some_and(|extension| extension == "gz") {
        Box::new(MultiGzDecoder::new(file))
    } else {
        Box::new(file)
    };
    let unusable = |problem: String| DataError::Csv { path: path.to_owned(), problem };
    // Flexible, so that a ragged row is reported in this module's words.
    let mut reader = ReaderBuilder::new().flexible(true).trim(Trim::All).from_reader(source);
    let header = reader.headers().map_err(|error| unusable(error.to_string()))?.clone();
    let target = target_column(path, &header, target)?;

    let mut inputs = Vec::new();
    let mut texts: Vec<String> = Vec::new();
    let mut values = Vec::new();
    let mut row = StringRecord::new();
    while reader.read_record(&mut row).map_err(|error| unusable(error.to_string()))? {
        let line = row.position().map_or(0, csv::Position::line);
        if row.len() != header.len() {
            return Err(DataError::Ragged { path: path.to_owned(), line, expected: header.len(), found: row.len() });
        }
        for (column, text) in row.iter().enumerate() {
            if column == target && kind == Kind::Classification {
                texts.push(text.to_owned());
                continue;
            }
            let number = text.parse::<f32>().ok().filter(|number| number.is_finite());
            let number = number.ok_or_else(|| DataError::NotANumber {
                path: path.to_owned(),
                line,
                column: header[column].to_owned(),
                text: text.to_owned(),
            })?;
            if column == target { values.push(number) } else { inputs.push(number) }
        }
    }
    let targets = match kind {
        // A table has no texts to go on with, which is refused later.
        Kind::Classification | Kind::Language => classes(path, &texts)?,
        Kind::Regression => Targets::Values(values),
    };
    Ok(Examples { shape: vec![header.len() - 1], inputs, targets })
}

fn target_column(path: &Path, header: &StringRecord, target: &str) -> Result<usize, DataError> {
    let unusable = |problem: &str| DataError::Csv { path: path.to_owned(), problem: problem.to_owned() };
    if header.len() < 2 {
        return Err(unusable("it needs at least two columns, separated by commas: one feature and the target"));
    }
    if header.iter().all(|name| name.parse::<f64>().is_ok()) {
        return Err(unusable("its first line holds numbers alone, but must name the columns; add a header line"));
    }
    if target.is_empty() {
        return Ok(header.len() - 1);
    }
    let mut found = header.iter().enumerate().filter(|(_, name)| *name == target);
    match (found.next(), found.next()) {
        (Some((column, _)), None) => Ok(column),
        (Some(_), Some(_)) => Err(unusable(&format!("it has several columns '{target}'; rename all but the target"))),
        (None, _) => Err(DataError::UnknownColumn {
            path: path.to_owned(),
            column: target.to_owned(),
            known: header.iter().collect::<Vec<_>>().join(", "),
        }),
    }
}

/// Classes in the order of their names, sorted as text.
fn classes(path: &Path, texts: &[String]) -> Result<Targets, DataError> {
    let mut names: BTreeMap<&str, u32> = texts.iter().map(|text| (text.as_str(), 0)).collect();
    if let (1, Some((class, _))) = (names.len(), names.first_key_value()) {
        return Err(DataError::SingleClass { origin: format!("'{}'", path.display()), class: (*class).to_owned() });
    }
    for (index, (_, class)) in (0..).zip(&mut names) {
        *class = index;
    }
    let labels = texts.iter().map(|text| names.get(text.as_str()).copied().unwrap_or_default()).collect();
    Ok(Targets::Labels { labels, classes: names.len() as u32 })
}
