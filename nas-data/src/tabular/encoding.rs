//! Encodes features as numbers. The fill values and the categories are learnt from training rows alone.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::column::{Cell, Column, ColumnKind};
use crate::error::DataError;

/// How the rows of a table become numbers.
///
/// Categories are one-hot encoded. A linear layer on that input is an embedding of the category, in every network
/// (C. Guo, F. Berkhahn, "Entity Embeddings of Categorical Variables", 2016, section 3).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Encoding {
    columns: Vec<Coded>,
}

/// How one column becomes numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Coded {
    column: String,
    #[serde(flatten)]
    code: Code,
    /// Whether one more number says that the value is missing.
    missing: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum Code {
    /// The number itself; if it is missing, `fill`, the mean.
    Number { fill: f32 },
    /// 0 or 1; if it is missing, `fill`, the more frequent value.
    Truth { fill: bool },
    /// A number for each name, in order, and one for all other names if `other`. A missing name counts as `fill`, the
    /// most frequent one, unless a number of its own says that it is missing.
    Category { names: Vec<String>, other: bool, fill: String },
}

impl Encoding {
    /// Learns the encoding from these rows. A column keeps its `limit` most frequent categories.
    ///
    /// # Errors
    ///
    /// Fails if a column has no value in these rows.
    pub fn of(path: &Path, columns: &[Column], rows: &[usize], limit: usize) -> Result<Self, DataError> {
        let coded = |column: &Column| {
            Coded::of(column, rows, limit).ok_or_else(|| DataError::EmptyColumn {
                path: path.to_owned(),
                column: column.name.clone(),
                part: " among the training examples",
            })
        };
        Ok(Self { columns: columns.iter().map(coded).collect::<Result<_, _>>()? })
    }

    /// How many numbers encode one example.
    pub fn width(&self) -> usize {
        self.columns.iter().map(Coded::width).sum()
    }

    /// The names of the numbers that encode one example.
    pub fn features(&self) -> Vec<String> {
        self.columns.iter().flat_map(Coded::features).collect()
    }

    /// Which of the numbers are to be scaled; the others are 0 or 1.
    pub fn scaled(&self) -> Vec<bool> {
        let scaled = |coded: &Coded| {
            let number = matches!(coded.code, Code::Number { .. });
            (0..coded.width()).map(move |at| number && at == 0).collect::<Vec<_>>()
        };
        self.columns.iter().flat_map(scaled).collect()
    }

    /// The encoded rows, one after the other.
    pub fn encode(&self, columns: &[Column], rows: &[usize]) -> Vec<f32> {
        let mut inputs = Vec::with_capacity(rows.len() * self.width());
        for &row in rows {
            for (coded, column) in self.columns.iter().zip(columns) {
                coded.encode(column.cell(row), &mut inputs);
            }
        }
        inputs
    }

    /// Encodes one row of raw text; `cell` returns the text of a column by its name.
    ///
    /// # Errors
    ///
    /// Fails if a column is missing, or if a cell does not fit its column.
    pub fn encode_row<'a>(&self, cell: impl Fn(&str) -> Option<&'a str>) -> Result<Vec<f32>, String> {
        let mut inputs = Vec::with_capacity(self.width());
        for coded in &self.columns {
            let text = cell(&coded.column).ok_or_else(|| format!("there is no column '{}'", coded.column))?;
            let kind = coded.code.kind();
            let cell =
                Cell::read(text, kind).ok_or_else(|| format!("column '{}': '{text}' does not fit", coded.column))?;
            coded.encode(cell, &mut inputs);
        }
        Ok(inputs)
    }

    /// The encoding as JSON, which is saved with the weights of a network.
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads the JSON of [`Encoding::to_text`].
    ///
    /// # Errors
    ///
    /// Fails if the text is not such JSON.
    pub fn from_text(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }
}

impl Code {
    fn kind(&self) -> ColumnKind {
        match self {
            Self::Number { .. } => ColumnKind::Number,
            Self::Truth { .. } => ColumnKind::Truth,
            Self::Category { .. } => ColumnKind::Category,
        }
    }
}

impl Coded {
    /// Learns the encoding of one column from these rows; `None` if no row has a value.
    fn of(column: &Column, rows: &[usize], limit: usize) -> Option<Self> {
        let cells = || rows.iter().map(|&row| column.cell(row));
        let missing = cells().any(|cell| cell == Cell::Missing);
        let code = match column.kind {
            ColumnKind::Number => {
                let numbers =
                    || cells().filter_map(|cell| if let Cell::Number(value) = cell { Some(value) } else { None });
                let count = numbers().count();
                let sum: f64 = numbers().map(f64::from).sum();
                (count > 0).then(|| Code::Number { fill: (sum / count as f64) as f32 })?
            }
            ColumnKind::Truth => {
                let count = |truth| cells().filter(|&cell| cell == Cell::Truth(truth)).count();
                let (yes, no) = (count(true), count(false));
                (yes + no > 0).then_some(Code::Truth { fill: yes > no })?
            }
            ColumnKind::Category => category(cells(), limit)?,
        };
        Some(Self { column: column.name.clone(), code, missing })
    }

    fn width(&self) -> usize {
        let values = match &self.code {
            Code::Number { .. } | Code::Truth { .. } => 1,
            Code::Category { names, other, .. } => names.len() + usize::from(*other),
        };
        values + usize::from(self.missing)
    }

    fn features(&self) -> Vec<String> {
        let column = &self.column;
        let mut features = match &self.code {
            Code::Number { .. } | Code::Truth { .. } => vec![column.clone()],
            Code::Category { names, other, .. } => {
                let others = other.then(|| format!("{column} (other)"));
                names.iter().map(|name| format!("{column}={name}")).chain(others).collect()
            }
        };
        features.extend(self.missing.then(|| format!("{column} (missing)")));
        features
    }

    fn encode(&self, cell: Cell<'_>, inputs: &mut Vec<f32>) {
        match &self.code {
            Code::Number { fill } => inputs.push(if let Cell::Number(number) = cell { number } else { *fill }),
            Code::Truth { fill } => {
                let truth = if let Cell::Truth(truth) = cell { truth } else { *fill };
                inputs.push(f32::from(u8::from(truth)));
            }
            Code::Category { names, other, fill } => {
                let name = match cell {
                    Cell::Name(name) => Some(name),
                    // The last number says that it is missing.
                    _ if self.missing => None,
                    _ => Some(fill.as_str()),
                };
                let place = name.map(|name| names.binary_search_by(|known| known.as_str().cmp(name)));
                inputs.extend((0..names.len()).map(|at| f32::from(u8::from(place == Some(Ok(at))))));
                if *other {
                    inputs.push(f32::from(u8::from(matches!(place, Some(Err(_))))));
                }
            }
        }
        if self.missing {
            inputs.push(f32::from(u8::from(cell == Cell::Missing)));
        }
    }
}

fn category<'a>(cells: impl Iterator<Item = Cell<'a>>, limit: usize) -> Option<Code> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for cell in cells {
        if let Cell::Name(name) = cell {
            *counts.entry(name).or_default() += 1;
        }
    }
    let mut names: Vec<(&str, usize)> = counts.into_iter().collect();
    // The sort is stable: of equally frequent names, the first in the alphabet are kept.
    names.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
    let fill = names.first()?.0.to_owned();
    let other = names.len() > limit;
    names.truncate(limit);
    let mut names: Vec<String> = names.into_iter().map(|(name, _)| name.to_owned()).collect();
    names.sort_unstable();
    Some(Code::Category { names, other, fill })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn column(name: &str, kind: ColumnKind, cells: &[&str]) -> Column {
        let mut column = Column::new(name.into(), kind);
        cells.iter().for_each(|cell| column.push(Cell::read(cell, kind).unwrap()));
        column
    }

    fn columns() -> Vec<Column> {
        vec![
            column("age", ColumnKind::Number, &["10", "", "30", "NA", "1000"]),
            column("member", ColumnKind::Truth, &["yes", "yes", "no", "yes", ""]),
            column("job", ColumnKind::Category, &["cook", "smith", "cook", "?", "baker"]),
        ]
    }

    #[test]
    fn fill_values_and_categories_are_learnt_from_the_training_rows() {
        let columns = columns();
        let encoding = Encoding::of(Path::new("a.csv"), &columns, &[0, 1, 2, 3], 10).unwrap();
        let features = ["age", "age (missing)", "member", "job=cook", "job=smith", "job (missing)"];
        assert_eq!(encoding.features(), features);
        assert_eq!(encoding.scaled(), [true, false, false, false, false, false]);
        let rows = encoding.encode(&columns, &[0, 1, 3, 4]);
        let expected = [
            [10.0, 0.0, 1.0, 1.0, 0.0, 0.0],
            // The mean of 10 and 30: row 4 is not for training.
            [20.0, 1.0, 1.0, 0.0, 1.0, 0.0],
            [20.0, 1.0, 1.0, 0.0, 0.0, 1.0],
            // A name that no training row has matches none; a missing truth value is the more frequent one.
            [1000.0, 0.0, 1.0, 0.0, 0.0, 0.0],
        ];
        assert_eq!(rows, expected.concat());
    }

    #[test]
    fn rare_categories_share_an_input() {
        let jobs = ["b", "b", "a", "a", "c", "d", "e"];
        let columns = [column("job", ColumnKind::Category, &jobs)];
        let encoding = Encoding::of(Path::new("a.csv"), &columns, &[0, 1, 2, 3, 4, 5], 3).unwrap();
        assert_eq!(encoding.features(), ["job=a", "job=b", "job=c", "job (other)"]);
        assert_eq!(encoding.encode(&columns, &[5, 6]), [[0.0, 0.0, 0.0, 1.0]; 2].concat());
    }

    #[test]
    fn a_missing_category_counts_as_the_most_frequent_if_training_rows_miss_none() {
        let columns = [column("job", ColumnKind::Category, &["b", "a", "b", ""])];
        let encoding = Encoding::of(Path::new("a.csv"), &columns, &[0, 1, 2], 9).unwrap();
        assert_eq!(encoding.encode(&columns, &[3]), [0.0, 1.0]);
        let error = Encoding::of(Path::new("a.csv"), &columns, &[3], 9).unwrap_err().to_string();
        assert!(error.contains("'job'") && error.contains("among the training examples"), "{error}");
    }

    #[test]
    fn a_saved_encoding_encodes_a_row_of_text() {
        let columns = columns();
        let encoding = Encoding::of(Path::new("a.csv"), &columns, &[0, 1, 2, 3], 10).unwrap();
        let read = Encoding::from_text(&encoding.to_text()).unwrap();
        assert_eq!(read, encoding);
        let row = |name: &str| {
            Some(match name {
                "age" => "n/a",
                "member" => "no",
                _ => "smith",
            })
        };
        assert_eq!(read.encode_row(row).unwrap(), [20.0, 1.0, 0.0, 0.0, 1.0, 0.0]);
        assert!(read.encode_row(|_| Some("much")).unwrap_err().contains("'age': 'much'"));
        assert!(read.encode_row(|_| None).unwrap_err().contains("no column 'age'"));
    }
}
