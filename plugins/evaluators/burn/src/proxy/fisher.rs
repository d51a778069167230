//! `fisher`: J. Turner, E. J. Crowley, M. O'Boyle, A. Storkey and G. Gray, "BlockSwap: Fisher-guided Block Substitution for
//! Network Compression on a Budget", ICLR 2020; after L. Theis et al., "Faster gaze prediction with dense networks
//! and Fisher pruning", 2018.
//!
//! As in the code of Abdelfattah et al. 2021 the activations are what convolutions and linear layers return, and a channel
//! counts once for each of its weights.

use burn::tensor::Tensor;

use super::subject::{BATCH, Subject, numbers};
use crate::model::{Operator, Value};

/// What a layer returned, and zeros that were added to it: their gradient is its own, which burn keeps for leaves alone.
struct Probe {
    activation: Value,
    zeros: Value,
    /// Weights of one of its channels.
    weights: usize,
}

/// Σ over layers, channels and weights of a channel of ½ mean over examples of (Σ over positions of a · ∂L/∂a)².
pub fn score(subject: &mut Subject) -> f64 {
    let fan_in = fan_in(subject);
    let mut probes = Vec::new();
    let gradients = subject.gradients(&mut |at, value| match (fan_in[at], value) {
        (Some(weights), Value::Flat(x)) => {
            let zeros = x.zeros_like().detach().require_grad();
            let activation = Value::Flat(x.clone().without_autodiff());
            probes.push(Probe { activation, zeros: Value::Flat(zeros.clone()), weights });
            Value::Flat(x + zeros)
        }
        (Some(weights), Value::Map(x)) => {
            let zeros = x.zeros_like().detach().require_grad();
            let activation = Value::Map(x.clone().without_autodiff());
            probes.push(Probe { activation, zeros: Value::Map(zeros.clone()), weights });
            Value::Map(x + zeros)
        }
        (_, value) => value,
    });
    let Some(gradients) = gradients else {
        return 0.0;
    };
    let of = |probe: Probe| match (probe.activation, probe.zeros) {
        (Value::Flat(a), Value::Flat(zeros)) => information(a, zeros.grad(&gradients)) * probe.weights as f64,
        (Value::Map(a), Value::Map(zeros)) => information(a, zeros.grad(&gradients)) * probe.weights as f64,
        // A probe's two values are of one kind.
        _ => 0.0,
    };
    probes.into_iter().map(of).sum()
}

/// How many weights lead to one channel, for the steps that are layers.
fn fan_in(subject: &Subject) -> Vec<Option<usize>> {
    let weights = &subject.network.weights;
    let of = |operator: &Operator| match operator {
        Operator::Conv { weight, .. } => Some(weights.kernels[*weight].dims()[1..].iter().product()),
        Operator::Gemm { weight, .. } => Some(weights.matrices[*weight].dims()[0]),
        _ => None,
    };
    subject.network.plan().steps.iter().map(|step| of(&step.operator)).collect()
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
