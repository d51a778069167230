//! The normal distribution.

use std::f64::consts::{FRAC_1_SQRT_2, PI, SQRT_2};

use nas_api::rng::{Random, RngExt};

/// The density φ(x) of the standard normal distribution.
pub(crate) fn density(x: f64) -> f64 {
    libm::exp(-0.5 * x * x) / (SQRT_2 * PI.sqrt())
}

/// The cumulative distribution Φ(x) of the standard normal distribution.
pub(crate) fn cumulative(x: f64) -> f64 {
    0.5 * libm::erfc(-x * FRAC_1_SQRT_2)
}

/// The quantile Φ⁻¹(p) for 0 < p < 1, by bisection followed by Newton's method.
pub(crate) fn quantile(p: f64) -> f64 {
    let (mut low, mut high) = (-40.0, 40.0);
    for _ in 0..30 {
        let middle = 0.5 * (low + high);
        if cumulative(middle) < p { low = middle } else { high = middle }
    }
    let mut x = 0.5 * (low + high);
    for _ in 0..2 {
        let slope = density(x);
        if slope > 0.0 {
            x -= (cumulative(x) - p) / slope;
        }
    }
    x
}

/// The expected improvement E[max(0, N(mean, deviation²) − best)] (J. Močkus 1975; D. R. Jones, M. Schonlau and W. J.
/// Welch 1998, Equation 15).
pub(crate) fn expected_improvement(mean: f64, deviation: f64, best: f64) -> f64 {
    let gain = mean - best;
    if deviation <= 0.0 {
        return gain.max(0.0);
    }
    let z = gain / deviation;
    gain * cumulative(z) + deviation * density(z)
}

/// Draws from N(0, 1) by the transform of G. E. P. Box and M. E. Muller (1958).
pub(crate) fn draw(rng: &mut Random) -> f64 {
    // 1 − random lies in (0, 1], so that the logarithm is finite.
    let (u, v): (f64, f64) = (1.0 - rng.random::<f64>(), rng.random());
    (-2.0 * libm::log(u)).sqrt() * libm::cos(2.0 * PI * v)
}

#[cfg(test)]
mod tests {
    use nas_api::rng::seeded;

    use super::*;

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-9, "{a} is not {b}");
    }

    #[test]
    fn the_functions_agree_with_published_tables() {
        close(density(0.0), 0.398_942_280_401_433);
        close(cumulative(1.0), 0.841_344_746_068_543);
        close(cumulative(-1.959_963_984_540_054), 0.025);
        close(quantile(0.975), 1.959_963_984_540_054);
        close(quantile(0.5), 0.0);
    }

    #[test]
    fn expected_improvement_agrees_with_hand_computed_values() {
        // At the incumbent it is the deviation times φ(0).
        close(expected_improvement(2.0, 0.5, 2.0), 0.5 * 0.398_942_280_401_433);
        // One deviation above: 1·Φ(1) + φ(1).
        close(expected_improvement(1.0, 1.0, 0.0), 0.841_344_746_068_543 + 0.241_970_724_519_143);
        close(expected_improvement(3.0, 0.0, 1.0), 2.0);
        close(expected_improvement(1.0, 0.0, 3.0), 0.0);
    }

    #[test]
    fn draws_have_mean_0_and_variance_1() {
        let mut rng = seeded(1);
        let draws: Vec<f64> = (0..20_000).map(|_| draw(&mut rng)).collect();
        let mean = draws.iter().sum::<f64>() / 20_000.0;
        let variance = draws.iter().map(|x| x * x).sum::<f64>() / 20_000.0;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
    }
}
