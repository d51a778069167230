//! `nas bench` with the real binary: paired seeds, resume, strategies that cannot or misbehave.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use common::{component, json, nas, succeed, test_data};
use serde_json::Value;

/// A table of 27 architectures whose best is known, its space, and a grid that uses both.
fn write_grid(folder: &Path, more: &str) {
    let space: String = ["first", "second", "third"]
        .iter()
        .map(|name| format!("[[decision]]\nname = \"{name}\"\nchoices = [1, 2, 3]\nordered = true\n"))
        .collect();
    let layer = "[[layer]]\nop = \"Flatten\"\n[[layer]]\nop = \"Gemm\"\nout_features = \"$first\"\n\
                 [[layer]]\nop = \"Gemm\"\nout_features = \"$second\"\n[[layer]]\nop = \"Gemm\"\n\
                 out_features = \"$third\"\n[[layer]]\nop = \"Gemm\"\nout_features = \"$outputs\"\n";
    fs::write(folder.join("cube.toml"), format!("name = \"cube\"\nversion = \"1\"\n{space}{layer}")).unwrap();
    let mut rows = String::from("a,b,c,accuracy,test,size,seconds\n");
    for index in 0..27 {
        let (a, b, c) = (index / 9, index / 3 % 3, index % 3);
        let value = 10 * a + 5 * b - 3 * c;
        rows.push_str(&format!("{a},{b},{c},{value},{},{},2\n", value + 50, a + b + c));
    }
    fs::write(folder.join("cube.csv"), rows).unwrap();
    let map = "name = \"cube-table\"\nfile = \"cube.csv\"\nspace = \"cube\"\ndecisions = [\"a\", \"b\", \"c\"]\n\
               [metric.val_accuracy]\ngoal = \"maximize\"\n[metric.test_accuracy]\nhidden = true\n\
               [metric.params]\ngoal = \"minimize\"\n[problem.all]\n\
               task = { input_shape = [4], outputs = 2, kind = \"classification\" }\n[[problem.all.fidelity]]\n\
               seconds = { column = \"seconds\" }\n\
               metrics = { val_accuracy = \"accuracy\", test_accuracy = \"test\", params = \"size\" }\n";
    fs::write(folder.join("map.toml"), map).unwrap();
    let grid = format!(
        "seeds = 6\n[budget]\ntrials = 40\n[strategies.random]\nuse = \"random-search\"\n\
         [strategies.climb]\nuse = \"local-search\"\n{more}\n\
         [problems.cube]\nspace = \"./cube.toml\"\nevaluator = \"table\"\ndata = \"map.toml/all\"\n"
    );
    fs::write(folder.join("grid.toml"), grid).unwrap();
}

fn bench(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = nas(["bench", folder.join("grid.toml").to_str().unwrap()]);
    command.args(["--out", folder.join("out").to_str().unwrap()]).args(arguments);
    command
}

/// What two runs have in common: everything but real times.
fn without_times(command: &mut Command) -> Value {
    let mut results = json(command);
    assert!(results.as_object_mut().unwrap().remove("times").is_some());
    results
}

fn row<'r>(results: &'r Value, strategy: &str) -> &'r Value {
    let rows = results["results"].as_array().unwrap();
    rows.iter().find(|row| row["strategy"] == strategy).unwrap_or_else(|| panic!("{results:#}"))
}

#[test]
fn strategies_are_compared_and_the_best_is_found() {
    let folder = tempfile::tempdir().unwrap();
    write_grid(folder.path(), "");
    let results = json(&mut bench(folder.path(), &[]));
    assert_eq!((results["complete"].as_bool(), results["skipped"].as_array().unwrap().len()), (Some(true), 0));
    let climb = row(&results, "climb");
    // 10·2 + 5·2 - 0, and 50 more on the test.
    assert_eq!((climb["test_mean"].as_f64(), climb["test_std"].as_f64()), (Some(80.0), Some(0.0)));
    assert_eq!((climb["metric"].as_str(), climb["seeds"].as_u64()), (Some("test_accuracy"), Some(6)));
    // Local search never asks for the same one twice: the whole table, at 2 seconds each.
    assert_eq!(climb["seconds_mean"].as_f64(), Some(54.0));
    let random = row(&results, "random")["curve"].as_array().unwrap();
    assert_eq!(random.iter().map(|point| point["trials"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 2, 5, 10, 20, 40]);
    assert!(random.windows(2).all(|pair| pair[0]["test_mean"].as_f64() <= pair[1]["test_mean"].as_f64()));
}

#[test]
fn any_number_of_jobs_and_a_second_run_give_the_same() {
    let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
    folders.iter().for_each(|folder| write_grid(folder.path(), ""));
    let alone = without_times(&mut bench(folders[0].path(), &["--jobs", "1"]));
    assert_eq!(without_times(&mut bench(folders[1].path(), &["--jobs", "4"])), alone);
    assert_eq!(without_times(&mut bench(folders[0].path(), &[])), alone, "nothing is left to run");
    let more = without_times(&mut bench(folders[0].path(), &["--seeds", "9"]));
    assert_eq!(row(&more, "climb")["seeds"], 9, "seeds are added to what is there");
}

#[test]
fn another_setup_in_the_same_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    write_grid(folder.path(), "");
    json(&mut bench(folder.path(), &[]));
    let refused = bench(folder.path(), &["--trials", "41"]).output().unwrap();
    let message = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{message}");
    assert!(message.contains("begun with another plugin, other settings or another budget"), "{message}");
}

#[test]
fn numbers_that_have_changed_since_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    write_grid(folder.path(), "");
    json(&mut bench(folder.path(), &[]));
    let table = folder.path().join("cube.csv");
    let before = fs::read_to_string(&table).unwrap();
    fs::write(&table, before.replace("0,0,0,0,50,0,2", "0,0,0,1,50,0,2")).unwrap();
    let refused = bench(folder.path(), &["--seeds", "7"]).output().unwrap();
    let message = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{message}");
    assert!(message.contains("cube.csv': they have changed") && message.contains("help: bring the data"), "{message}");

    // A benchmark of before does not say which numbers it had, and goes on as it was begun.
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
fn who_cannot_serve_a_problem_is_skipped_with_the_reason() {
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

#[test]
fn a_pruner_ends_trials_where_there_are_reports_and_other_problems_are_skipped() {
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
    // The pruner is part of what a benchmark is.
    let message = refusal(&mut bench(folder.path(), &["--pruner", "threshold"]));
    assert!(message.contains("pruner.limit"), "{message}");
    let message = refusal(&mut bench(folder.path(), &["--pruner", "medan"]));
    assert!(message.contains("no pruner is called 'medan'") && message.contains("did you mean 'median'"), "{message}");
    // It fits no problem: nothing would run.
    let other = tempfile::tempdir().unwrap();
    write_grid(other.path(), "");
    let misspelt = format!("pruner = {{ use = \"median\", metric = \"val_acuracy\" }}\n{grid}{trained}");
    fs::write(other.path().join("grid.toml"), misspelt).unwrap();
    let message = refusal(&mut bench(other.path(), &[]));
    assert!(message.contains("pruner"), "{message}");
    fs::write(&file, format!("{grid}{trained}")).unwrap();
    let message = refusal(&mut bench(folder.path(), &[]));
    assert!(message.contains("begun with another plugin, other settings or another budget"), "{message}");
    // Without it, other results: it has ended trials.
    let other = tempfile::tempdir().unwrap();
    write_grid(other.path(), "");
    fs::write(other.path().join("grid.toml"), format!("{grid}{trained}")).unwrap();
    let without = without_times(&mut bench(other.path(), &[]));
    let digits = |row: &&Value| row["problem"] == "digits";
    let without: Vec<&Value> = without["results"].as_array().unwrap().iter().filter(digits).collect();
    assert!(without.len() == 2 && without != rows.iter().collect::<Vec<_>>(), "{results:#}");
}

fn refusal(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{command:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_strategy_that_is_not_there_is_no_skipped_one() {
    let folder = tempfile::tempdir().unwrap();
    for (name, words) in [("tpee", "did you mean 'tpe'"), ("./none.wasm", "cannot be read")] {
        write_grid(folder.path(), &format!("[strategies.mine]\nuse = \"{name}\"\n"));
        let refused = bench(folder.path(), &[]).output().unwrap();
        let message = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2), "{message}");
        assert!(message.contains(words), "{message}");
    }
}

#[test]
fn a_hostile_component_costs_its_own_studies_alone() {
    let folder = tempfile::tempdir().unwrap();
    let hostile = format!("[strategies.loop]\nuse = \"{}\"\ncall = \"ask\"\n", component("fixtures", "endless-loop"));
    write_grid(folder.path(), &hostile);
    let results = json(&mut bench(folder.path(), &["--plugin-fuel", "20"]));
    let broken = row(&results, "loop");
    assert_eq!((broken["broken"].as_u64(), broken["seeds"].as_u64()), (Some(6), Some(0)));
    assert!(broken["reason"].as_str().unwrap().contains("did not finish within 20 million instructions"), "{broken:#}");
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

/// Random search with and without a pruner, on learning curves with a simulated clock.
fn write_pruned_grid(folder: &Path, budget: &str, pruners: &str) {
    let grid = format!(
        "seeds = 3\n[budget]\n{budget}\n[strategies.plain]\nuse = \"random-search\"\n\
         [strategies.ended]\nuse = \"random-search\"\n[pruners]\n{pruners}\n[problems.\"synthetic/curves\"]\n"
    );
    fs::write(folder.join("grid.toml"), grid).unwrap();
}

const MEDIAN: &str = "ended = { use = \"median\", startup = 3 }";

#[test]
fn a_strategy_is_compared_with_itself_under_a_pruner_at_equal_simulated_seconds() {
    let folder = tempfile::tempdir().unwrap();
    write_pruned_grid(folder.path(), "seconds = 1000", MEDIAN);
    let results = without_times(&mut bench(folder.path(), &[]));
    let trials = |strategy| row(&results, strategy)["curve"].as_array().unwrap().last().unwrap()["trials"].as_u64();
    // 81 seconds each: 13 begin within 1,000.
    assert_eq!((trials("plain"), row(&results, "plain")["seconds_mean"].as_f64()), (Some(13), Some(1053.0)));
    assert!(trials("ended") > Some(20), "{results:#}");
    let seconds = row(&results, "ended")["seconds_mean"].as_f64().unwrap();
    assert!((1000.0..1081.0).contains(&seconds), "{seconds}");

    let report = folder.path().join("report.md");
    let out = folder.path().join("out");
    succeed(nas(["report", out.to_str().unwrap(), "--out"]).arg(&report).arg("--data").arg(folder.path().join("data")));
    let text = fs::read_to_string(report).unwrap();
    assert!(text.contains("the pruner median ended trials of ended"), "{text}");
    assert!(text.contains("median: metric=value, grace=0"), "{text}");
    let data = fs::read_to_string(folder.path().join("data/trials.csv")).unwrap();
    let ended: Vec<&str> = data.lines().filter(|line| line.contains("pruned at epoch 1: its best value")).collect();
    // What was spent: an epoch, and so a second.
    assert!(ended.len() > 20 && ended.iter().all(|line| line.contains(",false,false,1,1,")), "{ended:?}");

    let (again, alone) = (tempfile::tempdir().unwrap(), bench(folder.path(), &[]).output().unwrap());
    assert!(alone.status.success(), "it is all there");
    write_pruned_grid(again.path(), "seconds = 1000", MEDIAN);
    assert_eq!(without_times(&mut bench(again.path(), &["--jobs", "1"])), results, "one thread or several");
}

/// Random search learns of nothing, so that the number of simulated workers can only show in what is pruned.
#[test]
fn any_number_of_simulated_workers_prunes_the_same_trials() {
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
        // All but the three columns of clocks; only the last ones hold commas of their own.
        let rows = trials.lines().map(|line| {
            let cells = line.splitn(13, ',').enumerate().filter(|(column, _)| !(9..12).contains(column));
            cells.map(|(_, cell)| cell.to_owned()).collect::<Vec<_>>()
        });
        rows.collect::<Vec<_>>()
    };
    let alone = with("1");
    assert!(alone.iter().filter(|row| row[9].contains("pruned at epoch ")).count() > 40);
    assert_eq!(alone, with("7"));
}

#[test]
fn pruners_of_no_strategy_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (pruners, parts) in [
        ("endet = \"median\"", ["pruners.endet", "did you mean 'ended'"]),
        ("ended = \"medan\"", ["no pruner is called 'medan'", "did you mean 'median'"]),
        // That the strategy beside it has no pruner, and fits, does not hide the mistake.
        ("ended = { use = \"median\", metric = \"valu\" }", ["pruners.ended.metric", "valu"]),
    ] {
        write_pruned_grid(folder.path(), "trials = 5", pruners);
        let message = refusal(&mut bench(folder.path(), &[]));
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
    }
}

/// Asynchronous strategies keep ten simulated workers busy, and any number of real threads gives the same.
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
    assert!((405.0..=486.0).contains(&seconds(&one)), "{}", seconds(&one));
    assert!((4050.0..=4860.0).contains(&seconds(&ten)), "ten workers: {}", seconds(&ten));
    assert!(trials(&ten) > 5 * trials(&one));
}

/// The strategy's own time passes on the simulated clock when that is asked for.
#[test]
fn the_strategys_own_time_can_count() {
    let told = |flags: &[&str]| {
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
    // A second for each trial that is no duplicate.
    let without = told(&[]);
    assert_eq!(without.fract(), 0.0);
    assert!(told(&["--count-strategy"]) > without);
}

#[test]
fn killed_at_any_moment_it_goes_on_to_the_same_results() {
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

/// Dong & Yang's benchmark, as docs/benchmarks/nas-bench-201.md reports it, with fewer seeds.
#[test]
fn nas_bench_201_gives_the_known_figures() {
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
            // Three standard errors of 200 seeds, and the tolerance of the published table.
            assert!((found - known).abs() < 0.2, "{strategy} after {trials}: {found}, not {known}");
        }
    }
}

#[test]
fn a_table_is_checked_imported_and_found_by_its_name() {
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
    let refused = nas(["table", "check", &map, "--space", &space]).output().unwrap();
    let message = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{message}");
    assert!(message.contains("1 rows are not architectures of 'cube'") && message.contains("0,0,7"), "{message}");
}

/// A mapping that holds its space, two objectives of its own, and proposals that the table lacks.
#[test]
fn hw_gpt_bench_runs_with_two_objectives_and_without_a_space_of_code() {
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
    // The component that reads choice spaces is the same space.
    let space = component("spaces", "table");
    let again = folder.path().join("b.study");
    let by_component =
        json(nas(search).args(["--space", &space, "--trials", "20", "--study", again.to_str().unwrap()]));
    assert_eq!(by_component["best"], found["best"]);
}

/// burn tests after the final training alone, so that a benchmark reports what it searched by; it used to report NaN.
#[test]
fn what_is_never_reported_is_not_the_figure() {
    let folder = tempfile::tempdir().unwrap();
    let grid = folder.path().join("grid.toml");
    let text = "seeds = 1\n[budget]\ntrials = 2\n[strategies.r]\nuse = 'random-search'\n[problems.digits]\nspace = 'mlp'\n\
                [problems.digits.evaluator]\nuse = 'burn'\nepochs = 1\ntrain_limit = 200\n";
    fs::write(&grid, text).unwrap();
    let results = json(nas(["bench"]).arg(&grid).arg("--out").arg(folder.path().join("out")));
    let random = row(&results, "r");
    assert_eq!(random["metric"], "val_accuracy");
    assert!(random["test_mean"].as_f64().is_some_and(f64::is_finite), "{random}");
}
