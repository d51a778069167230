//! Zero-cost proxies as metric, objective and constraint of studies.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{json, nas, refused, scratch};

const PROXIES: [&str; 9] = ["synflow", "jacob_cov", "nwot", "snip", "grasp", "fisher", "grad_norm", "l2_norm", "zen"];

fn search(study: &str, rest: &[&str]) -> std::process::Command {
    let mut command = nas(["search", "--space", "nas-bench-201", "--strategy", "random-search", "--data", "digits"]);
    command.args(["--set", "task.channels=4", "--set", "task.cells=1", "--set", "evaluator.epochs=1"]);
    command.args(["--set", "evaluator.train_limit=300", "--trials", "6", "--study", study]).args(rest);
    command
}

fn trials(study: &str) -> Vec<serde_json::Value> {
    json(&mut nas(["show", study, "--trials"]))["trials"].as_array().unwrap().clone()
}

#[test]
fn every_proxy_is_a_metric_that_is_equal_in_two_studies() {
    let (folder, _) = scratch();
    let found = |name: &str| {
        let study = folder.path().join(name).to_str().unwrap().to_owned();
        let meters: Vec<&str> = PROXIES.iter().flat_map(|proxy| ["--meter", proxy]).collect();
        // Proxies do not measure time, so several workers are allowed.
        json(search(&study, &meters).args(["--workers", "2"]));
        trials(&study).iter().map(|trial| PROXIES.map(|proxy| trial["metrics"][proxy].as_f64())).collect::<Vec<_>>()
    };
    let one = found("one.study");
    assert!(one.iter().flatten().all(Option::is_some), "{one:?}");
    assert_eq!(one, found("two.study"));
}

#[test]
fn a_proxy_can_be_an_objective_and_a_constraint() {
    let (folder, study) = scratch();
    let study = study.to_str().unwrap();
    // The direction of a proxy is known, and candidates that violate the constraint are never trained.
    json(&mut search(study, &["--meter", "synflow", "--objective", "synflow", "--constraint", "synflow>=24"]));
    let trials = trials(study);
    let trained = |trial: &serde_json::Value| trial["metrics"]["val_accuracy"].is_number();
    let flow = |trial: &serde_json::Value| trial["metrics"]["synflow"].as_f64().unwrap();
    assert!(trials.iter().any(trained) && !trials.iter().all(trained), "{trials:?}");
    assert!(trials.iter().all(|trial| trained(trial) == (flow(trial) >= 24.0)), "{trials:?}");

    let other = folder.path().join("other.study");
    let message = refused(&mut search(other.to_str().unwrap(), &["--meter", "sinflow"]));
    assert!(message.contains("synflow"), "{message}");
}

#[test]
fn the_guide_describes_every_proxy() {
    let guide = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/guides/zero-cost.md")).unwrap();
    for proxy in PROXIES {
        assert!(guide.contains(&format!("\n| `{proxy}` | ")), "docs/guides/zero-cost.md does not describe {proxy}");
    }
}
