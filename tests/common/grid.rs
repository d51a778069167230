//! Benchmarks for the tests: a grid on a small table, its results, and refused commands.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::{json, nas};

/// Writes a table of 27 architectures whose best is known, its space, and a grid that uses both.
pub fn write_grid(folder: &Path, strategies: &str) {
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
         [strategies.climb]\nuse = \"local-search\"\n{strategies}\n\
         [problems.cube]\nspace = \"./cube.toml\"\nevaluator = \"table\"\ndata = \"map.toml/all\"\n"
    );
    fs::write(folder.join("grid.toml"), grid).unwrap();
}

/// `nas bench` with the grid of this folder.
pub fn bench(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = nas(["bench", folder.join("grid.toml").to_str().unwrap()]);
    command.args(["--out", folder.join("out").to_str().unwrap()]).args(arguments);
    command
}

/// The results without the real times, in which equal runs differ.
pub fn without_times(command: &mut Command) -> Value {
    let mut results = json(command);
    assert!(results.as_object_mut().unwrap().remove("times").is_some());
    results
}

/// The first row of a strategy in the results.
pub fn row<'r>(results: &'r Value, strategy: &str) -> &'r Value {
    let rows = results["results"].as_array().unwrap();
    rows.iter().find(|row| row["strategy"] == strategy).unwrap_or_else(|| panic!("{results:#}"))
}

/// The message of a command that must be refused as invalid input.
pub fn refusal(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{command:?}: {message}");
    message
}
