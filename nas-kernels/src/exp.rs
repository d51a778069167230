//! Exponentials in single precision without branches, so that vector instructions can compute them.
//!
//! Libraries with vectorized exponentials choose the width of vectors at compile time, not on the machine that runs
//! them.

/// eˣ is infinite for larger x.
const MOST: f32 = 88.722_83;
/// eˣ counts as 0 for smaller x.
const LEAST: f32 = -87.336_54;
/// Adding this rounds to an integer, which then stands in the lowest bits.
const ROUND: f32 = 12_582_912.0;

/// eˣ within two units in the last place (S. Moshier, Cephes, `expf`): 2ⁿ times a polynomial of the remainder.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    // NaN passes through both comparisons.
    let bounded = if x > MOST { MOST } else { x };
    let bounded = if bounded < LEAST { LEAST } else { bounded };
    let rounded = bounded * std::f32::consts::LOG2_E + ROUND;
    let whole = rounded - ROUND;
    // ln 2 is split into two parts, the first of which has few bits, so that `whole` times it is exact.
    let left = bounded - whole * 0.693_359_4 - whole * -2.121_944_4e-4;
    let polynomial = 1.987_569_1e-4_f32;
    let polynomial = polynomial * left + 1.398_199_9e-3;
    let polynomial = polynomial * left + 8.333_452e-3;
    let polynomial = polynomial * left + 4.166_579_6e-2;
    let polynomial = polynomial * left + 1.666_666_5e-1;
    let polynomial = polynomial * left + 0.5;
    let polynomial = polynomial * left * left + left + 1.0;
    // 2ⁿ is applied as two factors with half the exponent each, since n itself may be one beyond the largest exponent.
    let n = rounded.to_bits().wrapping_sub(ROUND.to_bits()) as i32;
    let half = n >> 1;
    // Overflow checks would keep the surrounding loops from being vectorized.
    let power = |n: i32| f32::from_bits((n.wrapping_add(127) as u32).wrapping_shl(23));
    let value = polynomial * power(half) * power(n.wrapping_sub(half));
    let value = if x > MOST { f32::INFINITY } else { value };
    if x < LEAST { 0.0 } else { value }
}

/// The logistic function, 1 / (1 + e⁻ˣ).
#[inline(always)]
pub fn logistic(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// The hyperbolic tangent, within 2e-7 of the true value.
#[inline(always)]
pub fn tanh(x: f32) -> f32 {
    let doubled = exp(-2.0 * x.abs());
    ((1.0 - doubled) / (1.0 + doubled)).copysign(x)
}

/// The error function, within 3e-7 of the true value (Abramowitz & Stegun 1964, equation 7.1.26).
#[inline(always)]
pub fn erf(x: f32) -> f32 {
    let size = x.abs();
    let t = 1.0 / (1.0 + 0.327_591_1 * size);
    let polynomial = 1.061_405_4_f32;
    let polynomial = polynomial * t - 1.453_152;
    let polynomial = polynomial * t + 1.421_413_7;
    let polynomial = polynomial * t - 0.284_496_74;
    let polynomial = (polynomial * t + 0.254_829_6) * t;
    (1.0 - polynomial * exp(-size * size)).copysign(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers() -> impl Iterator<Item = f32> {
        (-9_000..9_000).map(|number| number as f32 * 0.01)
    }

    #[test]
    fn exponentials_are_accurate_to_the_last_places() {
        for x in numbers().filter(|&x| x > LEAST && x < MOST) {
            let expected = f64::from(x).exp();
            let error = (f64::from(exp(x)) - expected).abs() / expected;
            assert!(error < 2.5e-7, "{x}: {error:e}");
        }
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(f32::INFINITY), f32::INFINITY);
        assert_eq!(exp(f32::NEG_INFINITY), 0.0);
        assert_eq!(exp(100.0), f32::INFINITY);
        assert!(exp(88.7).is_finite());
        assert!(exp(f32::NAN).is_nan());
    }

    #[test]
    fn functions_built_on_exponentials_are_accurate() {
        for x in numbers() {
            let wide = f64::from(x);
            assert!((f64::from(tanh(x)) - wide.tanh()).abs() < 2e-7, "tanh {x}");
            assert!((f64::from(logistic(x)) - 1.0 / (1.0 + (-wide).exp())).abs() < 2e-7, "logistic {x}");
            assert!((f64::from(erf(x)) - libm::erf(wide)).abs() < 3e-7, "erf {x}");
        }
        for function in [tanh, logistic, erf] {
            assert!(function(f32::NAN).is_nan());
        }
    }
}
