//! The model of BOHB: kernel density estimates of the good and of the other architectures, at the highest fidelity with
//! enough results.

use nas_api::rng::Random;
use nas_api::{Result, Space};

use crate::Rank;
use crate::common::decisions::{Decisions, Shape, Step};
use crate::common::parzen::{Kernel, KnownArchitectures, Mixture, Point, best_new, point};

/// A result.
struct Record {
    rank: Rank,
    point: Point,
}

/// The settings of the model.
pub(super) struct Options {
    /// N_min; `None` for the number of decisions plus one.
    pub(super) min_points: Option<usize>,
    /// q, the fraction of good results.
    pub(super) top: f64,
    /// N_s, the candidates drawn for each suggestion.
    pub(super) candidates: u32,
    /// b_w, the factor on the bandwidth of the kernels that candidates are drawn from.
    pub(super) factor: f64,
    /// The least bandwidth, as a fraction of the range of a decision.
    pub(super) min_bandwidth: f64,
}

/// The results by fidelity, and the suggestions that follow from them.
pub(super) struct Model {
    options: Options,
    /// The results of each rung, the lowest first; the best first in each, and the earlier one first among equals.
    records: Vec<Vec<Record>>,
}

impl Model {
    pub(super) fn new(options: Options, fidelities: usize) -> Self {
        Self { options, records: (0..fidelities).map(|_| Vec::new()).collect() }
    }

    /// Adds a result at the rung with this index.
    pub(super) fn learn(&mut self, fidelity: usize, path: &[Step], rank: Rank) {
        let records = &mut self.records[fidelity];
        let at = records.partition_point(|record| record.rank >= rank);
        records.insert(at, Record { rank, point: point(path) });
    }

    /// The numbers of good and of other results (Equation 3 of the paper). The two sets may overlap.
    fn split(&self, results: usize, min_points: usize) -> (usize, usize) {
        let good = min_points.max((self.options.top * results as f64) as usize).min(results);
        (good, min_points.max(results - good).min(results))
    }

    /// The path of the best candidate; `None` if there are too few results or nothing new was drawn.
    pub(super) fn suggest(
        &self,
        decisions: &mut Decisions,
        known: &KnownArchitectures,
        space: &mut dyn Space,
        rng: &mut Random,
    ) -> Result<Option<Vec<Step>>> {
        let min_points = self.options.min_points.unwrap_or(decisions.len() + 1);
        let enough = |records: &&Vec<Record>| {
            records.len() >= min_points + 2 && records.first().is_some_and(|best| best.rank != Rank::Failed)
        };
        let Some(records) = self.records.iter().rev().find(enough) else { return Ok(None) };
        let (good, others) = self.split(records.len(), min_points);
        let usable = records.partition_point(|record| record.rank != Rank::Failed);
        let points = |records: &'_ [Record]| -> Vec<Point> { records.iter().map(|r| r.point.clone()).collect() };
        let (good, others) = (points(&records[..good.min(usable)]), points(&records[records.len() - others..]));
        let wide_good = self.mixture(&good, decisions, self.options.factor);
        let (good_density, other_density) =
            (self.mixture(&good, decisions, 1.0), self.mixture(&others, decisions, 1.0));
        best_new(
            self.options.candidates,
            known,
            space,
            |space| wide_good.draw(decisions, space, rng),
            |path| good_density.log_density(path) - other_density.log_density(path),
        )
    }

    /// A kernel density estimate over these points, whose bandwidths are multiplied by `factor`.
    fn mixture<'p>(&self, points: &'p [Point], decisions: &Decisions, factor: f64) -> Mixture<'p> {
        let dimensions = decisions.len();
        Mixture::new(points.iter().collect(), decisions, 0.0, |number, shape| {
            let made: Vec<u32> = points.iter().filter_map(|point| *point.get(number)?).collect();
            self.kernel(shape, &made, dimensions, factor)
        })
    }

    /// A kernel whose bandwidth follows the normal reference rule, 1.06 s n^(−1 / (4 + d)).
    fn kernel(&self, shape: Shape, made: &[u32], dimensions: usize, factor: f64) -> Kernel {
        let (count, points) = (f64::from(shape.count), made.len().max(1) as f64);
        let rule = |spread: f64| 1.06 * spread * libm::pow(points, -1.0 / (4.0 + dimensions as f64));
        if shape.ordered {
            return Kernel::ordered(
                shape.count,
                factor * rule(deviation(made)).max(self.options.min_bandwidth * count),
            );
        }
        let away = factor * rule(libm::sqrt(gini_index(shape.count, made))).max(self.options.min_bandwidth);
        Kernel::categorical(shape.count, away.min((count - 1.0) / count))
    }
}

/// The standard deviation of ordered choices, in steps.
fn deviation(made: &[u32]) -> f64 {
    let count = made.len().max(1) as f64;
    let mean = made.iter().map(|&choice| f64::from(choice)).sum::<f64>() / count;
    libm::sqrt(made.iter().map(|&choice| (f64::from(choice) - mean) * (f64::from(choice) - mean)).sum::<f64>() / count)
}

/// Gini's index, the probability that two of these choices differ: a measure of variance that needs no order.
fn gini_index(choices: u32, made: &[u32]) -> f64 {
    let mut counts = vec![0.0; choices as usize];
    for &choice in made {
        counts[choice as usize] += 1.0 / made.len() as f64;
    }
    (1.0 - counts.iter().map(|part| part * part).sum::<f64>()).max(0.0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use nas_api::rng::seeded;

    use super::*;
    use crate::conformance::Additive;

    fn model() -> Model {
        let options = Options { min_points: None, top: 0.15, candidates: 64, factor: 3.0, min_bandwidth: 1e-3 };
        Model::new(options, 3)
    }

    #[test]
    fn good_and_other_results_are_split_as_in_the_paper() {
        let model = model();
        assert_eq!(model.split(9, 7), (7, 7), "both have N_min, so some are in both");
        assert_eq!(model.split(20, 7), (7, 13));
        assert_eq!(model.split(100, 7), (15, 85));
    }

    #[test]
    fn deviations_and_gini_indices_agree_with_hand_computed_values() {
        assert!((deviation(&[1, 3]) - 1.0).abs() < 1e-12);
        assert_eq!((deviation(&[]), deviation(&[2, 2, 2])), (0.0, 0.0));
        assert!((gini_index(4, &[0, 0, 1, 2]) - (1.0 - 0.25 - 0.0625 - 0.0625)).abs() < 1e-12);
        assert_eq!(gini_index(3, &[1, 1]), 0.0);
    }

    #[test]
    fn the_model_uses_the_highest_fidelity_with_enough_results() {
        let mut space = Additive::flat(2, 6, 1);
        let mut decisions = Decisions::of(&mut space).unwrap();
        let (mut model, known, mut rng) = (model(), KnownArchitectures::default(), seeded(1));
        assert!(model.suggest(&mut decisions, &known, &mut space, &mut rng).unwrap().is_none());
        let mut learn = |fidelity: usize, good: u32, bad: u32, count: u32| {
            for index in 0..count {
                let (choice, score) = if index % 2 == 0 { (good, 1.0) } else { (bad, 0.0) };
                model.learn(fidelity, &[(0, choice), (1, index % 6)], Rank::Measured(score));
            }
            let mut firsts = [0; 6];
            for _ in 0..40 {
                let path = model.suggest(&mut decisions, &known, &mut space, &mut rng).unwrap().unwrap();
                firsts[path[0].1 as usize] += 1;
            }
            firsts
        };
        // N_min = 3, so 5 results suffice.
        assert!(learn(0, 1, 4, 6)[1] > 30);
        assert!(learn(1, 4, 1, 4)[1] > 30, "too few results");
        assert!(learn(1, 4, 1, 4)[4] > 30);
    }
}
