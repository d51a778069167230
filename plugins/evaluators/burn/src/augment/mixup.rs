//! mixup: blends pairs of examples (Zhang et al. 2018, "mixup: Beyond Empirical Risk Minimization").

use nas_api::rng::{derive, seeded};
use nas_data::shuffled;
use rand_distr::{Beta, Distribution};

/// How the examples of a batch are blended: each with another one of the batch, all in the same proportion, as in the
/// authors' code.
#[derive(Clone, Debug, PartialEq)]
pub struct Mixing {
    /// λ, the share of an example itself.
    own: f32,
    /// The example with which each one is blended.
    partners: Vec<usize>,
}

impl Mixing {
    /// Draws λ from Beta(α, α), and partners by a random order of the batch. `None` if α is not a valid parameter of
    /// that distribution.
    pub fn draw(alpha: f64, batch: usize, seed: u32) -> Option<Self> {
        let beta = Beta::new(alpha, alpha).ok()?;
        let own = beta.sample(&mut seeded(derive(seed, "lambda", 0))) as f32;
        Some(Self { own, partners: shuffled(batch, &mut seeded(derive(seed, "partners", 0))) })
    }

    /// Blends inputs or targets, which have `width` numbers per example.
    pub fn apply(&self, numbers: &mut [f32], width: usize) {
        let old = numbers.to_vec();
        for (own, &partner) in numbers.chunks_exact_mut(width).zip(&self.partners) {
            for (own, other) in own.iter_mut().zip(&old[partner * width..(partner + 1) * width]) {
                *own = self.own * *own + (1.0 - self.own) * other;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn inputs_and_targets_are_blended_the_same_way() {
        let mixing = Mixing { own: 0.75, partners: vec![1, 0, 2] };
        let mut inputs = vec![0.0, 4.0, 8.0, 0.0, 1.0, 2.0];
        mixing.apply(&mut inputs, 2);
        assert_eq!(inputs, [2.0, 3.0, 6.0, 1.0, 1.0, 2.0]);
        let mut targets = vec![1.0, 0.0, 0.0, 1.0, 0.0, 1.0];
        mixing.apply(&mut targets, 2);
        assert_eq!(targets, [0.75, 0.25, 0.25, 0.75, 0.0, 1.0]);
    }

    #[test]
    fn the_proportion_has_the_moments_of_its_distribution() {
        // Beta(α, α) has the mean 1/2 and the variance 1 / (4 (2α + 1)).
        for alpha in [0.2, 1.0] {
            let drawn: Vec<f64> = (0..4000).map(|seed| f64::from(Mixing::draw(alpha, 2, seed).unwrap().own)).collect();
            let mean = drawn.iter().sum::<f64>() / 4000.0;
            let variance = drawn.iter().map(|own| (own - mean).powi(2)).sum::<f64>() / 4000.0;
            assert!((mean - 0.5).abs() < 0.02, "{mean}");
            assert!((variance - 0.25 / (2.0 * alpha + 1.0)).abs() < 0.01, "{variance}");
        }
        assert_eq!(Mixing::draw(0.4, 8, 3), Mixing::draw(0.4, 8, 3));
        assert_ne!(Mixing::draw(0.4, 8, 3), Mixing::draw(0.4, 8, 4));
    }
}
