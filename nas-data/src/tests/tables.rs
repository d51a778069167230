//! Tests of tables with every kind of column.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int32Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::{config, refused};
use crate::{Data, DataConfig, Encoding, Kind, Targets, describe};

/// The cells of the row with this number. Every fifth age and every seventh city is missing.
fn cells(row: usize) -> [String; 5] {
    let age = if row.is_multiple_of(5) { String::new() } else { (20 + row % 50).to_string() };
    let city = if row.is_multiple_of(7) { "NA" } else { ["Bern", "Rome", "Oslo"][row % 3] };
    let zip = [1010, 2020][row % 2].to_string();
    let member = if row.is_multiple_of(4) { "yes" } else { "no" };
    [age, city.into(), zip, member.into(), if row % 3 == 1 { "bought" } else { "left" }.into()]
}

fn mixed(folder: &Path, rows: usize) -> DataConfig {
    let lines: String = (0..rows).map(|row| cells(row).join(",") + "\n").collect();
    let path = folder.join("mixed.csv");
    fs::write(&path, format!("age,city,zip,member,result\n{lines}")).unwrap();
    DataConfig { categories: vec!["zip".into()], ..config(path) }
}

#[test]
fn columns_of_every_kind_become_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let config = mixed(folder.path(), 300);
    let data = Data::open(&config).unwrap();
    let features = [
        "age",
        "age (missing)",
        "city=Bern",
        "city=Oslo",
        "city=Rome",
        "city (missing)",
        "zip=1010",
        "zip=2020",
        "member",
    ];
    let encoding = data.encoding.as_ref().unwrap();
    assert_eq!(encoding.features(), features);
    assert_eq!((&data.train.shape[..], data.train.len(), data.train.outputs()), (&[9][..], 180, 2));
    assert_eq!(data.classes, ["bought", "left"]);
    // Only the age is scaled, and a missing one is filled with the mean.
    assert_eq!(data.normalization.std[1..], [1.0; 8]);
    for row in data.train.inputs.chunks(9) {
        assert!(row[1..].iter().all(|value| [0.0, 1.0].contains(value)), "{row:?}");
        assert_eq!(row[2..6].iter().sum::<f32>(), 1.0);
        assert_eq!(row[6] + row[7], 1.0);
        assert!(row[1] == 0.0 || row[0].abs() < 1e-5, "{row:?}");
    }
    let missing = data.train.inputs.chunks(9).filter(|row| row[1] == 1.0).count();
    assert!((30..=42).contains(&missing), "{missing}");

    // Leaving out a column does not change the others.
    let without = Data::open(&DataConfig { ignore: vec!["city".into()], ..config.clone() }).unwrap();
    assert_eq!(without.train.shape, [5]);
    let kept = [0, 1, 6, 7, 8];
    for (row, all) in without.train.inputs.chunks(5).zip(data.train.inputs.chunks(9)) {
        assert_eq!(row, kept.map(|at| all[at]));
    }
    // Unless 'categories' names it, the zip code is a number.
    let numbers = Data::open(&DataConfig { categories: Vec::new(), ..config }).unwrap();
    assert_eq!(numbers.encoding.unwrap().features()[6], "zip");
}

#[test]
fn the_legend_turns_a_raw_row_into_the_inputs_of_the_network() {
    let folder = tempfile::tempdir().unwrap();
    let data = Data::open(&mixed(folder.path(), 120)).unwrap();
    let legend: std::collections::BTreeMap<_, _> = data.legend().into_iter().collect();
    let list = |name| legend[name].split(',').map(|number| number.parse::<f32>().unwrap()).collect::<Vec<_>>();
    let encoding = Encoding::from_text(&legend["columns"]).unwrap();
    let classes: Vec<String> = serde_json::from_str(&legend["classes"]).unwrap();
    let (mean, std) = (list("input_mean"), list("input_std"));
    let mut found = 0;
    for row in 0..120 {
        let row = cells(row);
        let cell = |name: &str| ["age", "city", "zip", "member"].iter().position(|known| *known == name);
        let raw = encoding.encode_row(|name| cell(name).map(|at| row[at].as_str())).unwrap();
        let scaled: Vec<f32> = raw.iter().zip(&mean).zip(&std).map(|((x, mean), std)| (x - mean) / std).collect();
        let at = data.train.inputs.chunks(9).position(|inputs| inputs == scaled);
        let (Some(at), Targets::Labels { labels, .. }) = (at, &data.train.targets) else { continue };
        // Equal rows have equal results.
        assert_eq!(classes[labels[at] as usize], row[4]);
        found += 1;
    }
    assert!(found >= data.train.len(), "{found}");
}

#[test]
fn statistics_are_those_of_the_training_examples() {
    let folder = tempfile::tempdir().unwrap();
    let config = mixed(folder.path(), 300);
    let all = Data::open(&config).unwrap();
    let few = Data::open(&DataConfig { train_limit: 40, ..config }).unwrap();
    assert_eq!(few.train.len(), 40);
    let ages: Vec<f32> = few.train.inputs.chunks(9).filter(|row| row[1] == 0.0).map(|row| row[0]).collect();
    let mean = ages.iter().sum::<f32>() / ages.len() as f32;
    assert!(mean.abs() < 1e-4, "{mean}");
    assert_ne!(few.normalization.mean[0], all.normalization.mean[0]);
}

/// Writes the table of [`mixed`] as Parquet, with typed columns and nulls for missing values.
fn write_parquet(path: &Path, rows: usize) {
    let schema = "message table { optional double age; optional binary city (UTF8); required int32 zip; \
                  required boolean member; required binary result (UTF8); }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let properties = Arc::new(WriterProperties::builder().build());
    let mut writer = SerializedFileWriter::new(File::create(path).unwrap(), schema, properties).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let cells: Vec<_> = (0..rows).map(cells).collect();
    let bytes = |text: &str| ByteArray::from(text);
    let levels = |missing: &str, at: usize| cells.iter().map(|row| i16::from(row[at] != missing)).collect::<Vec<_>>();
    let mut at = 0;
    while let Some(mut column) = group.next_column().unwrap() {
        match at {
            0 => {
                let values: Vec<f64> = cells.iter().filter_map(|row| row[0].parse().ok()).collect();
                column.typed::<DoubleType>().write_batch(&values, Some(&levels("", 0)), None).unwrap();
            }
            1 => {
                let values: Vec<_> = cells.iter().filter(|row| row[1] != "NA").map(|row| bytes(&row[1])).collect();
                column.typed::<ByteArrayType>().write_batch(&values, Some(&levels("NA", 1)), None).unwrap();
            }
            2 => {
                let values: Vec<i32> = cells.iter().map(|row| row[2].parse().unwrap()).collect();
                column.typed::<Int32Type>().write_batch(&values, None, None).unwrap();
            }
            3 => {
                let values: Vec<bool> = cells.iter().map(|row| row[3] == "yes").collect();
                column.typed::<BoolType>().write_batch(&values, None, None).unwrap();
            }
            _ => {
                let values: Vec<_> = cells.iter().map(|row| bytes(&row[4])).collect();
                column.typed::<ByteArrayType>().write_batch(&values, None, None).unwrap();
            }
        }
        column.close().unwrap();
        at += 1;
    }
    group.close().unwrap();
    writer.close().unwrap();
}

#[test]
fn parquet_gives_what_csv_gives() {
    let folder = tempfile::tempdir().unwrap();
    let csv = mixed(folder.path(), 200);
    let path = folder.path().join("mixed.parquet");
    write_parquet(&path, 200);
    let parquet = DataConfig { source: path.to_string_lossy().into_owned(), ..csv.clone() };
    let (one, other) = (Data::open(&csv).unwrap(), Data::open(&parquet).unwrap());
    assert_eq!((&one.train, &one.validation, &one.test), (&other.train, &other.validation, &other.test));
    assert_eq!((one.encoding, one.classes), (other.encoding, other.classes));

    refused(&DataConfig { target: "colour".into(), ..parquet.clone() }, &["no column 'colour'", "age, city"]);
    refused(&DataConfig { target: "age".into(), ..parquet.clone() }, &["row 1, column 'age'", "target is missing"]);
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 8]).unwrap();
    refused(&parquet, &["mixed.parquet' is not a usable table"]);
}

#[test]
fn words_among_numbers_are_errors_with_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("typo.csv");
    let lines: String = (0..30).map(|row| format!("{row},{}\n", row % 2)).collect();
    fs::write(&path, format!("a,b\n{lines}3O,1\n")).unwrap();
    let typo = config(&path);
    refused(&typo, &["line 32, column 'a': '3O' is not a finite number", "'categories'"]);
    let named = DataConfig { categories: vec!["a".into()], category_limit: 5, ..typo };
    assert_eq!(Data::open(&named).unwrap().train.shape, [6]);
}

#[test]
fn a_target_with_too_many_classes_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let table = |rows: usize, classes: usize| {
        let path = folder.path().join("t.csv");
        let lines: String = (0..rows).map(|row| format!("{},{}.5\n", row % 7, row % classes)).collect();
        fs::write(&path, format!("a,price\n{lines}")).unwrap();
        config(path)
    };
    let remedy = ["t.csv', column 'price'", "task = \"regression\"", "'target'"];
    let with = |words: &'static str| [&remedy[..], &[words]].concat();
    refused(&table(30_000, 10_001), &with("10001 classes in 30000 rows, more than 10000"));
    refused(&table(1000, 900), &with("900 classes in 1000 rows, nearly one for each"));
    let price = DataConfig { kind: Kind::Regression, ..table(1000, 1000) };
    assert_eq!(Data::open(&price).unwrap().train.outputs(), 1);
    for (rows, classes) in [(30_000, 10_000), (1000, 899), (20, 20)] {
        assert_eq!(Data::open(&table(rows, classes)).unwrap().train.outputs(), classes, "{rows}");
    }
}

#[test]
fn test_examples_that_also_are_training_examples_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let warnings = |name: &str, different: usize| {
        let path = folder.path().join(name);
        let lines: String = (0..200).map(|row| format!("{},1.5,{}\n", row % different, ["a", "b"][row % 2])).collect();
        fs::write(&path, format!("x,y,class\n{lines}")).unwrap();
        let config = DataConfig { ignore: vec!["y".into()], ..config(path) };
        (Data::open(&config).unwrap(), describe(&config).unwrap().warnings)
    };
    let (data, some) = warnings("some.csv", 150);
    let seen = data.test.inputs.iter().filter(|&x| data.train.inputs.contains(x)).count();
    assert!((1..40).contains(&seen), "{seen}");
    let words = format!("{seen} of 40 test examples have the same inputs as a training example");
    assert!(some.iter().any(|warning| warning.starts_with(&words)), "{some:?}");
    let (_, none) = warnings("none.csv", 200);
    assert!(none.is_empty(), "{none:?}");
}
