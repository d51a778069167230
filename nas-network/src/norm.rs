//! Normalisations over a batch and over the numbers of one example.

use burn::tensor::{Tensor, module};
use nas_kernels::{self as kernel, Norm};

use super::autocast::widened;
use super::forward::Mode;
use super::value::{Value, each_rank};
use super::weights::{Running, Weights};

/// The operator `BatchNormalization`, with the positions of its weights and statistics.
#[derive(Clone, Debug)]
pub struct Batch {
    pub scale: usize,
    pub shift: usize,
    pub running: usize,
    pub epsilon: f64,
    pub momentum: f64,
}

impl Batch {
    pub fn apply(&self, value: Value, weights: &Weights, mode: &mut Mode<'_>) -> Value {
        each_rank!(value, x => self.normalize(x, weights, mode))
    }

    /// The parameters in the form that a kernel needs.
    pub fn norm(&self, weights: &Weights) -> Norm {
        let (scale, shift) = (weights.vectors[self.scale].val(), weights.vectors[self.shift].val());
        Norm { scale, shift, epsilon: self.epsilon, rectifier: None }
    }

    /// The factor and the shift of every channel, given running statistics.
    pub fn line(&self, weights: &Weights, running: &Running) -> [Tensor<1>; 2] {
        let (scale, shift) = (weights.vectors[self.scale].val(), weights.vectors[self.shift].val());
        let factor = scale / running.variance.clone().add_scalar(self.epsilon).sqrt();
        [factor.clone(), shift - running.mean.clone() * factor]
    }

    /// Updates the running statistics as ONNX does, `running * momentum + batch * (1 - momentum)`, with the batch's
    /// population variance (PyTorch uses the sample variance).
    pub fn moved(&self, mean: Tensor<1>, variance: Tensor<1>, mode: &mut Mode<'_>) {
        let Mode::Training { old, running, .. } = mode else { return };
        let moved = |old: &Tensor<1>, batch: Tensor<1>| {
            old.clone().mul_scalar(self.momentum) + batch.without_autodiff().mul_scalar(1.0 - self.momentum)
        };
        let old = &old[self.running];
        // Steps run in the order in which their running statistics are numbered.
        running.push(Running { mean: moved(&old.mean, mean), variance: moved(&old.variance, variance) });
    }

    /// Normalises with the running statistics or, in training, with those of the batch, which update the running ones.
    /// The computation has at least 32 bits; the result has the precision of `x`.
    pub fn normalize<const D: usize>(&self, x: Tensor<D>, weights: &Weights, mode: &mut Mode<'_>) -> Tensor<D> {
        let given = x.dtype();
        self.normalize_wide(widened(x), weights, mode).cast(given)
    }

    fn normalize_wide<const D: usize>(&self, x: Tensor<D>, weights: &Weights, mode: &mut Mode<'_>) -> Tensor<D> {
        let norm = self.norm(weights);
        if let Mode::Inference(running) = mode {
            let Running { mean, variance } = running[self.running].clone();
            return module::batch_norm(x, norm.scale, norm.shift, mean, variance, self.epsilon);
        }
        if let Some(found) = kernel::normalize(&x, &norm) {
            self.moved(found.mean, found.variance, mode);
            return found.output;
        }
        let found = module::batch_norm_train(x, norm.scale, norm.shift, self.epsilon);
        self.moved(found.mean, found.variance, mode);
        found.output
    }
}

/// The operator `LayerNormalization`, or `RMSNormalization`, which does not subtract the mean and has no shift.
#[derive(Clone, Debug)]
pub struct Layer {
    /// The count of numbers that are normalised together: those of the last axes.
    pub numbers: usize,
    pub root_mean_square: bool,
    pub scale: usize,
    pub shift: Option<usize>,
    pub epsilon: f64,
}

impl Layer {
    pub fn apply(&self, value: Value, weights: &Weights) -> Value {
        let scale = weights.vectors[self.scale].val();
        let shift = self.shift.map(|shift| weights.vectors[shift].val());
        let dims = value.dims();
        let rows = dims.iter().product::<usize>() / self.numbers;
        let x = value.tensor([rows, self.numbers]);
        let (epsilon, centred) = (self.epsilon, !self.root_mean_square);
        if let Some(x) = kernel::normalize_rows(&x, &scale, shift.as_ref(), epsilon, centred) {
            return Value::new(x, &dims);
        }
        let x = if self.root_mean_square {
            x.clone() * reciprocal_root(x, self.epsilon) * scale.unsqueeze()
        } else {
            module::layer_norm(x, scale, shift, self.epsilon)
        };
        Value::new(x, &dims)
    }
}

/// The operator `GroupNormalization`, and `InstanceNormalization`, whose groups are single channels.
#[derive(Clone, Debug)]
pub struct Group {
    pub groups: usize,
    pub scale: usize,
    pub shift: usize,
    pub epsilon: f64,
}

impl Group {
    pub fn apply(&self, value: Value, weights: &Weights) -> Value {
        let dims = value.dims();
        let (batch, channels) = (dims[0], dims[1]);
        let area: usize = dims[2..].iter().product();
        let x = value.tensor([batch * self.groups, channels / self.groups * area]);
        let mean = x.clone().mean_dim(1);
        let x = x - mean;
        let x = x.clone() * reciprocal_root(x, self.epsilon);
        let of_channel = |at: usize| weights.vectors[at].val().reshape([1, channels, 1]);
        let x = x.reshape([batch, channels, area]) * of_channel(self.scale) + of_channel(self.shift);
        Value::new(x, &dims)
    }
}

/// 1 / √(mean of squares + ε) for every row.
fn reciprocal_root(x: Tensor<2>, epsilon: f64) -> Tensor<2> {
    x.square().mean_dim(1).add_scalar(epsilon).sqrt().recip()
}
