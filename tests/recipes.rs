//! Recipes by name or from a file, in a search, in its record, and in final training.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs;
use std::path::Path;

use common::test_data::test_data;
use common::{json, nas, refused, scratch, succeed};
use serde_json::Value;

/// A search of `mlp` on digits with these arguments.
fn search(study: &Path, arguments: &[&str]) -> std::process::Command {
    let mut command = nas(["search", "--space", "mlp", "--strategy", "random-search", "--seed", "1"]);
    command.args(["--study", study.to_str().unwrap()]).args(arguments);
    command
}

#[track_caller]
fn says(message: &str, words: &[&str]) {
    for word in words {
        assert!(message.contains(word), "'{word}' is missing:\n{message}");
    }
}

fn setting<'a>(found: &'a Value, name: &str) -> &'a Value {
    &found["study"]["evaluator"]["settings"][name]
}

#[test]
fn a_recipe_by_name_gives_the_settings_that_are_not_set() {
    let (_folder, study) = scratch();
    let found = json(&mut search(&study, &["--trials", "4", "--recipe", "fast", "--set", "evaluator.epochs=3"]));
    assert_eq!(found["measured"].as_u64(), Some(4), "{found}");
    assert_eq!(setting(&found, "recipe"), "fast");
    assert_eq!(setting(&found, "epochs"), 3.0);
    assert_eq!(setting(&found, "warmup_epochs"), 0.5);
    assert_eq!(setting(&found, "batch_size"), 32.0);
    let best = &found["best"]["metrics"];
    assert!(best["val_accuracy"].as_f64().unwrap() > 0.85, "{found}");
    assert!(best["val_top5_accuracy"].as_f64().unwrap() > best["val_accuracy"].as_f64().unwrap());
}

#[test]
fn an_automatic_batch_size_does_not_depend_on_the_number_of_workers() {
    let (_folder, study) = scratch();
    let automatic = ["--trials", "2", "--set", "evaluator.batch_size=0", "--set", "evaluator.epochs=2"];
    says(&refused(&mut search(&study, &automatic)), &["'memory'", "--worker-memory"]);
    let fitting = [&automatic[..], &["--set", "evaluator.memory=14"]].concat();
    let best = |workers: &str| {
        let (_folder, study) = scratch();
        let found = json(search(&study, &fitting).args(["--workers", workers]));
        assert_eq!(found["measured"].as_u64(), Some(2), "{found}");
        let metrics = &found["best"]["metrics"];
        (metrics["batch_size"].as_f64().unwrap(), metrics["val_loss"].as_f64().unwrap().to_bits())
    };
    let one = best("1");
    assert!(one.0 >= 1.0 && one.0.log2().fract() == 0.0, "{one:?}");
    assert_eq!(best("2"), one);
}

#[test]
fn a_network_of_darts_trains_with_its_auxiliary_head() {
    let trained = |weight: &str| {
        let (_folder, study) = scratch();
        let study = study.to_str().unwrap();
        let mut command =
            nas(["search", "--space", "darts", "--strategy", "random-search", "--trials", "1", "--seed", "1"]);
        command.args(["--study", study, "--recipe", "darts", "--set", "task.auxiliary=true"]);
        command.args(["--set", "task.channels=4", "--set", "task.layers=3"]);
        for set in ["size=29", "epochs=2", "train_limit=24", "validation_limit=20", "batch_size=12", weight] {
            command.args(["--set", &format!("evaluator.{set}")]);
        }
        let found = json(&mut command);
        assert_eq!(found["measured"].as_u64(), Some(1), "{found}");
        assert_eq!(setting(&found, "drop_path"), 0.2);
        found["best"]["metrics"]["train_loss"].as_f64().unwrap()
    };
    // The auxiliary head has hardly learned yet, so its loss is about ln 10.
    let (with, without) = (trained("auxiliary_weight=0.4"), trained("auxiliary_weight=0"));
    assert!(with > without + 0.4, "{with} {without}");
}

#[test]
fn a_study_continues_without_the_file_of_its_recipe() {
    let (folder, study) = scratch();
    let recipe = folder.path().join("mine.toml");
    fs::write(&recipe, "about = 'short'\n[evaluator]\nepochs = 2\ntrain_limit = 200\nearly_stopping = 1\n").unwrap();
    // In a study file, the path of a recipe is relative to that file.
    let file = folder.path().join("study.toml");
    let text = "space = 'mlp'\nstrategy = 'random-search'\n[evaluator]\nuse = 'burn'\nrecipe = 'mine.toml'\n";
    fs::write(&file, format!("{text}[budget]\ntrials = 2\n")).unwrap();
    let study = study.to_str().unwrap();
    let found = json(&mut nas(["search", file.to_str().unwrap(), "--study", study]));
    assert_eq!(setting(&found, "recipe"), recipe.to_str().unwrap());
    assert_eq!(setting(&found, "epochs"), 2.0);
    assert!(found["best"]["metrics"]["best_epoch"].as_f64().unwrap() <= 2.0, "{found}");

    fs::remove_file(&recipe).unwrap();
    let found = json(&mut nas(["resume", study, "--warm-start", "--trials", "2"]));
    assert_eq!(setting(&found, "epochs"), 2.0);
    assert_eq!(setting(&found, "train_limit"), 200.0);
    let out = folder.path().join("out");
    let trained = json(&mut nas(["train", study, "--out", out.to_str().unwrap()]));
    assert_eq!(trained["epochs"], 10, "five times as long as in the search: {trained}");
}

#[test]
fn an_invalid_recipe_is_refused_before_anything_runs() {
    let (folder, study) = scratch();
    let file = folder.path().join("mine.toml");
    let shown = file.to_str().unwrap();
    let no = |recipe: &str| refused(&mut search(&study, &["--trials", "1", "--recipe", recipe]));
    says(&no("fats"), &["there is no recipe 'fats'", "did you mean 'fast'?", "nas-bench-201-12"]);
    says(&no(shown), &[shown, "cannot be read"]);
    for (text, words) in [
        ("[evaluator]\nepoch = 3\n", &["mine.toml.epoch: there is no such parameter", "did you mean 'epochs'?"][..]),
        ("[evaluator]\nepochs = 'three'\n", &["mine.toml.epochs", "whole number"]),
        ("[evaluator]\nepochs = 0\n", &["mine.toml.epochs", "between 1 and"]),
        ("epochs = 3\n", &["mine.toml", "epochs", "[evaluator]"]),
        ("[evaluator\n", &["mine.toml", "line 1"]),
        ("[evaluator]\ncrop = 8\n", &["'crop' must be less than the images' side of 8"]),
    ] {
        fs::write(&file, text).unwrap();
        says(&no(shown), words);
    }
    let twice = ["--trials", "1", "--recipe", "fast", "--set", "evaluator.recipe=table"];
    says(
        &refused(&mut search(&study, &twice)),
        &["recipe: is given twice, here and as evaluator.recipe", "leave one of them out"],
    );
    assert!(!study.exists());
    // An evaluator without the parameter `recipe` has no recipes.
    let of_others = ["search", "--evaluator", "synthetic", "--data", "trap", "--strategy", "random-search"];
    let message = refused(nas(of_others).args(["--trials", "1", "--recipe", "fast"]));
    says(&message, &["recipe: the evaluator 'synthetic' takes no recipe", "leave it out"]);
}

#[test]
fn final_training_takes_another_recipe_and_reports_every_class() {
    let (folder, study) = scratch();
    succeed(&mut search(&study, &["--trials", "2", "--recipe", "fast"]));
    let (file, out) = (study.to_str().unwrap(), folder.path().join("out"));
    let train = |arguments: &[&str]| {
        let mut command = nas(["train", file, "--out", out.to_str().unwrap()]);
        command.args(arguments);
        command
    };
    let trained = json(&mut train(&["--recipe", "table", "--epochs", "20", "--set", "evaluator.ema_decay=0.9"]));
    assert_eq!(trained["epochs"], 20);
    let settings = &trained["settings"];
    // One setting is the recipe's, one the user's, and one has its default although the search had set it.
    assert_eq!((&settings["recipe"], &settings["batch_size"]), (&"table".into(), &256.0.into()), "{settings}");
    assert_eq!((&settings["ema_decay"], &settings["min_learning_rate"]), (&0.9.into(), &0.0.into()), "{settings}");
    assert_eq!(settings["data"], "digits");
    let accuracy = trained["metrics"]["test_accuracy"].as_f64().unwrap();
    assert!(accuracy > 0.9, "{trained}");

    let written: Value = serde_json::from_slice(&fs::read(out.join("metrics.json")).unwrap()).unwrap();
    let rows: Vec<Vec<u64>> = serde_json::from_value(written["confusion"].clone()).unwrap();
    let right: u64 = rows.iter().enumerate().map(|(class, row)| row[class]).sum();
    let all: u64 = rows.iter().flatten().sum();
    // Numbers in JSON may differ by a few units in the last place.
    let near = |value: &Value, wanted: f64| (value.as_f64().unwrap() - wanted).abs() < 1e-12;
    assert!(near(&trained["metrics"]["test_accuracy"], right as f64 / all as f64), "{written}");
    let classes = written["classes"].as_array().unwrap();
    assert_eq!(classes.len(), 10);
    for (class, row) in classes.iter().zip(&rows) {
        assert_eq!(class["examples"].as_u64(), Some(row.iter().sum()));
        let number = usize::try_from(class["class"].as_u64().unwrap()).unwrap();
        let recall = row[number] as f64 / row.iter().sum::<u64>() as f64;
        assert!(near(&class["recall"], recall), "{class}");
        assert!((0.0..=1.0).contains(&class["precision"].as_f64().unwrap()));
    }
    // The epochs that are set count, and a table of the classes is shown.
    let shown = succeed(&mut train(&["--set", "evaluator.epochs=2"]));
    says(&shown, &["trained for 2 epochs", "test_balanced_accuracy", "most often taken for"]);
    let longer = json(&mut train(&[]));
    assert_eq!(longer["epochs"], 25, "five times those of the search");
    // A recipe without epochs does not change their number.
    let open = folder.path().join("open.toml");
    fs::write(&open, "[evaluator]\nlearning_rate = 0.01\n").unwrap();
    let trained = json(&mut train(&["--recipe", open.to_str().unwrap()]));
    assert_eq!(trained["epochs"], 25, "{trained}");
    assert_eq!(
        (&trained["settings"]["learning_rate"], &trained["settings"]["batch_size"]),
        (&0.01.into(), &64.0.into())
    );

    let other = folder.path().join("other.toml");
    fs::write(&other, "[evaluator]\nlearning_rate = 0.01\nsplit_seed = 3\n").unwrap();
    let other = refused(&mut train(&["--recipe", other.to_str().unwrap()]));
    says(&other, &["other.toml: split_seed", "the data of the study"]);

    says(&refused(&mut train(&["--recipe", "slow"])), &["there is no recipe 'slow'"]);
    says(&refused(&mut train(&["--set", "evaluator.epoch=2"])), &["did you mean 'epochs'?"]);
    says(
        &refused(&mut train(&["--set", "evaluator.split_seed=2"])),
        &["evaluator.split_seed", "the data of the study"],
    );
    says(&refused(&mut train(&["--set", "evaluator.recipe=fast"])), &["give --recipe"]);
    for (name, words) in
        [("validate_every=1", "nothing is validated"), ("checkpoint_seconds=1", "keeps no checkpoints")]
    {
        says(&refused(&mut train(&["--set", &format!("evaluator.{name}")])), &[words, "help: leave it out"]);
    }
    says(&refused(&mut train(&["--set", "task.channels=2"])), &["write evaluator.KEY=VALUE"]);
    says(&refused(&mut train(&["--recipe", "darts"])), &["'cutout' must be less than the images' side of 8"]);
}

#[test]
fn recipes_are_listed_and_documented() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/evaluators/recipes.md")).unwrap();
    let described = json(&mut nas(["plugin", "inspect", "burn"]));
    let recipes = described["plugins"][0]["recipes"].as_array().unwrap();
    assert_eq!(recipes.len(), 7);
    for recipe in recipes {
        let name = recipe["name"].as_str().unwrap();
        assert!(page.contains(&format!("`{name}`")), "docs/evaluators/recipes.md does not name {name}");
        assert!(recipe["settings"]["epochs"].as_f64().unwrap() >= 1.0, "{recipe}");
    }
    let shown = succeed(&mut nas(["plugin", "inspect", "burn"]));
    says(&shown, &["nas-bench-201-12", "Dong & Yang 2020"]);
}

#[test]
fn recipes_for_images_and_for_texts_train() {
    let (Some(fashion), Some(text)) = (test_data("fashion-mnist"), test_data("text/tinyshakespeare.txt")) else {
        return;
    };
    let (folder, study) = scratch();
    let few = ["--set", "evaluator.train_limit=300", "--set", "evaluator.validation_limit=200", "--trials", "1"];
    let found =
        json(search(&study, &few).args(["--data", fashion.to_str().unwrap(), "--recipe", "nas-bench-201-12"]).args([
            "--set",
            "evaluator.epochs=4",
            "--set",
            "evaluator.batch_size=32",
        ]));
    assert_eq!((setting(&found, "crop"), setting(&found, "flip")), (&4.0.into(), &0.5.into()));
    assert!(found["best"]["metrics"]["val_accuracy"].as_f64().unwrap() > 0.2, "{found}");

    let study = folder.path().join("text.study");
    let mut command = nas(["search", "--space", "decoder-lm", "--strategy", "random-search", "--recipe", "language"]);
    command.args(["--data", text.to_str().unwrap(), "--trials", "1", "--study", study.to_str().unwrap()]);
    command.args([
        "--set",
        "evaluator.context=16",
        "--set",
        "evaluator.epoch_tokens=2000",
        "--set",
        "evaluator.epochs=1",
    ]);
    command.args(["--set", "evaluator.validation_limit=50", "--set", "space.layers=1", "--set", "space.widths=32"]);
    let found = json(command.args(["--set", "space.head_sizes=16", "--set", "space.heads=2"]));
    assert_eq!(setting(&found, "clip_norm"), 1.0);
    // Whole batches of 32 windows.
    assert_eq!(found["best"]["metrics"]["trained_tokens"], 2048.0);
    let metrics = &found["best"]["metrics"];
    assert!(metrics["val_loss"].as_f64().unwrap() < 4.5, "{found}");
    assert!(metrics["val_bits_per_byte"].is_number() && metrics["val_top5_accuracy"].is_null(), "{found}");
}
