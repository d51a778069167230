//! The covariance of two genotypes.

use nas_api::Decision;

/// A kernel on codes (0 if the decision is not made, otherwise the choice plus 1).
///
/// k(x, x') = exp(−Σ_d w_d δ_d(x, x')), a product over the decisions. δ_d is 0 for equal choices and 1 if only one of
/// both genotypes makes the decision. For different choices it is 1 if the decision is not ordered (weighted overlap),
/// and otherwise the number of steps between them over the greatest possible number. Each factor is positive definite:
/// the overlap kernel is, and the Laplace kernel on 0 to 1 is and stays so with one more point at distance 1 from all.
pub(super) struct Kernel {
    /// For each decision, one over its greatest number of steps; `None` if it is not ordered.
    steps: Vec<Option<f64>>,
}

impl Kernel {
    pub(super) fn new(decisions: &[Decision]) -> Self {
        let step = |decision: &Decision| decision.ordered.then(|| 1.0 / f64::from(decision.len().max(2) - 1));
        Self { steps: decisions.iter().map(step).collect() }
    }

    /// The number of decisions, which is the number of weights.
    pub(super) fn decisions(&self) -> usize {
        self.steps.len()
    }

    /// k(a, b) with these weights, one for each decision.
    pub(super) fn covariance(&self, weights: &[f64], a: &[u32], b: &[u32]) -> f64 {
        let mut distance = 0.0;
        for ((a, b), (step, weight)) in a.iter().zip(b).zip(self.steps.iter().zip(weights)) {
            if a != b {
                distance += match step {
                    Some(step) if *a > 0 && *b > 0 => weight * step * f64::from(a.abs_diff(*b)),
                    _ => *weight,
                };
            }
        }
        libm::exp(-distance)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use nalgebra::{Cholesky, DMatrix};

    use super::*;

    fn kernel() -> Kernel {
        let ops = Decision::new("op", ["a", "b", "c"]);
        Kernel::new(&[ops, Decision::new("size", ["1", "2", "3", "4", "5"]).ordered()])
    }

    #[test]
    fn covariances_agree_with_hand_computed_values() {
        let covariance = |a: [u32; 2], b: [u32; 2]| kernel().covariance(&[0.5, 2.0], &a, &b);
        assert_eq!(covariance([1, 3], [1, 3]), 1.0);
        assert_eq!(covariance([1, 3], [2, 3]), libm::exp(-0.5));
        assert_eq!(covariance([1, 3], [3, 3]), libm::exp(-0.5));
        // These are two of four steps.
        assert_eq!(covariance([1, 3], [1, 5]), libm::exp(-1.0));
        // Only one of them makes the second decision.
        assert_eq!(covariance([1, 0], [1, 1]), libm::exp(-2.0));
        assert_eq!(covariance([1, 0], [1, 0]), 1.0);
    }

    #[test]
    fn the_matrix_of_all_genotypes_is_positive_definite() {
        let all: Vec<[u32; 2]> = (0..=3).flat_map(|op| (0..=5).map(move |size| [op, size])).collect();
        for weights in [[0.01, 0.01], [0.5, 2.0], [9.0, 0.02]] {
            let matrix = DMatrix::from_fn(24, 24, |i, j| kernel().covariance(&weights, &all[i], &all[j]));
            assert!(Cholesky::new(matrix).is_some(), "{weights:?}");
        }
    }
}
