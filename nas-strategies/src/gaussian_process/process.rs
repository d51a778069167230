//! Gaussian process regression with a constant mean.
//!
//! C. E. Rasmussen and C. K. I. Williams (2006), "Gaussian processes for machine learning", Algorithm 2.1. Mean and
//! variance of the process are estimated in closed form, and a prediction is as uncertain as the estimated mean makes it
//! (D. R. Jones, M. Schonlau and W. J. Welch 1998, "Efficient global optimization of expensive black-box functions",
//! Equations 5, 6 and 9).

use nalgebra::{Cholesky, DMatrix, DVector, Dyn};

use super::kernel::Kernel;
use crate::common::surrogate::encoding::Codes;

/// The hyperparameters without a closed-form maximum of the likelihood.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Hyperparameters {
    /// w, one weight for each decision.
    pub(super) weights: Vec<f64>,
    /// The variance of the noise, as a fraction of the variance of the process.
    pub(super) noise: f64,
}

/// A process that is fitted to data.
pub(super) struct Process<'k> {
    kernel: &'k Kernel,
    weights: Vec<f64>,
    points: Vec<Codes>,
    factor: Cholesky<f64, Dyn>,
    /// α = K⁻¹ (y − mean).
    alpha: DVector<f64>,
    /// K⁻¹ 1.
    ones: DVector<f64>,
    mean: f64,
    variance: f64,
}

impl<'k> Process<'k> {
    /// Fits a process to targets at points; `None` if the covariance matrix is numerically not positive definite.
    pub(super) fn fit(
        kernel: &'k Kernel,
        hyperparameters: &Hyperparameters,
        points: Vec<Codes>,
        targets: &[f64],
    ) -> Option<Self> {
        let count = points.len();
        let mut matrix = DMatrix::zeros(count, count);
        for column in 0..count {
            matrix[(column, column)] = 1.0 + hyperparameters.noise;
            for row in column + 1..count {
                let covariance = kernel.covariance(&hyperparameters.weights, &points[row], &points[column]);
                matrix[(row, column)] = covariance;
                matrix[(column, row)] = covariance;
            }
        }
        let factor = Cholesky::new(matrix)?;
        let targets = DVector::from_column_slice(targets);
        let ones = factor.solve(&DVector::from_element(count, 1.0));
        let mean = targets.dot(&ones) / ones.sum();
        let residuals = targets.add_scalar(-mean);
        let alpha = factor.solve(&residuals);
        let variance = (residuals.dot(&alpha) / count as f64).max(1e-12);
        let weights = hyperparameters.weights.clone();
        (mean.is_finite() && variance.is_finite()).then_some(Self {
            kernel,
            weights,
            points,
            factor,
            alpha,
            ones,
            mean,
            variance,
        })
    }

    /// The logarithm of the marginal likelihood at the best mean and variance, up to a constant.
    pub(super) fn log_likelihood(&self) -> f64 {
        let lower = self.factor.l_dirty();
        let determinant: f64 = (0..self.points.len()).map(|i| libm::log(lower[(i, i)])).sum();
        -0.5 * self.points.len() as f64 * libm::log(self.variance) - determinant
    }

    /// The mean and the standard deviation at a point, without the noise.
    pub(super) fn predict(&self, point: &[u32]) -> (f64, f64) {
        let covariances = self.points.iter().map(|other| self.kernel.covariance(&self.weights, point, other));
        let mut covariances = DVector::from_iterator(self.points.len(), covariances);
        let mean = self.mean + covariances.dot(&self.alpha);
        // The second term of Equation 9, (1 − 1'K⁻¹k)² / (1'K⁻¹1): the uncertainty of the estimated mean.
        let unexplained = 1.0 - self.ones.dot(&covariances);
        let of_mean = unexplained * unexplained / self.ones.sum();
        self.factor.l_dirty().solve_lower_triangular_unchecked_mut(&mut covariances);
        let explained = covariances.norm_squared();
        (mean, (self.variance * ((1.0 - explained).max(0.0) + of_mean.max(0.0))).sqrt())
    }
}

/// The factors by which the search for weights and noise steps, the coarse one first.
const FACTORS: [f64; 2] = [4.0, 2.0];
/// The range of a weight.
const WEIGHTS: (f64, f64) = (1e-3, 20.0);
/// The range of the noise.
const NOISES: (f64, f64) = (1e-6, 1.0);
/// The expected noise.
const NOISE: f64 = 1e-2;
/// The standard deviations of the prior of weights and noise, in natural logarithms.
const SPREADS: (f64, f64) = (1.5, 2.0);

impl Hyperparameters {
    /// The expected values before there are data.
    pub(super) fn expected(decisions: usize) -> Self {
        Self { weights: vec![(2.0 / decisions.max(1) as f64).min(1.0); decisions], noise: NOISE }
    }

    /// The logarithm of the prior density, up to a constant: log-normal around the expected values.
    fn prior(&self) -> f64 {
        let expected = Self::expected(self.weights.len());
        let term = |value: f64, centre: f64, spread: f64| {
            let away = libm::log(value / centre) / spread;
            -0.5 * away * away
        };
        let weights = self.weights.iter().zip(&expected.weights);
        weights.map(|(value, centre)| term(*value, *centre, SPREADS.0)).sum::<f64>()
            + term(self.noise, expected.noise, SPREADS.1)
    }

    /// Better values by one pass of coordinate search: all weights together, then the noise, then (if `relevance` is
    /// set) each weight. A coordinate is multiplied or divided if that raises the likelihood times the prior.
    pub(super) fn improved(&self, kernel: &Kernel, relevance: bool, points: &[Codes], targets: &[f64]) -> Self {
        let log_posterior = |moved: &Self| {
            let process = Process::fit(kernel, moved, points.to_vec(), targets);
            process.map_or(f64::NEG_INFINITY, |process| process.log_likelihood() + moved.prior())
        };
        let mut best = self.clone();
        let mut highest = log_posterior(&best);
        let count = best.weights.len();
        for factor in FACTORS {
            // Coordinate 0 is all weights, 1 is the noise, and the others are single weights.
            let coordinates = if relevance { count + 2 } else { 2 };
            for coordinate in 0..coordinates {
                for by in [factor, 1.0 / factor] {
                    let mut moved = best.clone();
                    match coordinate {
                        0 => moved.weights.iter_mut().for_each(|w| *w = (*w * by).clamp(WEIGHTS.0, WEIGHTS.1)),
                        1 => moved.noise = (moved.noise * by).clamp(NOISES.0, NOISES.1),
                        _ => {
                            let weight = &mut moved.weights[coordinate - 2];
                            *weight = (*weight * by).clamp(WEIGHTS.0, WEIGHTS.1);
                        }
                    }
                    let reached = if moved == best { f64::NEG_INFINITY } else { log_posterior(&moved) };
                    if reached > highest {
                        (best, highest) = (moved, reached);
                        break;
                    }
                }
            }
        }
        best
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use nas_api::Decision;
    use nas_api::rng::{RngExt, seeded};

    use super::*;

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-9, "{a} is not {b}");
    }

    #[test]
    fn a_process_on_two_points_agrees_with_hand_computed_values() {
        let kernel = Kernel::new(&[Decision::new("op", ["a", "b", "c"])]);
        // Covariance 1/2 between different choices, no noise: K = [1 1/2; 1/2 1], K⁻¹ = [4 −2; −2 4] / 3.
        let hyperparameters = Hyperparameters { weights: vec![libm::log(2.0)], noise: 0.0 };
        let process = Process::fit(&kernel, &hyperparameters, vec![vec![1], vec![2]], &[1.0, 3.0]).unwrap();
        // Mean 2; K⁻¹ (−1, 1) = (−2, 2); variance (2 + 2) / 2.
        close(process.mean, 2.0);
        close(process.variance, 2.0);
        // −n/2 ln 2 − ½ ln det K, det K = 3/4.
        close(process.log_likelihood(), -libm::log(2.0) - 0.5 * libm::log(0.75));
        let (mean, deviation) = process.predict(&[1]);
        close(mean, 1.0);
        close(deviation, 0.0);
        // k = (1/2, 1/2): k K⁻¹ k = 1/3, 1 K⁻¹ k = 2/3 and 1 K⁻¹ 1 = 4/3, so s² = 2 (2/3 + (1/3)² / (4/3)) = 3/2.
        let (mean, deviation) = process.predict(&[3]);
        close(mean, 2.0);
        close(deviation * deviation, 1.5);
    }

    #[test]
    fn the_coordinate_search_finds_which_decision_matters() {
        let decisions: Vec<Decision> = (0..4).map(|d| Decision::new(format!("d{d}"), ["a", "b", "c"])).collect();
        let kernel = Kernel::new(&decisions);
        let mut rng = seeded(2);
        let points: Vec<Codes> = (0..60).map(|_| (0..4).map(|_| rng.random_range(1..4)).collect()).collect();
        let targets: Vec<f64> = points.iter().map(|point| f64::from(point[1] * point[1])).collect();
        let mut fitted = Hyperparameters::expected(4);
        (0..4).for_each(|_| fitted = fitted.improved(&kernel, true, &points, &targets));
        let others = [0, 2, 3].map(|d| fitted.weights[d]);
        assert!(others.iter().all(|other| fitted.weights[1] > 5.0 * other), "{fitted:?}");
    }
}
