//! Averages of weights: a network whose weights follow those of another.

use burn::module::{Module, Param};
use burn::tensor::Tensor;

use super::Network;
use super::weights::Running;

impl Network {
    /// A copy for inference, without gradients.
    pub fn copied(&self) -> Self {
        Self {
            plan: self.plan.clone(),
            device: self.device.clone(),
            weights: self.weights.valid(),
            running: self.running.clone(),
            precision: self.precision,
            drop_path: 0.0,
        }
    }

    /// Moves the weights and running statistics towards those of `other`: `own · decay + other · (1 - decay)`.
    pub fn follow(&mut self, other: &Self, decay: f64) {
        let other_weights = other.weights.valid();
        let weights = &mut self.weights;
        blend_all(&mut weights.vectors, &other_weights.vectors, decay);
        blend_all(&mut weights.matrices, &other_weights.matrices, decay);
        blend_all(&mut weights.tables, &other_weights.tables, decay);
        blend_all(&mut weights.kernels, &other_weights.kernels, decay);
        let statistics = self.running.iter().zip(&other.running).map(|(own, other)| Running {
            mean: blend(own.mean.clone(), other.mean.clone(), decay),
            variance: blend(own.variance.clone(), other.variance.clone(), decay),
        });
        self.running = statistics.collect();
    }
}

fn blend_all<const D: usize>(own: &mut [Param<Tensor<D>>], other: &[Param<Tensor<D>>], decay: f64) {
    for (own, other) in own.iter_mut().zip(other) {
        *own = Param::initialized(own.id, blend(own.val(), other.val(), decay));
    }
}

fn blend<const D: usize>(own: Tensor<D>, other: Tensor<D>, decay: f64) -> Tensor<D> {
    own.mul_scalar(decay) + other.mul_scalar(1.0 - decay)
}
