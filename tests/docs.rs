//! The documentation matches the program: links work, examples run, and pages name every parameter.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{component, json, nas, scratch, succeed};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(root().join(&path)).unwrap_or_else(|error| panic!("{}: {error}", path.as_ref().display()))
}

fn documents(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            documents(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
}

#[test]
fn links_to_files_exist() {
    let pages = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "nas-data/data/README.md"];
    let mut all: Vec<PathBuf> = pages.iter().map(|page| root().join(page)).collect();
    documents(&root().join("docs"), &mut all);
    let mut links = 0;
    for document in all {
        let text = fs::read_to_string(&document).unwrap();
        for link in text.split("](").skip(1) {
            let target = link.split([')', '#']).next().unwrap();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            let path = document.parent().unwrap().join(target);
            assert!(path.exists(), "{} links to {target}, which is not there", document.display());
            links += 1;
        }
    }
    assert!(links > 20, "{links}");
}

/// The tables of the pages for contributors list files, which exist unless their path contains NAME.
#[test]
fn files_in_the_pages_for_contributors_exist() {
    let mut pages = Vec::new();
    documents(&root().join("docs/contributing"), &mut pages);
    let mut files = 0;
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        for row in text.lines().filter(|line| line.starts_with("| `")) {
            let cell = row.split(" | ").next().unwrap();
            let words = cell.split('`').skip(1).step_by(2);
            for file in words.filter(|word| word.contains('/') && !word.contains("NAME")) {
                assert!(root().join(file).exists(), "{} names {file}, which is not there", page.display());
                files += 1;
            }
        }
    }
    assert!(files > 30, "{files}");
}

#[test]
fn the_example_of_the_guide_to_study_files_runs() {
    let example = read("docs/examples/study.toml");
    assert!(read("docs/guides/study-file.md").contains(&example), "docs/guides/study-file.md shows another study.toml");
    let (_folder, study) = scratch();
    let file = root().join("docs/examples/study.toml");
    let (file, study) = (file.to_str().unwrap(), study.to_str().unwrap());
    let found = json(&mut nas(["search", file, "--trials", "3", "--study", study]));
    assert_eq!(found["study"]["strategy"]["settings"]["population"], 15.0);
    assert_eq!(found["study"]["budget"]["seconds"], 600.0);
    assert_eq!(found["study"]["budget"]["trials"], 3);
}

#[test]
fn pages_name_every_parameter() {
    let strategies = nas_strategies::names();
    let pages = strategies.into_iter().map(|name| (name.clone(), format!("docs/strategies/{name}.md")));
    let cost = (component("evaluators", "cost"), "docs/evaluators/cost.md".to_owned());
    let evaluators = ["burn", "synthetic", "table"].map(|name| (name.to_owned(), format!("docs/evaluators/{name}.md")));
    for (plugin, page) in pages.into_iter().chain(evaluators).chain([cost]) {
        let text = read(&page);
        let described = json(&mut nas(["plugin", "inspect", &plugin]));
        // A space can have an evaluator's name.
        let found = described["plugins"].as_array().unwrap();
        let plugin_of_page = found.iter().find(|found| found["plugin"]["kind"] != "space").unwrap();
        let parameters = plugin_of_page["parameters"].as_array().unwrap();
        assert!(!parameters.is_empty());
        for parameter in parameters {
            let name = parameter["name"].as_str().unwrap();
            assert!(text.contains(&format!("`{name}`")), "{page} does not name the parameter {name} of {plugin}");
        }
    }
}

#[test]
fn the_guide_to_spaces_describes_the_built_in_ones() {
    let text = read("docs/spaces.md");
    for space in ["mlp", "nas-bench-101", "nas-bench-201"] {
        let shown = json(&mut nas(["space", "show", space]));
        for decision in shown["space"]["decisions"].as_array().unwrap() {
            let name = decision["name"].as_str().unwrap();
            assert!(text.contains(&format!("`{name}`")), "docs/spaces.md does not name {name} of {space}");
        }
    }
    for space in ["conv-1d", "decoder-lm", "residual-mlp", "vision-transformer"] {
        let page = read(format!("docs/spaces/{space}.md"));
        let shown = json(&mut nas(["space", "show", space]));
        for decision in shown["space"]["decisions"].as_array().unwrap() {
            // The decisions of layers end in the number of the layer.
            let name = decision["name"].as_str().unwrap().trim_end_matches(|digit: char| digit.is_ascii_digit());
            assert!(page.contains(&format!("`{name}`")), "docs/spaces/{space}.md does not name {name}");
        }
        for parameter in shown["task_parameters"].as_array().unwrap() {
            let name = parameter["name"].as_str().unwrap();
            assert!(page.contains(&format!("`{name}`")), "docs/spaces/{space}.md does not name {name}");
        }
    }
    let tiny = root().join("docs/examples/tiny-cnn.toml");
    let shown = succeed(&mut nas(["space", "sample", tiny.to_str().unwrap(), "--count", "3"]));
    assert!(shown.contains("params"), "{shown}");
}

/// The words in the glossary's third column, each with its replacement from the first.
fn banned_words() -> Vec<(String, String)> {
    let page = read("docs/architecture.md");
    let glossary = page.split("## Glossary").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows = glossary.lines().filter(|line| line.starts_with('|')).skip(2);
    let cells = |row: &str| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let banned = rows.map(cells).flat_map(|cells| {
        let word = cells[0].clone();
        let not = cells[2].split(',').map(|not| not.trim().to_owned()).collect::<Vec<_>>();
        not.into_iter().filter(|not| !not.is_empty()).map(move |not| (word.clone(), not))
    });
    banned.collect()
}

/// The pages, the contract, and the sources of `--help`.
fn texts_for_people() -> Vec<(String, String)> {
    let mut pages = vec![root().join("README.md")];
    documents(&root().join("docs"), &mut pages);
    pages.extend(fs::read_dir(root().join("wit/0.1")).unwrap().map(|entry| entry.unwrap().path()));
    pages.extend(fs::read_dir(root().join("src/args")).unwrap().map(|entry| entry.unwrap().path()));
    let read = |path: PathBuf| (path.display().to_string(), fs::read_to_string(&path).unwrap());
    let without_glossary = |(path, text): (String, String)| match text.split_once("## Glossary") {
        Some((before, after)) => (path, format!("{before}{}", after.split_once("\n## ").unwrap().1)),
        None => (path, text),
    };
    pages.into_iter().map(read).map(without_glossary).collect()
}

/// Pages, the contract and help texts use no synonym that the glossary replaces.
#[test]
fn texts_keep_to_the_glossary() {
    let banned = banned_words();
    assert!(banned.len() >= 5, "{banned:?}");
    for (path, text) in texts_for_people() {
        let text = text.to_lowercase();
        for (word, not) in &banned {
            assert!(!text.contains(not.as_str()), "{path} says '{not}'; the glossary's word is '{word}'");
        }
    }
}

/// Phrases that a native speaker would not write are not in pages, the contract or help texts.
#[test]
fn texts_are_plain_english() {
    for (path, text) in texts_for_people() {
        for (number, line) in (1..).zip(text.lines()) {
            let plain = line.trim_start().trim_start_matches("///").trim_start_matches("//!").trim_start();
            let lower = plain.to_lowercase();
            for odd in ["so many", "so much", "as long as it likes", "what is asked of"] {
                assert!(!lower.contains(odd), "{path}:{number}: say '{odd}' another way: {plain}");
            }
            let fragment = line.trim_start().starts_with("//") && plain.starts_with("Of ");
            assert!(!fragment, "{path}:{number}: a fragment that begins with 'Of': {plain}");
        }
    }
}
