//! `nas bench` with the real binary: paired seeds, resuming, the clock, and strategies that cannot run or misbehave.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use common::grid::{bench, refusal, row, without_times, write_grid};
use common::{component, json, nas};
use serde_json::Value;

#[test]
fn strategies_are_compared_and_the_best_is_found() {
    let folder = tempfile::tempdir().unwrap();
    write_grid(folder.path(), "");
    let results = json(&mut bench(folder.path(), &[]));
    assert_eq!((results["complete"].as_bool(), results["skipped"].as_array().unwrap().len()), (Some(true), 0));
    let climb = row(&results, "climb");
    // The best is 10·2 + 5·2 - 0, and test values are 50 higher.
    assert_eq!((climb["test_mean"].as_f64(), climb["test_std"].as_f64()), (Some(80.0), Some(0.0)));
    assert_eq!((climb["metric"].as_str(), climb["seeds"].as_u64()), (Some("test_accuracy"), Some(6)));
    // Local search never proposes an architecture twice, so it measures the whole table at 2 seconds each.
    assert_eq!(climb["seconds_mean"].as_f64(), Some(54.0));
    let random = row(&results, "random")["curve"].as_array().unwrap();
    assert_eq!(random.iter().map(|point| point["trials"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 2, 5, 10, 20, 40]);
    assert!(random.windows(2).all(|pair| pair[0]["test_mean"].as_f64() <= pair[1]["test_mean"].as_f64()));
}

#[test]
fn the_number_of_jobs_and_a_second_run_do_not_change_the_results() {
    let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
    folders.iter().for_each(|folder| write_grid(folder.path(), ""));
    let alone = without_times(&mut bench(folders[0].path(), &["--jobs", "1"]));
    assert_eq!(without_times(&mut bench(folders[1].path(), &["--jobs", "4"])), alone);
    assert_eq!(without_times(&mut bench(folders[0].path(), &[])), alone, "the second run has nothing to do");
    let more = without_times(&mut bench(folders[0].path(), &["--seeds", "9"]));
    assert_eq!(row(&more, "climb")["seeds"], 9, "new seeds are added to the existing ones");
}

#[test]
fn another_setup_in_the_same_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    write_grid(folder.path(), "");
    json(&mut bench(folder.path(), &[]));
    let message = refusal(&mut bench(folder.path(), &["--trials", "41"]));
    assert!(message.contains("begun with another plugin, other settings or another budget"), "{message}");
}

#[test]
fn a_table_that_has_changed_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    write_grid(folder.path(), "");
    json(&mut bench(folder.path(), &[]));
    let table = folder.path().join("cube.csv");
    let before = fs::read_to_string(&table).unwrap();
    fs::write(&table, before.replace("0,0,0,0,50,0,2", "0,0,0,1,50,0,2")).unwrap();
    let message = refusal(&mut bench(folder.path(), &["--seeds", "7"]));
    assert!(message.contains("cube.csv': they have changed") && message.contains("help: bring the data"), "{message}");

    // An older benchmark does not record the digest of its data, and continues without the check.
    let db = rusqlite::Connection::open(folder.path().join("out/benchmark.db")).unwrap();
    let cut = |text: String| {
        let (head, rest) = text.split_once("[data]\n").unwrap();
        let tail = rest.split_once("\n[").map_or(String::new(), |(_, tail)| format!("[{tail}"));
        format!("{head}{tail}")
    };
    let setups: Vec<(i64, String)> = {
        let mut query = db.prepare("SELECT rowid, setup FROM studies").unwrap();
        let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.map(Result::unwrap).collect()
    };
    for (row, setup) in setups {
        db.execute("UPDATE studies SET setup = ?2 WHERE rowid = ?1", rusqlite::params![row, cut(setup)]).unwrap();
    }
    db.close().unwrap();
    let results = json(&mut bench(folder.path(), &["--seeds", "7"]));
    assert_eq!(row(&results, "climb")["seeds"], 7);
}

#[test]
fn a_strategy_that_cannot_serve_a_problem_is_skipped_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    write_grid(folder.path(), "");
    let grid = folder.path().join("grid.toml");
    let text = fs::read_to_string(&grid).unwrap();
    fs::write(&grid, format!("{text}objectives = [\"val_accuracy\", \"params\"]\n")).unwrap();
    let results = json(&mut bench(folder.path(), &[]));
    assert_eq!(results["skipped"][0]["strategy"], "climb");
    assert!(results["skipped"][0]["reason"].as_str().unwrap().contains("serves one objective"), "{results:#}");
    assert_eq!(row(&results, "random")["seeds"], 6);
    assert_eq!(results["complete"], true);
}

fn comparison<'r>(results: &'r Value, a: &str, b: &str) -> &'r Value {
    let pairs = results["comparisons"].as_array().unwrap();
    pairs.iter().find(|pair| pair["a"] == a && pair["b"] == b).unwrap_or_else(|| panic!("{results:#}"))
}

/// The table is finite, so that its true front is known; it has one corner at each size.
#[test]
fn several_objectives_are_compared_by_the_hypervolume_below_the_true_front() {
    let folder = tempfile::tempdir().unwrap();
    write_grid(folder.path(), "[strategies.nsga2]\nuse = \"nsga2\"\npopulation = 10\n");
    let grid = folder.path().join("grid.toml");
    let text = fs::read_to_string(&grid).unwrap();
    fs::write(&grid, format!("{text}objectives = [\"val_accuracy\", \"params\"]\n")).unwrap();
    let results = json(&mut bench(folder.path(), &["--seeds", "12"]));
    let random = row(&results, "random");
    assert_eq!((random["metric"].as_str(), random["best_known"].as_bool()), (Some("hypervolume"), Some(true)));
    assert!(random["test_mean"].as_f64() <= random["best"].as_f64(), "{random:#}");
    let pair = comparison(&results, "nsga2", "random");
    assert!(pair["igd_plus"]["p_holm"].is_number() && pair["rank_biserial"].is_number(), "{pair:#}");
    // Another strategy changes nothing about the others.
    fs::write(
        &grid,
        format!("{text}objectives = [\"val_accuracy\", \"params\"]\n")
            .replace("[problems", "[strategies.g]\nuse = \"grid\"\n[problems"),
    )
    .unwrap();
    let more = json(&mut bench(folder.path(), &["--seeds", "12"]));
    assert_eq!(row(&more, "random")["test_mean"], random["test_mean"]);
}

/// Every trial takes 81 seconds, so the fifth one ends after 405.
#[test]
fn results_after_the_deadline_do_not_count() {
    let folder = tempfile::tempdir().unwrap();
    let trials = |seconds: &str| {
        let mut command = nas(["bench", "--strategies", "random-search", "--problems", "synthetic/curves"]);
        command.args(["--seeds", "2", "--seconds", seconds, "--out"]).arg(folder.path().join(seconds));
        let results = json(&mut command);
        row(&results, "random-search")["curve"].as_array().unwrap().last().unwrap()["trials"].as_u64()
    };
    assert_eq!((trials("405"), trials("404"), trials("325")), (Some(5), Some(4), Some(4)));
}

#[test]
fn a_strategy_from_a_file_is_labelled_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("my_file.wasm");
    fs::copy(component("strategies", "genetic"), &file).unwrap();
    let mut command = nas(["bench", "--problems", "synthetic/nk", "--trials", "3", "--seeds", "1", "--strategies"]);
    let results = json(command.arg(&file).arg("--out").arg(folder.path().join("out")));
    assert_eq!(row(&results, "genetic")["seeds"], 1);
}

#[test]
fn an_unknown_strategy_is_refused_and_not_skipped() {
    let folder = tempfile::tempdir().unwrap();
    for (name, expected) in [("tpee", "did you mean 'tpe'"), ("./none.wasm", "cannot be read")] {
        write_grid(folder.path(), &format!("[strategies.mine]\nuse = \"{name}\"\n"));
        let message = refusal(&mut bench(folder.path(), &[]));
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn a_hostile_component_breaks_only_its_own_studies() {
    let folder = tempfile::tempdir().unwrap();
    let hostile = format!("[strategies.loop]\nuse = \"{}\"\ncall = \"ask\"\n", component("fixtures", "endless-loop"));
    write_grid(folder.path(), &hostile);
    let results = json(&mut bench(folder.path(), &["--plugin-fuel", "20"]));
    let broken = row(&results, "loop");
    assert_eq!((broken["broken"].as_u64(), broken["seeds"].as_u64()), (Some(6), Some(0)));
    assert!(broken["reason"].as_str().unwrap().contains("did not finish within 20 million instructions"), "{broken:#}");
    assert_eq!((broken["without_value"].as_u64(), broken["metric"].as_str()), (Some(6), Some("test_accuracy")));
    let pair = comparison(&results, "climb", "loop");
    assert_eq!((pair["seeds"].as_u64(), pair["rank_biserial"].as_f64()), (Some(6), Some(1.0)), "{pair:#}");
    assert_eq!(row(&results, "climb")["test_mean"].as_f64(), Some(80.0));
}

#[test]
fn a_component_gives_the_results_of_the_native_code() {
    let folder = tempfile::tempdir().unwrap();
    let both = format!(
        "[strategies.native]\nuse = \"regularized-evolution\"\npopulation = 5\nsample = 2\n\
         [strategies.component]\nuse = \"{}\"\npopulation = 5\nsample = 2\n",
        component("strategies", "regularized-evolution")
    );
    write_grid(folder.path(), &both);
    let results = json(&mut bench(folder.path(), &["--trials", "15"]));
    assert_eq!(row(&results, "native")["curve"], row(&results, "component")["curve"]);
}

/// An asynchronous strategy keeps ten simulated workers busy, and the number of real threads changes nothing.
#[test]
fn simulated_workers_share_the_budget_of_seconds() {
    let run = |workers: &str, jobs: &str| {
        let folder = tempfile::tempdir().unwrap();
        let mut command = nas(["bench", "--strategies", "asha", "--problems", "synthetic/curves", "--seeds", "4"]);
        command.args(["--seconds", "405", "--workers", workers, "--jobs", jobs, "--out"]).arg(folder.path());
        without_times(&mut command)
    };
    let (one, ten) = (run("1", "1"), run("10", "1"));
    assert_eq!(ten, run("10", "3"));
    let seconds = |results: &Value| row(results, "asha")["seconds_mean"].as_f64().unwrap();
    let trials = |results: &Value| {
        let curve = row(results, "asha")["curve"].as_array().unwrap().clone();
        curve.last().unwrap()["trials"].as_u64().unwrap()
    };
    // Trials that would end later do not count.
    assert!((324.0..=405.0).contains(&seconds(&one)), "{}", seconds(&one));
    assert!((3240.0..=4050.0).contains(&seconds(&ten)), "ten workers: {}", seconds(&ten));
    assert!(trials(&ten) > 5 * trials(&one));
}

#[test]
fn count_strategy_adds_the_strategys_own_time_to_the_simulated_clock() {
    let end = |flags: &[&str]| {
        let folder = tempfile::tempdir().unwrap();
        let mut command = nas(["bench", "--strategies", "gaussian-process", "--problems", "synthetic/additive"]);
        command.args(["--seeds", "1", "--trials", "60", "--no-random-search", "--out"]).arg(folder.path()).args(flags);
        json(&mut command);
        let store = nas_core::benchmark::Store::open(&folder.path().join("benchmark.db")).unwrap();
        let mut last = 0.0;
        let last_trial = |_: &str, _: &str, _, study: nas_core::benchmark::KeptStudy| {
            let strategy: f64 = study.trials.iter().map(|trial| trial.ask_seconds + trial.tell_seconds).sum();
            assert!(strategy > 0.0);
            last = study.trials.last().unwrap().told;
            Ok(())
        };
        store.each(last_trial).unwrap();
        last
    };
    // Every trial that is not a duplicate takes one simulated second.
    let without = end(&[]);
    assert_eq!(without.fract(), 0.0);
    assert!(end(&["--count-strategy"]) > without);
}

#[test]
fn a_benchmark_killed_at_any_moment_continues_to_the_same_results() {
    let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
    folders.iter().for_each(|folder| write_grid(folder.path(), ""));
    let arguments = ["--seeds", "400", "--jobs", "2"];
    let whole = without_times(&mut bench(folders[0].path(), &arguments));
    let mut killed = 0;
    for moment in 1..8 {
        let mut running =
            bench(folders[1].path(), &arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(15 * moment));
        killed += u32::from(running.try_wait().unwrap().is_none());
        running.kill().unwrap();
        running.wait().unwrap();
    }
    assert!(killed > 0);
    assert_eq!(without_times(&mut bench(folders[1].path(), &arguments)), whole);
}

/// `burn` reports test metrics only after the final training, so a benchmark uses the validation metric.
#[test]
fn a_metric_that_is_never_reported_is_not_the_result() {
    let folder = tempfile::tempdir().unwrap();
    let grid = folder.path().join("grid.toml");
    let text = "seeds = 1\n[budget]\ntrials = 2\n[strategies.r]\nuse = 'random-search'\n\
                [problems.digits]\nspace = 'mlp'\n\
                [problems.digits.evaluator]\nuse = 'burn'\nepochs = 1\ntrain_limit = 200\n";
    fs::write(&grid, text).unwrap();
    let results = json(nas(["bench"]).arg(&grid).arg("--out").arg(folder.path().join("out")));
    let random = row(&results, "r");
    assert_eq!(random["metric"], "val_accuracy");
    assert!(random["test_mean"].as_f64().is_some_and(f64::is_finite), "{random}");
}
