//! Devices on which networks are trained: their names, missing ones, and those that a library adds.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

use common::{json, nas, records, refused, scratch, succeed, target};

/// A study on the digits that takes a second; tests may add another evaluator.
fn search(study: &Path) -> Command {
    let mut command = nas(["search", "--space", "mlp", "--strategy", "random-search", "--trials", "3", "--seed", "7"]);
    command.args(["--set", "evaluator.train_limit=200", "--set", "evaluator.epochs=2", "--study"]).arg(study);
    command
}

fn library(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{}{name}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX))
}

/// The evaluator `burn` as a library for the CPU.
fn burn() -> PathBuf {
    let path = library(&target().join("release/examples"), "nas_burn");
    let remedy = "run `cargo build --release --package nas-evaluator-burn --example nas_burn`";
    assert!(path.is_file(), "the library has not been built: {remedy}");
    path
}

/// The library for CUDA, if it has been built: that takes too long for the tests alone.
fn burn_cuda() -> Option<PathBuf> {
    let path = library(&target().join("cuda/evaluators"), "nas_burn_cuda");
    if !path.is_file() {
        eprintln!("skipped: `cargo xtask cuda` has not built the CUDA library");
        return None;
    }
    Some(path)
}

/// The records of a study without the lines of its header that name the evaluator's file and the device.
fn records_without_device(study: &Path) -> String {
    let records = records(study);
    let named = |line: &&str| !line.starts_with("evaluator ") && !line.starts_with("  device = ");
    records.lines().filter(named).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_library_measures_what_the_built_in_evaluator_does() {
    let (folder, built_in) = scratch();
    succeed(&mut search(&built_in));
    let expected = records_without_device(&built_in);
    // Metrics of learning curves are indented more.
    assert_eq!(expected.matches("\n  val_accuracy = ").count(), 3, "{expected}");
    let shown = succeed(nas(["plugin", "inspect"]).arg(burn()));
    assert!(shown.contains("evaluator 'burn'") && shown.contains("device"), "{shown}");
    for (at, isolation) in ["process", "none"].into_iter().enumerate() {
        let study = folder.path().join(format!("{at}.study"));
        succeed(search(&study).arg("--evaluator").arg(burn()).args(["--isolation", isolation, "--device", "cpu"]));
        assert_eq!(records_without_device(&study), expected, "--isolation {isolation}");
    }
}

#[test]
fn the_built_in_evaluator_refuses_a_gpu_and_names_the_cuda_library() {
    let (_folder, study) = scratch();
    let message = refused(search(&study).args(["--device", "cuda:0"]));
    assert!(message.contains("'device' is cuda:0") && message.contains("cargo xtask cuda"), "{message}");
    let message = refused(search(&study).args(["--device", "tpu"]));
    assert!(message.contains("'device' must be cpu or cuda:0 (cuda:1, ...), but is \"tpu\""), "{message}");
    let message = refused(search(&study).args(["--device", "cpu", "--set", "evaluator.device=cuda:0"]));
    assert!(
        message.contains("device: is given twice, here and as evaluator.device")
            && message.contains("leave one of them out"),
        "{message}"
    );
    let message = refused(search(&study).args(["--evaluator", "synthetic", "--device", "cpu"]));
    assert!(message.contains("device"), "{message}");
    assert!(!study.exists());
}

#[test]
fn the_cuda_library_is_listed_and_reports_a_missing_gpu() {
    let Some(library) = burn_cuda() else { return };
    let shown = json(nas(["plugin", "inspect"]).arg(&library));
    assert_eq!(shown["plugins"][0]["plugin"]["name"], "burn-cuda");
    let (folder, study) = scratch();
    let stem = library.file_stem().unwrap().to_str().unwrap();
    let plugins = library.parent().unwrap().parent().unwrap();
    // It is found by its name, and CUDA_VISIBLE_DEVICES hides the GPUs that this machine may have.
    for isolation in ["process", "none"] {
        let mut command = search(&study);
        command.env("CUDA_VISIBLE_DEVICES", "").arg("--plugin-path").arg(plugins);
        let message = refused(command.args(["--evaluator", stem, "--isolation", isolation]));
        assert!(message.contains("'device' is cuda:0, but ") && message.contains("--device cpu"), "{message}");
    }
    assert!(!study.exists());

    // It is the same crate, so it gives the same bits on the same device.
    succeed(search(&study).arg("--evaluator").arg(&library).args(["--device", "cpu"]));
    let built_in = folder.path().join("built-in.study");
    succeed(&mut search(&built_in));
    assert_eq!(records_without_device(&study), records_without_device(&built_in));
}

/// The lines with measured metrics, without the times.
fn measured(study: &Path) -> Vec<String> {
    let records = records(study);
    let metrics = records.lines().filter(|line| line.contains("val_") || line.contains("train_loss"));
    metrics.map(str::to_owned).collect()
}

#[test]
fn mixed_precision_changes_results_and_is_kept_by_final_training() {
    let (folder, wide) = scratch();
    succeed(&mut search(&wide));
    for precision in ["bf16", "f16"] {
        let studies = ["1", "2"].map(|workers| {
            let study = folder.path().join(format!("{precision}-{workers}.study"));
            let set = format!("evaluator.precision={precision}");
            succeed(search(&study).args(["--set", &set, "--workers", workers]));
            study
        });
        let [alone, together] = studies.each_ref().map(|study| measured(study));
        assert!(!alone.is_empty() && alone == together, "{precision}: the number of workers changes no bit");
        assert_ne!(alone, measured(&wide), "{precision}");
        let out = folder.path().join(precision);
        succeed(nas(["train"]).arg(&studies[0]).arg("--out").arg(&out).args(["--epochs", "2"]));
        let told = std::fs::read_to_string(out.join("metrics.json")).unwrap();
        assert!(told.contains(&format!("\"precision\": \"{precision}\"")), "{told}");
        let weights = std::fs::read(out.join("weights.safetensors")).unwrap();
        let header = String::from_utf8_lossy(&weights[8..weights.len().min(4096)]).into_owned();
        assert!(header.contains("\"F32\"") && !header.contains("F16\""), "weights are saved in 32 bits");
    }
    let message = refused(search(&folder.path().join("f8.study")).args(["--set", "evaluator.precision=f8"]));
    assert!(message.contains("precision") && message.contains("f32") && message.contains("f8"), "{message}");
}

/// Runs the script of docs/gpu-checks.md and returns the checks with their results; `None` if there is no Python.
fn checks(library: &Path, only: &str, out: &Path) -> Option<Vec<(String, String)>> {
    let python = std::env::var_os("PYTHON").unwrap_or_else(|| "python3".into());
    let mut command = Command::new(python);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/gpu_checks.py");
    command.arg(script).args(["--nas", env!("CARGO_BIN_EXE_nas"), "--only", only, "--library"]).arg(library);
    command.arg("--out").arg(out);
    if Command::new(command.get_program()).arg("--version").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "python3 must be there in CI");
        eprintln!("skipped: there is no python3");
        return None;
    }
    succeed(&mut command);
    let table = std::fs::read_to_string(out).unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| ")).skip(1);
    let cells = |row: &str| row.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    Some(rows.map(cells).map(|cells| (cells[1].clone(), format!("{} {}", cells[2], cells[3]))).collect())
}

#[test]
fn checks_that_need_a_gpu_are_skipped_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let Some(rows) = checks(&folder.path().join("none.so"), "", &folder.path().join("all.md")) else { return };
    assert_eq!(rows.len(), 19, "{rows:?}");
    for (name, result) in &rows {
        if name == "the built-in evaluator refuses a GPU" {
            assert!(result.starts_with("PASS") && result.contains("cargo xtask cuda"), "{result}");
        } else {
            assert!(result.starts_with("SKIPPED no "), "{name}: {result}");
        }
    }
}

#[test]
fn the_check_for_a_missing_gpu_runs_without_a_gpu() {
    let Some(library) = burn_cuda() else { return };
    let folder = tempfile::tempdir().unwrap();
    let Some(rows) = checks(&library, "missing GPU", &folder.path().join("one.md")) else { return };
    assert!(matches!(&rows[..], [(_, result)] if result.starts_with("PASS 'device' is cuda:0, but")), "{rows:?}");
}
