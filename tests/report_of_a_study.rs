//! `nas report` on a single study, and on what stands out in a comparison, with the real binary.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs;
use std::path::Path;

use common::{component, csv_cells, json, nas, refused, succeed};

fn search(study: &Path, arguments: &[&str]) {
    succeed(nas(["search", "--quiet", "--study"]).arg(study).args(arguments));
}

fn report(input: &Path, out: &Path, arguments: &[&str]) -> String {
    succeed(nas(["report"]).arg(input).arg("--out").arg(out).args(arguments));
    fs::read_to_string(out).unwrap()
}

#[test]
fn a_report_on_one_study_is_about_its_trials() {
    let folder = tempfile::tempdir().unwrap();
    let study = folder.path().join("a.study");
    search(&study, &["--strategy", "random-search", "--evaluator", "synthetic", "--data", "nk", "--trials", "30"]);
    let html = report(&study, &folder.path().join("a.html"), &[]);
    for part in ["Study report", "random-search on synthetic", "Decisions", "share of variance", "The best trials"] {
        assert!(html.contains(part), "the report lacks: {part}");
    }
    for part in ["paired seeds", "critical difference", "bootstrap", "Performance profile", "NaN"] {
        assert!(!html.contains(part), "a report on one study has: {part}");
    }
    let shown = json(nas(["show"]).arg(&study));
    let figure = html.split("<figure id=\"trials-").nth(1).unwrap().split("</figure>").next().unwrap();
    assert_eq!(figure.matches("<circle").count() as u64, shown["measured"].as_u64().unwrap(), "every trial is drawn");
    let markdown = report(&study, &folder.path().join("a.md"), &[]);
    assert!(markdown.contains("a-charts/decision-"), "{markdown}");
}

#[test]
fn learning_curves_and_reasons_of_failures_are_in_the_report_of_a_study() {
    let folder = tempfile::tempdir().unwrap();
    let study = folder.path().join("a.study");
    let mlp = ["--space", "mlp", "--strategy", "random-search", "--data", "digits", "--set", "evaluator.epochs=3"];
    search(
        &study,
        &[&mlp[..], &["--set", "evaluator.train_limit=200", "--trials", "6", "--constraint", "params<=6000"]].concat(),
    );
    let html = report(&study, &folder.path().join("a.html"), &[]);
    assert!(html.contains("Learning curves") && html.contains("id=\"learning-curves\""));
    let failed = json(nas(["show"]).arg(&study))["failed"].as_u64().unwrap();
    assert!(failed > 0 && html.contains("why trials failed"), "{failed}");
}

#[test]
fn the_front_of_a_study_has_all_trials_and_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let study = folder.path().join("a.study");
    search(&study, &["--strategy", "nsga2", "--evaluator", "synthetic", "--data", "lotz", "--trials", "60"]);
    let html = report(&study, &folder.path().join("a.html"), &[]);
    let shown = json(nas(["show"]).arg(&study));
    let figure = html.split("<figure id=\"front-").nth(1).unwrap().split("</figure>").next().unwrap();
    assert_eq!(figure.matches("<circle").count() as u64, shown["measured"].as_u64().unwrap());
    for trial in shown["front"].as_array().unwrap() {
        let number = trial["trial"].as_u64().unwrap();
        assert!(figure.contains(&format!(">{number}</text>")), "{number}");
    }
}

#[test]
fn three_objectives_are_drawn_in_pairs() {
    let folder = tempfile::tempdir().unwrap();
    let grid = folder.path().join("grid.toml");
    let text = "seeds = 8\n[budget]\ntrials = 4\n[strategies.random-search]\nuse = 'random-search'\n\
                [strategies.nsga2]\nuse = 'nsga2'\n\
                [problems.digits]\nspace = 'mlp'\nobjectives = ['val_accuracy', 'params', 'depth:minimize']\n\
                [problems.digits.evaluator]\nuse = 'burn'\nepochs = 1\ntrain_limit = 100\n";
    fs::write(&grid, text).unwrap();
    let out = folder.path().join("out");
    json(nas(["bench"]).arg(&grid).arg("--out").arg(&out));
    let html = report(&out, &folder.path().join("a.html"), &[]);
    assert_eq!(html.matches("<figure id=\"digits-front-").count(), 3);
    assert!(html.contains("the joint front of all studies"));
}

/// Seven strategies, of which the best five and random search would be drawn.
#[test]
fn own_and_highlighted_strategies_are_always_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("own.wasm");
    fs::copy(component("strategies", "grid"), &own).unwrap();
    let built_in = "local-search,tpe,genetic,regularized-evolution,gaussian-process,simulated-annealing,mcts";
    let strategies = format!("{built_in},{}", own.display());
    let out = folder.path().join("out");
    let mut bench = nas(["bench", "--problems", "synthetic/additive", "--trials", "40", "--seeds", "8"]);
    json(bench.args(["--strategies", &strategies, "--out"]).arg(&out));
    let mut names: Vec<&str> = built_in.split(',').chain(["grid", "random-search"]).collect();
    names.sort_unstable();
    let place = |name: &str| names.iter().position(|known| *known == name).unwrap();
    let strong = |html: &str, name: &str| {
        let figure = html.split("-value\">").nth(1).unwrap().split("</figure>").next().unwrap();
        figure.contains(&format!("class=\"s{} line\"", place(name)))
    };
    let html = report(&out, &folder.path().join("a.html"), &[]);
    assert!(strong(&html, "grid"), "it is not built in");
    let weak = *names.iter().find(|name| !strong(&html, name)).expect("nine strategies are not all drawn thick");
    let html = report(&out, &folder.path().join("b.html"), &["--highlight", weak]);
    assert!(strong(&html, weak) && strong(&html, "grid"));
    let message =
        refused(nas(["report"]).arg(&out).args(["--highlight", "mctss", "--out"]).arg(folder.path().join("c.html")));
    assert!(message.contains("no strategy 'mctss'") && message.contains("known: "), "{message}");
}

#[test]
fn tables_need_no_parsing() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let mut bench =
        nas(["bench", "--strategies", "tpe", "--problems", "synthetic/nk,synthetic/lotz", "--trials", "20"]);
    json(bench.args(["--seeds", "8", "--out"]).arg(&out));
    let data = folder.path().join("data");
    let latex = report(&out, &folder.path().join("a.tex"), &["--data", data.to_str().unwrap()]);
    assert!(latex.starts_with("\\begin{table}") && latex.contains("random-search & 8 & "), "{latex}");
    let trials = fs::read_to_string(data.join("trials.csv")).unwrap();
    let header: Vec<&str> = trials.lines().next().unwrap().split(',').collect();
    let column = |name: &str| header.iter().position(|known| *known == name).unwrap_or_else(|| panic!("{header:?}"));
    let (text, genotype, value) = (column("architecture"), column("genotype"), column("value"));
    let first = csv_cells(trials.lines().find(|line| line.contains("synthetic/nk")).unwrap());
    assert!(!first[text].is_empty() && !first[genotype].is_empty(), "{first:?}");
    assert!(first[value].parse::<f64>().is_ok(), "{first:?}");
}
