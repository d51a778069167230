//! The metrics that are declared to the host.

use nas_api::{Goal, MetricInfo};
use nas_data::Kind;

/// One metric, which exists for validation and for test examples.
struct Scored {
    name: &'static str,
    better: Goal,
    /// The description, with `{}` in place of the name of the examples.
    description: &'static str,
}

const SCORES: [Scored; 11] = [
    Scored {
        name: "accuracy",
        better: Goal::Maximize,
        description: "Fraction of {} examples or tokens that are predicted correctly (classification, language).",
    },
    Scored {
        name: "loss",
        better: Goal::Minimize,
        description: "Mean loss over {} examples, tokens or places with a box, without penalties and smoothing.",
    },
    Scored {
        name: "top5_accuracy",
        better: Goal::Maximize,
        description: "Fraction of {} examples whose class is among the five most likely (more than five classes).",
    },
    Scored {
        name: "balanced_accuracy",
        better: Goal::Maximize,
        description: "Mean over the classes of the recall on {} examples (classification).",
    },
    Scored {
        name: "perplexity",
        better: Goal::Minimize,
        description: "e to the power of the loss per token on {} examples (language).",
    },
    Scored {
        name: "bits_per_byte",
        better: Goal::Minimize,
        description: "Mean loss over the bytes of the {} text, in bits (language).",
    },
    Scored {
        name: "mse",
        better: Goal::Minimize,
        description: "Mean squared error on {} examples, in the target's unit squared (regression).",
    },
    Scored {
        name: "mae",
        better: Goal::Minimize,
        description: "Mean absolute error on {} examples, in the target's unit (regression).",
    },
    Scored {
        name: "r2",
        better: Goal::Maximize,
        description: "Fraction of the variance of the {} targets that is explained (regression).",
    },
    Scored {
        name: "map",
        better: Goal::Maximize,
        description: "COCO's AP: mean average precision on {} images over IoU 0.50 to 0.95 (detection).",
    },
    Scored {
        name: "map50",
        better: Goal::Maximize,
        description: "Mean average precision on {} images at IoU 0.50 (detection).",
    },
];

/// The metrics that can be reported after every epoch.
pub fn reported(kind: Kind) -> Vec<String> {
    let (accuracy, classes) = (["val_accuracy"], ["val_balanced_accuracy", "val_top5_accuracy"]);
    let texts = ["val_perplexity", "val_bits_per_byte"];
    let texts = [&texts[..], &["trained_tokens"]].concat();
    let numbers = ["val_mse", "val_mae", "val_r2"];
    let boxes = ["val_map", "val_map50"];
    let others: Vec<&str> = match kind {
        Kind::Classification => [&texts[..], &numbers, &boxes].concat(),
        Kind::Regression => [&accuracy[..], &classes, &texts, &boxes].concat(),
        Kind::Language => [&classes[..], &numbers, &boxes].concat(),
        Kind::Detection => [&accuracy[..], &classes, &texts, &numbers].concat(),
    };
    let names = declared().into_iter().map(|metric| metric.name);
    let of_training = ["train_loss", "trained_tokens"];
    let reported = names.filter(|name| of_training.contains(&name.as_str()) || name.starts_with("val_"));
    reported.filter(|name| !others.contains(&name.as_str())).collect()
}

/// All metrics. The task decides which of the `val_` and `test_` ones are measured.
pub fn declared() -> Vec<MetricInfo> {
    let of_training = [
        ("batch_size", "", None, "Chosen batch size, if 'batch_size' is 0."),
        ("train_loss", "", Some(Goal::Minimize), "Mean loss over the batches of the last epoch, penalties included."),
        ("train_seconds", "s", Some(Goal::Minimize), "Seconds spent training in this trial, validation left out."),
        ("trained_tokens", "tokens", None, "Tokens that were trained on; repetitions count (language)."),
        ("trained_epochs", "", None, "Epochs that were trained, with 'early_stopping'."),
        ("best_epoch", "", None, "Epoch whose validation metrics are reported, with 'early_stopping'."),
    ];
    let of_training = of_training.into_iter().map(|(name, unit, better, description)| MetricInfo {
        name: name.into(),
        unit: unit.into(),
        better,
        hidden: false,
        description: description.into(),
    });
    scored("val", "validation").chain(of_training).chain(scored("test", "test")).collect()
}

fn scored(prefix: &str, examples: &str) -> impl Iterator<Item = MetricInfo> {
    SCORES.iter().map(move |scored| MetricInfo {
        name: format!("{prefix}_{}", scored.name),
        unit: String::new(),
        better: Some(scored.better),
        hidden: prefix == "test",
        description: scored.description.replace("{}", examples),
    })
}
