//! What is measured on examples that were not trained on. Validation and test use the same code.

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

/// Examples that are run at once when nothing is learnt from them, at most.
const BATCH: usize = 256;
/// Positions that are run at once when nothing is learnt from them, at most.
const TOKENS: usize = 4096;

/// Images with objects that are run at once when nothing is learnt from them: they are larger than others.
const PICTURES: usize = 16;

/// How many of these examples are run at once when nothing is learnt from them.
pub fn batch(examples: &Examples) -> usize {
    match examples.targets {
        Targets::Boxes(_) => PICTURES,
        _ => (TOKENS / examples.positions().max(1)).clamp(1, BATCH),
    }
}

/// How good a network is on a set of examples.
#[derive(Debug)]
pub struct Scores {
    /// `loss`, `accuracy`, …: the names without `val_` or `test_`.
    pub values: Vec<(&'static str, f64)>,
    /// Of classes: the one that was found for each example; `None` where the outputs were no numbers.
    pub found: Vec<Option<u32>>,
}

impl Scores {
    /// As metrics named `<prefix>_<name>`.
    pub fn metrics(&self, prefix: &str) -> Vec<Metric> {
        self.values.iter().map(|&(name, value)| Metric::new(format!("{prefix}_{name}"), value)).collect()
    }
}

/// Runs all examples through the network. Classes: `loss`, `accuracy`, `balanced_accuracy` and, where there are more than
/// five, `top5_accuracy`. Numbers: `loss` in the scale that training uses; `mse`, `mae` and `r2` in the unit of the data.
/// Texts: `loss` in nats a token, `accuracy`, `perplexity`, `bits_per_byte`. Boxes: `loss` for each place that learns one, `map`,
/// `map50`. `None` where `stop` said so.
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

/// Runs the examples batch by batch and shows the first output of each batch with its rows; false where `stop` said so.
fn run(
    network: &Network,
    examples: &Examples,
    batch: usize,
    stop: &dyn Fn() -> bool,
    mut look: impl FnMut(&[f32], &[usize]),
) -> Result<bool, String> {
    run_all(network, examples, batch, stop, |outputs, rows| look(&outputs[0], rows))
}

/// The same with all outputs.
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

/// The class of the greatest output, the first of equals; none where any is not a number.
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
    fn an_output_that_is_not_a_number_is_no_class() {
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
        assert_eq!(declared[0].name, "val_accuracy", "what a search maximises where nobody says");
    }
}
