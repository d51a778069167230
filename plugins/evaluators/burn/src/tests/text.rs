//! Tests language models: sub-words, and tokens as the fidelity.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use nas_api::{Evaluator, EvaluatorPlugin, Graph, GraphBuilder, Request, Value};

use crate::BurnEvaluator;
use crate::tests::{bits, measure, metric, number, open, request, settings, text};

/// A text with 1,800 characters for training and 600 each for validation and test.
fn rhymes(folder: &Path) -> Value {
    let line = |number: usize| format!("{} green bottles, standing on the wall;\n", (number * 7) % 10);
    let path = folder.join("rhymes.txt");
    fs::write(&path, (0..75).map(line).collect::<String>()).unwrap();
    text(path)
}

/// A network that predicts a token from the one before it only.
fn bigrams(evaluator: &BurnEvaluator) -> Graph {
    let vocabulary = i64::from(evaluator.instance_info().task.unwrap().outputs);
    let mut graph = GraphBuilder::new();
    let input = graph.input();
    let embedded = graph.embedding("embedding", input, vocabulary, 8);
    let head = graph.gemm("head", embedded, vocabulary);
    graph.finish(&[head])
}

fn given(data: &Value) -> Vec<(&'static str, Value)> {
    vec![
        ("data", data.clone()),
        ("tokens", Value::Text("bpe".into())),
        ("vocabulary", number(270.0)),
        ("context", number(8.0)),
        ("batch_size", number(4.0)),
        ("epochs", number(6.0)),
        ("learning_rate", number(0.02)),
    ]
}

#[test]
fn resumed_epochs_of_tokens_give_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let data = rhymes(folder.path());
    // Steps have 32 tokens, so 70 tokens are three steps, and six epochs are more than one pass over the text.
    let evaluator = open(&[given(&data), vec![("epoch_tokens", number(70.0))]].concat());
    let graph = bigrams(&evaluator);
    let whole = measure(&evaluator, &request(&graph, 6.0));
    assert_eq!(metric(&whole, "trained_tokens"), 6.0 * 96.0);
    measure(&evaluator, &Request { trial: 1, keep_checkpoint: true, ..request(&graph, 1.0) });
    measure(&evaluator, &Request { trial: 2, keep_checkpoint: true, resume: Some(1), ..request(&graph, 4.0) });
    let carried = measure(&evaluator, &Request { trial: 3, resume: Some(2), ..request(&graph, 6.0) });
    assert_eq!(bits(&carried), bits(&whole));
    let short = measure(&evaluator, &request(&graph, 1.0));
    assert_eq!(metric(&short, "trained_tokens"), 96.0);
    assert!(metric(&whole, "val_loss") < metric(&short, "val_loss"));
    // Without 'epoch_tokens', an epoch is a pass over all windows.
    let passes = open(&given(&data));
    let windows = passes.data.train.len() as f64;
    assert_eq!(metric(&measure(&passes, &request(&graph, 2.0)), "trained_tokens"), 2.0 * windows * 8.0);
}

#[test]
fn bits_per_byte_count_the_bytes_of_the_text() {
    let folder = tempfile::tempdir().unwrap();
    let evaluator = open(&given(&rhymes(folder.path())));
    let measured = measure(&evaluator, &request(&bigrams(&evaluator), 2.0));
    let validation = &evaluator.data.validation;
    let nas_data::Targets::Tokens { labels, lengths, .. } = &validation.targets else { unreachable!() };
    let bytes: f64 = labels.iter().map(|&token| f64::from(lengths[token as usize])).sum();
    assert!(bytes > 1.5 * labels.len() as f64, "sub-words are longer than a byte");
    let nats = metric(&measured, "val_loss") * labels.len() as f64;
    let expected = nats / std::f64::consts::LN_2 / bytes;
    assert!((metric(&measured, "val_bits_per_byte") - expected).abs() < 1e-9);
}

#[test]
fn a_vocabulary_is_trained_on_the_training_part_only() {
    let folder = tempfile::tempdir().unwrap();
    let data = rhymes(folder.path());
    let before = open(&given(&data));
    let Value::Text(path) = &data else { unreachable!() };
    let changed = fs::read_to_string(path).unwrap();
    // The new file has as many characters, but another text for validation and test.
    let (train, rest) = changed.split_at(changed.len() * 3 / 5);
    fs::write(path, format!("{train}{}", "zyx ".repeat(rest.len() / 4 + 1).split_at(rest.len()).0)).unwrap();
    let after = open(&given(&data));
    assert_eq!(before.data.tokenizer.as_ref().unwrap(), after.data.tokenizer.as_ref().unwrap());
    assert_ne!(before.data.validation, after.data.validation);
    // A tokenizer file gives the same tokens as the training that made it.
    let file = folder.path().join("tokenizer.json");
    fs::write(&file, before.data.tokenizer.as_ref().unwrap()).unwrap();
    let read = open(&[given(&data), vec![("tokens", text(&file)), ("vocabulary", number(512.0))]].concat());
    assert_eq!(read.data.train, after.data.train);
    let characters = vec![("tokens", text("characters")), ("vocabulary", number(512.0))];
    assert_eq!(open(&[given(&data), characters].concat()).data.tokenizer, None);
}

#[test]
fn options_of_texts_that_do_not_fit_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let data = rhymes(folder.path());
    let refused = |more: &[(&'static str, Value)]| {
        let given = [given(&data), more.to_vec()].concat();
        BurnEvaluator::open(&settings(&given), None).unwrap_err().to_string()
    };
    for (more, words) in [
        (vec![("epoch_tokens", number(31.0))], "'epoch_tokens' (31) is less than the 32 tokens of one step"),
        (
            vec![
                ("data", text("digits")),
                ("tokens", text("characters")),
                ("vocabulary", number(512.0)),
                ("epoch_tokens", number(99.0)),
            ],
            "is for texts",
        ),
        (vec![("tokens", text("characters"))], "'vocabulary' is for sub-words"),
        (vec![("data", text("digits"))], "'tokens' is for texts"),
        (vec![("tokens", text("words"))], "\"characters\", \"bpe\" or a file that ends in .json"),
        (vec![("tokens", text("gone.json")), ("vocabulary", number(512.0))], "cannot read 'gone.json'"),
    ] {
        let error = refused(&more);
        assert!(error.contains(words), "'{words}' is not in: {error}");
    }
}
