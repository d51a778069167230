//! How weights are changed: burn's optimizers, and the learning rate over the course of training.

use burn::optim::decay::WeightDecayConfig;
use burn::optim::momentum::MomentumConfig;
use burn::optim::{AdamConfig, AdamWConfig, ModuleOptimizer, SgdConfig};

/// Which optimizer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Stochastic gradient descent with momentum, without dampening (as in PyTorch).
    Sgd,
    /// Kingma & Ba 2015.
    Adam,
    /// Loshchilov & Hutter 2019.
    AdamW,
}

/// How the learning rate goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// Half a cosine from the learning rate to 0 over the whole training, step by step
    /// (Loshchilov & Hutter 2017, SGDR, equation 5, one cycle).
    Cosine,
    /// Always the learning rate.
    Constant,
}

/// How weights are changed.
#[derive(Clone, Debug)]
pub struct OptimizerConfig {
    /// Which optimizer.
    pub method: Method,
    /// At the start.
    pub learning_rate: f64,
    /// Of `Sgd`.
    pub momentum: f64,
    /// `Sgd` and `Adam`: added to the gradient, times the weight; `AdamW`: decoupled.
    pub weight_decay: f64,
    /// How the learning rate goes.
    pub schedule: Schedule,
}

impl OptimizerConfig {
    /// burn's optimizer, at its start.
    pub fn build(&self) -> ModuleOptimizer {
        let decay = (self.weight_decay > 0.0).then(|| WeightDecayConfig::new(self.weight_decay as f32));
        match self.method {
            Method::Sgd => {
                let momentum = MomentumConfig::new().with_momentum(self.momentum).with_dampening(0.0);
                let momentum = (self.momentum > 0.0).then_some(momentum);
                SgdConfig::new().with_weight_decay(decay).with_momentum(momentum).init()
            }
            // The papers' ε; burn's own default is 1e-5.
            Method::Adam => AdamConfig::new().with_epsilon(1e-8).with_weight_decay(decay).init(),
            Method::AdamW => AdamWConfig::new().with_epsilon(1e-8).with_weight_decay(self.weight_decay as f32).init(),
        }
    }

    /// The learning rate of step `step` of `steps`, counted from 0.
    pub fn rate(&self, step: u64, steps: u64) -> f64 {
        match self.schedule {
            Schedule::Constant => self.learning_rate,
            Schedule::Cosine => {
                let part = step as f64 / steps.max(1) as f64;
                self.learning_rate * 0.5 * (1.0 + (std::f64::consts::PI * part).cos())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cosine_falls_from_the_rate_to_nothing() {
        let config = |schedule| OptimizerConfig {
            method: Method::Sgd,
            learning_rate: 0.2,
            momentum: 0.0,
            weight_decay: 0.0,
            schedule,
        };
        let cosine = config(Schedule::Cosine);
        assert_eq!(cosine.rate(0, 100), 0.2);
        assert!((cosine.rate(50, 100) - 0.1).abs() < 1e-12);
        assert!((cosine.rate(25, 100) - 0.1 * (1.0 + 0.5_f64.sqrt())).abs() < 1e-12);
        assert!(cosine.rate(99, 100) < 1e-4);
        assert_eq!(config(Schedule::Constant).rate(99, 100), 0.2);
    }
}
