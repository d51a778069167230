//! Studies from end to end: searching, showing, training, replacing a plugin, continuing with another strategy.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs;
use std::path::Path;

use common::test_data::test_data;
use common::{built, component, json, nas, records, scratch, succeed};

#[test]
fn a_component_strategy_on_a_component_space_finds_a_network_that_reads_digits() {
    let (folder, study) = scratch();
    let file = study.to_str().unwrap();
    let found = json(
        nas(["search", "--space", &component("spaces", "mlp"), "--data", "digits", "--trials", "60", "--seed", "1"])
            .args(["--strategy", &component("strategies", "regularized-evolution"), "--workers", "2"])
            .args(["--set", "strategy.population=15", "--set", "strategy.sample=5", "--study", file]),
    );
    assert_eq!(found["measured"].as_u64(), Some(60));
    assert_eq!(found["failed"].as_u64(), Some(0));
    assert!(found["best"]["metrics"]["val_accuracy"].as_f64().unwrap() > 0.96, "{found}");

    let shown = json(&mut nas(["show", file, "--trials"]));
    let trials = shown["trials"].as_array().unwrap();
    assert_eq!(trials.len(), 60);
    for trial in trials {
        for metric in ["val_accuracy", "val_loss", "params", "flops", "train_seconds"] {
            assert!(trial["metrics"][metric].is_number(), "{metric} is missing: {trial}");
        }
        assert_eq!(trial["state"], "measured");
    }
    let one = json(&mut nas(["show", file, "--trial", "7"]));
    assert_eq!(one["trial"]["trial"].as_u64(), Some(7));

    let out = folder.path().join("winner");
    let trained = json(&mut nas(["train", file, "--out", out.to_str().unwrap()]));
    assert!(trained["metrics"]["test_accuracy"].as_f64().unwrap() >= 0.97, "{trained}");
    let weights = fs::read(trained["weights"].as_str().unwrap()).unwrap();
    let header = u64::from_le_bytes(weights[..8].try_into().unwrap());
    let header: serde_json::Value = serde_json::from_slice(&weights[8..8 + usize::try_from(header).unwrap()]).unwrap();
    assert!(header.as_object().unwrap().len() > 3, "{header}");
    assert!(out.join("network.json").is_file() && out.join("metrics.json").is_file());
    // A second training gives the same network.
    let again = json(&mut nas(["train", file, "--out", folder.path().join("again").to_str().unwrap()]));
    assert_eq!(trained["metrics"]["test_accuracy"], again["metrics"]["test_accuracy"]);
    assert_eq!(trained["metrics"]["test_loss"], again["metrics"]["test_loss"]);
}

#[test]
fn convolutional_cells_are_searched_on_digits() {
    let (folder, study) = scratch();
    let file = study.to_str().unwrap();
    let found = json(
        nas(["search", "--space", &component("spaces", "nas-bench-201"), "--data", "digits", "--trials", "30"])
            .args(["--strategy", &component("strategies", "regularized-evolution"), "--workers", "2", "--study", file])
            .args(["--set", "strategy.population=10", "--set", "strategy.sample=3", "--set", "evaluator.epochs=3"])
            .args(["--set", "task.channels=4", "--set", "task.cells=1"]),
    );
    assert_eq!(found["measured"].as_u64().unwrap() + found["failed"].as_u64().unwrap(), 30);
    assert!(found["best"]["metrics"]["val_accuracy"].as_f64().unwrap() > 0.85, "{found}");
    let out = folder.path().join("winner");
    let trained = json(&mut nas(["train", file, "--out", out.to_str().unwrap(), "--epochs", "8"]));
    assert!(trained["metrics"]["test_accuracy"].as_f64().unwrap() > 0.9, "{trained}");
}

#[test]
fn fashion_mnist_is_read_and_searched() {
    let Some(fashion) = test_data("fashion-mnist") else { return };
    let (_folder, study) = scratch();
    let found = json(
        nas(["search", "--space", "nas-bench-201", "--strategy", "random-search", "--trials", "4", "--workers", "2"])
            .args(["--data", fashion.to_str().unwrap(), "--set", "evaluator.train_limit=2000"])
            .args(["--set", "evaluator.validation_limit=500", "--set", "evaluator.epochs=1"])
            .args(["--set", "task.channels=4", "--set", "task.cells=1", "--study", study.to_str().unwrap()]),
    );
    assert_eq!(found["measured"].as_u64(), Some(4));
    assert!(found["best"]["metrics"]["val_accuracy"].as_f64().unwrap() > 0.3, "{found}");
}

#[test]
fn candidates_that_violate_a_constraint_are_never_trained() {
    let (_folder, study) = scratch();
    let shown = {
        let file = study.to_str().unwrap();
        succeed(
            nas(["search", "--space", "mlp", "--strategy", "random-search", "--trials", "20", "--study", file])
                .args(["--constraint", "params<=6000", "--set", "evaluator.epochs=1"])
                .args(["--objective", "val_accuracy:maximize", "--objective", "params:minimize"]),
        );
        json(&mut nas(["show", file, "--trials"]))
    };
    let trials = shown["trials"].as_array().unwrap();
    let failed: Vec<_> = trials.iter().filter(|trial| trial["state"] == "failed").collect();
    assert!(!failed.is_empty() && failed.len() < 20);
    for trial in failed {
        assert!(trial["metrics"]["params"].as_f64().unwrap() > 6000.0);
        assert!(trial["metrics"]["val_accuracy"].is_null(), "it was trained: {trial}");
        assert!(trial["reason"].as_str().unwrap().contains("params"), "{trial}");
    }
    let front = shown["front"].as_array().unwrap();
    assert!(!front.is_empty());
    for a in front {
        for b in front {
            let of = |x: &serde_json::Value, m: &str| x["metrics"][m].as_f64().unwrap();
            let beats = of(a, "val_accuracy") > of(b, "val_accuracy") && of(a, "params") < of(b, "params");
            assert!(!beats, "{a} dominates {b}");
        }
    }
}

#[test]
fn a_wasm_file_is_replaced_without_recompiling_anything() {
    let folder = tempfile::tempdir().unwrap();
    let plugin = folder.path().join("mine.wasm");
    let run = |strategy: &str, study: &str| {
        fs::copy(component("strategies", strategy), &plugin).unwrap();
        json(
            nas(["search", "--space", "mlp", "--strategy", plugin.to_str().unwrap(), "--trials", "5"])
                .args(["--evaluator", &component("evaluators", "cost"), "--study"])
                .arg(folder.path().join(study)),
        )
    };
    assert_eq!(run("random-search", "a.study")["study"]["strategy"]["name"], "random-search");
    assert_eq!(run("genetic", "b.study")["study"]["strategy"]["name"], "genetic");

    // The first study was started with the file's earlier content.
    let first = folder.path().join("a.study");
    let output = nas(["resume", first.to_str().unwrap()]).output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{message}");
    for words in ["random-search", "genetic", "--warm-start"] {
        assert!(message.contains(words), "'{words}' is missing: {message}");
    }
    let warm = json(&mut nas(["resume", first.to_str().unwrap(), "--warm-start", "--trials", "7"]));
    assert_eq!(warm["measured"].as_u64(), Some(12), "{warm}");
    assert_eq!(warm["study"]["strategy"]["name"], "genetic");
    // Resuming a finished study does not change it.
    let before = records(&first);
    succeed(&mut nas(["resume", first.to_str().unwrap()]));
    assert_eq!(records(&first), before);
}

#[test]
fn an_evaluator_measures_the_same_as_a_component_and_as_a_native_library() {
    let library = format!("{}evaluator_cost{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let measured = |evaluator: String| {
        let (_folder, study) = scratch();
        let file = study.to_str().unwrap();
        succeed(nas(["search", "--space", "nas-bench-201", "--strategy", "local-search", "--trials", "40"]).args([
            "--evaluator",
            &evaluator,
            "--set",
            "evaluator.bytes=2",
            "--workers",
            "3",
            "--study",
            file,
        ]));
        let trials = json(&mut nas(["show", file, "--trials"]))["trials"].clone();
        trials.as_array().unwrap().iter().map(|trial| trial["metrics"].clone()).collect::<Vec<_>>()
    };
    let native = measured(built("libraries", &library));
    assert_eq!(native.len(), 40);
    assert!(native[0]["activation_bytes"].as_f64().unwrap() > 0.0);
    assert_eq!(native, measured(component("evaluators", "cost")));
}

#[test]
fn a_study_file_and_flags_give_the_same_study() {
    let (folder, study) = scratch();
    let toml = folder.path().join("study.toml");
    let text = "seed = 5\nspace = \"mlp\"\nevaluator = { use = \"burn\", epochs = 1 }\n\
                strategy = { use = \"genetic\", population = 8 }\nconstraints = [\"params<=20000\"]\n\
                budget = { trials = 12 }\n";
    fs::write(&toml, text).unwrap();
    succeed(&mut nas(["search", toml.to_str().unwrap(), "--study", study.to_str().unwrap()]));
    let flags = folder.path().join("flags.study");
    succeed(
        nas(["search", "--space", "mlp", "--strategy", "genetic", "--trials", "12", "--seed", "5"])
            .args(["--set", "evaluator.epochs=1", "--set", "strategy.population=8"])
            .args(["--constraint", "params<=20000", "--study", flags.to_str().unwrap()]),
    );
    assert_eq!(records(&study), records(&flags));
}

#[test]
fn the_strategy_in_the_readme_is_the_one_that_is_built_and_beats_random_search() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let source = fs::read_to_string(root.join("plugins/examples/hill-climber/src/lib.rs")).unwrap();
    assert!(readme.contains(&source), "README.md shows another text than plugins/examples/hill-climber/src/lib.rs");
    let best = |strategy: &str| {
        let (_folder, study) = scratch();
        let found = json(
            nas(["search", "--space", "nas-bench-201", "--strategy", strategy, "--trials", "60", "--evaluator"])
                .args([&component("evaluators", "cost"), "--objective", "weight_bytes:maximize", "--study"])
                .arg(study),
        );
        found["best"]["metrics"]["weight_bytes"].as_f64().unwrap()
    };
    assert!(best(&component("examples", "hill-climber")) > best("random-search"));
}

#[test]
fn a_folder_called_digits_does_not_hide_the_built_in_data() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("digits")).unwrap();
    let mut command = nas(["search", "--space", "mlp", "--strategy", "random-search", "--data", "digits"]);
    command.args(["--trials", "1", "--set", "evaluator.epochs=1", "--json"]).current_dir(folder.path());
    succeed(&mut command);
    // Without --study, the file is named after the strategy, the space and the seed.
    assert!(folder.path().join("random-search-mlp-0.study").is_file());
}

#[test]
fn language_models_learn_a_text() {
    let Some(text) = test_data("text/tinyshakespeare.txt") else { return };
    let (folder, study) = scratch();
    // Only a part is used, so that the test takes seconds.
    let part: String = fs::read_to_string(text).unwrap().chars().take(20_000).collect();
    let file = folder.path().join("part.txt");
    fs::write(&file, part).unwrap();
    let search = |study: &Path, workers: &str| {
        let mut command = nas(["search", "--space", "decoder-lm", "--data", file.to_str().unwrap(), "--trials", "4"]);
        command.args([
            "--strategy",
            &component("strategies", "regularized-evolution"),
            "--set",
            "strategy.population=3",
        ]);
        command.args(["--set", "strategy.sample=2", "--set", "evaluator.context=32", "--set", "evaluator.epochs=2"]);
        command.args([
            "--set",
            "evaluator.batch_size=8",
            "--set",
            "space.layers=[1,2]",
            "--set",
            "space.widths=[32,48]",
        ]);
        command.args(["--set", "space.head_sizes=[8,16]", "--set", "space.heads=[1,2]", "--seed", "2"]);
        json(command.args(["--workers", workers, "--study", study.to_str().unwrap()]))
    };
    let found = search(&study, "1");
    assert_eq!((found["measured"].as_u64(), found["failed"].as_u64()), (Some(4), Some(0)));
    assert_eq!(found["study"]["objectives"][0]["metric"], "val_loss");
    let metric = |name: &str| found["best"]["metrics"][name].as_f64().unwrap();
    // If all characters were equally likely, the loss would be about ln 60 = 4.1.
    assert!(metric("val_loss") < 3.6, "{}", metric("val_loss"));
    assert!((metric("val_perplexity").ln() - metric("val_loss")).abs() < 1e-9);
    // Every character of this text is one byte.
    assert!((metric("val_bits_per_byte") * std::f64::consts::LN_2 - metric("val_loss")).abs() < 1e-9);
    let again = folder.path().join("again.study");
    search(&again, "1");
    assert_eq!(records(&again), records(&study));

    let out = folder.path().join("out");
    let trained = json(&mut nas(["train", study.to_str().unwrap(), "--epochs", "2", "--out", out.to_str().unwrap()]));
    assert!(trained["metrics"]["test_perplexity"].as_f64().unwrap() < 40.0, "{trained}");
}

/// A rung that breaks a constraint on a measured metric is not lost: the least violations go on to the next one.
#[test]
fn where_every_trial_breaks_a_measured_constraint_the_least_violations_are_promoted() {
    for strategy in ["successive-halving", "hyperband", "asha", "dehb", "bohb"] {
        let (_folder, study) = scratch();
        let file = study.to_str().unwrap();
        let mut search = nas(["search", "--space", "synthetic", "--evaluator", "synthetic", "--data", "curves"]);
        search.args(["--strategy", strategy, "--set", "strategy.eta=3", "--set", "strategy.min_fidelity=9"]);
        // No value reaches 2, so the best ones violate the constraint least.
        search.args(["--constraint", "value>=2", "--trials", "40", "--seed", "1", "--study", file]);
        let output = search.output().unwrap();
        assert!(String::from_utf8_lossy(&output.stderr).contains("no trial was measured"), "{strategy}");
        let shown = json(&mut nas(["show", file, "--trials"]));
        let trials = shown["trials"].as_array().unwrap();
        let value = |trial: &serde_json::Value| trial["metrics"]["value"].as_f64().unwrap();
        let promoted = trials.iter().position(|trial| trial["fidelity"] == 27.0).unwrap();
        let below = trials[..promoted].iter().filter(|trial| trial["fidelity"] == 9.0);
        let best = below.max_by(|a, b| value(a).total_cmp(&value(b))).unwrap();
        assert_eq!(trials[promoted]["genotype"], best["genotype"], "{strategy}");
        assert!(trials.iter().any(|trial| trial["fidelity"] == 81.0), "{strategy} reaches the greatest fidelity");
    }
}
