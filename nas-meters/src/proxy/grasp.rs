//! `grasp`: C. Wang, G. Zhang and R. Grosse, "Picking Winning Tickets Before Training by Preserving Gradient Flow",
//! ICLR 2020, section 4.1, at temperature 1 as in the code of Abdelfattah et al. 2021.
//!
//! burn has no second derivatives, so θᵀHg is computed as (θᵀ∇L(θ + hg) − θᵀ∇L(θ − hg)) / 2h, whose error is of order
//! h². In doubles, h can be so small that hardly any ReLU, at whose kink the Hessian is undefined, switches in between.

use burn::module::Param;
use burn::tensor::{Gradients, Tensor};

use super::probe::{Layer, ProbedNetwork, layers};
use super::saliency::norm;
use nas_network::Weights;

/// ‖hg‖ relative to ‖θ‖.
const STEP: f64 = 1e-6;

/// −Σ θ · (H ∂L/∂θ).
pub fn score(subject: ProbedNetwork) -> f64 {
    let mut subject = subject.in_doubles();
    let Some(gradients) = subject.gradients(&mut |_, value| value) else {
        return 0.0;
    };
    let start = subject.network.weights.clone();
    let here = layers(&start, Some(&gradients));
    let length = |of: fn(&Layer) -> &[f64]| norm(&here.iter().map(|layer| norm(of(layer))).collect::<Vec<_>>());
    let steepness = length(|layer| &layer.gradient);
    if steepness == 0.0 {
        return 0.0;
    }
    let h = STEP * length(|layer| &layer.weight) / steepness;
    let mut along_weights = |by: f64| -> f64 {
        subject.network.weights = moved(&start, &gradients, by);
        let gradients = subject.gradients(&mut |_, value| value);
        let there = layers(&subject.network.weights, gradients.as_ref());
        let dot = |(here, there): (&Layer, &Layer)| -> f64 {
            here.weight.iter().zip(&there.gradient).map(|(w, g)| w * g).sum()
        };
        here.iter().zip(&there).map(dot).sum()
    };
    -(along_weights(h) - along_weights(-h)) / (2.0 * h)
}

/// The weights, with those of `Conv` and `Gemm` moved by `by` times their gradients.
fn moved(weights: &Weights, gradients: &Gradients, by: f64) -> Weights {
    let matrices = weights.matrices.iter().map(|weight| moved_one(weight, gradients, by)).collect();
    let kernels = weights.kernels.iter().map(|weight| moved_one(weight, gradients, by)).collect();
    Weights { matrices, kernels, ..weights.clone() }
}

fn moved_one<const D: usize>(weight: &Param<Tensor<D>>, gradients: &Gradients, by: f64) -> Param<Tensor<D>> {
    let value = weight.val();
    match value.grad(gradients) {
        Some(gradient) => {
            let there = value.detach() + gradient.mul_scalar(by);
            Param::initialized(weight.id, there.detach().require_grad())
        }
        None => weight.clone(),
    }
}
