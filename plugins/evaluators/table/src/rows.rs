//! Reads the rows of a file, in any format, as cells of text.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use csv::{Reader, ReaderBuilder, StringRecord};
use flate2::read::MultiGzDecoder;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use parquet::record::reader::RowIter;

use crate::TableError;

/// An open file with its remaining rows.
pub struct Rows<'p> {
    path: &'p Path,
    header: StringRecord,
    rows: Format,
}

enum Format {
    Csv(Reader<Cursor<Vec<u8>>>),
    /// With the number of rows that have been read.
    Parquet(RowIter<'static>, u64),
}

impl<'p> Rows<'p> {
    /// Opens a CSV file, plain or compressed with gzip (`.gz`), or a Parquet file (`.parquet`).
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be read in its format.
    pub fn open(path: &'p Path) -> Result<Self, TableError> {
        let mut file = File::open(path).map_err(|error| TableError::read(path, error))?;
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        if ending == "parquet" {
            let reader = SerializedFileReader::new(file).map_err(|error| unreadable(path, 0, &error))?;
            let fields = reader.metadata().file_metadata().schema_descr().root_schema().get_fields();
            let header = fields.iter().map(|field| field.name().to_owned()).collect();
            return Ok(Self { path, header, rows: Format::Parquet(reader.into_iter(), 0) });
        }
        let mut bytes = Vec::new();
        let read = match ending {
            "gz" => MultiGzDecoder::new(file).read_to_end(&mut bytes),
            _ => file.read_to_end(&mut bytes),
        };
        read.map_err(|error| TableError::read(path, error))?;
        let mut rows = ReaderBuilder::new().from_reader(Cursor::new(bytes));
        let header = rows.headers().map_err(|error| broken(path, &error))?.clone();
        Ok(Self { path, header, rows: Format::Csv(rows) })
    }

    /// Returns the position of a column, if there is one with this name.
    pub fn position(&self, column: &str) -> Option<usize> {
        self.header.iter().position(|name| name == column)
    }

    /// Returns the position of a column.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no column with this name.
    pub fn required_position(&self, column: &str) -> Result<usize, TableError> {
        self.position(column).ok_or_else(|| self.missing_column(column))
    }

    /// Returns the error that there is no such column.
    pub fn missing_column(&self, column: &str) -> TableError {
        let known = self.header.iter().collect::<Vec<_>>().join(", ");
        TableError::table(self.path, 0, format!("there is no column '{column}' (columns: {known})"))
    }

    /// Reads the next row. Returns its line in CSV, or its number in Parquet, counted from 1, or `None` at the end.
    ///
    /// # Errors
    ///
    /// Returns an error if the row cannot be read, or has a cell that is neither a number nor a text.
    pub fn read(&mut self, row: &mut StringRecord) -> Result<Option<u64>, TableError> {
        match &mut self.rows {
            Format::Csv(rows) => {
                let more = rows.read_record(row).map_err(|error| broken(self.path, &error))?;
                Ok(more.then(|| row.position().map_or(0, csv::Position::line)))
            }
            Format::Parquet(rows, number) => {
                *number += 1;
                let Some(next) = rows.next() else { return Ok(None) };
                let next = next.map_err(|error| unreadable(self.path, *number, &error))?;
                row.clear();
                for (name, field) in next.get_column_iter() {
                    let text = text(field).ok_or_else(|| {
                        let problem = format!("column '{name}' contains {field}, which is neither a number nor a text");
                        TableError::table(self.path, *number, problem)
                    })?;
                    row.push_field(&text);
                }
                Ok(Some(*number))
            }
        }
    }
}

/// Returns the text that a CSV file would have, empty for a null; `None` if the field is neither a number nor a text.
fn text(field: &Field) -> Option<String> {
    Some(match field {
        Field::Null => String::new(),
        Field::Bool(value) => u8::from(*value).to_string(),
        Field::Byte(value) => value.to_string(),
        Field::Short(value) => value.to_string(),
        Field::Int(value) => value.to_string(),
        Field::Long(value) => value.to_string(),
        Field::UByte(value) => value.to_string(),
        Field::UShort(value) => value.to_string(),
        Field::UInt(value) => value.to_string(),
        Field::ULong(value) => value.to_string(),
        Field::Float(value) => value.to_string(),
        Field::Double(value) => value.to_string(),
        Field::Str(value) => value.clone(),
        _ => return None,
    })
}

fn broken(path: &Path, error: &csv::Error) -> TableError {
    TableError::table(path, error.position().map_or(0, csv::Position::line), error.to_string())
}

fn unreadable(path: &Path, number: u64, error: &ParquetError) -> TableError {
    TableError::table(path, number, format!("cannot be read as Parquet: {error}"))
}
