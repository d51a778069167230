//! Kernel density estimates (Parzen estimators) over architectures: mixtures with one component per result.
//!
//! A component makes one decision after the other: with a kernel around the choice of its own architecture, or
//! uniformly if that architecture did not make the decision. So it is a distribution over the whole space, conditional
//! or not.

mod blocks;

use std::collections::BTreeSet;

use nas_api::rng::{Random, RngExt};
use nas_api::{Genotype, Result, Space};

use crate::common::decisions::{Decisions, Shape, Step, choose};
use blocks::Blocks;

/// The choice of each decision by its number; `None` for a decision that was not made.
pub type Point = Vec<Option<u32>>;

/// The least value of a kernel, so that logarithms stay finite.
const MIN_MASS: f64 = 1e-12;

/// The point of a path.
pub fn point(path: &[Step]) -> Point {
    let mut point = vec![None; path.iter().map(|&(decision, _)| decision + 1).max().unwrap_or(0)];
    for &(decision, choice) in path {
        point[decision] = Some(choice);
    }
    point
}

/// The probabilities of one decision's choices, given the choice in the middle.
#[derive(Clone, Debug)]
pub struct Kernel {
    /// Indexed by the choice in the middle, then by the choice that is drawn.
    rows: Vec<Vec<f64>>,
}

impl Kernel {
    fn new(rows: Vec<Vec<f64>>) -> Self {
        let rows: Vec<Vec<f64>> =
            rows.into_iter().map(|row| row.into_iter().map(|value| value.max(MIN_MASS)).collect()).collect();
        Self { rows }
    }

    /// The probability of each choice if the component did not make the decision.
    fn uniform(&self) -> f64 {
        1.0 / self.rows.len().max(1) as f64
    }

    /// The least probability of any choice.
    fn least(&self) -> f64 {
        self.rows.iter().flatten().copied().fold(self.uniform(), f64::min)
    }

    /// A kernel on choices without order. `away` is the total probability of all other choices (J. Aitchison and
    /// C. G. G. Aitken 1976, "Multivariate binary discrimination by the kernel method", Biometrika 63(3)).
    pub fn categorical(count: u32, away: f64) -> Self {
        if count < 2 {
            return Self::new(vec![vec![1.0]; count as usize]);
        }
        let other = away / f64::from(count - 1);
        let row = |from| (0..count).map(|to| if to == from { 1.0 - away } else { other }).collect();
        Self::new((0..count).map(row).collect())
    }

    /// A kernel on ordered choices: a discretized, truncated normal distribution whose standard deviation is measured
    /// in choices.
    pub fn ordered(count: u32, deviation: f64) -> Self {
        Self::new((0..count).map(|from| normal(count, f64::from(from), deviation)).collect())
    }
}

/// The mass of a normal distribution around each of `count` choices, truncated at both ends and normalized.
pub fn normal(count: u32, mean: f64, deviation: f64) -> Vec<f64> {
    let scale = deviation.max(1e-6) * core::f64::consts::SQRT_2;
    let below = |edge: f64| 0.5 * libm::erfc((mean - edge) / scale);
    let edges: Vec<f64> = (0..=count).map(|edge| below(f64::from(edge) - 0.5)).collect();
    let total = edges[count as usize] - edges[0];
    edges.windows(2).map(|pair| (pair[1] - pair[0]) / total).collect()
}

/// A mixture of weighted components, and of a uniform component with the weight `prior`.
pub struct Mixture<'p> {
    points: Vec<&'p Point>,
    /// The sum of the weights up to and including each point's.
    cumulated: Vec<f64>,
    /// Indexed by the number of the decision.
    kernels: Vec<Kernel>,
    blocks: Blocks,
    prior: f64,
}

impl<'p> Mixture<'p> {
    /// A mixture with a component of weight 1 for each point. There must be a point or a positive prior.
    pub fn new(
        points: Vec<&'p Point>,
        decisions: &Decisions,
        prior: f64,
        kernel: impl Fn(usize, Shape) -> Kernel,
    ) -> Self {
        let weights = vec![1.0; points.len()];
        Self::weighted(points, weights, decisions, prior, kernel)
    }

    /// A mixture with a component for each point, with its weight. There must be a point or a positive prior.
    pub fn weighted(
        points: Vec<&'p Point>,
        weights: Vec<f64>,
        decisions: &Decisions,
        prior: f64,
        kernel: impl Fn(usize, Shape) -> Kernel,
    ) -> Self {
        let kernels: Vec<Kernel> = (0..decisions.len()).map(|number| kernel(number, decisions.shape(number))).collect();
        let cumulate = |sum: &mut f64, weight: &f64| {
            *sum += weight;
            Some(*sum)
        };
        let cumulated = weights.iter().scan(0.0, cumulate).collect();
        let blocks = Blocks::new(&points, weights, &kernels);
        Self { points, cumulated, kernels, blocks, prior }
    }

    /// The weight of all components together.
    fn total(&self) -> f64 {
        self.cumulated.last().copied().unwrap_or(0.0) + self.prior
    }

    /// The logarithm of the probability of a complete path.
    pub fn log_density(&self, path: &[Step]) -> f64 {
        self.blocks.log_sum(&self.kernels, path, self.prior) - libm::log(self.total())
    }

    /// Draws a complete path.
    ///
    /// # Errors
    /// Fails as [`draw_path`] does.
    pub fn draw(&self, decisions: &mut Decisions, space: &mut dyn Space, rng: &mut Random) -> Result<DrawnPath> {
        let drawn = rng.random::<f64>() * self.total();
        let point = self.points.get(self.cumulated.partition_point(|&sum| sum <= drawn));
        draw_path(decisions, space, rng, |decision, rng| {
            let row = &self.kernels.get(decision)?.rows;
            let from = point.and_then(|point| *point.get(decision)?)?;
            Some(choose(&row[from as usize], rng))
        })
    }
}

/// A complete path with its genotype.
pub type DrawnPath = (Vec<Step>, Genotype);

/// Draws a complete path. `pick` makes each decision; where it returns `None`, the choice is uniform.
///
/// # Errors
/// Fails as [`Decisions::next`] does.
pub fn draw_path(
    decisions: &mut Decisions,
    space: &mut dyn Space,
    rng: &mut Random,
    mut pick: impl FnMut(usize, &mut Random) -> Option<u32>,
) -> Result<DrawnPath> {
    let decided = decisions.len();
    let (mut path, mut genotype) = (Vec::with_capacity(decided), Vec::with_capacity(decided));
    while let Some(decision) = decisions.next(&genotype, space)? {
        let count = decisions.shape(decision).count;
        let choice = match pick(decision, rng) {
            Some(choice) => choice,
            None => rng.random_range(0..count),
        };
        path.push((decision, choice));
        genotype.push(choice);
    }
    Ok((path, genotype))
}

/// The architectures that were proposed or told.
#[derive(Default)]
pub struct KnownArchitectures {
    genotypes: BTreeSet<Genotype>,
    keys: BTreeSet<String>,
}

impl KnownArchitectures {
    /// Adds an architecture.
    ///
    /// # Errors
    /// Returns the error of a space that cannot name the key.
    pub fn insert(&mut self, genotype: &[u32], space: &mut dyn Space) -> Result<()> {
        if self.genotypes.insert(genotype.to_vec()) {
            self.keys.insert(space.key(genotype)?);
        }
        Ok(())
    }
}

/// Draws per candidate before the search for new candidates gives up.
const DRAWS_PER_CANDIDATE: u32 = 4;

/// Draws up to `candidates` different paths and returns the one with the greatest ratio whose key is not known, or
/// `None` if nothing new was drawn.
///
/// # Errors
/// Returns the error of `draw`, or of a space that cannot name a key.
pub fn best_new(
    candidates: u32,
    known: &KnownArchitectures,
    space: &mut dyn Space,
    mut draw: impl FnMut(&mut dyn Space) -> Result<DrawnPath>,
    ratio: impl Fn(&[Step]) -> f64,
) -> Result<Option<Vec<Step>>> {
    let mut drawn: BTreeSet<Genotype> = BTreeSet::new();
    let mut found: Vec<(f64, DrawnPath)> = Vec::new();
    for _ in 0..candidates.saturating_mul(DRAWS_PER_CANDIDATE) {
        let (path, genotype) = draw(space)?;
        if known.genotypes.contains(&genotype) || !drawn.insert(genotype.clone()) {
            continue;
        }
        found.push((ratio(&path), (path, genotype)));
        if found.len() == candidates as usize {
            break;
        }
    }
    // The sort is stable, so the first drawn wins ties. Keys come last because they may cost more than the rest.
    found.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    for (_, (path, genotype)) in found {
        if !known.keys.contains(&space.key(&genotype)?) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use nas_api::rng::seeded;

    use super::*;
    use crate::conformance::Additive;

    fn close(found: &[f64], expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?}");
    }

    #[test]
    fn the_mass_of_a_normal_distribution_agrees_with_tables() {
        // From −0.5 to 0.5 deviations 0.382925, to 1.5 another 0.241730, to 2.5 another 0.060598.
        let total = 0.382_925 + 2.0 * 0.241_730 + 2.0 * 0.060_598;
        let expected = [0.060_598, 0.241_730, 0.382_925, 0.241_730, 0.060_598].map(|mass| mass / total);
        close(&normal(5, 2.0, 1.0), &expected);
        let edge = normal(3, 0.0, 1.0);
        let total = 0.382_925 + 0.241_730 + 0.060_598;
        close(&edge, &[0.382_925 / total, 0.241_730 / total, 0.060_598 / total]);
        close(&normal(4, 1.0, 1e-9), &[0.0, 1.0, 0.0, 0.0]);
    }

    #[test]
    fn a_categorical_kernel_shares_the_rest_among_the_other_choices() {
        close(&Kernel::categorical(4, 0.3).rows[2], &[0.1, 0.1, 0.7, 0.1]);
        close(&Kernel::categorical(1, 0.3).rows[0], &[1.0]);
    }

    /// Every complete path of a space.
    fn all(decisions: &mut Decisions, space: &mut Additive) -> Vec<Vec<Step>> {
        let (mut open, mut found) = (vec![Vec::new()], Vec::new());
        while let Some(prefix) = open.pop() {
            match decisions.next(&prefix, space).unwrap() {
                Some(decision) => open.extend((0..decisions.shape(decision).count).map(|choice| {
                    let mut longer = prefix.clone();
                    longer.push(choice);
                    longer
                })),
                None => found.push(decisions.path(&prefix, space).unwrap()),
            }
        }
        found
    }

    #[test]
    fn a_mixture_over_a_conditional_space_sums_to_one_and_draws_agree_with_it() {
        let mut space = Additive::conditional(1);
        let mut decisions = Decisions::of(&mut space).unwrap();
        let made = [vec![0, 1], vec![2, 0, 1, 1, 0, 2], vec![1, 2, 2]];
        let points: Vec<Point> = made.iter().map(|g| point(&decisions.path(g, &mut space).unwrap())).collect();
        let weights = vec![0.25, 1.0, 0.5];
        let mixture =
            Mixture::weighted(points.iter().collect(), weights, &decisions, 0.5, |_, shape| match shape.ordered {
                true => Kernel::ordered(shape.count, 0.8),
                false => Kernel::categorical(shape.count, 0.2),
            });
        let paths = all(&mut decisions, &mut space);
        let probabilities: Vec<f64> = paths.iter().map(|path| libm::exp(mixture.log_density(path))).collect();
        assert_eq!(paths.len(), 155);
        assert!((probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        let mut rng = seeded(4);
        let mut counts = vec![0.0; paths.len()];
        for _ in 0..20_000 {
            let (path, _) = mixture.draw(&mut decisions, &mut space, &mut rng).unwrap();
            counts[paths.iter().position(|other| *other == path).unwrap()] += 1.0 / 20_000.0;
        }
        for (count, probability) in counts.iter().zip(&probabilities) {
            assert!((count - probability).abs() < 5.0 * libm::sqrt(probability / 20_000.0), "{count} {probability}");
        }
    }

    #[test]
    fn a_component_alone_is_the_product_of_its_kernels() {
        let mut space = Additive::flat(2, 4, 1);
        let decisions = Decisions::of(&mut space).unwrap();
        let only = vec![Some(1), Some(3)];
        let mixture = Mixture::new(vec![&only], &decisions, 0.0, |_, shape| Kernel::categorical(shape.count, 0.3));
        let density = libm::exp(mixture.log_density(&[(0, 1), (1, 0)]));
        assert!((density - 0.7 * 0.1).abs() < 1e-12, "{density}");
    }

    /// The large space makes the product of the kernels underflow; the small one does not.
    #[test]
    fn blocks_give_the_sum_of_the_components_one_by_one() {
        for (decisions, away) in [(7, 0.3), (400, 0.01)] {
            let mut space = Additive::flat(decisions, 3, 1);
            let numbered = Decisions::of(&mut space).unwrap();
            let mut rng = seeded(2);
            let mut some = || (0..decisions).map(|_| rng.random_range(0..3_u32)).collect::<Vec<u32>>();
            // The second lacks every third decision, the third ends early.
            let mut points: Vec<Point> = (0..3).map(|_| some().into_iter().map(Some).collect()).collect();
            points[1].iter_mut().step_by(3).for_each(|choice| *choice = None);
            points[2].truncate(decisions as usize / 2);
            let weights = [0.2, 1.0, 0.7];
            let mixture =
                Mixture::weighted(points.iter().collect(), weights.to_vec(), &numbered, 0.5, |number, shape| {
                    match number % 2 {
                        0 => Kernel::categorical(shape.count, away),
                        _ => Kernel::ordered(shape.count, 0.4),
                    }
                });
            for _ in 0..20 {
                let path: Vec<Step> = some().into_iter().enumerate().collect();
                let log = |point: Option<&Point>| -> f64 {
                    let one = |&(decision, choice): &Step| {
                        let from = point.and_then(|point| point.get(decision).copied().flatten());
                        let row = from.map(|from| &mixture.kernels[decision].rows[from as usize]);
                        libm::log(row.map_or(1.0 / 3.0, |row| row[choice as usize]))
                    };
                    path.iter().map(one).sum()
                };
                let weighted = points.iter().zip(weights);
                let mut logs: Vec<f64> = weighted.map(|(point, weight)| log(Some(point)) + libm::log(weight)).collect();
                logs.push(log(None) + libm::log(0.5));
                let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let sum: f64 = logs.iter().map(|log| libm::exp(log - most)).sum();
                let expected = most + libm::log(sum) - libm::log(2.4);
                let found = mixture.log_density(&path);
                assert!((found - expected).abs() < 1e-9 * expected.abs(), "{found} {expected}");
            }
        }
    }
}
