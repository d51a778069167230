//! How weights are changed: burn's optimizers, some of which are computed in place.

use burn::optim::decay::WeightDecayConfig;
use burn::optim::momentum::MomentumConfig;
use burn::optim::{AdamConfig, AdamWConfig, ModuleOptimizer, SgdConfig};
use nas_kernels::InPlace;

/// burn's and the papers'.
const BETA1: f32 = 0.9;
/// The papers' ε; burn's own default is 1e-5.
const EPSILON: f32 = 1e-8;

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

/// How weights are changed.
#[derive(Clone, Debug)]
pub struct OptimizerConfig {
    /// Which optimizer.
    pub method: Method,
    /// Of `Sgd`.
    pub momentum: f64,
    /// Of `Sgd`: Nesterov's momentum (Sutskever et al. 2013, section 2, in the form of PyTorch).
    pub nesterov: bool,
    /// β₂ of `Adam` and `AdamW`; β₁ is 0.9.
    pub beta2: f64,
    /// `Sgd` and `Adam`: added to the gradient, times the weight; `AdamW`: decoupled.
    pub weight_decay: f64,
}

impl OptimizerConfig {
    /// burn's optimizer, at its start.
    pub fn build(&self) -> ModuleOptimizer {
        let decay = (self.weight_decay > 0.0).then(|| WeightDecayConfig::new(self.weight_decay as f32));
        let beta2 = self.beta2 as f32;
        match self.method {
            Method::Sgd => {
                let momentum = MomentumConfig::new().with_momentum(self.momentum).with_dampening(0.0);
                let momentum = (self.momentum > 0.0).then_some(momentum.with_nesterov(self.nesterov));
                SgdConfig::new().with_weight_decay(decay).with_momentum(momentum).init()
            }
            Method::Adam => {
                let config = AdamConfig::new().with_epsilon(EPSILON).with_beta_2(beta2).with_weight_decay(decay);
                InPlace::new(config.build(), [BETA1, beta2], EPSILON, self.weight_decay as f32).into()
            }
            Method::AdamW => {
                let config = AdamWConfig::new().with_epsilon(EPSILON).with_beta_2(beta2);
                let config = config.with_weight_decay(self.weight_decay as f32);
                InPlace::new(config.build(), [BETA1, beta2], EPSILON, self.weight_decay as f32).into()
            }
        }
    }
}
