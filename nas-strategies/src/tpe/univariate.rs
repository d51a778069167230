//! A density that estimates every decision on its own, as the tree of Parzen estimators does.

use nas_api::rng::Random;
use nas_api::{Result, Space};

use crate::common::decisions::{Decisions, Shape, Step, choose};
use crate::common::parzen::{DrawnPath, Point, draw_path, normal};

/// One independent distribution for each decision.
pub(super) struct IndependentDensity {
    /// Indexed by the number of the decision, then by the choice.
    probabilities: Vec<Vec<f64>>,
}

impl IndependentDensity {
    /// Estimates each decision from the points that made it, with their weights.
    pub(super) fn new(points: &[&Point], weights: &[f64], decisions: &Decisions, prior: f64) -> Self {
        let one = |number: usize| {
            let shape = decisions.shape(number);
            let mut made = vec![(0, 0.0); shape.count as usize];
            for (point, weight) in points.iter().zip(weights) {
                if let Some(&Some(choice)) = point.get(number) {
                    let (count, sum) = &mut made[choice as usize];
                    *count += 1;
                    *sum += weight;
                }
            }
            estimate(shape, &made, prior)
        };
        Self { probabilities: (0..decisions.len()).map(one).collect() }
    }

    /// The logarithm of the probability of a complete path.
    pub(super) fn log_density(&self, path: &[Step]) -> f64 {
        let log = |&(decision, choice): &Step| Some(libm::log(self.probabilities.get(decision)?[choice as usize]));
        path.iter().filter_map(log).sum()
    }

    /// Draws a complete path.
    pub(super) fn draw(&self, decisions: &mut Decisions, space: &mut dyn Space, rng: &mut Random) -> Result<DrawnPath> {
        draw_path(decisions, space, rng, |decision, rng| Some(choose(self.probabilities.get(decision)?, rng)))
    }
}

/// The distribution of a decision whose choices were made this often, with this weight together.
fn estimate(shape: Shape, made: &[(u32, f64)], prior: f64) -> Vec<f64> {
    let weight: f64 = made.iter().map(|(_, weight)| weight).sum();
    if !shape.ordered {
        let total = weight + prior * f64::from(shape.count);
        return made.iter().map(|(_, weight)| (weight + prior) / total).collect();
    }
    let counts: Vec<u32> = made.iter().map(|&(count, _)| count).collect();
    let mut density = vec![prior / f64::from(shape.count); counts.len()];
    for (choice, times, deviation) in components(&counts) {
        let (count, weight) = made[choice as usize];
        let share = times * weight / f64::from(count.max(1));
        for (sum, mass) in density.iter_mut().zip(normal(shape.count, f64::from(choice), deviation)) {
            *sum += share * mass;
        }
    }
    density.iter().map(|sum| sum / (weight + prior)).collect()
}

/// The normal distributions of an ordered decision, as (choice, multiplicity, standard deviation). The standard deviation is
/// the greater distance to the neighbours on both sides, where the ends of the range count as neighbours, within
/// limits.
fn components(counts: &[u32]) -> Vec<(u32, f64, f64)> {
    let range = counts.len() as f64;
    let made: u32 = counts.iter().sum();
    let least = range / f64::from(made.saturating_add(1).min(100));
    let clamped = |distance: f64| distance.clamp(least, range);
    let mut components = Vec::new();
    let mut left = -0.5;
    for (choice, &count) in (0_u32..).zip(counts) {
        if count == 0 {
            continue;
        }
        let here = f64::from(choice);
        let next = (choice as usize + 1..counts.len()).find(|&other| counts[other] > 0);
        let right = next.map_or(range - 0.5, |other| other as f64);
        match count {
            1 => components.push((choice, 1.0, clamped((here - left).max(right - here)))),
            // Equal points are neighbours at distance 0, except the outermost ones on either side.
            _ => {
                components.push((choice, 1.0, clamped(here - left)));
                components.push((choice, 1.0, clamped(right - here)));
                if count > 2 {
                    components.push((choice, f64::from(count - 2), clamped(0.0)));
                }
            }
        }
        left = here;
    }
    components
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: &[f64], expected: &[f64]) {
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9), "{found:?}");
    }

    /// Results of weight 1.
    fn equal<const N: usize>(counts: [u32; N]) -> [(u32, f64); N] {
        counts.map(|count| (count, f64::from(count)))
    }

    #[test]
    fn frequencies_are_smoothed_as_in_the_paper() {
        // N p_i + C_i with N = 4 choices: (1 + 3, 1 + 0, 1 + 1, 1 + 0) of 8.
        let shape = Shape { count: 4, ordered: false };
        close(&estimate(shape, &equal([3, 0, 1, 0]), 1.0), &[0.5, 0.125, 0.25, 0.125]);
        close(&estimate(shape, &equal([0; 4]), 1.0), &[0.25; 4]);
        // Three results that count as one: (1 + 1, 1 + 0, 1 + 1, 1 + 0) of 6.
        let weighted = [(3, 1.0), (0, 0.0), (1, 1.0), (0, 0.0)];
        close(&estimate(shape, &weighted, 1.0), &[1.0 / 3.0, 1.0 / 6.0, 1.0 / 3.0, 1.0 / 6.0]);
    }

    #[test]
    fn a_component_is_as_wide_as_the_gap_to_its_neighbour() {
        // The range is −0.5 to 9.5, and a component is at least 10 / 5 wide.
        let found = components(&[0, 1, 0, 0, 3, 0, 0, 0, 0, 0]);
        assert_eq!(found, [(1, 1.0, 3.0), (4, 1.0, 3.0), (4, 1.0, 5.5), (4, 1.0, 2.0)]);
    }

    #[test]
    fn the_density_of_an_ordered_decision_falls_with_the_distance_from_its_results() {
        let shape = Shape { count: 6, ordered: true };
        let density = estimate(shape, &equal([0, 0, 0, 0, 8, 2]), 1.0);
        assert!((density.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        assert!(density[..=4].is_sorted_by(|a, b| a < b) && density[5] < density[4], "{density:?}");
        close(&estimate(shape, &equal([0; 6]), 2.0), &[1.0 / 6.0; 6]);
    }
}
