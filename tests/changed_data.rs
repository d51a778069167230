//! Data that have changed since a study was started are noticed when it is continued.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use common::{json, nas, records, refused, scratch, succeed};

/// Writes rows of two linearly separable classes.
fn rows(path: &Path, shift: usize) {
    let row =
        |row: usize| format!("{},{},{}\n", row % 17, (row * 7 + shift) % 23, ["a", "b"][usize::from(row % 17 > 8)]);
    fs::write(path, format!("x,y,class\n{}", (0..200).map(row).collect::<String>())).unwrap();
}

fn search(study: &Path, data: &Path) -> Command {
    let mut command = nas(["search", "--space", "mlp", "--strategy", "random-search", "--trials", "3"]);
    command.args(["--set", "evaluator.epochs=2", "--set", "evaluator.train_limit=60"]);
    command.arg("--data").arg(data).arg("--study").arg(study);
    command
}

#[test]
fn resume_and_train_refuse_data_that_have_changed() {
    let (folder, study) = scratch();
    let (data, out) = (folder.path().join("rows.csv"), folder.path().join("out"));
    let file = study.to_str().unwrap();
    rows(&data, 0);
    succeed(&mut search(&study, &data));
    let before = records(&study);
    let shown = json(&mut nas(["show", file]));
    let known = &shown["study"]["data"];
    assert_eq!((known["source"].as_str(), known["digest"].as_str().unwrap().len()), (data.to_str(), 64));

    rows(&data, 1);
    let train = || nas(["train", file, "--epochs", "2", "--out", out.to_str().unwrap()]);
    for mut command in [nas(["resume", file]), nas(["resume", file, "--warm-start", "--trials", "2"]), train()] {
        let message = refused(&mut command);
        let path = data.to_str().unwrap();
        assert!(message.contains(&format!("data '{path}': they have changed")), "{message}");
        assert!(message.contains("help: bring the data back as they were"), "{message}");
    }
    assert_eq!(records(&study), before);
    // Exporting does not need the data.
    let network = folder.path().join("network.json");
    succeed(nas(["export", file, "--format", "json", "--out"]).arg(&network));

    // Other classes also change the task, but the message is the same.
    let odd = fs::read_to_string(&data).unwrap().replacen(",a\n", ",c\n", 30);
    fs::write(&data, odd).unwrap();
    assert!(refused(&mut nas(["resume", file])).contains("they have changed"));

    // A new file with the same numbers has the same data, and using more of them is not a change.
    rows(&data, 0);
    succeed(&mut nas(["resume", file, "--warm-start", "--trials", "2"]));
    succeed(&mut train());
    succeed(train().args(["--set", "evaluator.train_limit=0"]));
}

#[test]
fn resume_refuses_a_table_that_has_changed() {
    let (folder, study) = scratch();
    let (map, table) = (folder.path().join("map.toml"), folder.path().join("pair.csv"));
    let decisions = "[[decision]]\nname = \"a\"\nchoices = [1, 2]\n[[decision]]\nname = \"b\"\nchoices = [1, 2]\n";
    let layers = "[[layer]]\nop = \"Flatten\"\n[[layer]]\nop = \"Gemm\"\nout_features = \"$a\"\n\
                  [[layer]]\nop = \"Gemm\"\nout_features = \"$b\"\n\
                  [[layer]]\nop = \"Gemm\"\nout_features = \"$outputs\"\n";
    let space = folder.path().join("pair.toml");
    fs::write(&space, format!("name = \"pair\"\nversion = \"1\"\n{decisions}{layers}")).unwrap();
    let text = "name = \"pairs\"\nfile = \"pair.csv\"\nspace = \"pair\"\ndecisions = [\"a\", \"b\"]\n\
                [metric.accuracy]\ngoal = \"maximize\"\n[problem.all]\n\
                task = { input_shape = [4], outputs = 2, kind = \"classification\" }\n[[problem.all.fidelity]]\n\
                metrics = { accuracy = \"accuracy\" }\n";
    fs::write(&map, text).unwrap();
    let numbers = |last: u32| fs::write(&table, format!("a,b,accuracy\n0,0,1\n0,1,2\n1,0,3\n1,1,{last}\n")).unwrap();
    numbers(4);
    let data = format!("{}/all", map.display());
    let mut command = nas(["search", "--strategy", "random-search", "--evaluator", "table", "--data", &data]);
    succeed(command.args(["--trials", "3", "--space"]).arg(&space).arg("--study").arg(&study));

    numbers(5);
    let warm = || nas(["resume", study.to_str().unwrap(), "--warm-start", "--trials", "2"]);
    let message = refused(&mut warm());
    assert!(message.contains("pair.csv': they have changed") && message.contains("help:"), "{message}");
    numbers(4);
    fs::write(&map, text.replace("[metric.accuracy]\n", "[metric.accuracy]\nscale = 100\n")).unwrap();
    assert!(refused(&mut warm()).contains("they have changed"));
    fs::write(&map, format!("# As before.\n{text}")).unwrap();
    succeed(&mut warm());
}
