//! Builds share their crates. cargo compiles a crate once for each set of its features, and everything above it with it;
//! where the demo or the libraries had fewer features of one than the tests, burn, wasmtime or the program itself would
//! be compiled twice.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// The crates of one build, each with its features.
fn crates(selection: &[&str], edges: &str) -> BTreeSet<String> {
    let mut tree = Command::new(env!("CARGO"));
    tree.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap());
    tree.args(["tree", "--locked", "--offline", "--prefix", "none", "--format", "{p} [{f}]", "--edges", edges]);
    let output = tree.args(selection).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    // A star follows what was listed before.
    text.lines().map(|line| line.trim_end_matches(" (*)").to_owned()).collect()
}

#[test]
fn no_build_wants_a_crate_with_features_of_its_own() {
    let tests = crates(&["--workspace"], "normal,build,dev");
    let builds: [&[&str]; 3] = [
        &["--package", "nas"],
        &["--package", "nas", "--package", "evaluator-cost", "--package", "fixture-unruly"],
        &["--package", "xtask"],
    ];
    for selection in builds {
        let own: Vec<String> = crates(selection, "normal,build").difference(&tests).cloned().collect();
        assert_eq!(
            own,
            Vec::<String>::new(),
            "`cargo build {}` compiles these once more for their features; see docs/benchmarks/build.md",
            selection.join(" ")
        );
    }
    assert!(tests.iter().any(|name| name.starts_with("wasmtime ")), "{tests:?}");
}
