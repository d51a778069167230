//! Proxies that are sums over weights and their gradients.
//!
//! `snip` is from N. Lee, T. Ajanthan and P. H. S. Torr, "SNIP: Single-shot Network Pruning based on Connection
//! Sensitivity", ICLR 2019, section 4.1, where the derivatives of the masks equal the weights times their derivatives.
//! `grad_norm` is from Abdelfattah et al. 2021, section 3.2, and `l2_norm` from the code published with it. Both norms
//! are summed over layers.

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

/// The Euclidean norm.
pub fn norm(numbers: &[f64]) -> f64 {
    numbers.iter().map(|x| x * x).sum::<f64>().sqrt()
}
