//! `nas report` with the real binary: what a report contains, and input that is refused.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use common::{csv_cells, json, nas, succeed};

/// A benchmark of three problems, one with two objectives, which one strategy cannot serve.
fn bench(out: &Path) -> std::process::Command {
    let mut command = nas(["bench", "--strategies", "nsga2,regularized-evolution", "--trials", "60", "--seeds", "12"]);
    command.args(["--problems", "synthetic/additive,synthetic/noisy,synthetic/lotz", "--out"]).arg(out);
    command
}

#[test]
fn an_html_report_is_complete_and_needs_no_other_file() {
    let folder = tempfile::tempdir().unwrap();
    let (out, html) = (folder.path().join("out"), folder.path().join("report.html"));
    json(&mut bench(&out));
    let written = json(nas(["report", out.to_str().unwrap(), "--out"]).arg(&html));
    assert_eq!((written["problems"].as_u64(), written["strategies"].as_array().unwrap().len()), (Some(3), 3));
    let text = fs::read_to_string(&html).unwrap();
    // Except for the name of the SVG namespace, the file refers to nothing outside.
    let elsewhere = text.replace("http://www.w3.org/2000/svg", "");
    for link in ["http:", "https:", "src=", "@import", "url("] {
        assert!(!elsewhere.contains(link), "{link} is in the report");
    }
    for part in [
        "synthetic/lotz",
        "hypervolume",
        "IGD+",
        "Performance profile",
        "critical difference",
        "it serves one objective, but the study has 2",
        "JMLR 21(243)",
        "Add problems of a tabular benchmark",
        "test_value",
    ] {
        assert!(text.contains(part), "the report lacks: {part}");
    }
    assert!(!text.contains("NaN"), "a number is missing");
    // Every strategy has its class in every chart of curves.
    assert!(["s0", "s1", "s2"].iter().all(|class| text.contains(&format!("class=\"{class} line\""))));
}

#[test]
fn a_markdown_report_has_its_pictures_in_files_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let (out, file) = (folder.path().join("out"), folder.path().join("report.md"));
    json(&mut bench(&out));
    let written = succeed(nas(["report", out.to_str().unwrap(), "--out"]).arg(&file));
    let text = fs::read_to_string(&file).unwrap();
    let pictures: Vec<&str> = text.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    assert!(pictures.len() > 8, "{pictures:?}");
    for picture in pictures {
        let svg = fs::read_to_string(folder.path().join(picture)).unwrap();
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{picture}");
        let png = picture.replace(".svg", ".png");
        assert!(fs::read(folder.path().join(&png)).unwrap().starts_with(b"\x89PNG"), "{png}");
        assert!(written.contains(picture) && written.contains(&png), "{picture} is not listed");
    }
    // Every row of a table has as many cells as its header.
    let cells = |line: &str| line.replace("\\|", "").matches('|').count();
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with('|')).collect();
    assert!(rows.len() > 30);
    for block in text.split("\n\n").filter(|block| block.starts_with('|')) {
        assert!(block.lines().all(|line| cells(line) == cells(block.lines().next().unwrap())), "{block}");
    }
}

/// Only the real times may differ.
#[test]
fn a_benchmark_that_was_killed_and_continued_has_the_same_report() {
    let folder = tempfile::tempdir().unwrap();
    let data = |name: &str| {
        let (out, data) = (folder.path().join(name), folder.path().join(format!("{name}-data")));
        json(&mut bench(&out));
        let report = folder.path().join(format!("{name}.html"));
        succeed(nas(["report", out.to_str().unwrap(), "--out"]).arg(&report).arg("--data").arg(&data));
        let mut tables = Vec::new();
        for table in ["finals", "curves", "comparisons", "trials"] {
            assert!(data.join(format!("{table}.parquet")).metadata().unwrap().len() > 100);
            let text = fs::read_to_string(data.join(format!("{table}.csv"))).unwrap();
            assert!(text.lines().count() > 3, "{table} is empty");
            let header: Vec<&str> = text.lines().next().unwrap().split(',').collect();
            let measured = |at: &usize| ["ask_seconds", "tell_seconds"].contains(&header[*at]);
            let kept = |line: &str| -> Vec<String> {
                csv_cells(line).into_iter().enumerate().filter(|(at, _)| !measured(at)).map(|(_, cell)| cell).collect()
            };
            tables.push(text.lines().map(kept).collect::<Vec<_>>());
        }
        let page = fs::read_to_string(report).unwrap();
        let parts = page.split("<details class=\"table\"><summary>Times");
        let parts: Vec<String> = parts
            .enumerate()
            .map(|(at, part)| part[if at == 0 { 0 } else { part.find("</details>").unwrap() }..].to_owned())
            .collect();
        assert_eq!(parts.len(), 4, "each problem has its times");
        (tables, parts)
    };
    let whole = data("whole");
    for moment in 1..6 {
        let mut command = bench(&folder.path().join("killed"));
        let mut running = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(12 * moment));
        running.kill().unwrap();
        running.wait().unwrap();
    }
    assert_eq!(data("killed"), whole);
}

#[test]
fn a_report_is_made_from_studies() {
    let folder = tempfile::tempdir().unwrap();
    let mut report = nas(["report"]);
    for strategy in ["random-search", "tpe"] {
        for seed in ["1", "2", "3"] {
            let file = folder.path().join(format!("{strategy}-{seed}.study"));
            let mut search = nas(["search", "--strategy", strategy, "--evaluator", "synthetic", "--data", "nk"]);
            succeed(search.args(["--trials", "25", "--seed", seed, "--quiet", "--study"]).arg(&file));
            report.arg(&file);
        }
    }
    let html = folder.path().join("studies.html");
    let written = json(report.arg("--out").arg(&html));
    assert_eq!(written["strategies"].as_array().unwrap().len(), 2);
    assert!(fs::read_to_string(&html).unwrap().contains("synthetic/nk"));
}

#[test]
fn a_report_draws_the_best_network() {
    let folder = tempfile::tempdir().unwrap();
    let mut studies = Vec::new();
    for seed in ["1", "2"] {
        let study = folder.path().join(format!("{seed}.study"));
        let mut search = nas(["search", "--space", "mlp", "--strategy", "random-search", "--data", "digits"]);
        succeed(search.args(["--trials", "3", "--seed", seed, "--quiet", "--study"]).arg(&study));
        studies.push(study);
    }
    let best = |study: &std::path::PathBuf| {
        let shown = json(nas(["show"]).arg(study).arg("--trials"));
        let trials = shown["trials"].as_array().unwrap().clone();
        let accuracy = |trial: &serde_json::Value| trial["metrics"]["val_accuracy"].as_f64().unwrap();
        let best = trials.into_iter().max_by(|a, b| accuracy(a).total_cmp(&accuracy(b))).unwrap();
        (accuracy(&best), best["text"].as_str().unwrap().to_owned())
    };
    let (_, text) = studies.iter().map(best).max_by(|a, b| a.0.total_cmp(&b.0)).unwrap();
    for ending in ["html", "md"] {
        let out = folder.path().join(format!("report.{ending}"));
        succeed(nas(["report"]).args(&studies).arg("--out").arg(&out));
    }
    let html = fs::read_to_string(folder.path().join("report.html")).unwrap();
    assert!(html.contains(&format!(">{text}</text>")), "{text}");
    assert!(html.contains("The best architecture that was found, by random-search with seed"));
    let picture = fs::read_to_string(folder.path().join("report-charts/mlp-burn-digits-network.svg")).unwrap();
    assert!(picture.contains(&format!(">{text}</text>")));
}

#[test]
fn invalid_input_and_output_of_a_report_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    fs::write(folder.path().join("text.study"), "no study").unwrap();
    let html = folder.path().join("x.html");
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    for (input, out, expected) in [
        (path("nowhere"), html.clone(), "is not there"),
        (path("empty"), html.clone(), "holds no benchmark"),
        (path("text.study"), html.clone(), "text.study"),
    ] {
        let refused = nas(["report", &input, "--out"]).arg(&out).output().unwrap();
        let message = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(2), "{message}");
        assert!(message.contains(expected) && message.contains("help:"), "{message}");
    }
    let out = folder.path().join("out");
    json(&mut bench(&out));
    for (file, expected) in
        [("report.pdf", "ends in .html, .md or .tex"), ("text.study/report.html", "cannot be written")]
    {
        let refused = nas(["report", out.to_str().unwrap(), "--out"]).arg(folder.path().join(file)).output().unwrap();
        let message = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(2), "{message}");
        assert!(message.contains(expected), "{message}");
    }
}
