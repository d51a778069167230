//! Language models on sub-words, from the search to the saved tokenizer.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use common::test_data::test_data;
use common::{json, nas, records, refused, scratch, succeed};

/// A search of two trials on this text, with epochs of about 1,000 tokens.
fn search(file: &Path, study: &Path, tokens: &str, workers: &str) -> Command {
    let mut command = nas(["search", "--space", "decoder-lm", "--strategy", "random-search", "--trials", "2"]);
    command.args(["--data", file.to_str().unwrap(), "--study", study.to_str().unwrap(), "--workers", workers]);
    if tokens == "bpe" {
        command.args(["--set", "evaluator.vocabulary=300"]);
    }
    let set = ["context=16", "batch_size=8", "epochs=2", "epoch_tokens=1000"];
    command.args(set.iter().flat_map(|set| ["--set".to_owned(), format!("evaluator.{set}")]));
    let set = ["layers=1", "widths=32", "head_sizes=16", "heads=2"];
    command.args(set.iter().flat_map(|set| ["--set".to_owned(), format!("space.{set}")]));
    command.args(["--set", &format!("evaluator.tokens={tokens}")]);
    command
}

#[test]
fn a_tokenizer_is_trained_used_in_a_search_and_saved() {
    let Some(text) = test_data("text/tinyshakespeare.txt") else { return };
    let (folder, study) = scratch();
    let file = folder.path().join("part.txt");
    fs::write(&file, fs::read_to_string(text).unwrap().chars().take(20_000).collect::<String>()).unwrap();

    let found = json(&mut search(&file, &study, "bpe", "1"));
    assert_eq!(found["study"]["task"]["outputs"], 300);
    let metric = |name: &str| found["best"]["metrics"][name].as_f64().unwrap();
    // Two epochs of eight steps of 8 × 16 tokens.
    assert_eq!(metric("trained_tokens"), 2048.0);
    // A token is longer than a byte.
    assert!(metric("val_bits_per_byte") * std::f64::consts::LN_2 < 0.8 * metric("val_loss"), "{found}");
    assert!(metric("val_loss") < 300_f64.ln(), "{found}");
    let two = folder.path().join("two.study");
    json(&mut search(&file, &two, "bpe", "2"));
    // Two workers train both trials at the same time, with the same results.
    let trials = |study: &Path| records(study).split_once("\ntrial 0").unwrap().1.to_owned();
    assert_eq!(trials(&two), trials(&study));

    let out = folder.path().join("out");
    let trained = json(&mut nas(["train", study.to_str().unwrap(), "--epochs", "2", "--out", out.to_str().unwrap()]));
    assert_eq!(trained["metrics"]["trained_tokens"], 2048.0);
    assert_eq!(trained["files"], serde_json::json!(["weights.safetensors", "tokenizer.json"]));
    let weights = fs::read(out.join("weights.safetensors")).unwrap();
    let header = usize::try_from(u64::from_le_bytes(weights[..8].try_into().unwrap())).unwrap();
    let header: serde_json::Value = serde_json::from_slice(&weights[8..8 + header]).unwrap();
    assert_eq!(header["__metadata__"]["tokenizer"], "tokenizer.json");
    // The saved tokenizer splits the text in the same way; its path is relative to the current folder.
    let again = folder.path().join("again.study");
    let by_file = json(search(&file, &again, "out/tokenizer.json", "1").current_dir(folder.path()));
    assert_eq!(by_file["best"]["metrics"]["val_loss"], found["best"]["metrics"]["val_loss"]);
    let recorded = by_file["study"]["evaluator"]["settings"]["tokens"].as_str().unwrap();
    assert!(Path::new(recorded).is_absolute() && recorded.ends_with("tokenizer.json"), "{recorded}");
    succeed(&mut nas(["resume", again.to_str().unwrap()]));

    fs::write(out.join("tokenizer.json"), "{\"version\": 1}").unwrap();
    let gone = folder.path().join("gone.study");
    let message = refused(search(&file, &gone, "out/tokenizer.json", "1").current_dir(folder.path()));
    assert!(message.contains("not a usable tokenizer") && message.contains("out/tokenizer.json"), "{message}");
    let message = refused(&mut search(&file, &gone, "syllables", "1"));
    assert!(message.contains("'tokens' is \"syllables\""), "{message}");
    let check = ["data", "check", file.to_str().unwrap(), "--set", "evaluator.tokens=bpe"];
    let checked = succeed(&mut nas(check));
    assert!(checked.contains("vocabulary: 512 tokens"), "{checked}");
}
