//! Tabular benchmarks with the real binary: published results are reproduced, and tables are checked and imported.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs;
use std::path::Path;

use common::grid::{refusal, row, write_grid};
use common::{component, json, nas, test_data};

/// Repeats the comparison of docs/benchmarks/nas-bench-201.md (Dong & Yang 2020) with fewer seeds.
#[test]
fn nas_bench_201_gives_the_published_accuracies() {
    let Some(_) = test_data("nasbench201.csv.gz") else { return };
    let folder = tempfile::tempdir().unwrap();
    let grid = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/benchmarks/nas-bench-201.toml");
    let out = folder.path().join("out");
    let results = json(nas(["bench", grid.to_str().unwrap(), "--seeds", "200", "--out"]).arg(out));
    for (strategy, known) in [
        ("random-search", [93.48, 93.76, 93.90]),
        ("REA", [93.58, 93.94, 94.13]),
        ("local-search", [93.85, 94.11, 94.30]),
    ] {
        let rows = results["results"].as_array().unwrap();
        let row = rows.iter().find(|row| row["strategy"] == strategy && row["problem"] == "nas-bench-201/c10").unwrap();
        for (trials, known) in [50, 100, 200].into_iter().zip(known) {
            let curve = row["curve"].as_array().unwrap();
            let found = curve.iter().find(|point| point["trials"] == trials).unwrap()["test_mean"].as_f64().unwrap();
            // The tolerance is three standard errors of 200 seeds plus that of the published table.
            assert!((found - known).abs() < 0.2, "{strategy} after {trials}: {found}, not {known}");
        }
    }
}

#[test]
fn a_table_is_checked_and_imported_and_found_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    write_grid(folder.path(), "");
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (map, csv, space) = (path("map.toml"), path("cube.csv"), path("cube.toml"));
    let checked = json(&mut nas(["table", "check", &map, "--space", &space]));
    assert_eq!((checked["rows"].as_u64(), checked["columns"].as_array().unwrap().len()), (Some(27), 3));
    assert_eq!(checked["columns"][1]["max"].as_f64(), Some(80.0));

    let home = path("home");
    let import = |name: &str| {
        let mut command = nas(["table", "import", &csv, "--map", &map, "--name", name, "--space", &space]);
        command.env("XDG_DATA_HOME", &home).output().unwrap()
    };
    let imported = import("mine");
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    assert_eq!(String::from_utf8_lossy(&imported.stdout), "mine/all\n");
    let again = import("mine");
    assert_eq!(again.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&again.stderr).contains("there is a table with this name"));
    let found = json(
        nas(["search", "--space", &space, "--strategy", "local-search", "--evaluator", "table", "--data", "mine/all"])
            .args(["--trials", "27", "--study", &path("a.study")])
            .env("XDG_DATA_HOME", &home),
    );
    assert_eq!(found["best"]["metrics"]["test_accuracy"].as_f64(), Some(80.0));

    let text = fs::read_to_string(&csv).unwrap();
    fs::write(&csv, text.replace("0,0,1,", "0,0,7,")).unwrap();
    let message = refusal(&mut nas(["table", "check", &map, "--space", &space]));
    assert!(message.contains("1 rows are not architectures of 'cube'") && message.contains("0,0,7"), "{message}");
}

/// The mapping defines the space and two objectives, and most proposals are not in the table.
#[test]
fn hw_gpt_bench_is_searched_with_two_objectives_on_the_space_of_its_mapping() {
    let Some(_) = test_data("hwgptbench_s.csv.gz") else { return };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let arguments = ["--strategies", "nsga2,local-search", "--problems", "hw-gpt-bench-s/a100", "--trials", "60"];
    let results = json(nas(["bench", "--seeds", "3", "--out"]).arg(out).args(arguments));
    assert_eq!(results["skipped"][0]["strategy"], "local-search", "{results:#}");
    assert_eq!((row(&results, "nsga2")["seeds"].as_u64(), results["complete"].as_bool()), (Some(3), Some(true)));

    let study = folder.path().join("a.study");
    let file = study.to_str().unwrap();
    let search = ["search", "--strategy", "nsga2", "--evaluator", "table", "--data", "hw-gpt-bench-s/a100"];
    let found = json(nas(search).args(["--trials", "20", "--study", file]));
    assert_eq!(found["study"]["objectives"].as_array().map(Vec::len), Some(2), "{found:#}");
    assert!(found["best"]["metrics"]["table_distance"].is_number(), "{found:#}");
    json(nas(["resume", file]).args(["--warm-start", "--trials", "20"]));
    let records = common::records(&study);
    assert!(records.contains("trial 39") && !records.contains("NaN"), "{records}");
    // As a component, the space is the same.
    let space = component("spaces", "table");
    let again = folder.path().join("b.study");
    let by_component =
        json(nas(search).args(["--space", &space, "--trials", "20", "--study", again.to_str().unwrap()]));
    assert_eq!(by_component["best"], found["best"]);
}
