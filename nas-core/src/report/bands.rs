//! The interquartile mean over seeds, with a bootstrap band.

use std::collections::BTreeMap;

use nas_api::rng::{RngExt, seeded};

/// Resamples behind each band.
pub const RESAMPLES: usize = 1000;

/// Interquartile mean and its 95 % percentile-bootstrap interval (Agarwal et al. 2021, NeurIPS, section 4).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Band {
    /// Mean of the middle half.
    pub iqm: f64,
    /// The 2.5 % quantile over resampled seeds.
    pub low: f64,
    /// The 97.5 % quantile over resampled seeds.
    pub high: f64,
}

/// The mean of what is left when a quarter of the values, rounded down, is dropped at each end; NaN for none.
pub fn iqm(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let cut = sorted.len() / 4;
    let middle = &sorted[cut..sorted.len() - cut];
    middle.iter().sum::<f64>() / middle.len() as f64
}

/// Makes bands. The same seeds are drawn for every band over so many values, so equal records give equal bands.
#[derive(Default)]
pub struct Bands {
    /// For each number of values: how often each value is in each resample.
    drawn: BTreeMap<usize, Vec<Vec<u16>>>,
}

impl Bands {
    /// The band of these values; `None` where there are none.
    pub fn of(&mut self, values: &[f64]) -> Option<Band> {
        let count = values.len();
        if count == 0 {
            return None;
        }
        let iqm = iqm(values);
        if values.iter().all(|value| *value == values[0]) {
            return Some(Band { iqm, low: iqm, high: iqm });
        }
        let mut order: Vec<usize> = (0..count).collect();
        order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
        let sorted: Vec<f64> = order.iter().map(|&at| values[at]).collect();
        let drawn = self.drawn.entry(count).or_insert_with(|| draw(count));
        let mut means: Vec<f64> = drawn.iter().map(|counts| weighted(&sorted, counts)).collect();
        means.sort_by(f64::total_cmp);
        let quantile = |share: f64| means[(share * (means.len() - 1) as f64).round() as usize];
        Some(Band { iqm, low: quantile(0.025), high: quantile(0.975) })
    }
}

fn draw(count: usize) -> Vec<Vec<u16>> {
    let mut random = seeded(count as u32);
    let resample = |_| {
        let mut counts = vec![0_u16; count];
        for _ in 0..count {
            let at = random.random_range(0..count as u32) as usize;
            counts[at] = counts[at].saturating_add(1);
        }
        counts
    };
    (0..RESAMPLES).map(resample).collect()
}

/// The interquartile mean of sorted values that are there so many times.
fn weighted(sorted: &[f64], counts: &[u16]) -> f64 {
    let cut = sorted.len() / 4;
    let (from, to) = (cut, sorted.len() - cut);
    let (mut before, mut sum) = (0_usize, 0.0);
    for (value, count) in sorted.iter().zip(counts) {
        let after = before + usize::from(*count);
        let inside = after.min(to).saturating_sub(before.max(from));
        sum += value * inside as f64;
        before = after;
        if before >= to {
            break;
        }
    }
    sum / (to - from) as f64
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_middle_half_by_hand() {
        assert_eq!(iqm(&[100.0, 1.0, 2.0, 3.0, -50.0, 4.0, 5.0, 6.0]), 3.5);
        assert_eq!(iqm(&[1.0, 2.0, 9.0]), 4.0, "nothing is dropped below four");
        assert!(iqm(&[]).is_nan());
        assert_eq!(weighted(&[1.0, 2.0, 3.0, 4.0], &[0, 3, 0, 1]), 2.0);
    }

    #[test]
    fn about_95_of_100_bands_hold_the_middle() {
        let mut bands = Bands::default();
        let mut random = seeded(7);
        let holds = |_| {
            let values: Vec<f64> = (0..40).map(|_| random.random_range(0..1_000_000_u32) as f64 / 1e6).collect();
            let band = bands.of(&values).unwrap();
            band.low <= 0.5 && 0.5 <= band.high
        };
        let held = (0..400).map(holds).filter(|held| *held).count();
        // Percentile bands of 40 values are a little narrow: nominally 380, with a standard deviation of 5.
        assert!((355..=395).contains(&held), "{held} of 400");
    }

    proptest! {
        #[test]
        fn bands_move_with_the_values(
            values in prop::collection::vec(-1e3..1e3_f64, 1..60), shift in -1e3..1e3_f64, scale in 0.1..10.0_f64,
        ) {
            let mut bands = Bands::default();
            let band = bands.of(&values).unwrap();
            let least = values.iter().copied().fold(f64::INFINITY, f64::min);
            let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            prop_assert!(least - 1e-9 <= band.low && band.low <= band.high && band.high <= most + 1e-9);
            prop_assert!((iqm(&values) - band.iqm).abs() < 1e-9);
            let moved: Vec<f64> = values.iter().map(|value| scale * value + shift).collect();
            let moved = bands.of(&moved).unwrap();
            for (before, after) in [(band.iqm, moved.iqm), (band.low, moved.low), (band.high, moved.high)] {
                prop_assert!((scale * before + shift - after).abs() < 1e-7);
            }
        }
    }
}
