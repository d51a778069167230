//! Writes the raw numbers, each table as CSV and as Parquet.

use std::fs;
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

use crate::{ReportError, TextOf, save};

/// A column of a table. A missing number is NaN, which is an empty cell in CSV.
enum Column {
    Text(Vec<String>),
    Int(Vec<i64>),
    Float(Vec<f64>),
    Bool(Vec<bool>),
}

impl Column {
    fn cell(&self, row: usize) -> String {
        match self {
            Self::Text(values) => plain(&values[row]),
            Self::Int(values) => values[row].to_string(),
            Self::Float(values) if values[row].is_finite() => values[row].to_string(),
            Self::Float(_) => String::new(),
            Self::Bool(values) => values[row].to_string(),
        }
    }
}

/// A text that a spreadsheet shows and does not compute: names and reasons come from plugins, and one that begins like
/// a formula would be run as one. The apostrophe is how spreadsheets themselves mark a text.
fn plain(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}

struct Table {
    name: &'static str,
    rows: usize,
    columns: Vec<(String, Column)>,
}

pub(crate) fn write(
    store: &Store,
    report: &Report,
    folder: &Path,
    text: &mut TextOf<'_>,
) -> Result<Vec<PathBuf>, ReportError> {
    fs::create_dir_all(folder).map_err(|error| ReportError::write(folder, error))?;
    let mut files = Vec::new();
    for table in [finals(report), curves(report), comparisons(report), trials(store, text)?] {
        let path = folder.join(format!("{}.csv", table.name));
        save(&path, &to_csv(&table).map_err(|error| ReportError::write(&path, error))?)?;
        files.push(path);
        let path = folder.join(format!("{}.parquet", table.name));
        save(&path, &to_parquet(&table).map_err(|error| ReportError::write(&path, error))?)?;
        files.push(path);
    }
    Ok(files)
}

fn to_csv(table: &Table) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(table.columns.iter().map(|(name, _)| name))?;
    for row in 0..table.rows {
        writer.write_record(table.columns.iter().map(|(_, column)| column.cell(row)))?;
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}

fn to_parquet(table: &Table) -> Result<Vec<u8>, ParquetError> {
    let fields = table.columns.iter().map(|(name, column)| match column {
        Column::Text(_) => format!("REQUIRED BYTE_ARRAY {name} (UTF8);"),
        Column::Int(_) => format!("REQUIRED INT64 {name};"),
        Column::Float(_) => format!("REQUIRED DOUBLE {name};"),
        Column::Bool(_) => format!("REQUIRED BOOLEAN {name};"),
    });
    let schema = parse_message_type(&format!("message {} {{ {} }}", table.name, fields.collect::<String>()))?;
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut writer = SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::new(properties))?;
    let mut group = writer.next_row_group()?;
    for (_, column) in &table.columns {
        let Some(mut writer) = group.next_column()? else { break };
        match column {
            Column::Text(values) => {
                let bytes: Vec<ByteArray> = values.iter().map(|value| ByteArray::from(value.as_str())).collect();
                writer.typed::<ByteArrayType>().write_batch(&bytes, None, None)?;
            }
            Column::Int(values) => {
                writer.typed::<Int64Type>().write_batch(values, None, None)?;
            }
            Column::Float(values) => {
                writer.typed::<DoubleType>().write_batch(values, None, None)?;
            }
            Column::Bool(values) => {
                writer.typed::<BoolType>().write_batch(values, None, None)?;
            }
        }
        writer.close()?;
    }
    group.close()?;
    writer.into_inner()
}

/// Builds a table from rows, with a function of a row for each column.
macro_rules! table {
    ($name:literal, $rows:expr, { $($column:literal: $kind:ident = $value:expr),+ $(,)? }) => {{
        let rows = $rows;
        Table {
            name: $name,
            rows: rows.len(),
            columns: vec![$(($column.to_owned(), Column::$kind(rows.iter().map($value).collect()))),+],
        }
    }};
}

fn finals(report: &Report) -> Table {
    let endings = report.problems.iter().flat_map(|problem| &problem.endings);
    // A study without a value has an empty cell.
    let rows: Vec<_> = endings
        .flat_map(|ending| {
            let value = |seed: u32| ending.row.finals.get(&seed).copied().unwrap_or(f64::NAN);
            ending.row.all_seeds().into_iter().map(move |seed| (&ending.row, seed, value(seed)))
        })
        .collect();
    table!("finals", rows, {
        "problem": Text = |(row, ..)| row.problem.clone(),
        "strategy": Text = |(row, ..)| row.strategy.clone(),
        "seed": Int = |(_, seed, _)| i64::from(*seed),
        "metric": Text = |(row, ..)| row.metric.clone(),
        "value": Float = |(.., value)| *value,
        "regret": Float = |(row, _, value)| row.regret(*value),
        "igd_plus": Float = |(row, seed, _)| row.igd_plus.get(seed).copied().unwrap_or(f64::NAN),
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
            add("trials", "igd_plus", &fronts.distance);
        }
    }
    table!("curves", rows, {
        "problem": Text = |row| row.0[0].to_owned(),
        "strategy": Text = |row| row.0[1].to_owned(),
        "axis": Text = |row| row.0[2].to_owned(),
        "measure": Text = |row| row.0[3].to_owned(),
        "place": Float = |row| row.1,
        "iqm": Float = |row| row.2.iqm,
        "low": Float = |row| row.2.interval.map_or(f64::NAN, |[low, _]| low),
        "high": Float = |row| row.2.interval.map_or(f64::NAN, |[_, high]| high),
    })
}

fn comparisons(report: &Report) -> Table {
    let rows: Vec<&Comparison> = report.problems.iter().flat_map(|problem| &problem.comparisons).collect();
    table!("comparisons", rows, {
        "problem": Text = |row| row.problem.clone(),
        "a": Text = |row| row.a.clone(),
        "b": Text = |row| row.b.clone(),
        "seeds": Int = |row| row.seeds as i64,
        "difference": Float = |row| row.difference,
        "wins": Int = |row| row.wins as i64,
        "ties": Int = |row| row.ties as i64,
        "p": Float = |row| row.p,
        "p_holm": Float = |row| row.p_holm,
        "rank_biserial": Float = |row| row.rank_biserial,
        "a12": Float = |row| row.a12,
        "igd_plus_p_holm": Float = |row| row.igd_plus.map_or(f64::NAN, |test| test.p_holm),
        "igd_plus_rank_biserial": Float = |row| row.igd_plus.map_or(f64::NAN, |test| test.rank_biserial),
    })
}

struct Trial {
    problem: String,
    strategy: String,
    seed: u32,
    trial: usize,
    record: nas_core::benchmark::KeptTrial,
    text: String,
    /// The values of its metrics, in the order of its study's.
    metrics: Vec<(String, f64)>,
}

fn trials(store: &Store, text: &mut TextOf<'_>) -> Result<Table, ReportError> {
    let mut rows: Vec<Trial> = Vec::new();
    // The metrics of all studies, in the order in which they are first seen.
    let mut names: Vec<String> = Vec::new();
    store.each(|problem, strategy, seed, study| {
        for metric in &study.metrics {
            if !names.contains(&metric.name) {
                names.push(metric.name.clone());
            }
        }
        for (trial, record) in study.trials.into_iter().enumerate() {
            let metrics =
                study.metrics.iter().map(|metric| metric.name.clone()).zip(record.values.iter().copied()).collect();
            let text =
                if record.genotype.is_empty() { String::new() } else { text(problem, strategy, &record.genotype) };
            let (problem, strategy) = (problem.to_owned(), strategy.to_owned());
            rows.push(Trial { problem, strategy, seed, trial, record, text, metrics });
        }
        Ok(())
    })?;
    let genotype = |row: &Trial| row.record.genotype.iter().map(u32::to_string).collect::<Vec<_>>().join(" ");
    let mut table = table!("trials", &rows, {
        "problem": Text = |row| row.problem.clone(),
        "strategy": Text = |row| row.strategy.clone(),
        "seed": Int = |row| i64::from(row.seed),
        "trial": Int = |row| row.trial as i64,
        "architecture": Text = |row| row.text.clone(),
        "genotype": Text = genotype,
        "measured": Bool = |row| row.record.measured,
        "duplicate": Bool = |row| row.record.duplicate,
        "fidelity": Float = |row| row.record.fidelity.unwrap_or(f64::NAN),
        "cost_seconds": Float = |row| row.record.cost,
        "told_seconds": Float = |row| row.record.told,
        "ask_seconds": Float = |row| row.record.ask_seconds,
        "tell_seconds": Float = |row| row.record.tell_seconds,
        "reason": Text = |row| row.record.reason.clone(),
    });
    for name in names {
        let value =
            |row: &Trial| row.metrics.iter().find(|(own, _)| *own == name).map_or(f64::NAN, |(_, value)| *value);
        let column = column_name(&name, &table);
        table.columns.push((column, Column::Float(rows.iter().map(value).collect())));
    }
    Ok(table)
}

/// The name of a metric's column: letters, digits and underscores, because Parquet's schemas take no others, and no
/// name that the table has already.
fn column_name(metric: &str, table: &Table) -> String {
    let mut name: String = metric.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    while table.columns.iter().any(|(known, _)| *known == name) {
        name.insert_str(0, "metric_");
    }
    name
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    #[test]
    fn no_text_is_a_formula_in_a_spreadsheet() {
        let rows = ["=HYPERLINK(\"http://x\")", "+1", "-1", "@a", "\t=1", "a=b", ""];
        let table = table!("some", rows, { "words": Text = |row| (*row).to_owned() });
        let text = String::from_utf8(to_csv(&table).unwrap()).unwrap();
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let read: Vec<String> = reader.records().map(|record| record.unwrap()[0].to_owned()).collect();
        assert_eq!(read, ["'=HYPERLINK(\"http://x\")", "'+1", "'-1", "'@a", "'\t=1", "a=b", ""]);
        let numbers = table!("some", [-1.5], { "value": Float = |row| *row });
        assert_eq!(to_csv(&numbers).unwrap(), b"value\n-1.5\n", "numbers are numbers");
    }

    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::RowAccessor;

    use super::*;

    #[test]
    fn csv_and_parquet_hold_the_same_rows() {
        let folder = tempfile::tempdir().unwrap();
        let rows = [("a, \"quoted\"", 1.5, true), ("", f64::NAN, false), ("ü\nline", -1e300, true)];
        let table = table!("some", rows, {
            "words": Text = |row| row.0.to_owned(),
            "value": Float = |row| row.1,
            "truth": Bool = |row| row.2,
            "count": Int = |row| row.0.len() as i64,
        });
        let (text, binary) = (folder.path().join("some.csv"), folder.path().join("some.parquet"));
        save(&text, &to_csv(&table).unwrap()).unwrap();
        save(&binary, &to_parquet(&table).unwrap()).unwrap();
        let mut reader = csv::Reader::from_path(&text).unwrap();
        assert_eq!(reader.headers().unwrap(), vec!["words", "value", "truth", "count"]);
        let file = SerializedFileReader::new(fs::File::open(&binary).unwrap()).unwrap();
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
