//! Reads the rows of a table as cells of text, from CSV and Parquet alike.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use csv::{Reader, ReaderBuilder, StringRecord, Trim};
use flate2::read::MultiGzDecoder;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use parquet::record::reader::RowIter;

use crate::error::DataError;

const MILLISECONDS_OF_A_DAY: f64 = 86_400_000.0;

/// An open table: a header that names the columns, then one example per row.
pub struct Rows<'p> {
    path: &'p Path,
    /// The names of the columns, of which there are at least two.
    pub header: StringRecord,
    rows: Format,
}

enum Format {
    Csv(Box<Reader<Box<dyn Read>>>),
    /// The reader, and the number of rows that have been read.
    Parquet(RowIter<'static>, u64),
}

/// Whether a source is a table, by its ending.
pub fn is_table(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [".csv", ".csv.gz", ".parquet"].iter().any(|ending| name.ends_with(ending))
}

impl<'p> Rows<'p> {
    /// Opens a table: comma-separated CSV, plain or compressed with gzip, or Parquet, by the file's ending.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be read, or has no header of at least two columns.
    pub fn open(path: &'p Path) -> Result<Self, DataError> {
        let file = File::open(path).map_err(|error| DataError::read(path, error))?;
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
        let opened = match ending.as_str() {
            "parquet" => Self::parquet(path, file)?,
            "gz" => Self::csv(path, Box::new(MultiGzDecoder::new(file)))?,
            _ => Self::csv(path, Box::new(file))?,
        };
        if opened.header.len() < 2 {
            let commas = if ending == "parquet" { "" } else { ", separated by commas" };
            let problem = format!("it needs at least two columns{commas}: one feature and the target");
            return Err(unusable(path, problem));
        }
        Ok(opened)
    }

    fn csv(path: &'p Path, source: Box<dyn Read>) -> Result<Self, DataError> {
        // The reader is flexible so that a ragged row gets the error message of this crate.
        let mut reader = ReaderBuilder::new().flexible(true).trim(Trim::All).from_reader(source);
        let header = reader.headers().map_err(|error| unusable(path, error.to_string()))?.clone();
        if header.len() > 1 && header.iter().all(|name| name.parse::<f64>().is_ok()) {
            let problem = "its first line holds only numbers, but must name the columns; add a header line";
            return Err(unusable(path, problem.to_owned()));
        }
        Ok(Self { path, header, rows: Format::Csv(Box::new(reader)) })
    }

    fn parquet(path: &'p Path, file: File) -> Result<Self, DataError> {
        let reader = SerializedFileReader::new(file).map_err(|error| unusable(path, error.to_string()))?;
        let fields = reader.metadata().file_metadata().schema_descr().root_schema().get_fields();
        let header = fields.iter().map(|field| field.name().to_owned()).collect();
        Ok(Self { path, header, rows: Format::Parquet(reader.into_iter(), 0) })
    }

    /// Reads the next row, which has a cell for every column; `false` at the end.
    ///
    /// # Errors
    ///
    /// Fails if the row cannot be parsed, or if it has too few or too many cells.
    pub fn read(&mut self, row: &mut StringRecord) -> Result<bool, DataError> {
        match &mut self.rows {
            Format::Csv(reader) => {
                let more = reader.read_record(row).map_err(|error| unusable(self.path, error.to_string()))?;
                if more && row.len() != self.header.len() {
                    let (path, line) = (self.path.to_owned(), row.position().map_or(0, csv::Position::line));
                    return Err(DataError::Ragged { path, line, expected: self.header.len(), found: row.len() });
                }
                Ok(more)
            }
            Format::Parquet(rows, number) => {
                let Some(next) = rows.next() else { return Ok(false) };
                let next = next.map_err(|error| unusable(self.path, error.to_string()))?;
                *number += 1;
                row.clear();
                for (name, field) in next.get_column_iter() {
                    let text = text(field).ok_or_else(|| {
                        let problem =
                            format!("row {number}, column '{name}' holds neither a number nor a text: {field}");
                        unusable(self.path, problem)
                    })?;
                    row.push_field(text.trim());
                }
                Ok(true)
            }
        }
    }

    /// Where the last row that was read is: its line in a CSV file, or its number in a Parquet file, counted from 1.
    pub fn place(&self, row: &StringRecord) -> String {
        match &self.rows {
            Format::Csv(_) => format!("line {}", row.position().map_or(0, csv::Position::line)),
            Format::Parquet(_, number) => format!("row {number}"),
        }
    }
}

fn unusable(path: &Path, problem: String) -> DataError {
    DataError::Table { path: path.to_owned(), problem }
}

/// The value as in a CSV file: empty if it is null; a timestamp in days since 1970. `None` if it is neither a number
/// nor a text.
fn text(field: &Field) -> Option<String> {
    Some(match field {
        Field::Null => String::new(),
        Field::Bool(value) => value.to_string(),
        Field::Byte(value) => value.to_string(),
        Field::Short(value) => value.to_string(),
        Field::Int(value) | Field::Date(value) | Field::TimeMillis(value) => value.to_string(),
        Field::Long(value) | Field::TimeMicros(value) => value.to_string(),
        Field::UByte(value) => value.to_string(),
        Field::UShort(value) => value.to_string(),
        Field::UInt(value) => value.to_string(),
        Field::ULong(value) => value.to_string(),
        Field::Float16(value) => value.to_string(),
        Field::Float(value) => value.to_string(),
        Field::Double(value) => value.to_string(),
        Field::TimestampMillis(value) => (*value as f64 / MILLISECONDS_OF_A_DAY).to_string(),
        Field::TimestampMicros(value) => (*value as f64 / 1000.0 / MILLISECONDS_OF_A_DAY).to_string(),
        Field::Decimal(_) => field.to_string(),
        Field::Str(value) => value.clone(),
        Field::Bytes(_) | Field::Group(_) | Field::ListInternal(_) | Field::MapInternal(_) => return None,
    })
}
