//! What is measured, as declared to the host.

use nas_api::{Goal, MetricInfo};

use crate::data::Kind;

/// What can be reported after every epoch.
pub fn reported(kind: Kind) -> Vec<String> {
    let classes = ["val_accuracy"];
    let texts = ["val_perplexity", "val_bits_per_byte"];
    let numbers = ["val_mse", "val_mae", "val_r2"];
    let others: Vec<&str> = match kind {
        Kind::Classification => texts.into_iter().chain(numbers).collect(),
        Kind::Regression => texts.into_iter().chain(classes).collect(),
        Kind::Language => numbers.to_vec(),
    };
    let names = declared().into_iter().map(|metric| metric.name);
    let reported = names.filter(|name| name == "train_loss" || name.starts_with("val_"));
    reported.filter(|name| !others.contains(&name.as_str())).collect()
}

/// Every metric. Which of the `val_` and `test_` ones there are depends on the task.
pub fn declared() -> Vec<MetricInfo> {
    let info = |name: &str, unit: &str, better: Option<Goal>, description: &str| MetricInfo {
        name: name.into(),
        unit: unit.into(),
        better,
        hidden: name.starts_with("test_"),
        description: description.into(),
    };
    let (less, more) = (Some(Goal::Minimize), Some(Goal::Maximize));
    vec![
        info(
            "val_accuracy",
            "",
            more,
            "Fraction of validation examples whose class is found, or of tokens (classification, language).",
        ),
        info("val_loss", "", less, "Mean loss over the validation examples, or tokens, without penalties."),
        info("val_perplexity", "", less, "e to the power of val_loss, which is that of one token (language)."),
        info("val_bits_per_byte", "", less, "Mean loss over the bytes of the validation text, in bits (language)."),
        info("val_mse", "", less, "Mean squared error on validation, in the target's unit squared (regression)."),
        info("val_mae", "", less, "Mean absolute error on validation, in the target's unit (regression)."),
        info("val_r2", "", more, "Part of the variance on validation that is explained (regression)."),
        info("train_loss", "", less, "Mean loss over the batches of the last epoch, penalties included."),
        info("train_seconds", "s", less, "Seconds spent training in this trial, validation left out."),
        info("test_accuracy", "", more, "Fraction of test examples whose class is found, after final training."),
        info("test_loss", "", less, "Mean loss over the test examples, after final training."),
        info("test_perplexity", "", less, "e to the power of test_loss (language)."),
        info("test_bits_per_byte", "", less, "Mean loss over the bytes of the test text, in bits (language)."),
        info("test_mse", "", less, "Mean squared error on the test examples, after final training."),
        info("test_mae", "", less, "Mean absolute error on the test examples, after final training."),
        info("test_r2", "", more, "Part of the test variance that is explained, after final training."),
    ]
}
