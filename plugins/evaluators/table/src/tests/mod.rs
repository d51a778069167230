#![allow(clippy::unwrap_used, clippy::panic)]

mod curves;
mod joined;
mod shipped;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use nas_api::{Candidate, Evaluator, Goal, Graph, Measurement, Metric, Request};

use crate::locate::Found;
use crate::mapping::Map;
use crate::{Table, TableEvaluator};

pub const MAP: &str = r#"
name = "tiny"
file = "tiny.csv"
space = "pair"
decisions = ["first", "second"]
[metric.accuracy]
goal = "maximize"
unit = "%"
[metric.test_accuracy]
hidden = true
[metric.size]
goal = "minimize"
scale = 1000
[problem.a]
task = { input_shape = [1, 8, 8], outputs = 3, kind = "classification" }
[[problem.a.fidelity]]
at = 1
seconds = { column = "seconds" }
metrics = { accuracy = "early", size = "size" }
[[problem.a.fidelity]]
at = 4
seconds = { column = "seconds", times = 4 }
metrics = { accuracy = ["late1", "late2", "late3"], test_accuracy = ["test1", "test2", "test3"], size = "size" }
"#;

pub const TABLE: &str = "first,second,early,late1,late2,late3,test1,test2,test3,seconds,size\n\
                     0,0,10,20,21,22,30,31,32,2.5,1\n\
                     0,1,11,23,,,33,,,2.5,2\n\
                     1,0,12,,,,,,,2.5,3\n";

pub fn written(map: &str, table: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("tiny.toml"), map).unwrap();
    fs::write(folder.path().join("tiny.csv"), table).unwrap();
    let name = format!("{}/a", folder.path().join("tiny.toml").display());
    (folder, name)
}

pub fn request(genotype: &[u32], fidelity: Option<f64>, seed: u32) -> Request {
    Request {
        trial: 0,
        candidate: Candidate::Discrete(genotype.to_vec()),
        key: String::new(),
        text: String::new(),
        graph: Graph::default(),
        fidelity,
        resume: None,
        keep_checkpoint: false,
        seed,
        prunable: false,
    }
}

pub fn measure(evaluator: &TableEvaluator, request: &Request) -> Measurement {
    evaluator.evaluate(request, &|| false).unwrap().unwrap()
}

#[test]
fn candidates_are_looked_up_at_their_fidelity() {
    let (_folder, name) = written(MAP, TABLE);
    let evaluator = TableEvaluator::find(&name, "").unwrap();
    let opened = evaluator.instance_info();
    assert_eq!((opened.fidelities, opened.space.as_deref()), (vec![1.0, 4.0], Some("pair")));
    let declared: Vec<_> =
        opened.metrics.iter().map(|metric| (metric.name.as_str(), metric.better, metric.hidden)).collect();
    let (more, less) = (Some(Goal::Maximize), Some(Goal::Minimize));
    assert_eq!(declared, [("accuracy", more, false), ("size", less, false), ("test_accuracy", None, true)]);

    let early = measure(&evaluator, &request(&[0, 1], Some(1.0), 0));
    assert_eq!(early.metrics, [Metric::new("accuracy", 11.0), Metric::new("size", 2000.0)]);
    assert_eq!(early.cost, Some(2.5));
    let late = measure(&evaluator, &request(&[0, 1], Some(4.0), 9));
    assert_eq!((Metric::find(&late.metrics, "accuracy"), late.cost), (Some(23.0), Some(10.0)));
    let unknown = measure(&evaluator, &request(&[1, 1], Some(4.0), 0));
    assert_eq!(unknown.failure.unwrap().reason, "the table has no row for 1,1");
    assert!(Metric::find(&measure(&evaluator, &request(&[1, 0], Some(4.0), 0)).metrics, "accuracy").unwrap().is_nan());
}

#[test]
fn the_seed_draws_one_of_the_repeated_trainings_for_all_metrics() {
    let (_folder, name) = written(MAP, TABLE);
    let evaluator = TableEvaluator::find(&name, "").unwrap();
    let mut drawn = [0; 3];
    for seed in 0..3000 {
        let measured = measure(&evaluator, &request(&[0, 0], Some(4.0), seed));
        assert_eq!(measured, measure(&evaluator, &request(&[0, 0], Some(4.0), seed)));
        let accuracy = Metric::find(&measured.metrics, "accuracy").unwrap();
        assert_eq!(Metric::find(&measured.metrics, "test_accuracy"), Some(accuracy + 10.0));
        drawn[accuracy as usize - 20] += 1;
    }
    assert!(drawn.iter().all(|count| (850..1150).contains(count)), "{drawn:?}");
}

#[test]
fn a_table_is_read_once_and_shared() {
    let (folder, _) = written(MAP, TABLE);
    let found = |map: Map, file: &str| Found::new(map, folder.path().join(file), &[]).unwrap();
    let tiny = found(Map::from_toml(MAP, Path::new("tiny.toml")).unwrap(), "tiny.csv");
    let first = Table::shared(&tiny).unwrap();
    assert!(Arc::ptr_eq(&first, &Table::shared(&tiny).unwrap()));
    assert_eq!(first.len(), 3);
    // Another mapping of the same file needs other columns, so the file is read again.
    let text =
        MAP.replace("accuracy = \"early\"", "accuracy = \"seconds\"").replace("size = \"size\"", "size = \"early\"");
    let fewer =
        Map::from_toml(MAP.split("[[problem.a.fidelity]]\nat = 4").next().unwrap(), Path::new("few.toml")).unwrap();
    fs::write(folder.path().join("lone.csv"), TABLE).unwrap();
    let held = Table::shared(&found(fewer, "lone.csv")).unwrap();
    assert!(held.column("late1").is_none());
    let whole = Map::from_toml(&text, Path::new("tiny.toml")).unwrap();
    let whole = Table::shared(&found(whole, "lone.csv")).unwrap();
    assert!(whole.column("late1").is_some());
}

/// Returns the digest of the data that the evaluator reads.
fn digest(name: &str) -> String {
    TableEvaluator::find(name, "").unwrap().instance_info().data.unwrap().digest
}

#[test]
fn the_digest_changes_with_the_numbers_and_with_the_mapping() {
    let (folder, name) = written(MAP, TABLE);
    let first = digest(&name);
    let source = TableEvaluator::find(&name, "").unwrap().instance_info().data.unwrap().source;
    assert_eq!(source, folder.path().join("tiny.csv").to_str().unwrap());
    // Another folder, another time, comments and whitespace do not change the digest.
    let (_copy, copied) = written(&format!("# A comment.\n{}", MAP.replace("file = ", "file   =   ")), TABLE);
    assert_eq!(digest(&copied), first);
    let others =
        [written(MAP, &TABLE.replace("2.5,3", "2.5,4")), written(&MAP.replace("scale = 1000", "scale = 100"), TABLE)];
    let others = others.map(|(_folder, name)| digest(&name));
    assert!(others[0] != first && others[1] != first && others[0] != others[1]);
}

#[test]
fn the_digest_covers_joined_files() {
    let (folder, name) = written(&format!("{MAP}[[join]]\nfile = \"more.csv\"\non = \"size\"\n"), TABLE);
    let more = folder.path().join("more.csv");
    fs::write(&more, "size,note\n1,0\n2,0\n3,0\n").unwrap();
    let first = digest(&name);
    fs::write(&more, "size,note\n1,0\n2,0\n3,1\n").unwrap();
    assert_ne!(digest(&name), first);
}

pub fn refused(map: &str, table: &str, parts: &[&str]) {
    let (_folder, name) = written(map, table);
    let error = TableEvaluator::find(&name, "").unwrap_err().to_string();
    for part in parts {
        assert!(error.contains(part), "'{part}' is not in: {error}");
    }
}

#[test]
fn mappings_and_tables_that_do_not_fit_are_refused_with_their_location() {
    let with = |from: &str, to: &str| MAP.replace(from, to);
    refused(&with("\"early\"", "\"erly\""), TABLE, &["there is no column 'erly'", "early, late1"]);
    refused(&with("at = 4", "at = 1"), TABLE, &["problem.a", "ascending"]);
    refused(
        &with("accuracy = \"early\"", "acuracy = \"early\""),
        TABLE,
        &["'acuracy' is not declared by a [metric.acuracy]"],
    );
    refused(&with("decisions =", "desicions ="), TABLE, &["tiny.toml", "desicions"]);
    refused(
        &with("[problem.a]", "[problem.b]").replace("problem.a.", "problem.b."),
        TABLE,
        &["no problem 'a'", "tiny.toml/b"],
    );
    refused(MAP, &TABLE.replace("0,1,11", "0,0,11"), &["tiny.csv', line 3", "0,0 occurs twice"]);
    refused(MAP, &TABLE.replace("0,1,11", "0,1,many"), &["line 3", "column 'early': 'many' is not a number"]);
    refused(MAP, &TABLE.replace("0,1,11,", "0,1,"), &["line 3"]);
    refused(MAP, TABLE.lines().next().unwrap(), &["there are no rows"]);
    let error = TableEvaluator::find("nas-bench-2001/c10", "").unwrap_err().to_string();
    assert!(error.contains("no table 'nas-bench-2001'") && error.contains("nas-bench-201"), "{error}");
    let error = TableEvaluator::find("nas-bench-201/c10", "/no/such/file").unwrap_err().to_string();
    assert!(error.contains("cannot read '/no/such/file'"), "{error}");
}
