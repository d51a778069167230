//! Sums over weights of what the loss says about them.
//!
//! `snip`: N. Lee, T. Ajanthan and P. H. S. Torr, "SNIP: Single-shot Network Pruning based on Connection Sensitivity", ICLR
//! 2019, section 4.1. The masks' derivatives there are the weights times their derivatives.
//! `grad_norm`: Abdelfattah et al. 2021, section 3.2. `l2_norm`: the code published with it. Norms are summed over layers.

use super::probe::{Layer, layers};
use nas_network::Weights;

/// Σ |θ · ∂L/∂θ|.
pub fn snip(layers: &[Layer]) -> f64 {
    let products =
        |layer: &Layer| -> f64 { layer.weight.iter().zip(&layer.gradient).map(|(w, g)| (w * g).abs()).sum() };
    layers.iter().map(products).sum()
}

/// Σ ‖∂L/∂θ‖ over layers.
pub fn grad_norm(layers: &[Layer]) -> f64 {
    layers.iter().map(|layer| norm(&layer.gradient)).sum()
}

/// Σ ‖θ‖ over layers.
pub fn l2_norm(weights: &Weights) -> f64 {
    layers(weights, None).iter().map(|layer| norm(&layer.weight)).sum()
}

/// Euclidean.
pub fn norm(numbers: &[f64]) -> f64 {
    numbers.iter().map(|x| x * x).sum::<f64>().sqrt()
}
