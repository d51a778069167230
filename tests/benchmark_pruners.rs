//! `nas bench` with pruners: what they end, what is skipped because of them, and mistakes in their settings.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs;
use std::path::Path;

use common::grid::{bench, refusal, row, without_times, write_grid};
use common::{csv_cells, json, nas, succeed};
use serde_json::Value;

#[test]
fn a_pruner_ends_trials_with_learning_curves_and_skips_other_problems() {
    let folder = tempfile::tempdir().unwrap();
    write_grid(folder.path(), "");
    let file = folder.path().join("grid.toml");
    let grid =
        fs::read_to_string(&file).unwrap().replace("seeds = 6", "seeds = 2").replace("trials = 40", "trials = 12");
    let trained = "[problems.digits]\nspace = \"mlp\"\ndata = \"digits\"\n\
                   evaluator = { use = \"burn\", epochs = 3, train_limit = 200, validation_limit = 100 }\n";
    fs::write(&file, format!("pruner = {{ use = \"median\", startup = 2 }}\n{grid}{trained}")).unwrap();
    let results = without_times(&mut bench(folder.path(), &[]));
    let skipped = results["skipped"].as_array().unwrap();
    assert_eq!(skipped.len(), 2, "{results:#}");
    for skipped in skipped {
        assert_eq!(skipped["problem"], "cube");
        assert!(skipped["reason"].as_str().unwrap().contains("data with several fidelities"), "{results:#}");
    }
    let rows = results["results"].as_array().unwrap();
    assert!(rows.len() == 2 && rows.iter().all(|row| row["problem"] == "digits" && row["seeds"] == 2), "{results:#}");
    // The pruner is part of the setup of a benchmark.
    let message = refusal(&mut bench(folder.path(), &["--pruner", "threshold"]));
    assert!(message.contains("pruner.limit"), "{message}");
    let message = refusal(&mut bench(folder.path(), &["--pruner", "medan"]));
    assert!(message.contains("no pruner is called 'medan'") && message.contains("did you mean 'median'"), "{message}");
    // A misspelt metric fits no problem, so nothing would run.
    let other = tempfile::tempdir().unwrap();
    write_grid(other.path(), "");
    let misspelt = format!("pruner = {{ use = \"median\", metric = \"val_acuracy\" }}\n{grid}{trained}");
    fs::write(other.path().join("grid.toml"), misspelt).unwrap();
    let message = refusal(&mut bench(other.path(), &[]));
    assert!(message.contains("pruner"), "{message}");
    fs::write(&file, format!("{grid}{trained}")).unwrap();
    let message = refusal(&mut bench(folder.path(), &[]));
    assert!(message.contains("begun with another plugin, other settings or another budget"), "{message}");
    // Without the pruner the results differ, so it has ended trials.
    let other = tempfile::tempdir().unwrap();
    write_grid(other.path(), "");
    fs::write(other.path().join("grid.toml"), format!("{grid}{trained}")).unwrap();
    let without = without_times(&mut bench(other.path(), &[]));
    let digits = |row: &&Value| row["problem"] == "digits";
    let without: Vec<&Value> = without["results"].as_array().unwrap().iter().filter(digits).collect();
    assert!(without.len() == 2 && without != rows.iter().collect::<Vec<_>>(), "{results:#}");
}

/// Writes a grid of random search with and without a pruner, on learning curves with a simulated clock.
fn write_pruned_grid(folder: &Path, budget: &str, pruners: &str) {
    let grid = format!(
        "seeds = 3\n[budget]\n{budget}\n[strategies.plain]\nuse = \"random-search\"\n\
         [strategies.ended]\nuse = \"random-search\"\n[pruners]\n{pruners}\n[problems.\"synthetic/curves\"]\n"
    );
    fs::write(folder.join("grid.toml"), grid).unwrap();
}

const MEDIAN: &str = "ended = { use = \"median\", startup = 3 }";

#[test]
fn a_strategy_is_compared_with_and_without_a_pruner_at_equal_simulated_seconds() {
    let folder = tempfile::tempdir().unwrap();
    write_pruned_grid(folder.path(), "seconds = 1000", MEDIAN);
    let results = without_times(&mut bench(folder.path(), &[]));
    let trials = |strategy| row(&results, strategy)["curve"].as_array().unwrap().last().unwrap()["trials"].as_u64();
    // A full trial takes 81 seconds, so 12 end within 1,000; the result of the 13th comes too late.
    assert_eq!((trials("plain"), row(&results, "plain")["seconds_mean"].as_f64()), (Some(12), Some(972.0)));
    assert!(trials("ended") > Some(20), "{results:#}");
    let seconds = row(&results, "ended")["seconds_mean"].as_f64().unwrap();
    assert!((919.0..=1000.0).contains(&seconds), "{seconds}");

    let report = folder.path().join("report.md");
    let out = folder.path().join("out");
    succeed(nas(["report", out.to_str().unwrap(), "--out"]).arg(&report).arg("--data").arg(folder.path().join("data")));
    let text = fs::read_to_string(report).unwrap();
    assert!(text.contains("the pruner median ended trials of ended"), "{text}");
    assert!(text.contains("median: metric=value, grace=0"), "{text}");
    let data = fs::read_to_string(folder.path().join("data/trials.csv")).unwrap();
    let ended: Vec<&str> = data.lines().filter(|line| line.contains("pruned at epoch 1: its best value")).collect();
    // They cost one epoch, which is one second.
    assert!(ended.len() > 20 && ended.iter().all(|line| line.contains(",false,false,1,1,")), "{ended:?}");

    let (again, alone) = (tempfile::tempdir().unwrap(), bench(folder.path(), &[]).output().unwrap());
    assert!(alone.status.success(), "the second run has nothing to do");
    write_pruned_grid(again.path(), "seconds = 1000", MEDIAN);
    assert_eq!(without_times(&mut bench(again.path(), &["--jobs", "1"])), results, "with one thread or several");
}

/// Random search does not use results, so the number of simulated workers could only change what is pruned.
#[test]
fn the_number_of_simulated_workers_does_not_change_what_is_pruned() {
    let with = |workers: &str| {
        let folder = tempfile::tempdir().unwrap();
        write_pruned_grid(folder.path(), "trials = 60", MEDIAN);
        json(&mut bench(folder.path(), &["--workers", workers]));
        let (out, data) = (folder.path().join("out"), folder.path().join("data"));
        succeed(
            nas(["report", out.to_str().unwrap(), "--out"])
                .arg(folder.path().join("report.md"))
                .arg("--data")
                .arg(&data),
        );
        let trials = fs::read_to_string(data.join("trials.csv")).unwrap();
        // The three columns of clocks are left out.
        let rows = trials.lines().map(|line| {
            let cells = csv_cells(line).into_iter().enumerate().filter(|(column, _)| !(10..13).contains(column));
            cells.map(|(_, cell)| cell).collect::<Vec<_>>()
        });
        rows.collect::<Vec<_>>()
    };
    let alone = with("1");
    assert!(alone.iter().filter(|row| row[10].contains("pruned at epoch ")).count() > 40);
    assert_eq!(alone, with("7"));
}

#[test]
fn mistakes_in_pruners_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (pruners, parts) in [
        ("endet = \"median\"", ["pruners.endet", "did you mean 'ended'"]),
        ("ended = \"medan\"", ["no pruner is called 'medan'", "did you mean 'median'"]),
        // The other strategy runs without a pruner, but that does not hide the mistake.
        ("ended = { use = \"median\", metric = \"valu\" }", ["pruners.ended.metric", "valu"]),
    ] {
        write_pruned_grid(folder.path(), "trials = 5", pruners);
        let message = refusal(&mut bench(folder.path(), &[]));
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
    }
}
