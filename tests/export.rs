//! `nas export`: trained networks keep their accuracy, files can be searched as spaces, invalid input is refused.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
#[path = "../nas-export/tests/common/python.rs"]
mod python;

use std::fs;
use std::path::Path;
use std::process::Command;

use common::{json, nas, scratch, succeed};
use nas_api::rng::{RngExt, seeded};

/// Writes noisy images of a bright square in one of four corners, as idx files. Most of them are easy to classify.
fn corners(folder: &Path) {
    let mut rng = seeded(9);
    for (part, count) in [("train", 600_u32), ("t10k", 400)] {
        let (mut images, mut labels) = (Vec::new(), Vec::new());
        for size in [0x0803, count, 8, 8] {
            images.extend(size.to_be_bytes());
        }
        for size in [0x0801, count] {
            labels.extend(size.to_be_bytes());
        }
        for _ in 0..count {
            let label = rng.random_range(0..4_u32);
            labels.push(label as u8);
            for pixel in 0..64_u32 {
                let (row, column) = (pixel / 8, pixel % 8);
                let bright = (row < 4) == (label < 2) && (column < 4) == (label % 2 == 0);
                let noise = rng.random_range(0..200_u32);
                images.push((noise + if bright { 25 } else { 0 }) as u8);
            }
        }
        fs::write(folder.join(format!("{part}-images-idx3-ubyte")), images).unwrap();
        fs::write(folder.join(format!("{part}-labels-idx1-ubyte")), labels).unwrap();
    }
}

#[test]
fn a_trained_network_keeps_its_accuracy() {
    let (folder, study) = scratch();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let data = folder.path().to_str().unwrap();
    corners(folder.path());
    let file = study.to_str().unwrap();
    json(
        nas(["search", "--space", "nas-bench-201", "--strategy", "random-search", "--data", data, "--trials", "3"])
            .args(["--set", "evaluator.epochs=2", "--set", "task.channels=4", "--set", "task.cells=1"])
            .args(["--study", file]),
    );
    let trained = json(&mut nas(["train", file, "--epochs", "3", "--out", &at("trained")]));
    let expected = trained["metrics"]["test_accuracy"].as_f64().unwrap();
    assert!(
        expected > 0.3 && expected < 1.0,
        "between chance and certainty, so that a difference would show: {expected}"
    );

    let export = |format: &str, out: &str| {
        json(&mut nas(["export", file, "--weights", &at("trained"), "--format", format, "--out", &at(out)]))
    };
    assert_eq!(export("onnx", "net.onnx")["text"], trained["text"]);
    let module = export("pytorch", "net.py");
    assert_eq!(module["files"].as_array().unwrap().len(), 2);
    assert!(fs::read_to_string(at("net.py")).unwrap().contains("class Network(nn.Module):"));
    export("safetensors", "net.weights");
    export("json", "net.json");
    let graph: serde_json::Value = serde_json::from_slice(&fs::read(at("net.json")).unwrap()).unwrap();
    assert_eq!(graph["counts"]["params"].as_f64(), trained["metrics"]["params"].as_f64());
    export("dot", "net.dot");
    assert!(fs::read_to_string(at("net.dot")).unwrap().starts_with("digraph network {"));

    if let Some(python) = python::python(&common::target()) {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/nas-export/tests/accuracy.py");
        let (images, labels) = (at("t10k-images-idx3-ubyte"), at("t10k-labels-idx1-ubyte"));
        let found = succeed(Command::new(python).args([script, &at("net.onnx"), &images, &labels]));
        let found: f64 = found.trim().parse().unwrap();
        assert!((found - expected).abs() < 1e-9, "{found} in onnxruntime, {expected} here");
    }

    // The file is a space with one architecture, which is trained like any other.
    let again = at("again.study");
    let imported = json(
        nas(["search", "--space", &at("net.onnx"), "--strategy", "random-search", "--data", data, "--trials", "1"])
            .args(["--set", "evaluator.epochs=2", "--study", &again]),
    );
    assert_eq!(imported["measured"].as_u64(), Some(1), "{imported}");
    for metric in ["params", "macs", "flops", "depth"] {
        assert_eq!(imported["best"]["metrics"][metric], trained["metrics"][metric], "{metric}");
    }
    // The file defines its own task, so that no flags are needed.
    let sampled = json(&mut nas(["space", "sample", &at("net.onnx")]));
    assert_eq!(sampled["samples"][0]["metrics"]["params"].as_f64(), trained["metrics"]["params"].as_f64());
    json(&mut nas(["draw", &at("net.onnx"), "--out", &at("net.svg")]));
    assert!(fs::read_to_string(at("net.svg")).unwrap().starts_with("<svg"));
    // The weights fit the imported network, too.
    succeed(&mut nas([
        "export",
        &at("net.onnx"),
        "--weights",
        &at("trained"),
        "--format",
        "onnx",
        "--out",
        &at("b.onnx"),
    ]));
    succeed(&mut nas(["export", &again, "--trial", "0", "--format", "dot", "--out", &at("b.dot")]));
}

fn refused(arguments: &[&str], words: &[&str]) {
    let output = nas(arguments).output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}\n{message}");
    assert_eq!(message.matches("error:").count(), 1, "one error: {message}");
    for word in words {
        assert!(message.contains(word), "'{word}' is missing in: {message}");
    }
}

#[test]
fn invalid_input_is_refused_and_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let out = at("net.onnx");
    let mlp = "layers=1,width1=32,activation1=relu";
    let to = ["--format", "onnx", "--out", &out];
    let export = |rest: &[&str], words: &[&str]| refused(&[&["export"], rest, &to].concat(), words);
    export(&["mlp"], &["--text: a space has many architectures", "nas space sample mlp"]);
    export(&["mpl", "--text", mlp], &["mpl", "did you mean 'mlp'?"]);
    export(&["mlp", "--text", "layers=9"], &["--text 'layers=9'"]);
    export(&["mlp", "--text", mlp, "--input", "3x0"], &["--input 3x0"]);
    export(&["mlp", "--text", mlp, "--weights", &at("none")], &["--weights", "none"]);
    export(&["none.study"], &["none.study"]);
    let module = ["export", "mlp", "--text", mlp, "--format", "pytorch", "--out", "net.safetensors"];
    refused(&module, &["--out net.safetensors", "net.py"]);
    fs::write(at("bad.onnx"), b"not a network").unwrap();
    export(&[&at("bad.onnx")], &["bad.onnx", "not an ONNX file"]);
    fs::write(at("weights"), b"not weights").unwrap();
    export(&["mlp", "--text", mlp, "--weights", &at("weights")], &["safetensors"]);
    assert!(!Path::new(&out).exists());

    let other = "layers=1,width1=64,activation1=relu";
    let weights = at("small.safetensors");
    succeed(&mut nas(["export", "mlp", "--text", mlp, "--format", "safetensors", "--out", &weights]));
    export(&["mlp", "--text", other, "--weights", &weights], &["has the shape", "help: name the trial or text"]);
    // Equal seeds give equal files.
    for name in ["a.onnx", "b.onnx"] {
        succeed(&mut nas(["export", "mlp", "--text", mlp, "--seed", "4", "--format", "onnx", "--out", &at(name)]));
    }
    assert_eq!(fs::read(at("a.onnx")).unwrap(), fs::read(at("b.onnx")).unwrap());
}
