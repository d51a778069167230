//! Tests the options of training and the recipes.

#![allow(clippy::unwrap_used)]

use std::fs;

use nas_api::{EvaluatorPlugin, Graph, GraphBuilder, Metric, Request, Setting, Settings, Value};
use nas_network::weights_file::Archive;

use crate::tests::{bits, cnn, failure, measure, metric, mlp, number, open, request, settings, text};
use crate::{BurnEvaluator, RECIPES};

fn refused(given: &[(&str, Value)]) -> String {
    BurnEvaluator::open(&settings(given), None).unwrap_err().to_string()
}

/// All options that have a state or draw random numbers.
pub fn everything() -> Vec<(&'static str, Value)> {
    vec![
        ("epochs", number(6.0)),
        ("train_limit", number(300.0)),
        ("validation_limit", number(100.0)),
        ("batch_size", number(32.0)),
        ("accumulate", number(2.0)),
        ("optimizer", text("sgd")),
        ("nesterov", Value::Truth(true)),
        ("learning_rate", number(0.05)),
        ("warmup_epochs", number(1.5)),
        ("min_learning_rate", number(0.001)),
        ("clip_norm", number(1.0)),
        ("label_smoothing", number(0.1)),
        ("drop_path", number(0.3)),
        ("crop", number(1.0)),
        ("flip", number(0.5)),
        ("cutout", number(2.0)),
        ("mixup", number(0.2)),
        ("ema_decay", number(0.9)),
    ]
}

#[test]
fn resumed_trainings_with_every_option_give_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    for patience in [0.0, 1.0, 100.0] {
        let given = [everything(), vec![("early_stopping", number(patience))]].concat();
        let evaluator = BurnEvaluator::open(&settings(&given), Some(folder.path())).unwrap();
        let straight = measure(&evaluator, &request(&cnn(), 6.0));
        measure(&evaluator, &Request { trial: 1, keep_checkpoint: true, ..request(&cnn(), 2.0) });
        measure(&evaluator, &Request { trial: 2, keep_checkpoint: true, resume: Some(1), ..request(&cnn(), 5.0) });
        let last = measure(&evaluator, &Request { trial: 3, resume: Some(2), seed: 99, ..request(&cnn(), 6.0) });
        assert_eq!(bits(&last), bits(&straight), "patience {patience}");
    }
}

#[test]
fn every_option_changes_the_training() {
    let plain = [("epochs", number(2.0)), ("train_limit", number(300.0)), ("optimizer", text("sgd"))];
    let trained = |more: &[(&str, Value)]| bits(&measure(&open(&[&plain[..], more].concat()), &request(&cnn(), 2.0)));
    let without = trained(&[]);
    let options = [
        ("accumulate", number(2.0)),
        ("precision", text("bf16")),
        ("precision", text("f16")),
        ("nesterov", Value::Truth(true)),
        ("warmup_epochs", number(1.0)),
        ("min_learning_rate", number(0.002)),
        ("schedule", text("steps")),
        ("clip_norm", number(0.1)),
        ("label_smoothing", number(0.1)),
        ("drop_path", number(0.5)),
        ("auxiliary_weight", number(1.0)),
        ("crop", number(1.0)),
        ("flip", number(0.5)),
        ("cutout", number(2.0)),
        ("mixup", number(1.0)),
        ("ema_decay", number(0.9)),
    ];
    for option in options {
        assert_ne!(trained(std::slice::from_ref(&option)), without, "{option:?}");
    }
    let adam = |beta2: f64| trained(&[("optimizer", text("adam")), ("beta2", number(beta2))]);
    assert_ne!(adam(0.9), adam(0.999));
}

/// A perceptron whose first layer may have an auxiliary head.
fn with_head(outputs: i64, head: bool) -> Graph {
    let mut graph = GraphBuilder::new();
    let input = graph.input();
    let flat = graph.op("flat", "Flatten", &[input]);
    let first = graph.gemm("first", flat, 32);
    let relu = graph.op("relu", "Relu", &[first]);
    if head {
        let aside = graph.gemm("aside.logits", relu, outputs);
        graph.auxiliary("aside", aside);
    }
    let logits = graph.gemm("logits", relu, 10);
    graph.finish(&[logits])
}

#[test]
fn auxiliary_heads_are_trained_and_then_removed() {
    let trained = |weight: f64, head: bool| {
        let evaluator = open(&[("epochs", number(3.0)), ("auxiliary_weight", number(weight))]);
        measure(&evaluator, &request(&with_head(10, head), 3.0))
    };
    let without = trained(0.4, false);
    assert_eq!(bits(&trained(0.0, true)), bits(&without), "a head with weight 0 is not trained");
    let with = trained(0.4, true);
    assert_ne!(metric(&with, "val_loss"), metric(&without, "val_loss"));
    // The loss of the head counts in training, not in validation.
    assert!(metric(&with, "train_loss") > 1.5 * metric(&with, "val_loss"), "{with:?}");
    assert!(metric(&without, "train_loss") < 1.1 * metric(&without, "val_loss"), "{without:?}");

    let folder = tempfile::tempdir().unwrap();
    let (evaluator, graph) = (open(&[]), with_head(10, true));
    let weights = folder.path().join("w.safetensors");
    let trained = evaluator.train_final(&graph, 2, 1, Some(&weights), &|| false, &mut |_| {}).unwrap().unwrap();
    let names = Archive::from_bytes(&fs::read(&weights).unwrap(), "w").unwrap();
    let names: Vec<String> = names.arrays.into_iter().map(|array| array.name).collect();
    assert_eq!(names.len(), 4);
    assert!(names.iter().all(|name| !name.starts_with("aside")), "{names:?}");
    let again = evaluator.evaluate_weights(&graph, &weights).unwrap();
    assert_eq!(Metric::find(&again, "test_loss"), Metric::find(&trained.metrics, "test_loss"));

    let wrong = failure(&evaluator, &request(&with_head(7, true), 1.0));
    assert!(wrong.contains("'aside'") && wrong.contains("7 numbers"), "{wrong}");
}

#[test]
fn the_largest_batch_size_that_fits_is_chosen() {
    let given = |memory: f64| [("batch_size", number(0.0)), ("memory", number(memory)), ("epochs", number(2.0))];
    assert!(refused(&given(0.0)).contains("set 'memory' to the MiB"));
    let chosen = |memory: f64| metric(&measure(&open(&given(memory)), &request(&cnn(), 1.0)), "batch_size");
    let (small, great) = (chosen(14.0), chosen(1000.0));
    // The size is limited by the 1,078 training examples and by 1,024.
    assert_eq!(great, 1024.0);
    assert!(small < great && small >= 1.0 && small.log2().fract() == 0.0, "{small}");
    let evaluator = open(&given(14.0));
    let expected = |batch: f64| evaluator.expected_memory(&cnn(), batch as usize).unwrap();
    assert!(expected(small) <= 14 << 20 && expected(2.0 * small) > 14 << 20);
    // The result is the same as with this batch size set by hand, also if training is resumed.
    let said = measure(&open(&[("batch_size", number(small)), ("epochs", number(2.0))]), &request(&cnn(), 2.0));
    measure(&evaluator, &Request { trial: 1, keep_checkpoint: true, ..request(&cnn(), 1.0) });
    let carried = measure(&evaluator, &Request { trial: 2, resume: Some(1), ..request(&cnn(), 2.0) });
    let without = bits(&carried).into_iter().filter(|(name, _)| name != "batch_size");
    assert_eq!(without.collect::<Vec<_>>(), bits(&said));
    let reason = failure(&open(&given(1.0)), &request(&cnn(), 1.0));
    assert!(reason.contains("with a batch size of 1, more than the 1 MiB of 'memory'"), "{reason}");
}

#[test]
fn accumulated_batches_are_one_large_batch() {
    let trained = |batch: f64, accumulate: f64| {
        let given = [
            ("epochs", number(2.0)),
            // The last step has fewer examples than the others, and its last batch fewer than the one before.
            ("train_limit", number(310.0)),
            ("batch_size", number(batch)),
            ("accumulate", number(accumulate)),
            ("optimizer", text("sgd")),
            ("learning_rate", number(0.1)),
            ("l2", number(0.01)),
        ];
        let measured = measure(&open(&given), &request(&mlp(&[16], 10), 2.0));
        (metric(&measured, "val_loss"), metric(&measured, "train_loss"))
    };
    let (together, in_parts) = (trained(64.0, 1.0), trained(16.0, 4.0));
    assert!((together.0 - in_parts.0).abs() < 1e-5, "{together:?} {in_parts:?}");
    assert!((together.1 - in_parts.1).abs() < 1e-5, "{together:?} {in_parts:?}");
}

#[test]
fn averaged_weights_are_measured_and_saved() {
    let folder = tempfile::tempdir().unwrap();
    let evaluator =
        open(&[("ema_decay", number(0.98)), ("learning_rate", number(0.02)), ("schedule", text("constant"))]);
    let weights = folder.path().join("w.safetensors");
    let trained =
        evaluator.train_final(&mlp(&[64], 10), 20, 1, Some(&weights), &|| false, &mut |_| {}).unwrap().unwrap();
    let again = evaluator.evaluate_weights(&mlp(&[64], 10), &weights).unwrap();
    for name in ["test_loss", "test_accuracy", "test_balanced_accuracy", "test_top5_accuracy"] {
        assert_eq!(Metric::find(&again, name), Metric::find(&trained.metrics, name), "{name}");
    }
    let plain = open(&[("learning_rate", number(0.02)), ("schedule", text("constant"))]);
    let other = plain.train_final(&mlp(&[64], 10), 20, 1, None, &|| false, &mut |_| {}).unwrap().unwrap();
    // The training is the same; only the resulting weights differ.
    let loss = |metrics: &[Metric], name| Metric::find(metrics, name).unwrap();
    assert_eq!(loss(&trained.metrics, "train_loss"), loss(&other.metrics, "train_loss"));
    assert!(loss(&trained.metrics, "test_loss") < loss(&other.metrics, "test_loss"), "{trained:?} {other:?}");
}

#[test]
fn early_stopping_reports_the_best_epoch() {
    let given = [("epochs", number(200.0)), ("early_stopping", number(3.0)), ("learning_rate", number(0.01))];
    let stopped = measure(&open(&given), &request(&mlp(&[64], 10), 200.0));
    let (trained, best) = (metric(&stopped, "trained_epochs"), metric(&stopped, "best_epoch"));
    assert_eq!(trained, best + 3.0);
    assert!(trained < 150.0, "{trained}");
    // A training that ends with the best epoch reports the same metrics.
    let ended = measure(&open(&given), &request(&mlp(&[64], 10), best));
    for name in ["val_accuracy", "val_loss", "best_epoch"] {
        assert_eq!(metric(&ended, name), metric(&stopped, name), "{name}");
    }
}

#[test]
fn classification_has_metrics_by_class() {
    let evaluator = open(&[]);
    let measured = measure(&evaluator, &request(&mlp(&[64], 10), 10.0));
    let top5 = metric(&measured, "val_top5_accuracy");
    assert!(top5 > metric(&measured, "val_accuracy") && top5 > 0.99, "{top5}");
    // The classes of the digits are nearly balanced.
    let balanced = metric(&measured, "val_balanced_accuracy");
    assert!((balanced - metric(&measured, "val_accuracy")).abs() < 0.01, "{balanced}");
    let trained = evaluator.train_final(&mlp(&[64], 10), 5, 1, None, &|| false, &mut |_| {}).unwrap().unwrap();
    let confusion = trained.confusion.unwrap();
    let all: u64 = confusion.rows().flatten().sum();
    let right: u64 = confusion.rows().enumerate().map(|(class, row)| row[class]).sum();
    assert_eq!(Metric::find(&trained.metrics, "test_accuracy"), Some(right as f64 / all as f64));
    assert_eq!((0..10).map(|class| confusion.examples(class)).sum::<u64>(), all);
}

#[test]
fn options_that_do_not_fit_are_refused() {
    assert!(
        refused(&[("warmup_epochs", number(10.0))]).contains("'warmup_epochs' (10) must be fewer than 'epochs' (10)")
    );
    assert!(refused(&[("nesterov", Value::Truth(true))]).contains("'nesterov' is for the optimizer \"sgd\""));
    assert!(refused(&[("min_learning_rate", number(1.0))]).contains("must not be above 'learning_rate'"));
    let milestones = [("schedule", text("steps")), ("milestones", Value::Numbers(vec![0.5, 80.0]))];
    assert!(refused(&milestones).contains("from 0 to 1, but one is 80"));
    let smoothed = [("loss", text("mse")), ("label_smoothing", number(0.1))];
    assert!(refused(&smoothed).contains("'label_smoothing' is for the loss \"cross_entropy\""));
    for name in ["crop", "cutout"] {
        assert!(refused(&[(name, number(8.0))]).contains(&format!("'{name}' must be less than the images' side of 8")));
    }
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("t.csv");
    fs::write(&table, format!("a,b\n{}", "1,x\n2,y\n".repeat(20))).unwrap();
    let flipped = refused(&[("data", text(&table)), ("flip", number(0.5))]);
    assert!(flipped.contains("'flip' is for images"), "{flipped}");
    let prose = folder.path().join("t.txt");
    fs::write(&prose, "to be or not to be ".repeat(100)).unwrap();
    let mixed = refused(&[("data", text(&prose)), ("context", number(8.0)), ("mixup", number(0.2))]);
    assert!(mixed.contains("'mixup' cannot blend the tokens"), "{mixed}");
}

/// The description and the settings of a recipe, as the host reads them.
fn recipe(toml: &str) -> (String, Vec<Setting>) {
    let table: toml::Table = toml.parse().unwrap();
    let value = |value: &toml::Value| match value {
        toml::Value::Boolean(truth) => Value::Truth(*truth),
        toml::Value::Integer(number) => Value::Number(*number as f64),
        toml::Value::Float(number) => Value::Number(*number),
        toml::Value::Array(numbers) => {
            Value::Numbers(numbers.iter().map(|number| number.as_float().unwrap()).collect())
        }
        other => Value::Text(other.as_str().unwrap().to_owned()),
    };
    let settings = table["evaluator"].as_table().unwrap().iter();
    let settings = settings.map(|(name, given)| Setting { name: name.clone(), value: value(given) });
    (table["about"].as_str().unwrap().to_owned(), settings.collect())
}

#[test]
fn every_recipe_is_valid_and_complete() {
    let parameters = BurnEvaluator::info().parameters;
    for shipped in RECIPES {
        let (about, given) = recipe(shipped.toml);
        assert!(about.len() > 20, "{}", shipped.name);
        let settings = Settings::checked(&parameters, &given).unwrap();
        let opened = BurnEvaluator::open(&settings, None);
        if shipped.name == "darts" {
            // Its cutout of 16 pixels is larger than a digit of 8 pixels.
            assert!(opened.unwrap_err().to_string().contains("'cutout' must be less"));
        } else if shipped.name == "language" {
            assert!(opened.unwrap_err().to_string().contains("'epoch_tokens' is for texts"));
        } else {
            opened.unwrap();
        }
        let of_training = &BurnEvaluator::info().trains.unwrap().recipe;
        // A recipe sets all parameters, except those of other optimizers and schedules.
        let of_others = ["memory", "momentum", "nesterov", "beta2", "min_learning_rate", "milestones", "step_factor"];
        let open = parameters.iter().map(|parameter| parameter.name.as_str());
        let open = open.filter(|name| of_training.iter().any(|known| known == name) && !of_others.contains(name));
        for name in open {
            assert!(given.iter().any(|setting| setting.name == name), "{} leaves {name} open", shipped.name);
        }
    }
}
