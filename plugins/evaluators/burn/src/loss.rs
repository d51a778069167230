//! What training minimises, and what is measured on examples that were not trained on.

use burn::module::Param;
use burn::tensor::{Int, Tensor, TensorData, activation, loss};
use nas_api::Metric;

use crate::data::{Examples, Normalization, Targets};
use crate::model::{Network, Weights};

/// Examples that are run at once when nothing is learnt from them.
const BATCH: usize = 256;
/// Positions of texts, likewise.
const TOKENS: usize = 4096;

/// What training minimises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Cross entropy of the softmax, in nats, averaged over examples.
    CrossEntropy,
    /// Squared error, averaged over examples and outputs; against one-hot targets where there are classes.
    MeanSquaredError,
}

impl Loss {
    /// Over a batch: `[batch, outputs]` against targets of the same shape.
    pub fn batch(self, output: Tensor<2>, target: Tensor<2>) -> Tensor<1> {
        match self {
            Self::CrossEntropy => loss::cross_entropy_with_logits(output, target),
            Self::MeanSquaredError => (output - target).square().mean(),
        }
    }

    /// Of one example.
    fn example(self, output: &[f32], target: &[f32]) -> f64 {
        let pairs = output.iter().zip(target).map(|(&output, &target)| (f64::from(output), f64::from(target)));
        match self {
            Self::CrossEntropy => {
                let log_sum = log_sum_exp(output);
                pairs.map(|(output, target)| target * (log_sum - output)).sum()
            }
            Self::MeanSquaredError => {
                pairs.map(|(output, target)| (output - target).powi(2)).sum::<f64>() / output.len() as f64
            }
        }
    }
}

/// Cross entropy of the softmax, in nats, averaged over tokens: `[tokens, vocabulary]` against the token that follows each.
/// Without the one-hot targets that a large vocabulary would make of them.
pub fn tokens(output: Tensor<2>, following: Vec<u32>) -> Tensor<1> {
    let count = following.len();
    let following: Vec<i32> = following.into_iter().map(|token| token as i32).collect();
    let following = Tensor::<2, Int>::from_data(TensorData::new(following, [count, 1]), &output.device());
    activation::log_softmax(output, 1).gather(1, following).mean().neg()
}

/// λ₁ Σ|w| + λ₂ Σw² over the weights of `Gemm`, `Conv` and `ConvTranspose`; `None` where both λ are 0.
/// Biases, normalisations, embeddings and the numbers of a `Weight` are free.
pub fn penalty(weights: &Weights, l1: f64, l2: f64) -> Option<Tensor<1>> {
    let of = |sums: (Tensor<1>, Tensor<1>)| sums.0.mul_scalar(l1) + sums.1.mul_scalar(l2);
    if l1 == 0.0 && l2 == 0.0 {
        return None;
    }
    let matrices = weights.matrices.iter().map(sums).map(of);
    let kernels = weights.kernels.iter().map(sums).map(of);
    matrices.chain(kernels).reduce(|a, b| a + b)
}

fn sums<const D: usize>(weight: &Param<Tensor<D>>) -> (Tensor<1>, Tensor<1>) {
    let weight = weight.val();
    (weight.clone().abs().sum(), weight.square().sum())
}

/// Runs all examples through the network. Metrics are named `<prefix>_loss` and `<prefix>_accuracy` for classes,
/// `<prefix>_loss`, `<prefix>_mse`, `<prefix>_mae` and `<prefix>_r2` for numbers: the loss in the scale that training
/// uses, the others in the unit of the data. `None` where `stop` said so.
pub fn measure(
    network: &Network,
    examples: &Examples,
    normalization: &Normalization,
    loss: Loss,
    prefix: &str,
    stop: &dyn Fn() -> bool,
) -> Result<Option<Vec<Metric>>, String> {
    if let Targets::Tokens { positions, lengths, .. } = &examples.targets {
        return language(network, examples, *positions, lengths, prefix, stop);
    }
    let outputs = examples.outputs();
    let run = network.inference();
    let rows: Vec<usize> = (0..examples.len()).collect();
    let (mut total, mut correct) = (0.0, 0_usize);
    let mut predictions: Vec<f64> = Vec::new();
    for batch in rows.chunks(BATCH) {
        if stop() {
            return Ok(None);
        }
        let output = numbers(run(examples.inputs_of(batch)))?;
        let target = examples.targets_of(batch);
        for (at, &row) in batch.iter().enumerate() {
            let output = &output[at * outputs..(at + 1) * outputs];
            total += loss.example(output, &target[at * outputs..(at + 1) * outputs]);
            match &examples.targets {
                Targets::Labels { labels, .. } => correct += usize::from(greatest(output) == Some(labels[row])),
                Targets::Values(_) => predictions.push(f64::from(output[0])),
                Targets::Tokens { .. } => {}
            }
        }
    }
    let count = examples.len() as f64;
    let mut metrics = vec![Metric::new(format!("{prefix}_loss"), total / count)];
    match &examples.targets {
        Targets::Labels { .. } => metrics.push(Metric::new(format!("{prefix}_accuracy"), correct as f64 / count)),
        Targets::Values(values) => metrics.extend(regression(&predictions, values, normalization, prefix)),
        Targets::Tokens { .. } => {}
    }
    Ok(Some(metrics))
}

/// `<prefix>_loss` (nats a token), `_accuracy`, `_perplexity` and `_bits_per_byte` of a text.
fn language(
    network: &Network,
    examples: &Examples,
    positions: usize,
    lengths: &[u8],
    prefix: &str,
    stop: &dyn Fn() -> bool,
) -> Result<Option<Vec<Metric>>, String> {
    let run = network.inference();
    let rows: Vec<usize> = (0..examples.len()).collect();
    let (mut total, mut correct, mut bytes) = (0.0, 0_usize, 0_u64);
    for batch in rows.chunks((TOKENS / positions).clamp(1, BATCH)) {
        if stop() {
            return Ok(None);
        }
        let output = numbers(run(examples.inputs_of(batch)))?;
        for (output, token) in output.chunks_exact(lengths.len()).zip(examples.tokens_of(batch)) {
            total += surprise(output, token);
            correct += usize::from(greatest(output) == Some(token));
            bytes += u64::from(lengths[token as usize]);
        }
    }
    let count = (examples.len() * positions) as f64;
    let loss = total / count;
    let metric = |name: &str, value: f64| Metric::new(format!("{prefix}_{name}"), value);
    Ok(Some(vec![
        metric("loss", loss),
        metric("accuracy", correct as f64 / count),
        metric("perplexity", loss.exp()),
        metric("bits_per_byte", total / std::f64::consts::LN_2 / bytes as f64),
    ]))
}

/// The numbers of a tensor, row by row.
fn numbers(tensor: Tensor<2>) -> Result<Vec<f32>, String> {
    tensor.into_data().try_into_vec::<f32>().map_err(|error| format!("{error:?}"))
}

/// Cross entropy of one prediction, in nats.
fn surprise(output: &[f32], token: u32) -> f64 {
    log_sum_exp(output) - f64::from(output[token as usize])
}

/// The logarithm of the sum of exponentials, without overflow.
fn log_sum_exp(output: &[f32]) -> f64 {
    let greatest = output.iter().copied().map(f64::from).fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = output.iter().map(|&output| (f64::from(output) - greatest).exp()).sum();
    greatest + sum.ln()
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

fn regression(predictions: &[f64], values: &[f32], normalization: &Normalization, prefix: &str) -> [Metric; 3] {
    let scale = f64::from(normalization.target_std);
    let count = values.len() as f64;
    let errors = predictions.iter().zip(values).map(|(&prediction, &value)| (prediction - f64::from(value)) * scale);
    let mse = errors.clone().map(|error| error * error).sum::<f64>() / count;
    let mae = errors.map(f64::abs).sum::<f64>() / count;
    let mean = values.iter().copied().map(f64::from).sum::<f64>() / count;
    let variance = values.iter().map(|&value| ((f64::from(value) - mean) * scale).powi(2)).sum::<f64>() / count;
    // Targets that are all equal explain nothing; 0 keeps the number finite.
    let r2 = if variance > 0.0 { 1.0 - mse / variance } else { 0.0 };
    [("mse", mse), ("mae", mae), ("r2", r2)].map(|(name, value)| Metric::new(format!("{prefix}_{name}"), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_of_one_example_by_hand() {
        // Softmax of (ln 3, 0) is (3/4, 1/4).
        let cross_entropy = Loss::CrossEntropy.example(&[3.0_f32.ln(), 0.0], &[0.0, 1.0]);
        assert!((cross_entropy - 4.0_f64.ln()).abs() < 1e-6, "{cross_entropy}");
        let huge = Loss::CrossEntropy.example(&[1000.0, 0.0], &[0.0, 1.0]);
        assert_eq!(huge, 1000.0);
        assert_eq!(Loss::MeanSquaredError.example(&[1.0, 4.0], &[0.0, 1.0]), 5.0);
    }

    #[test]
    fn regression_metrics_are_in_the_unit_of_the_data() {
        let scale = Normalization { mean: vec![], std: vec![], target_mean: 100.0, target_std: 10.0 };
        let metrics = regression(&[0.0, 0.5], &[-1.0, 1.0], &scale, "val");
        assert_eq!(Metric::find(&metrics, "val_mse"), Some((100.0 + 25.0) / 2.0));
        assert_eq!(Metric::find(&metrics, "val_mae"), Some(7.5));
        assert_eq!(Metric::find(&metrics, "val_r2"), Some(1.0 - 62.5 / 100.0));
    }

    #[test]
    fn the_surprise_of_a_token_is_its_cross_entropy() {
        let output = [3.0_f32.ln(), 0.0];
        for token in 0..2 {
            let mut target = [0.0; 2];
            target[token] = 1.0;
            let expected = Loss::CrossEntropy.example(&output, &target);
            assert!((surprise(&output, token as u32) - expected).abs() < 1e-12);
        }
        let device = burn::tensor::Device::flex();
        let logits = Tensor::<2>::from_data(TensorData::new([output, output].concat(), [2, 2]), &device);
        let mean = tokens(logits, vec![0, 1]).into_scalar::<f32>();
        let expected = (surprise(&output, 0) + surprise(&output, 1)) / 2.0;
        assert!((f64::from(mean) - expected).abs() < 1e-6, "{mean} {expected}");
    }

    #[test]
    fn an_output_that_is_not_a_number_is_no_class() {
        assert_eq!(greatest(&[0.0, 2.0, 2.0]), Some(1));
        assert_eq!(greatest(&[0.0, f32::NAN]), None);
    }
}
