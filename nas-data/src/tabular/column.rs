//! Infers from its cells what a column holds, and stores its values.

use std::collections::HashMap;

/// Texts that mean a missing value, in upper or lower case.
const MISSING: [&str; 7] = ["", "na", "n/a", "#n/a", "<na>", "nan", "null"];
/// The mark of a missing value in files of the UCI repository.
const UNKNOWN: &str = "?";

/// The code of a missing category.
const NO_NAME: u32 = u32::MAX;

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// Finite numbers.
    Number,
    /// True and false, or yes and no.
    Truth,
    /// Names of categories.
    Category,
}

/// One cell of a feature.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'a> {
    /// The value is missing.
    Missing,
    /// A finite number.
    Number(f32),
    /// True or false.
    Truth(bool),
    /// The name of a category.
    Name(&'a str),
}

/// Whether the text stands for a missing value.
pub fn is_missing(text: &str) -> bool {
    text == UNKNOWN || MISSING.iter().any(|missing| text.eq_ignore_ascii_case(missing))
}

fn truth(text: &str) -> Option<bool> {
    let is = |words: [&str; 2]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is(["true", "yes"]) { Some(true) } else { is(["false", "no"]).then_some(false) }
}

fn number(text: &str) -> Option<f32> {
    text.parse().ok().filter(|number: &f32| number.is_finite())
}

impl<'a> Cell<'a> {
    /// Reads a cell of a column of this kind; `None` if it does not fit the kind.
    pub fn read(text: &'a str, kind: ColumnKind) -> Option<Self> {
        if is_missing(text) {
            return Some(Self::Missing);
        }
        match kind {
            ColumnKind::Number => number(text).map(Self::Number),
            ColumnKind::Truth => truth(text).map(Self::Truth),
            ColumnKind::Category => Some(Self::Name(text)),
        }
    }
}

/// Counts the cells of one column to infer its kind.
#[derive(Debug, Default)]
pub struct ColumnSummary {
    cells: usize,
    missing: usize,
    numbers: usize,
    truths: usize,
    /// The place and the text of the first cell that is not a finite number.
    word: Option<(String, String)>,
}

impl ColumnSummary {
    /// Adds a cell; `place` says where it is.
    pub fn at(&mut self, text: &str, place: impl FnOnce() -> String) {
        self.cells += 1;
        if is_missing(text) {
            self.missing += 1;
        } else if number(text).is_some() {
            self.numbers += 1;
        } else {
            self.truths += usize::from(truth(text).is_some());
            if self.word.is_none() {
                self.word = Some((place(), text.to_owned()));
            }
        }
    }

    /// The kind of the column; `None` if it has no values. Numbers among words are categories, too.
    ///
    /// # Errors
    ///
    /// Returns the place and the text of the first word if at least half of the values are numbers, or if that word is
    /// a number that is not finite: such a word is a mistake.
    pub fn kind(self) -> Result<Option<ColumnKind>, (String, String)> {
        let there = self.cells - self.missing;
        match self.word {
            _ if there == 0 => Ok(None),
            None => Ok(Some(ColumnKind::Number)),
            Some(word) if 2 * self.numbers >= there || word.1.parse::<f32>().is_ok() => Err(word),
            Some(_) if self.truths == there => Ok(Some(ColumnKind::Truth)),
            Some(_) => Ok(Some(ColumnKind::Category)),
        }
    }
}

/// A feature's name and its values, row by row.
#[derive(Debug)]
pub struct Column {
    /// Its name in the header.
    pub name: String,
    /// What its values are.
    pub kind: ColumnKind,
    /// Numbers, or 0 and 1 for false and true; NaN if the value is missing.
    numbers: Vec<f32>,
    /// Indices into `names`, or [`NO_NAME`].
    codes: Vec<u32>,
    names: Vec<String>,
    places: HashMap<String, u32>,
}

impl Column {
    /// A column without rows.
    pub fn new(name: String, kind: ColumnKind) -> Self {
        Self { name, kind, numbers: Vec::new(), codes: Vec::new(), names: Vec::new(), places: HashMap::new() }
    }

    /// Adds the value of one more row.
    pub fn push(&mut self, cell: Cell<'_>) {
        match cell {
            Cell::Number(number) => self.numbers.push(number),
            Cell::Truth(truth) => self.numbers.push(f32::from(u8::from(truth))),
            Cell::Name(name) => {
                let code = self.places.get(name).copied().unwrap_or_else(|| self.add(name));
                self.codes.push(code);
            }
            Cell::Missing if self.kind == ColumnKind::Category => self.codes.push(NO_NAME),
            Cell::Missing => self.numbers.push(f32::NAN),
        }
    }

    fn add(&mut self, name: &str) -> u32 {
        let code = self.names.len() as u32;
        self.names.push(name.to_owned());
        self.places.insert(name.to_owned(), code);
        code
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.numbers.len() + self.codes.len()
    }

    /// Number of missing values.
    pub fn missing(&self) -> usize {
        let codes = self.codes.iter().filter(|code| **code == NO_NAME).count();
        codes + self.numbers.iter().filter(|number| number.is_nan()).count()
    }

    /// The numbers that are not missing; 0 and 1 for false and true.
    pub fn numbers(&self) -> impl Iterator<Item = f32> + Clone {
        self.numbers.iter().copied().filter(|number| !number.is_nan())
    }

    /// The different names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// The value of a row.
    pub fn cell(&self, row: usize) -> Cell<'_> {
        match self.kind {
            ColumnKind::Category => {
                self.names.get(self.codes[row] as usize).map_or(Cell::Missing, |name| Cell::Name(name))
            }
            _ if self.numbers[row].is_nan() => Cell::Missing,
            ColumnKind::Number => Cell::Number(self.numbers[row]),
            ColumnKind::Truth => Cell::Truth(self.numbers[row] > 0.5),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn kind(cells: &[&str]) -> Result<Option<ColumnKind>, (String, String)> {
        let mut look = ColumnSummary::default();
        for (row, cell) in cells.iter().enumerate() {
            look.at(cell, || format!("line {}", row + 2));
        }
        look.kind()
    }

    #[test]
    fn the_kind_of_a_column_is_inferred_from_its_cells() {
        assert_eq!(kind(&["1", "-2.5e3", "NA", ""]), Ok(Some(ColumnKind::Number)));
        assert_eq!(kind(&["yes", "No", "null", "TRUE"]), Ok(Some(ColumnKind::Truth)));
        assert_eq!(kind(&["yes", "no", "maybe"]), Ok(Some(ColumnKind::Category)));
        assert_eq!(kind(&["1", "A", "B"]), Ok(Some(ColumnKind::Category)));
        assert_eq!(kind(&["", "NaN", "?", "n/a"]), Ok(None));
        assert_eq!(kind(&["1", "", "1O", "3"]), Err(("line 4".into(), "1O".into())));
        assert_eq!(kind(&["a", "b", "c", "inf"]), Ok(Some(ColumnKind::Category)));
        assert_eq!(kind(&["1e39"]), Err(("line 2".into(), "1e39".into())));
    }

    #[test]
    fn rows_keep_their_values() {
        let mut column = Column::new("c".into(), ColumnKind::Category);
        for text in ["b", "NA", "a", "b"] {
            column.push(Cell::read(text, ColumnKind::Category).unwrap());
        }
        let cells: Vec<_> = (0..4).map(|row| column.cell(row)).collect();
        assert_eq!(cells, [Cell::Name("b"), Cell::Missing, Cell::Name("a"), Cell::Name("b")]);
        assert_eq!(Cell::read("three", ColumnKind::Number), None);
    }
}
