//! The name of data keeps its meaning: a study always reads the data that it was started with.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use common::{json, nas, refused, scratch, succeed};
use serde_json::Value;

/// Writes idx files of bright and dark images, `side` pixels wide.
fn images(folder: &Path, side: u8) {
    fs::create_dir_all(folder).unwrap();
    for (part, count) in [("train", 60_u8), ("t10k", 20)] {
        let numbers = (0..count).map(|number| number % 2);
        let pixels = numbers.clone().flat_map(|class| vec![200 * class + 10; usize::from(side) * usize::from(side)]);
        let header = [0, 0, 8, 3, 0, 0, 0, count, 0, 0, 0, side, 0, 0, 0, side];
        let file = |what: &str| folder.join(format!("{part}-{what}-ubyte"));
        fs::write(file("images-idx3"), header.into_iter().chain(pixels).collect::<Vec<u8>>()).unwrap();
        let header = [0, 0, 8, 1, 0, 0, 0, count];
        fs::write(file("labels-idx1"), header.into_iter().chain(numbers).collect::<Vec<u8>>()).unwrap();
    }
}

/// A search in this folder, which also gets the study.
fn search(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = nas(["search", "--space", "mlp", "--strategy", "random-search", "--trials", "1"]);
    command.args(["--set", "evaluator.epochs=1", "--study", "a.study"]).args(arguments).current_dir(folder);
    command
}

fn resume(folder: &Path, study: &Path) -> Command {
    let mut command = nas(["resume", study.to_str().unwrap(), "--warm-start", "--trials", "1"]);
    command.current_dir(folder);
    command
}

fn recorded(found: &Value) -> &str {
    found["study"]["evaluator"]["settings"]["data"].as_str().unwrap()
}

#[test]
fn a_bare_word_in_the_current_folder_is_recorded_as_its_path() {
    let (folder, _) = scratch();
    let folder = folder.path().canonicalize().unwrap();
    let begun = folder.join("x");
    images(&begun.join("mine"), 4);
    images(&folder.join("mine"), 5);
    let mine = begun.join("mine");
    for (number, data) in [&["--data", "mine"][..], &["--set", "evaluator.data=mine"]].into_iter().enumerate() {
        let found = json(&mut search(&begun, data));
        assert_eq!(recorded(&found), mine.to_str().unwrap());
        // The other folder has other data with this name.
        let study = begun.join("a.study");
        assert_eq!(recorded(&json(&mut resume(&folder, &study))), mine.to_str().unwrap());
        fs::rename(&study, begun.join(format!("{number}.study"))).unwrap();
    }
    // A folder does not hide the evaluator's own data of the same name.
    images(&begun.join("digits"), 4);
    assert_eq!(recorded(&json(&mut search(&begun, &["--data", "digits"]))), "digits");
    succeed(&mut resume(&begun, &begun.join("a.study")));
}

#[test]
fn data_that_were_found_by_name_are_not_taken_from_the_folder_of_a_resume() {
    let (folder, study) = scratch();
    let (sets, other) = (folder.path().join("sets"), folder.path().join("other"));
    images(&sets.join("mine"), 4);
    images(&other.join("mine"), 4);
    let found = json(search(folder.path(), &["--data", "mine"]).env("NAS_DATA", &sets));
    assert_eq!(recorded(&found), "mine");
    succeed(resume(folder.path(), &study).env("NAS_DATA", &sets));
    let message = refused(resume(&other, &study).env("NAS_DATA", &sets));
    assert!(message.contains("evaluator.data") && message.contains("without a file or folder 'mine'"), "{message}");
}

#[test]
fn data_in_a_study_file_are_relative_to_the_file() {
    let (folder, _) = scratch();
    let folder = folder.path().canonicalize().unwrap();
    let beside = folder.join("s");
    images(&beside.join("mine"), 4);
    images(&beside.join("digits"), 4);
    images(&folder.join("mine"), 5);
    let rows: String = (0..60).map(|row| format!("{},{}\n", row % 7, ["a", "b"][row % 2])).collect();
    fs::write(beside.join("rows.csv"), format!("x,class\n{rows}")).unwrap();
    let place = |name: &str| beside.join(name).to_str().unwrap().to_owned();
    let path = beside.join("study.toml");
    let file = path.to_str().unwrap();
    let begin = |table: &str, data: &str, flags: &[&str]| {
        let head = if table.is_empty() { format!("data = '{data}'\n") } else { String::new() };
        let text = format!("{head}[evaluator]\nuse = 'burn'\n");
        let tail = if table.is_empty() { String::new() } else { format!("data = '{data}'\n") };
        fs::write(&path, text + &tail).unwrap();
        let _ = fs::remove_file(folder.join("a.study"));
        let found = json(search(&folder, flags).arg(file));
        recorded(&found).to_owned()
    };
    for table in ["", "evaluator"] {
        assert_eq!(begin(table, "mine", &[]), place("mine"));
        assert_eq!(begin(table, "./rows.csv", &[]), beside.join("./rows.csv").to_str().unwrap().replace("/./", "/"));
        assert_eq!(begin(table, "digits", &[]), "digits");
        // Data in a flag are relative to the current folder.
        assert_eq!(begin(table, "digits", &["--data", "mine"]), folder.join("mine").to_str().unwrap());
    }
}
