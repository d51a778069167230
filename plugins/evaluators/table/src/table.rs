//! The numbers, in memory.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use csv::{ReaderBuilder, StringRecord};
use flate2::read::MultiGzDecoder;

use crate::TableError;
use crate::map::Map;

/// A table with the columns that its mapping reads.
#[derive(Debug)]
pub struct Table {
    // Only ever asked for single entries: its order does not matter.
    rows: HashMap<Box<str>, u32>,
    columns: HashMap<String, Vec<f64>>,
    /// The columns that the rows are named by.
    identity: Vec<String>,
}

/// Tables in use, by path, so that all studies of a program share them.
static LOADED: Mutex<Vec<(PathBuf, Weak<Table>)>> = Mutex::new(Vec::new());

impl Table {
    /// The table in this file, read once for as long as somebody holds it.
    pub fn shared(path: &Path, map: &Map) -> Result<Arc<Self>, TableError> {
        // Held while reading: the second of two studies that begin together waits for the first.
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        loaded.retain(|(_, table)| table.strong_count() > 0);
        let of_path = loaded.iter().filter(|(known, _)| known == path).filter_map(|(_, table)| table.upgrade());
        // Another mapping of the same file may read other columns.
        if let Some(table) = of_path.into_iter().find(|table| table.serves(map)) {
            return Ok(table);
        }
        let table = Arc::new(Self::read(path, map)?);
        loaded.push((path.to_owned(), Arc::downgrade(&table)));
        Ok(table)
    }

    fn serves(&self, map: &Map) -> bool {
        self.identity == map.identity() && map.columns().iter().all(|column| self.columns.contains_key(*column))
    }

    /// Reads a CSV file, plain or compressed with gzip.
    pub fn read(path: &Path, map: &Map) -> Result<Self, TableError> {
        let file = File::open(path).map_err(|error| TableError::read(path, error))?;
        let mut bytes = Vec::new();
        let read = if path.extension().is_some_and(|extension| extension == "gz") {
            MultiGzDecoder::new(file).read_to_end(&mut bytes)
        } else {
            let mut file = file;
            file.read_to_end(&mut bytes)
        };
        read.map_err(|error| TableError::read(path, error))?;
        let mut reader = ReaderBuilder::new().from_reader(&bytes[..]);
        let broken = |error: csv::Error| {
            let line = error.position().map_or(0, csv::Position::line);
            TableError::table(path, line, error.to_string())
        };
        let header = reader.headers().map_err(broken)?.clone();
        let place = |column: &str| {
            let known = || header.iter().collect::<Vec<_>>().join(", ");
            let missing =
                || TableError::table(path, 0, format!("there is no column '{column}' (columns: {})", known()));
            header.iter().position(|name| name == column).ok_or_else(missing)
        };
        let identity = map.identity().iter().map(|column| place(column)).collect::<Result<Vec<_>, _>>()?;
        let wanted: Vec<(&str, usize)> =
            map.columns().into_iter().map(|column| Ok((column, place(column)?))).collect::<Result<_, TableError>>()?;

        let mut rows = HashMap::new();
        let mut columns: Vec<Vec<f64>> = vec![Vec::new(); wanted.len()];
        let mut row = StringRecord::new();
        while reader.read_record(&mut row).map_err(broken)? {
            let line = row.position().map_or(0, csv::Position::line);
            let cells: Vec<&str> = identity.iter().map(|&at| &row[at]).collect();
            let name = cells.join(",");
            let number = u32::try_from(rows.len()).map_err(|_| TableError::table(path, line, "too many rows"))?;
            if rows.insert(name.clone().into_boxed_str(), number).is_some() {
                return Err(TableError::table(path, line, format!("{name} is there twice")));
            }
            for ((column, at), values) in wanted.iter().zip(&mut columns) {
                let cell = &row[*at];
                // Not measured.
                let value = if cell.is_empty() { Some(f64::NAN) } else { cell.parse().ok() };
                let wrong = || TableError::table(path, line, format!("column '{column}': '{cell}' is not a number"));
                values.push(value.ok_or_else(wrong)?);
            }
        }
        if rows.is_empty() {
            return Err(TableError::table(path, 0, "there are no rows"));
        }
        let columns = wanted.into_iter().map(|(column, _)| column.to_owned()).zip(columns).collect();
        Ok(Self { rows, columns, identity: map.identity().to_vec() })
    }

    /// How many architectures there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Never: a table without rows is refused.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The row of an architecture: its text, or its choices joined by commas.
    pub fn row(&self, identity: &str) -> Option<usize> {
        self.rows.get(identity).map(|&row| row as usize)
    }

    /// What identifies each row, in no order.
    pub fn identities(&self) -> impl Iterator<Item = &str> {
        self.rows.keys().map(|identity| &**identity)
    }

    /// A column that the mapping reads; NaN where nothing was measured.
    pub fn column(&self, name: &str) -> Option<&[f64]> {
        self.columns.get(name).map(Vec::as_slice)
    }
}
