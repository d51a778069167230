//! The raw numbers, each table as CSV and as Parquet.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nas_core::benchmark::{Comparison, Store};
use nas_core::report::{Line, Report};
use parquet::basic::Compression;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use crate::ReportError;

/// A column of a table. What is not a number is NaN, and an empty cell in CSV.
enum Column {
    Words(Vec<String>),
    Whole(Vec<i64>),
    Number(Vec<f64>),
    Truth(Vec<bool>),
}

impl Column {
    fn cell(&self, row: usize) -> String {
        match self {
            Self::Words(values) => values[row].clone(),
            Self::Whole(values) => values[row].to_string(),
            Self::Number(values) if values[row].is_finite() => values[row].to_string(),
            Self::Number(_) => String::new(),
            Self::Truth(values) => values[row].to_string(),
        }
    }
}

struct Table {
    name: &'static str,
    rows: usize,
    columns: Vec<(&'static str, Column)>,
}

pub(crate) fn write(store: &Store, report: &Report, folder: &Path) -> Result<Vec<PathBuf>, ReportError> {
    fs::create_dir_all(folder).map_err(|error| ReportError::write(folder, error))?;
    let mut files = Vec::new();
    for table in [finals(report), curves(report), comparisons(report), trials(store)?] {
        let path = folder.join(format!("{}.csv", table.name));
        to_csv(&table, &path).map_err(|error| ReportError::write(&path, error))?;
        files.push(path);
        let path = folder.join(format!("{}.parquet", table.name));
        to_parquet(&table, &path).map_err(|error| ReportError::write(&path, error))?;
        files.push(path);
    }
    Ok(files)
}

fn to_csv(table: &Table, path: &Path) -> Result<(), csv::Error> {
    let mut writer = csv::Writer::from_path(path)?;
    writer.write_record(table.columns.iter().map(|(name, _)| *name))?;
    for row in 0..table.rows {
        writer.write_record(table.columns.iter().map(|(_, column)| column.cell(row)))?;
    }
    writer.flush()?;
    Ok(())
}

fn to_parquet(table: &Table, path: &Path) -> Result<(), ParquetError> {
    let fields = table.columns.iter().map(|(name, column)| match column {
        Column::Words(_) => format!("REQUIRED BYTE_ARRAY {name} (UTF8);"),
        Column::Whole(_) => format!("REQUIRED INT64 {name};"),
        Column::Number(_) => format!("REQUIRED DOUBLE {name};"),
        Column::Truth(_) => format!("REQUIRED BOOLEAN {name};"),
    });
    let schema = parse_message_type(&format!("message {} {{ {} }}", table.name, fields.collect::<String>()))?;
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut writer = SerializedFileWriter::new(File::create(path)?, Arc::new(schema), Arc::new(properties))?;
    let mut group = writer.next_row_group()?;
    for (_, column) in &table.columns {
        let Some(mut open) = group.next_column()? else { break };
        match column {
            Column::Words(values) => {
                let bytes: Vec<ByteArray> = values.iter().map(|value| ByteArray::from(value.as_str())).collect();
                open.typed::<ByteArrayType>().write_batch(&bytes, None, None)?;
            }
            Column::Whole(values) => {
                open.typed::<Int64Type>().write_batch(values, None, None)?;
            }
            Column::Number(values) => {
                open.typed::<DoubleType>().write_batch(values, None, None)?;
            }
            Column::Truth(values) => {
                open.typed::<BoolType>().write_batch(values, None, None)?;
            }
        }
        open.close()?;
    }
    group.close()?;
    writer.close()?;
    Ok(())
}

/// Builds columns from rows.
macro_rules! table {
    ($name:literal, $rows:expr, { $($column:literal: $kind:ident = $value:expr),+ $(,)? }) => {{
        let rows = $rows;
        Table {
            name: $name,
            rows: rows.len(),
            columns: vec![$(($column, Column::$kind(rows.iter().map($value).collect()))),+],
        }
    }};
}

fn finals(report: &Report) -> Table {
    let endings = report.problems.iter().flat_map(|problem| &problem.endings);
    let rows: Vec<_> =
        endings.flat_map(|ending| ending.row.finals.iter().map(move |(seed, v)| (&ending.row, *seed, *v))).collect();
    table!("finals", rows, {
        "problem": Words = |(row, ..)| row.problem.clone(),
        "strategy": Words = |(row, ..)| row.strategy.clone(),
        "seed": Whole = |(_, seed, _)| i64::from(*seed),
        "metric": Words = |(row, ..)| row.metric.clone(),
        "value": Number = |(.., value)| *value,
        "regret": Number = |(row, _, value)| row.regret(*value),
    })
}

fn curves(report: &Report) -> Table {
    let mut rows: Vec<([&str; 4], f64, nas_core::report::Band)> = Vec::new();
    for problem in &report.problems {
        let mut add = |axis, measure, lines: &[Line]| {
            for line in lines {
                let strategy = report.strategies.iter().find(|name| **name == line.strategy).map_or("", String::as_str);
                let point = |(place, band): &(f64, nas_core::report::Band)| {
                    ([problem.name.as_str(), strategy, axis, measure], *place, *band)
                };
                rows.extend(line.points.iter().map(point));
            }
        };
        add("trials", "value", &problem.by_trials);
        add("seconds", "value", &problem.by_seconds);
        if let Some(fronts) = &problem.fronts {
            add("trials", "hypervolume", &fronts.volume);
            add("trials", "igd_plus", &fronts.distance);
        }
    }
    table!("curves", rows, {
        "problem": Words = |row| row.0[0].to_owned(),
        "strategy": Words = |row| row.0[1].to_owned(),
        "axis": Words = |row| row.0[2].to_owned(),
        "measure": Words = |row| row.0[3].to_owned(),
        "place": Number = |row| row.1,
        "iqm": Number = |row| row.2.iqm,
        "low": Number = |row| row.2.low,
        "high": Number = |row| row.2.high,
    })
}

fn comparisons(report: &Report) -> Table {
    let rows: Vec<&Comparison> = report.problems.iter().flat_map(|problem| &problem.comparisons).collect();
    table!("comparisons", rows, {
        "problem": Words = |row| row.problem.clone(),
        "a": Words = |row| row.a.clone(),
        "b": Words = |row| row.b.clone(),
        "seeds": Whole = |row| row.seeds as i64,
        "difference": Number = |row| row.difference,
        "wins": Whole = |row| row.wins as i64,
        "ties": Whole = |row| row.ties as i64,
        "a12": Number = |row| row.a12,
        "p": Number = |row| row.p,
        "p_holm": Number = |row| row.p_holm,
    })
}

struct Trial {
    problem: String,
    strategy: String,
    seed: u32,
    trial: usize,
    kept: nas_core::benchmark::KeptTrial,
    metrics: String,
}

fn trials(store: &Store) -> Result<Table, ReportError> {
    let mut rows: Vec<Trial> = Vec::new();
    store.each(|problem, strategy, seed, study| {
        for (trial, kept) in study.trials.into_iter().enumerate() {
            let known = study.metrics.iter().zip(&kept.values).filter(|(_, value)| value.is_finite());
            let metrics: Vec<String> = known.map(|(metric, value)| format!("{}={value}", metric.name)).collect();
            let (problem, strategy) = (problem.to_owned(), strategy.to_owned());
            rows.push(Trial { problem, strategy, seed, trial, kept, metrics: metrics.join(";") });
        }
        Ok(())
    })?;
    let genotype = |row: &Trial| row.kept.genotype.iter().map(u32::to_string).collect::<Vec<_>>().join(" ");
    Ok(table!("trials", rows, {
        "problem": Words = |row| row.problem.clone(),
        "strategy": Words = |row| row.strategy.clone(),
        "seed": Whole = |row| i64::from(row.seed),
        "trial": Whole = |row| row.trial as i64,
        "genotype": Words = genotype,
        "measured": Truth = |row| row.kept.measured,
        "duplicate": Truth = |row| row.kept.duplicate,
        "fidelity": Number = |row| row.kept.fidelity.unwrap_or(f64::NAN),
        "cost_seconds": Number = |row| row.kept.cost,
        "told_seconds": Number = |row| row.kept.told,
        "ask_seconds": Number = |row| row.kept.ask_seconds,
        "tell_seconds": Number = |row| row.kept.tell_seconds,
        "metrics": Words = |row| row.metrics.clone(),
        "reason": Words = |row| row.kept.reason.clone(),
    }))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::RowAccessor;

    use super::*;

    #[test]
    fn both_formats_hold_the_same_rows() {
        let folder = tempfile::tempdir().unwrap();
        let rows = [("a, \"quoted\"", 1.5, true), ("", f64::NAN, false), ("ü\nline", -1e300, true)];
        let table = table!("some", rows, {
            "words": Words = |row| row.0.to_owned(),
            "value": Number = |row| row.1,
            "truth": Truth = |row| row.2,
            "count": Whole = |row| row.0.len() as i64,
        });
        let (text, binary) = (folder.path().join("some.csv"), folder.path().join("some.parquet"));
        to_csv(&table, &text).unwrap();
        to_parquet(&table, &binary).unwrap();
        let mut reader = csv::Reader::from_path(&text).unwrap();
        assert_eq!(reader.headers().unwrap(), vec!["words", "value", "truth", "count"]);
        let file = SerializedFileReader::new(File::open(&binary).unwrap()).unwrap();
        let stored: Vec<_> = file.get_row_iter(None).unwrap().map(Result::unwrap).collect();
        assert_eq!(stored.len(), 3);
        for ((read, stored), (words, value, truth)) in reader.records().map(Result::unwrap).zip(&stored).zip(rows) {
            assert_eq!((&read[0], stored.get_string(0).unwrap().as_str()), (words, words));
            assert_eq!(stored.get_double(1).unwrap().to_bits(), value.to_bits());
            assert_eq!(read[1].parse().ok(), value.is_finite().then_some(value));
            assert_eq!((read[2].parse().ok(), stored.get_bool(2).unwrap()), (Some(truth), truth));
            assert_eq!(stored.get_long(3).unwrap(), words.len() as i64);
        }
    }
}
