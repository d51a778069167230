//! The optimizers: burn's own, some of which run in place.

use burn::optim::decay::WeightDecayConfig;
use burn::optim::momentum::MomentumConfig;
use burn::optim::{AdamConfig, AdamWConfig, ModuleOptimizer, SgdConfig};
use nas_kernels::InPlace;

/// The default of burn and of the papers.
const BETA1: f32 = 0.9;
/// The ε of the papers; burn's default is 1e-5.
const EPSILON: f32 = 1e-8;

/// The optimization method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Stochastic gradient descent with momentum, without dampening (as in PyTorch).
    Sgd,
    /// Adam (Kingma & Ba 2015).
    Adam,
    /// AdamW (Loshchilov & Hutter 2019).
    AdamW,
}

/// The optimizer and its parameters.
#[derive(Clone, Debug)]
pub struct OptimizerConfig {
    /// The method.
    pub method: Method,
    /// The momentum of `Sgd`.
    pub momentum: f64,
    /// Whether `Sgd` uses Nesterov's momentum (Sutskever et al. 2013, section 2, in the form of PyTorch).
    pub nesterov: bool,
    /// β₂ of `Adam` and `AdamW`; β₁ is 0.9.
    pub beta2: f64,
    /// The weight decay. `Sgd` and `Adam` add it, times the weight, to the gradient; in `AdamW` it is decoupled.
    pub weight_decay: f64,
}

impl OptimizerConfig {
    /// burn's optimizer in its initial state.
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
