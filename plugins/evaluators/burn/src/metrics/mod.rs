//! Measures networks on examples that they were not trained on. Validation and test use the same code.

mod average_precision;
mod classification;
mod declared;
mod detection;
mod language;
mod regression;

use burn::tensor::Tensor;
use nas_api::Metric;
use nas_data::{Examples, Normalization, Targets};
use nas_network::Network;
use nas_network::loss::Loss;

pub use declared::{declared, reported};

/// The most examples in a batch without training.
const BATCH: usize = 256;
/// The most positions in a batch without training.
const TOKENS: usize = 4096;

/// The number of images with objects in a batch without training; they are larger than others.
const PICTURES: usize = 16;

/// The batch size for these examples without training.
pub fn batch(examples: &Examples) -> usize {
    match examples.targets {
        Targets::Boxes(_) => PICTURES,
        _ => (TOKENS / examples.positions().max(1)).clamp(1, BATCH),
    }
}

/// The scores of a network on a set of examples.
#[derive(Debug)]
pub struct Scores {
    /// Names and values; the names (`loss`, `accuracy`, …) have no `val_` or `test_`.
    pub values: Vec<(&'static str, f64)>,
    /// For classification, the predicted class of each example; `None` if an output is NaN.
    pub found: Vec<Option<u32>>,
}

impl Scores {
    /// The scores as metrics named `<prefix>_<name>`.
    pub fn metrics(&self, prefix: &str) -> Vec<Metric> {
        self.values.iter().map(|&(name, value)| Metric::new(format!("{prefix}_{name}"), value)).collect()
    }
}

/// Measures a network on all examples. Classification has `loss`, `accuracy`, `balanced_accuracy` and, with more than
/// five classes, `top5_accuracy`. Regression has `loss` in the scale of training, and `mse`, `mae` and `r2` in the unit
/// of the data. Language has `loss` in nats per token, `accuracy`, `perplexity` and `bits_per_byte`. Detection has
/// `loss` per place with a box, `map` and `map50`. `None` if `stop` returned true.
///
/// # Errors
///
/// Fails if burn cannot return the outputs.
pub fn measure(
    network: &Network,
    examples: &Examples,
    normalization: &Normalization,
    loss: Loss,
    stop: &dyn Fn() -> bool,
) -> Result<Option<Scores>, String> {
    match &examples.targets {
        Targets::Labels { labels, .. } => classification::measure(network, examples, labels, loss, stop),
        Targets::Values(values) => regression::measure(network, examples, values, normalization, loss, stop),
        Targets::Tokens { positions, lengths, .. } => language::measure(network, examples, *positions, lengths, stop),
        Targets::Boxes(boxes) => detection::measure(network, examples, boxes, stop),
    }
}

/// Runs the examples batch by batch and passes the first output of each batch and its rows to `look`. Returns false if
/// `stop` returned true.
fn run(
    network: &Network,
    examples: &Examples,
    batch: usize,
    stop: &dyn Fn() -> bool,
    mut look: impl FnMut(&[f32], &[usize]),
) -> Result<bool, String> {
    run_all(network, examples, batch, stop, |outputs, rows| look(&outputs[0], rows))
}

/// Like [`run`], with all outputs.
fn run_all(
    network: &Network,
    examples: &Examples,
    batch: usize,
    stop: &dyn Fn() -> bool,
    mut look: impl FnMut(&[Vec<f32>], &[usize]),
) -> Result<bool, String> {
    let inference = network.inference();
    let rows: Vec<usize> = (0..examples.len()).collect();
    for rows in rows.chunks(batch) {
        if stop() {
            return Ok(false);
        }
        let outputs = inference(examples.inputs_of(rows)).into_iter().map(numbers);
        look(&outputs.collect::<Result<Vec<_>, _>>()?, rows);
    }
    Ok(true)
}

/// The numbers of a tensor, row by row.
fn numbers(tensor: Tensor<2>) -> Result<Vec<f32>, String> {
    tensor.into_data().try_into_vec::<f32>().map_err(|error| format!("{error:?}"))
}

/// The class with the largest output, the first of equal ones; `None` if any output is NaN.
fn greatest(output: &[f32]) -> Option<u32> {
    let mut best: Option<(u32, f32)> = None;
    for (class, &value) in (0..).zip(output) {
        if value.is_nan() {
            return None;
        }
        if best.is_none_or(|(_, most)| value > most) {
            best = Some((class, value));
        }
    }
    best.map(|(class, _)| class)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_with_nan_predict_no_class() {
        assert_eq!(greatest(&[0.0, 2.0, 2.0]), Some(1));
        assert_eq!(greatest(&[0.0, f32::NAN]), None);
    }

    #[test]
    fn every_score_is_declared_for_validation_and_test() {
        let declared = declared();
        for name in
            ["accuracy", "top5_accuracy", "balanced_accuracy", "loss", "perplexity", "mse", "r2", "map", "map50"]
        {
            for (prefix, hidden) in [("val", false), ("test", true)] {
                let name = format!("{prefix}_{name}");
                let found = declared.iter().filter(|metric| metric.name == name).collect::<Vec<_>>();
                assert_eq!(found.len(), 1, "{name}");
                assert_eq!(found[0].hidden, hidden, "{name}");
            }
        }
        assert_eq!(declared[0].name, "val_accuracy", "the default objective comes first");
    }
}
