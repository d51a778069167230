//! Detection from end to end: a search, final training, and errors in annotations, on images that are drawn here.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
#[path = "../examples/shapes/data_set.rs"]
mod shapes;

use std::fs;
use std::path::Path;
use std::process::Command;

use common::{json, nas, refused, scratch, succeed};
use serde_json::Value;

/// A folder with `count` images of 32×32 pixels that show rectangles, discs and triangles.
fn images(count: u32) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    shapes::write(folder.path(), count, 32, 1).unwrap();
    folder
}

/// A search of small detectors.
fn search(study: &Path, images: &Path, arguments: &[&str]) -> Command {
    let mut command = nas(["search", "--space", "detector", "--strategy", "random-search", "--seed", "1"]);
    command.args(["--study", study.to_str().unwrap(), "--data", images.to_str().unwrap()]);
    let space = ["space.widths=16", "space.max_depth=1", "space.neck_widths=32", "task.stem=small"];
    let evaluator = ["evaluator.batch_size=8", "evaluator.learning_rate=0.002", "evaluator.flip=0.5"];
    for setting in space.iter().chain(&evaluator) {
        command.args(["--set", setting]);
    }
    command.args(arguments);
    command
}

#[test]
fn a_detector_is_found_and_trained() {
    let (folder, study) = scratch();
    let images = images(200);
    let data = images.path();
    let checked = json(&mut nas(["data", "check", data.to_str().unwrap()]));
    assert_eq!((checked["task"].as_str(), checked["outputs"].as_u64()), (Some("detection"), Some(3)));
    assert_eq!(checked["classes"][0]["name"], "rectangle");

    let found = json(&mut search(&study, data, &["--trials", "2", "--set", "evaluator.epochs=4"]));
    assert_eq!(found["measured"], 2, "{found}");
    assert_eq!(found["study"]["objectives"][0]["metric"], "val_map", "{found}");
    let metrics = &found["best"]["metrics"];
    for name in ["val_map", "val_map50", "val_loss", "train_loss"] {
        assert!(metrics[name].is_number(), "{name}: {found}");
    }
    assert!(metrics["val_accuracy"].is_null());

    let out = folder.path().join("out");
    let trained = json(&mut nas(["train", study.to_str().unwrap(), "--out", out.to_str().unwrap()]));
    let [all, half] = ["test_map", "test_map50"].map(|name| trained["metrics"][name].as_f64().unwrap());
    // An untrained network has less than 0.01.
    assert!(half > 0.5 && all > 0.2, "{trained}");
    assert!(out.join("weights.safetensors").is_file());
}

#[test]
fn the_number_of_workers_changes_no_metric() {
    let images = images(40);
    let run = |workers: &str| {
        let (_folder, study) = scratch();
        let given = ["--trials", "3", "--workers", workers, "--set", "evaluator.epochs=1"];
        succeed(&mut search(&study, images.path(), &given));
        let shown = json(&mut nas(["show", study.to_str().unwrap(), "--trials"]));
        let trials = shown["trials"].as_array().unwrap().iter();
        let measured = |trial: &Value| {
            let metrics = &trial["metrics"];
            assert!(metrics["val_loss"].is_number(), "{trial}");
            format!("{} {} {} {}", trial["trial"], metrics["val_loss"], metrics["val_map"], metrics["train_loss"])
        };
        let mut values: Vec<String> = trials.map(measured).collect();
        values.sort();
        values
    };
    let alone = run("1");
    assert_eq!(alone.len(), 3);
    assert_eq!(alone, run("2"));
}

#[test]
fn invalid_annotations_are_refused() {
    let (_folder, study) = scratch();
    let images = images(20);
    let file = images.path().join("annotations.json");
    let text = fs::read_to_string(&file).unwrap();
    fs::remove_file(images.path().join("images/00003.png")).unwrap();
    let missing = refused(&mut search(&study, images.path(), &["--trials", "1"]));
    assert!(missing.contains("no image '00003.png'") && missing.contains("annotations.json"), "{missing}");
    fs::write(&file, text.replace("\"category_id\":1", "\"category_id\":9")).unwrap();
    let unknown = refused(&mut nas(["data", "check", images.path().to_str().unwrap()]));
    assert!(unknown.contains("category 9, which is not there"), "{unknown}");
    let cropped = ["--trials", "1", "--set", "evaluator.task=classification"];
    let task = refused(&mut search(&study, images.path(), &cropped));
    assert!(task.contains("'task' must be \"detection\""), "{task}");
    let listed = succeed(&mut nas(["plugin", "inspect", "burn"]));
    assert!(listed.contains("detection") && listed.contains("val_map50"), "{listed}");
}
