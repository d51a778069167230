//! Adam and AdamW in one pass over the weights, in place, where burn's take a dozen passes with a buffer for each. The
//! results have the same bits.

use burn::backend::Flex;
use burn::optim::{Adam, AdamState, AdamW, AdamWState, AdaptiveMomentumState, Optimizer};
use burn::tensor::{DType, Device, Tensor};
use pulp::{Arch, Simd, WithSimd};

use super::tensor::{Plain, contiguous, numbers, plain};

/// The numbers that are loaded into the cache at a time and then go through all steps.
const CHUNK: usize = 1 << 10;

/// An optimizer of burn that updates weights on the CPU in place, with its parameters.
#[derive(Clone)]
pub struct InPlace<O> {
    /// Used on other devices and in other precisions.
    burn: O,
    betas: [f32; 2],
    epsilon: f32,
    decay: f32,
}

impl<O> InPlace<O> {
    /// Wraps `burn`, which must have the same parameters; `decay` is the weight decay λ.
    pub fn new(burn: O, betas: [f32; 2], epsilon: f32, decay: f32) -> Self {
        Self { burn, betas, epsilon, decay }
    }
}

impl Optimizer for InPlace<AdamW> {
    type State<const D: usize> = AdamWState<D>;

    fn step<const D: usize>(
        &self,
        rate: f64,
        weight: Tensor<D>,
        gradient: Tensor<D>,
        state: Option<AdamWState<D>>,
    ) -> (Tensor<D>, Option<AdamWState<D>>) {
        if !(is_ours(&weight) && is_ours(&gradient)) {
            return self.burn.step(rate, weight, gradient, state);
        }
        let [beta1, beta2] = self.betas;
        let shrunk = (1.0 - rate * f64::from(self.decay)) as f32;
        let (epsilon, rate) = (self.epsilon, rate as f32);
        let factors = |time| [1.0 - beta1.powi(time), 1.0 - beta2.powi(time)];
        let (weight, momentum) = step(
            (weight, gradient, state.map(|state| state.momentum)),
            self.betas,
            |gradient, _| gradient,
            factors,
            move |weight, first, second, [of_first, of_second]| {
                weight * shrunk - (first / of_first) / ((second / of_second).sqrt() + epsilon) * rate
            },
        );
        (weight, Some(AdamWState::new(momentum)))
    }

    fn to_device<const D: usize>(state: AdamWState<D>, device: &Device) -> AdamWState<D> {
        AdamW::to_device(state, device)
    }
}

impl Optimizer for InPlace<Adam> {
    type State<const D: usize> = AdamState<D>;

    fn step<const D: usize>(
        &self,
        rate: f64,
        weight: Tensor<D>,
        gradient: Tensor<D>,
        state: Option<AdamState<D>>,
    ) -> (Tensor<D>, Option<AdamState<D>>) {
        if !(is_ours(&weight) && is_ours(&gradient)) {
            return self.burn.step(rate, weight, gradient, state);
        }
        let [beta1, beta2] = self.betas;
        let (decay, epsilon, rate) = (self.decay, self.epsilon, rate as f32);
        // As burn does, take the square root of the second moment's bias correction out of the fraction.
        let factors = |time| {
            let root = (1.0 - beta2.powi(time)).sqrt();
            [root / (1.0 - beta1.powi(time)), epsilon * root]
        };
        let (weight, momentum) = step(
            (weight, gradient, state.map(|state| state.momentum)),
            self.betas,
            move |gradient, weight| if decay == 0.0 { gradient } else { weight * decay + gradient },
            factors,
            move |weight, first, second, [of_first, epsilon]| {
                weight - first * of_first / (second.sqrt() + epsilon) * rate
            },
        );
        (weight, Some(AdamState::new(momentum)))
    }

    fn to_device<const D: usize>(state: AdamState<D>, device: &Device) -> AdamState<D> {
        Adam::to_device(state, device)
    }
}

/// Whether the tensor is in single precision on the CPU and without gradients of its own.
fn is_ours<const D: usize>(tensor: &Tensor<D>) -> bool {
    tensor.dtype() == DType::F32 && tensor.clone().try_into_primitive::<Flex>().is_ok()
}

/// Updates the moments and then the weights. `decayed` maps a gradient and its weight to the gradient that is used.
/// `change` maps a weight, its two moments and the factors of this step to the new weight.
fn step<const D: usize>(
    (weight, gradient, state): (Tensor<D>, Tensor<D>, Option<AdaptiveMomentumState<D>>),
    betas: [f32; 2],
    decayed: impl Fn(f32, f32) -> f32,
    factors: impl FnOnce(i32) -> [f32; 2],
    change: impl Fn(f32, f32, f32, [f32; 2]) -> f32,
) -> (Tensor<D>, AdaptiveMomentumState<D>) {
    let shape = weight.dims();
    let zeros = || plain(vec![0.0; shape.iter().product()], &shape);
    let (time, moments) = match state {
        Some(state) => (state.time + 1, [state.moment_1, state.moment_2].map(own)),
        None => (1, [zeros(), zeros()]),
    };
    let ([mut first, mut second], mut weight) = (moments, own(weight));
    let gradient = own(gradient);
    Arch::new().dispatch(Step {
        weights: weight.storage_mut(),
        first: first.storage_mut(),
        second: second.storage_mut(),
        gradients: numbers(&gradient),
        betas,
        factors: factors(time as i32),
        decayed,
        change,
    });
    let [weight, first, second] = [weight, first, second].map(Tensor::from_primitive::<Flex>);
    (weight, AdaptiveMomentumState::new(time, first, second))
}

/// The tensor with a storage of its own, in which nothing precedes or follows its numbers.
fn own<const D: usize>(tensor: Tensor<D>) -> Plain {
    let shape = tensor.dims();
    match tensor.try_into_primitive::<Flex>() {
        Ok(tensor) => {
            let tensor = contiguous(tensor);
            if numbers(&tensor).len() == tensor.storage::<f32>().len() {
                tensor
            } else {
                plain(numbers(&tensor).to_vec(), &shape)
            }
        }
        Err(_) => unreachable!("`is_ours` has found the tensor on the CPU"),
    }
}

struct Step<'n, G, C> {
    weights: &'n mut [f32],
    first: &'n mut [f32],
    second: &'n mut [f32],
    gradients: &'n [f32],
    betas: [f32; 2],
    factors: [f32; 2],
    decayed: G,
    change: C,
}

impl<G: Fn(f32, f32) -> f32, C: Fn(f32, f32, f32, [f32; 2]) -> f32> WithSimd for Step<'_, G, C> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let Self { weights, first, second, gradients, betas: [beta1, beta2], factors, decayed, change } = self;
        let chunks = weights.chunks_mut(CHUNK).zip(gradients.chunks(CHUNK));
        let moments = first.chunks_mut(CHUNK).zip(second.chunks_mut(CHUNK));
        for ((weights, gradients), (first, second)) in chunks.zip(moments) {
            for ((first, &gradient), &weight) in first.iter_mut().zip(gradients).zip(&*weights) {
                *first = *first * beta1 + decayed(gradient, weight) * (1.0 - beta1);
            }
            for ((second, &gradient), &weight) in second.iter_mut().zip(gradients).zip(&*weights) {
                let gradient = decayed(gradient, weight);
                *second = *second * beta2 + gradient * gradient * (1.0 - beta2);
            }
            for ((weight, &first), &second) in weights.iter_mut().zip(&*first).zip(&*second) {
                *weight = change(*weight, first, second, factors);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use burn::optim::decay::WeightDecayConfig;
    use burn::optim::{AdamConfig, AdamWConfig};

    use super::*;

    fn numbers_of(count: usize, shift: f32) -> Vec<f32> {
        (0..count).map(|at| libm::sinf(at as f32 * 1.7 + shift) * (at % 7) as f32).collect()
    }

    fn tensor(shift: f32) -> Tensor<2> {
        Tensor::from_primitive::<Flex>(plain(numbers_of(3 * 701, shift), &[3, 701]))
    }

    /// Compares bits, except that the sign of 0 may differ.
    fn same(ours: &Tensor<2>, burn: &Tensor<2>) {
        let [ours, burn] = [ours, burn].map(|tensor| tensor.clone().into_data().try_into_vec::<f32>().unwrap());
        assert_eq!(ours.iter().zip(&burn).position(|(a, b)| a != b), None, "the first that differs");
        assert_eq!(ours.len(), burn.len());
    }

    /// Runs five steps with each optimizer, and one more on a view into a larger tensor.
    fn compare<A: Optimizer, B: Optimizer>(ours: &A, burn: &B) {
        let (mut weights, mut states) = ((tensor(0.0), tensor(0.0)), (None, None));
        for at in 0..5 {
            let gradient = tensor(at as f32).mul_scalar(0.01).slice([0..3, 0..701]);
            let rate = 0.01 / (at + 1) as f64;
            let (a, b) = (
                ours.step(rate, weights.0, gradient.clone(), states.0),
                burn.step(rate, weights.1, gradient, states.1),
            );
            same(&a.0, &b.0);
            (weights, states) = ((a.0, b.0), (a.1, b.1));
        }
        let (part, gradient) = (weights.0.slice([1..2, 5..600]), tensor(9.0).slice([0..1, 0..595]));
        let (a, b) = (ours.step(0.01, part.clone(), gradient.clone(), None), burn.step(0.01, part, gradient, None));
        same(&a.0, &b.0);
    }

    #[test]
    fn adamw_gives_the_same_bits_as_burns() {
        for decay in [0.0, 0.01] {
            let burn = AdamWConfig::new().with_epsilon(1e-8).with_beta_2(0.99).with_weight_decay(decay).build();
            compare(&InPlace::new(burn.clone(), [0.9, 0.99], 1e-8, decay), &burn);
        }
    }

    #[test]
    fn adam_gives_the_same_bits_as_burns() {
        for decay in [0.0, 0.01] {
            let config = (decay > 0.0).then(|| WeightDecayConfig::new(decay));
            let burn = AdamConfig::new().with_epsilon(1e-8).with_weight_decay(config).build();
            compare(&InPlace::new(burn.clone(), [0.9, 0.999], 1e-8, decay), &burn);
        }
    }
}
