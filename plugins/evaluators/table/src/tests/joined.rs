//! Tests of spaces that mappings define, joined files, and Parquet.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use nas_api::{Evaluator, Metric, Request, Value};
use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int32Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use proptest::prelude::*;

use super::{measure, refused, request, written};
use crate::TableEvaluator;

const INLINE: &str = r#"
name = "tiny"
file = "tiny.csv"
space = "blocks"
missing = "nearest"
decision = [
  { name = "width", choices = [8, 16, 32], ordered = true, weight = 10 },
  { name = "depth", choices = [1, 2] },
  { name = "kind1", choices = ["a", "b"], column = "kinds", item = 1 },
  { name = "kind2", choices = ["a", "b"], when = { depth = 2 }, column = "kinds", item = 2 },
]
[metric.loss]
goal = "minimize"
[problem.a]
objectives = ["loss"]
task = { input_shape = [4], outputs = 2, kind = "classification" }
fidelity = [{ metrics = { loss = "loss" } }]
"#;

const ROWS: &str = "width,depth,kinds,loss\n8,1,a,1\n8,2,a-b,2\n16,1,b,3\n32,2,b-b,4\n";

fn loss(evaluator: &TableEvaluator, text: &str) -> (f64, f64, f64) {
    let measured = measure(evaluator, &Request { text: text.into(), ..request(&[0], None, 0) });
    let metric = |name| Metric::find(&measured.metrics, name).unwrap();
    (metric("loss"), metric("table_row"), metric("table_distance"))
}

#[test]
fn a_mapping_can_define_its_space() {
    let (_folder, name) = written(INLINE, ROWS);
    let evaluator = TableEvaluator::find(&name, "").unwrap();
    let opened = evaluator.instance_info();
    assert_eq!(opened.space.as_deref(), Some("blocks"));
    let Value::Text(definition) = &opened.space_settings[0].value else { panic!("{:?}", opened.space_settings) };
    let space: toml::Table = definition.parse().unwrap();
    assert_eq!((space["name"].as_str(), space["decision"].as_array().unwrap().len()), (Some("blocks"), 4));
    assert!(!definition.contains("column") && !definition.contains("weight"), "{definition}");

    assert_eq!(loss(&evaluator, "width=8,depth=2,kind1=a,kind2=b"), (2.0, 1.0, 0.0));
    // In the first, one kind differs. In the second, no row has this width and depth, and the width weighs ten times as
    // much.
    assert_eq!(loss(&evaluator, "width=8,depth=2,kind1=a,kind2=a"), (2.0, 1.0, 1.0));
    assert_eq!(loss(&evaluator, "width=16,depth=2,kind1=b,kind2=b"), (3.0, 2.0, 2.0));
    // Rows 0 and 1 are equally near, so the first one answers.
    assert_eq!(loss(&evaluator, "width=8,depth=1,kind1=b"), (1.0, 0.0, 1.0));
    let failing = INLINE.replace("missing = \"nearest\"", "");
    let (_folder, name) = written(&failing, ROWS);
    let evaluator = TableEvaluator::find(&name, "").unwrap();
    let measured = measure(&evaluator, &Request { text: "width=8,depth=1,kind1=b".into(), ..request(&[0], None, 0) });
    assert!(measured.failure.is_some() && evaluator.instance_info().metrics.len() == 1);
}

proptest! {
    /// The nearest row agrees with a direct implementation of the definition.
    #[test]
    fn no_row_is_nearer_than_the_nearest(rows in prop::collection::btree_set((0..3usize, 0..3usize, 0..3usize), 1..12),
                                         wanted in (0..3usize, 0..3usize, 0..3usize)) {
        let choice = |name: &str, weight: u32, ordered: bool| {
            format!("{{ name = \"{name}\", choices = [0, 1, 2], weight = {weight}, ordered = {ordered} }},")
        };
        let decisions = [choice("p", 3, true), choice("q", 1, false), choice("r", 2, false)].concat();
        let begin = INLINE.find("decision = [").unwrap();
        let end = INLINE.find("[metric.loss]").unwrap();
        let map = format!("{}decision = [{decisions}]\n{}", &INLINE[..begin], &INLINE[end..]);
        let mut table = String::from("p,q,r,loss\n");
        rows.iter().for_each(|(p, q, r)| table.push_str(&format!("{p},{q},{r},1\n")));
        let (_folder, name) = written(&map, &table);
        let evaluator = TableEvaluator::find(&name, "").unwrap();
        let distance_of = |row: &(usize, usize, usize)| {
            3 * row.0.abs_diff(wanted.0) as u32 + u32::from(row.1 != wanted.1) + 2 * u32::from(row.2 != wanted.2)
        };
        let (row, distance) = rows.iter().map(distance_of).enumerate().min_by_key(|(_, distance)| *distance).unwrap();
        let text = format!("p={},q={},r={}", wanted.0, wanted.1, wanted.2);
        prop_assert_eq!(loss(&evaluator, &text), (1.0, row as f64, f64::from(distance)));
    }
}

#[test]
fn spaces_of_mappings_that_do_not_fit_are_refused_with_their_location() {
    refused(INLINE, &ROWS.replace("16,1,b", "17,1,b"), &["line 4", "'17' is no choice of the decision 'width'"]);
    refused(
        INLINE,
        &ROWS.replace("a-b", "a-c"),
        &["line 3", "column 'kinds': 'c' is no choice of the decision 'kind2'"],
    );
    refused(INLINE, &ROWS.replace("16,1,b", "8,1,a"), &["line 4", "width=8,depth=1,kind1=a occurs twice"]);
    refused(&INLINE.replace("item = 2", "item = 0"), ROWS, &["decision 'kind2'", "counts from 1"]);
    refused(&INLINE.replace("weight = 10", "weight = 0"), ROWS, &["decision 'width'", "'weight'"]);
    refused(&INLINE.replace("[\"loss\"]", "[\"los\"]"), ROWS, &["problem.a", "'los' is not declared"]);
    refused(&INLINE.replace("space = ", "architecture = \"width\"\nspace = "), ROWS, &["give one of"]);
    let named = INLINE.replace("[metric.loss]", "[metric.table_row]").replace("loss =", "table_row =");
    refused(&named.replace("[\"loss\"]", "[]"), ROWS, &["metric.table_row", "reserved"]);
}

const JOINED: &str = r#"
name = "tiny"
file = "tiny.csv"
join = [{ file = "more.csv", on = "number" }]
space = "pair"
architecture = "name"
[metric.loss]
goal = "minimize"
[metric.watts]
goal = "minimize"
[problem.a]
task = { input_shape = [4], outputs = 2, kind = "classification" }
fidelity = [{ metrics = { loss = "loss", watts = "watts" } }]
"#;

#[test]
fn files_are_joined_by_a_column() {
    let (folder, name) = written(JOINED, "number,name,loss\n1,x,0.5\n2,y,0.25\n3,z,0.1\n");
    let more = folder.path().join("more.csv");
    fs::write(&more, "watts,number\n30,3\n10,1\n").unwrap();
    let evaluator = TableEvaluator::find(&name, "").unwrap();
    let watts = |text: &str| {
        let measured = measure(&evaluator, &Request { text: text.into(), ..request(&[0], None, 0) });
        Metric::find(&measured.metrics, "watts").unwrap()
    };
    assert_eq!((watts("x"), watts("z")), (10.0, 30.0));
    assert!(watts("y").is_nan(), "it was not measured");
    drop(evaluator);
    for (text, words) in [
        ("watts,number\n30,4\n", "line 2: column 'number': the first file has no row '4'"),
        ("watts,number\n30,1\n30,1\n", "line 3: column 'number': '1' occurs twice"),
        ("watt,number\n30,1\n", "there is no column 'watts' here, nor in"),
        ("watts,index\n30,1\n", "there is no column 'number' (columns: watts, index)"),
    ] {
        fs::write(&more, text).unwrap();
        let error = TableEvaluator::find(&name, "").unwrap_err().to_string();
        assert!(error.contains(words) && error.contains("more.csv"), "{error}");
    }
    fs::remove_file(&more).unwrap();
    let error = TableEvaluator::find(&name, "").unwrap_err().to_string();
    assert!(error.contains("there is no file 'more.csv'"), "{error}");
}

fn parquet(path: &Path, compression: Compression) {
    let schema = "message table { required int32 width; required int32 depth; required byte_array kinds (UTF8); \
                  optional double loss; }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let properties = Arc::new(WriterProperties::builder().set_compression(compression).build());
    let mut writer = SerializedFileWriter::new(fs::File::create(path).unwrap(), schema, properties).unwrap();
    let mut group = writer.next_row_group().unwrap();
    for numbers in [[8, 8, 16, 32], [1, 2, 1, 2]] {
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<Int32Type>().write_batch(&numbers, None, None).unwrap();
        column.close().unwrap();
    }
    let mut column = group.next_column().unwrap().unwrap();
    let kinds = ["a", "a-b", "b", "b-b"].map(ByteArray::from);
    column.typed::<ByteArrayType>().write_batch(&kinds, None, None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<DoubleType>().write_batch(&[1.0, 2.0, 4.5], Some(&[1, 1, 0, 1]), None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
}

#[test]
fn parquet_is_read_like_csv() {
    let map = INLINE.replace("tiny.csv", "tiny.parquet");
    let (folder, name) = written(&map, "");
    let file = folder.path().join("tiny.parquet");
    let zstd = Compression::ZSTD(ZstdLevel::default());
    for compression in [Compression::UNCOMPRESSED, Compression::SNAPPY, zstd, Compression::GZIP(Default::default())] {
        parquet(&file, compression);
        let evaluator = TableEvaluator::find(&name, "").unwrap();
        assert_eq!(loss(&evaluator, "width=8,depth=2,kind1=a,kind2=b"), (2.0, 1.0, 0.0), "{compression:?}");
        assert_eq!(loss(&evaluator, "width=32,depth=2,kind1=b,kind2=b"), (4.5, 3.0, 0.0));
        assert!(loss(&evaluator, "width=16,depth=1,kind1=b").0.is_nan(), "a null was not measured");
    }
    fs::write(&file, "no such thing").unwrap();
    let error = TableEvaluator::find(&name, "").unwrap_err().to_string();
    assert!(error.contains("tiny.parquet") && error.contains("cannot be read as Parquet"), "{error}");
}
