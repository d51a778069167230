//! The losses that training minimises.

use burn::module::Param;
use burn::tensor::{Int, Tensor, TensorData, activation, loss};

use crate::Weights;

/// A loss that training minimises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Cross entropy of the softmax, in nats, averaged over examples.
    CrossEntropy,
    /// Squared error, averaged over examples and outputs; for classes, the targets are one-hot.
    MeanSquaredError,
}

impl Loss {
    /// The loss of a batch, `[batch, outputs]`, against targets of the same shape.
    pub fn batch(self, output: Tensor<2>, target: Tensor<2>) -> Tensor<1> {
        match self {
            Self::CrossEntropy => loss::cross_entropy_with_logits(output, target),
            Self::MeanSquaredError => (output - target).square().mean(),
        }
    }

    /// The loss of one example.
    pub fn example(self, output: &[f32], target: &[f32]) -> f64 {
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

/// Cross entropy of the softmax, in nats, averaged over tokens: `[tokens, vocabulary]` against the token that follows
/// each. It avoids one-hot targets, which are large for a large vocabulary. `smoothing` is as in [`smooth`].
pub fn tokens(output: Tensor<2>, following: Vec<u32>, smoothing: f64) -> Tensor<1> {
    let count = following.len();
    let following: Vec<i32> = following.into_iter().map(|token| token as i32).collect();
    let following = Tensor::<2, Int>::from_data(TensorData::new(following, [count, 1]), &output.device());
    let logarithms = activation::log_softmax(output, 1);
    if smoothing == 0.0 {
        return logarithms.gather(1, following).mean().neg();
    }
    let chosen = logarithms.clone().gather(1, following).mean();
    (chosen.mul_scalar(1.0 - smoothing) + logarithms.mean().mul_scalar(smoothing)).neg()
}

/// The first loss, which is the network's own, plus `weight` times each of the others, which are those of its auxiliary
/// heads (Szegedy et al. 2015, section 5).
pub fn with_auxiliary(losses: impl Iterator<Item = Tensor<1>>, weight: f64) -> Tensor<1> {
    let all = losses.reduce(|own, auxiliary| own + auxiliary.mul_scalar(weight));
    all.unwrap_or_else(|| unreachable!("a network without an output"))
}

/// Label smoothing (Szegedy et al. 2016, section 7): multiplies one-hot targets by 1 - ε and adds ε / K for each of the
/// K classes.
pub fn smooth(targets: &mut [f32], classes: usize, smoothing: f64) {
    let (kept, spread) = ((1.0 - smoothing) as f32, (smoothing / classes as f64) as f32);
    for target in targets {
        *target = *target * kept + spread;
    }
}

/// λ₁ Σ|w| + λ₂ Σw² over the weights of `Gemm`, `Conv` and `ConvTranspose`; `None` if both λ are 0. Biases,
/// normalisations, embeddings and `Weight` nodes are not penalised.
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

/// Cross entropy of one prediction, in nats.
pub fn surprise(output: &[f32], token: u32) -> f64 {
    log_sum_exp(output) - f64::from(output[token as usize])
}

/// The logarithm of the sum of exponentials, without overflow.
fn log_sum_exp(output: &[f32]) -> f64 {
    let greatest = output.iter().copied().map(f64::from).fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = output.iter().map(|&output| (f64::from(output) - greatest).exp()).sum();
    greatest + sum.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_of_one_example_match_calculations_by_hand() {
        // Softmax of (ln 3, 0) is (3/4, 1/4).
        let cross_entropy = Loss::CrossEntropy.example(&[3.0_f32.ln(), 0.0], &[0.0, 1.0]);
        assert!((cross_entropy - 4.0_f64.ln()).abs() < 1e-6, "{cross_entropy}");
        let huge = Loss::CrossEntropy.example(&[1000.0, 0.0], &[0.0, 1.0]);
        assert_eq!(huge, 1000.0);
        assert_eq!(Loss::MeanSquaredError.example(&[1.0, 4.0], &[0.0, 1.0]), 5.0);
    }

    #[test]
    fn auxiliary_losses_are_weighted() {
        let device = burn::tensor::Device::flex();
        let all = |losses: &[f32]| {
            let losses = losses.iter().map(|&loss| Tensor::<1>::from_floats([loss], &device));
            with_auxiliary(losses, 0.25).into_scalar::<f32>()
        };
        assert_eq!(all(&[2.0]), 2.0);
        assert_eq!(all(&[2.0, 4.0, 8.0]), 5.0);
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
        let mean = tokens(logits.clone(), vec![0, 1], 0.0).into_scalar::<f32>();
        let expected = (surprise(&output, 0) + surprise(&output, 1)) / 2.0;
        assert!((f64::from(mean) - expected).abs() < 1e-6, "{mean} {expected}");
        // Smoothed targets give the same loss whether or not they are written out.
        let mut targets = vec![1.0, 0.0, 0.0, 1.0];
        smooth(&mut targets, 2, 0.25);
        assert_eq!(targets, [0.875, 0.125, 0.125, 0.875]);
        let targets = Tensor::<2>::from_data(TensorData::new(targets, [2, 2]), &device);
        let written = Loss::CrossEntropy.batch(logits.clone(), targets).into_scalar::<f32>();
        let smoothed = tokens(logits, vec![0, 1], 0.25).into_scalar::<f32>();
        assert!((written - smoothed).abs() < 1e-6, "{written} {smoothed}");
    }
}
