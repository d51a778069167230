//! `fisher`: J. Turner, E. J. Crowley, M. O'Boyle, A. Storkey and G. Gray, "BlockSwap: Fisher-guided Block Substitution
//! for Network Compression on a Budget", ICLR 2020; after L. Theis et al., "Faster gaze prediction with dense networks
//! and Fisher pruning", 2018.
//!
//! As in the code of Abdelfattah et al. 2021, the activations are the outputs of convolutions and linear layers, and a
//! channel counts once for each of its weights.

use burn::tensor::Tensor;

use super::probe::{BATCH, ProbedNetwork, numbers};
use nas_network::{Matrix, Operator, Value, each_rank};

/// The output of a layer, and zeros that were added to it. burn keeps gradients only for leaves, and the gradient of
/// the zeros is that of the output.
struct Probe {
    activation: Value,
    zeros: Value,
    layer: Channels,
}

/// The channels of a layer's output.
#[derive(Clone, Copy)]
struct Channels {
    /// Number of weights of one channel.
    weights: usize,
    /// Whether channels are on the last axis, as in a `Gemm` at every position, and not on the first.
    last: bool,
}

/// Σ over layers, channels and weights of a channel of ½ mean over examples of (Σ over positions of a · ∂L/∂a)².
pub fn score(subject: &mut ProbedNetwork) -> f64 {
    let fan_in = fan_in(subject);
    let mut probes = Vec::new();
    let gradients = subject.gradients(&mut |at, value| {
        let Some(layer) = fan_in[at] else { return value };
        each_rank!(value, x => {
            let zeros = x.zeros_like().detach().require_grad();
            let activation = x.clone().without_autodiff().into();
            probes.push(Probe { activation, zeros: zeros.clone().into(), layer });
            x + zeros
        })
    });
    let Some(gradients) = gradients else {
        return 0.0;
    };
    let of = |probe: Probe| match (probe.activation, probe.zeros) {
        (Value::Flat(a), Value::Flat(zeros)) => information(a, zeros.grad(&gradients)),
        (Value::Map(a), Value::Map(zeros)) if probe.layer.last => {
            let first = |x: Tensor<4>| x.permute([0, 3, 1, 2]);
            information(first(a), zeros.grad(&gradients).map(first))
        }
        (Value::Map(a), Value::Map(zeros)) => information(a, zeros.grad(&gradients)),
        (Value::Rows(a), Value::Rows(zeros)) if probe.layer.last => {
            information(a.swap_dims(1, 2), zeros.grad(&gradients).map(|gradient| gradient.swap_dims(1, 2)))
        }
        (Value::Rows(a), Value::Rows(zeros)) => information(a, zeros.grad(&gradients)),
        // Unreachable: the two values of a probe have the same rank.
        _ => 0.0,
    };
    probes.into_iter().map(|probe| probe.layer.weights as f64 * of(probe)).sum()
}

/// The channels of each step of the network; `None` for steps that are not layers.
fn fan_in(subject: &ProbedNetwork) -> Vec<Option<Channels>> {
    let weights = &subject.network.weights;
    let of = |operator: &Operator| match operator {
        Operator::Conv { weight, .. } => {
            Some(Channels { weights: weights.kernels[*weight].dims()[1..].iter().product(), last: false })
        }
        Operator::Gemm { weight: Matrix::Plain(weight), .. } => {
            Some(Channels { weights: weights.matrices[*weight].dims()[0], last: true })
        }
        _ => None,
    };
    subject.network.plan().steps.list.iter().map(|step| of(&step.operator)).collect()
}

/// Σ over channels of ½ mean over examples of (Σ over positions of a · g)².
fn information<const D: usize>(activation: Tensor<D>, gradient: Option<Tensor<D>>) -> f64 {
    let Some(gradient) = gradient else {
        return 0.0;
    };
    let positions = activation.dims()[2..].iter().product::<usize>();
    let products: Vec<f64> = numbers(activation).iter().zip(numbers(gradient)).map(|(a, g)| a * g).collect();
    let squares = products.chunks(positions).map(|channel| channel.iter().sum::<f64>().powi(2));
    0.5 * squares.sum::<f64>() / BATCH as f64
}
