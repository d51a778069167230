//! Changes to gradients before the optimizer receives them.

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use nas_network::Weights;

/// Scales all gradients by the same factor if their norm, over all weights, exceeds `most` (Pascanu et al. 2013,
/// algorithm 1; burn's own clipping uses the norm of each tensor). The norm stays on the device.
pub fn clip(gradients: GradientsParams, weights: &Weights, most: f64) -> GradientsParams {
    let Some(sum) = squares(&gradients, weights) else { return gradients };
    // As in PyTorch, 1e-6 avoids a division by 0.
    let factor = sum.sqrt().add_scalar(1e-6).recip().mul_scalar(most).clamp_max(1.0);
    scaled(gradients, weights, factor)
}

/// Divides the gradients of a loss that was multiplied by `factor`; `None` if one of them is not finite. This waits for
/// the device.
pub fn divided(gradients: GradientsParams, weights: &Weights, factor: f32) -> Option<GradientsParams> {
    let Some(sum) = squares(&gradients, weights) else { return Some(gradients) };
    let divided = scaled(gradients, weights, sum.full_like(factor.recip()));
    sum.into_scalar::<f32>().is_finite().then_some(divided)
}

/// The sum of all squares; `None` if there are no gradients.
fn squares(gradients: &GradientsParams, weights: &Weights) -> Option<Tensor<1>> {
    let mut squares = Squares { gradients, sum: None };
    weights.visit(&mut squares);
    squares.sum
}

fn scaled(gradients: GradientsParams, weights: &Weights, factor: Tensor<1>) -> GradientsParams {
    let mut scaled = Scaled { gradients, factor };
    weights.visit(&mut scaled);
    scaled.gradients
}

struct Squares<'a> {
    gradients: &'a GradientsParams,
    sum: Option<Tensor<1>>,
}

impl ModuleVisitor for Squares<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.get::<D>(param.id) {
            let own = gradient.square().sum();
            self.sum = Some(match self.sum.take() {
                Some(sum) => sum + own,
                None => own,
            });
        }
    }
}

struct Scaled {
    gradients: GradientsParams,
    factor: Tensor<1>,
}

impl ModuleVisitor for Scaled {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.remove::<D>(param.id) {
            self.gradients.register(param.id, gradient * self.factor.clone().unsqueeze::<D>());
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use burn::module::ParamId;
    use burn::tensor::Device;

    use super::*;

    /// A vector with the gradient 3 and a matrix with the gradients 4, 0, 0, 12; their norm is 13.
    fn gradients() -> (Weights, GradientsParams) {
        let device = Device::flex().autodiff();
        let mut weights = Weights::empty();
        let vector = Tensor::<1>::from_floats([1.0], &device).require_grad();
        let matrix = Tensor::<2>::from_floats([[1.0, 1.0], [1.0, 1.0]], &device).require_grad();
        weights.vectors.push(Param::initialized(ParamId::from(0), vector.clone()));
        weights.matrices.push(Param::initialized(ParamId::from(1), matrix.clone()));
        let factors = Tensor::<2>::from_floats([[4.0, 0.0], [0.0, 12.0]], &device);
        let loss = vector.mul_scalar(3.0).sum() + (matrix * factors).sum();
        let gradients = GradientsParams::from_grads(loss.backward(), &weights);
        (weights, gradients)
    }

    fn clipped(most: f64) -> Vec<f32> {
        let (weights, gradients) = gradients();
        let clipped = clip(gradients, &weights, most);
        let vector = clipped.get::<1>(ParamId::from(0)).unwrap().into_data().try_to_vec::<f32>().unwrap();
        let matrix = clipped.get::<2>(ParamId::from(1)).unwrap().into_data().try_to_vec::<f32>().unwrap();
        [vector, matrix].concat()
    }

    #[test]
    fn clipping_uses_the_norm_of_all_gradients_together() {
        let half = clipped(6.5);
        for (found, expected) in half.iter().zip([1.5, 2.0, 0.0, 0.0, 6.0]) {
            assert!((found - expected).abs() < 1e-5, "{half:?}");
        }
        assert_eq!(clipped(14.0), [3.0, 4.0, 0.0, 0.0, 12.0]);
    }

    #[test]
    fn scaled_gradients_are_divided_if_all_are_finite() {
        let (weights, gradients) = gradients();
        let halves = divided(gradients, &weights, 2.0).unwrap();
        assert_eq!(halves.get::<1>(ParamId::from(0)).unwrap().into_scalar::<f32>(), 1.5);
        for wrong in [f32::INFINITY, f32::NEG_INFINITY, f32::NAN] {
            let (weights, mut gradients) = self::gradients();
            gradients.remove::<1>(ParamId::from(0));
            gradients.register(ParamId::from(0), Tensor::<1>::from_floats([wrong], &Device::flex()));
            assert!(divided(gradients, &weights, 2.0).is_none(), "{wrong}");
        }
        assert!(divided(GradientsParams::new(), &weights, 2.0).is_some(), "a network without gradients");
    }
}
