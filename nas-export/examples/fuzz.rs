//! Imports damaged files until the time is over. A panic, a long import or high memory use ends it early.
//!
//!     cargo run --release -p nas-export --example fuzz -- --seconds 3600 [--seed N]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../nas-spaces/examples/fuzzing/mod.rs"]
mod fuzzing;
#[path = "../tests/common/mutate.rs"]
mod mutate;
#[allow(dead_code)]
#[path = "../tests/common/zoo.rs"]
mod zoo;

use std::time::{Duration, Instant};

use fuzzing::{LONG, MEMORY, arguments, peak};
use nas_api::rng::seeded;
use nas_api::{Settings, Task};
use nas_export::{About, Model, Weights, import_bytes, onnx};

fn main() {
    let (seconds, seed) = arguments();
    let files: Vec<Vec<u8>> = zoo::all()
        .iter()
        .map(|case| {
            let task = Task {
                input_shape: case.input.clone(),
                outputs: 1,
                kind: "classification".into(),
                settings: Settings::default(),
            };
            onnx::bytes(&Model::new(&case.graph, &task, About::default()).unwrap(), &Weights::Fresh(0)).unwrap()
        })
        .collect();
    let end = Instant::now() + Duration::from_secs(seconds.into());
    let mut rng = seeded(seed);
    let (mut read, mut refused, mut longest) = (0_u64, 0_u64, Duration::ZERO);
    while Instant::now() < end {
        for file in &files {
            let damaged = mutate::mutated(file, &mut rng);
            let copy = damaged.clone();
            let started = Instant::now();
            let result = std::panic::catch_unwind(|| import_bytes(damaged, "damaged"));
            let took = started.elapsed();
            longest = longest.max(took);
            if result.is_err() || took > LONG {
                let path = std::env::temp_dir().join("finding.onnx");
                std::fs::write(&path, copy).unwrap();
                panic!("file {} failed after {took:?}; it is kept as {}", read + refused, path.display());
            }
            match result {
                Ok(Ok(_)) => read += 1,
                _ => refused += 1,
            }
        }
        if let Some(peak) = peak() {
            assert!(peak < MEMORY, "{peak} KiB of memory after {} files", read + refused);
        }
    }
    println!(
        "{read} were imported, {refused} refused; the longest import took {longest:?}; peak memory {} KiB",
        peak().unwrap_or(0)
    );
}
