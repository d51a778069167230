//! `nas draw`, `nas space stats` and `nas space check` with the real binary.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use common::{component, json, nas, succeed};

fn example() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples/tiny-cnn.toml").to_str().unwrap().to_owned()
}

#[test]
fn every_command_of_the_guide_runs_in_order() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let guide = fs::read_to_string(root.join("docs/guides/look-at-a-space.md")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::copy(example(), folder.path().join("cells.toml")).unwrap();
    let mut commands = 0;
    for line in guide.lines().filter(|line| line.starts_with("nas ")) {
        succeed(nas(line.split(' ').skip(1)).current_dir(folder.path()));
        commands += 1;
    }
    assert!(commands > 7, "{commands}");
    let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
    assert!(read("both.png").starts_with(b"\x89PNG"));
    let svg = String::from_utf8(read("two.svg")).unwrap();
    assert!(svg.contains("mlp, trial 0") && svg.contains("mlp, trial 1") && svg.contains("@font-face"));
    assert!(String::from_utf8(read("cell.svg")).unwrap().contains("A: cell ×5"));
}

#[test]
fn a_component_is_drawn_as_the_built_in_space() {
    let folder = tempfile::tempdir().unwrap();
    let draw = |space: &str, name: &str| {
        let file = folder.path().join(name);
        succeed(nas(["draw", space, "--seed", "5", "--out"]).arg(&file));
        fs::read(file).unwrap()
    };
    assert!(draw("nas-bench-201", "a.svg") == draw(&component("spaces", "nas-bench-201"), "b.svg"));
}

#[test]
fn statistics_count_every_sample() {
    let found = json(&mut nas(["space", "stats", "mlp", "--samples", "200", "--input", "1,8,8"]));
    let histogram = found["metrics"]["params"]["histogram"].as_array().unwrap();
    assert_eq!(histogram.iter().map(|count| count.as_u64().unwrap()).sum::<u64>(), 200);
    // Different genotypes of mlp are always different networks.
    assert_eq!(found["repeated"], found["duplicates"]);
    assert!(found["repeated"].as_u64().unwrap() > 0);
    // A mutant of mlp is another network, and closer than a random one.
    assert_eq!(found["mutation"]["same_key"], 0);
    let change = |what: &str| found[what]["changes"]["params"]["median"].as_f64().unwrap();
    assert!(change("mutation") < change("random_pair"));
    let none = json(&mut nas(["space", "stats", "synthetic", "--samples", "10"]));
    assert_eq!(none["without_network"]["count"], 10);
    assert!(none["metrics"]["params"].is_null());
}

#[test]
fn a_check_lists_promises_and_exits_with_1_if_one_is_broken() {
    for space in ["nas-bench-201".to_owned(), component("spaces", "mlp"), example()] {
        let shown = succeed(&mut nas(["space", "check", &space, "--samples", "10"]));
        assert!(shown.contains("13 kept, 0 broken, 0 skipped"), "{shown}");
    }
    // The paper's rule gives one key to cells that are different networks: docs/spaces.md.
    let topology = ["space", "check", "nas-bench-201", "--set", "space.identity=topology", "--samples", "400"];
    let output = nas(topology).output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{shown}");
    assert!(shown.contains("BROKEN   key") && shown.contains("have the same key, but"), "{shown}");
    // For a space without networks, the check suggests --no-networks.
    let output = nas(["space", "check", "synthetic", "--samples", "5"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("--no-networks"));
    let without = json(&mut nas(["space", "check", "synthetic", "--no-networks"]));
    assert_eq!(without["broken"], 0);
}

#[test]
fn invalid_arguments_of_draw_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let study = folder.path().join("a.study");
    let study = study.to_str().unwrap();
    let mut search = nas(["search", "--space", "mlp", "--strategy", "random-search", "--evaluator", "synthetic"]);
    assert!(!search.args(["--data", "trap", "--trials", "2", "--study", study]).status().unwrap().success());
    succeed(&mut nas([
        "search",
        "--strategy",
        "random-search",
        "--evaluator",
        "synthetic",
        "--data",
        "trap",
        "--trials",
        "2",
        "--study",
        study,
    ]));
    let cases: [(&[&str], &str); 8] = [
        (&["mlp", "--out", "x.pdf"], "ends in .svg or .png"),
        (&["mlp", "--text", "layers=9", "--out", "x.svg"], "layers=9"),
        (&["mlp", "--trial", "1", "--out", "x.svg"], "--text or --seed"),
        (&["mlp", "--scale", "0", "--out", "x.png"], "--scale 0"),
        (&["mpl", "--out", "x.svg"], "did you mean 'mlp'?"),
        (&["no.study", "--out", "x.svg"], "no.study"),
        (&[study, "--seed", "1", "--out", "x.svg"], "--trial"),
        (&[study, "--out", "x.svg"], "has no networks"),
    ];
    for (arguments, expected) in cases {
        let mut command: Command = nas(["draw"]);
        let output = command.args(arguments).current_dir(folder.path()).output().unwrap();
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
        assert!(message.contains(expected) && !message.contains("panicked"), "{arguments:?}: {message}");
    }
    assert!(!folder.path().join("x.svg").exists());
}

#[test]
fn a_grammar_and_a_product_of_spaces_are_checked_drawn_searched_and_exported() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(
        at("grammar.toml"),
        "name = 'tiny'\nversion = '1'\nstart = 'NET'\n[rules]\nNET = ['linear(OP, down, OP)', 'residual(OP, OP, id)']\n\
         OP = ['id', 'linear(conv(3), batch-norm, relu)', 'max-pool(3)']\n",
    )
    .unwrap();
    fs::write(
        at("product.toml"),
        "name = 'cells-with-head'\nfeatures = 16\n[[product]]\nuse = './grammar.toml'\n[[product]]\nuse = 'mlp'\n\
         fix = ['layers=1']\n",
    )
    .unwrap();
    for (space, name) in [("grammar.toml", "tiny"), ("product.toml", "cells-with-head")] {
        let space = at(space);
        let shown = json(&mut nas(["space", "show", &space]));
        assert_eq!(shown["space"]["name"], name);
        succeed(&mut nas(["space", "check", &space, "--input", "1,8,8", "--samples", "6"]));
        let drawn = at(&format!("{name}.svg"));
        json(&mut nas(["draw", &space, "--input", "1,8,8", "--out", &drawn]));
        let study = at(&format!("{name}.study"));
        let mut search = nas(["search", "--space", &space, "--strategy", "regularized-evolution", "--data", "digits"]);
        search.args(["--set", "strategy.population=3", "--set", "strategy.sample=2", "--set", "evaluator.epochs=1"]);
        let found = json(search.args(["--trials", "5", "--set", "evaluator.train_limit=200", "--study", &study]));
        assert_eq!(found["measured"], 5, "{found}");
        json(&mut nas(["export", &study, "--format", "onnx", "--out", &at(&format!("{name}.onnx"))]));
    }
}
