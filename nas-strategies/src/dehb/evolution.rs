//! Differential evolution (rand/1/bin) over genotypes that are encoded as points of the unit cube.

use std::collections::BTreeMap;

use nas_api::rng::{Random, RngExt};
use nas_api::{Error, Genotype, Result, Space, SpaceInfo};

/// Encodes genotypes as points of the unit cube, with one coordinate for each decision.
#[derive(Clone, Debug)]
pub(super) struct CubeEncoding {
    /// The number of choices of each decision.
    sizes: Vec<u32>,
    by_name: BTreeMap<String, usize>,
    conditional: bool,
}

impl CubeEncoding {
    pub(super) fn of(info: SpaceInfo) -> Self {
        let sizes = info.decisions.iter().map(nas_api::Decision::len).collect();
        let by_name = info.decisions.into_iter().enumerate().map(|(at, decision)| (decision.name, at)).collect();
        Self { sizes, by_name, conditional: info.conditional }
    }

    /// The number of coordinates of a point.
    pub(super) fn len(&self) -> usize {
        self.sizes.len()
    }

    /// The coordinate of a decision.
    fn index(&self, name: &str) -> Result<usize> {
        let missing = || Error::new(format!("the space makes a decision '{name}' that it does not declare"));
        self.by_name.get(name).copied().ok_or_else(missing)
    }

    /// The genotype at a point: \[0, 1\] is divided into equal intervals, one for each choice, in their order.
    pub(super) fn genotype(&self, point: &[f64], space: &mut dyn Space) -> Result<Genotype> {
        if !self.conditional {
            return Ok(point.iter().zip(&self.sizes).map(|(&x, &size)| choice(x, size)).collect());
        }
        let mut genotype = Genotype::new();
        while let Some(decision) = space.next(&genotype)? {
            let x = point.get(self.index(&decision.name)?).copied().unwrap_or(0.0);
            genotype.push(choice(x, decision.len()));
        }
        Ok(genotype)
    }

    /// The point in the middle of a genotype's intervals. Coordinates of decisions that it does not make are drawn.
    pub(super) fn point(&self, genotype: &[u32], space: &mut dyn Space, rng: &mut Random) -> Result<Vec<f64>> {
        let mut point: Vec<f64> = self.sizes.iter().map(|_| rng.random()).collect();
        for (length, &choice) in genotype.iter().enumerate() {
            let Some(decision) = space.next(&genotype[..length])? else { break };
            let index = self.index(&decision.name)?;
            if let Some(x) = point.get_mut(index) {
                *x = (f64::from(choice) + 0.5) / f64::from(decision.len().max(1));
            }
        }
        Ok(point)
    }
}

/// The choice whose interval contains `x`.
fn choice(x: f64, size: u32) -> u32 {
    ((x * f64::from(size)) as u32).min(size.saturating_sub(1))
}

/// The mutation and crossover of rand/1/bin.
#[derive(Clone, Copy, Debug)]
pub(super) struct Evolution {
    /// F, the weight of the difference of two parents.
    factor: f64,
    /// Cr, the probability that a coordinate comes from the mutant.
    crossover: f64,
}

impl Evolution {
    pub(super) fn open(factor: f64, crossover: f64) -> Result<Self> {
        if !(0.0..=2.0).contains(&factor) {
            return Err(Error::new(format!("'mutation_factor' must lie between 0 and 2, but is {factor}")));
        }
        if !(0.0..=1.0).contains(&crossover) {
            let wrong = format!("'crossover_rate' is a probability between 0 and 1, but is {crossover}");
            return Err(Error::new(wrong));
        }
        Ok(Self { factor, crossover })
    }

    /// A child of the target and of a mutant made from three parents. If there are fewer than three parents, mutants of
    /// all populations are added, so that there are four.
    pub(super) fn child<'v>(
        &self,
        target: &[f64],
        parents: Vec<&'v [f64]>,
        all: impl FnOnce() -> Vec<&'v [f64]>,
        rng: &mut Random,
    ) -> Vec<f64> {
        let mut mutants = Vec::new();
        if parents.len() < 3 {
            let all = all();
            mutants.extend((parents.len()..4).map(|_| self.mutant(target, &all, rng)));
        }
        let mut pool = parents;
        pool.extend(mutants.iter().map(Vec::as_slice));
        let mutant = self.mutant(target, &pool, rng);
        self.cross(target, &mutant, rng)
    }

    /// r1 + F (r2 − r3) for three different members of the pool, excluding the target if at least three others are
    /// left. Coordinates outside the unit cube are drawn again.
    fn mutant(&self, target: &[f64], pool: &[&[f64]], rng: &mut Random) -> Vec<f64> {
        let others: Vec<&[f64]> = pool.iter().copied().filter(|&member| member != target).collect();
        let mut pool = if others.len() >= 3 { others } else { pool.to_vec() };
        let mut draw = || {
            let count = u32::try_from(pool.len()).unwrap_or(u32::MAX);
            // The last member is drawn repeatedly if there are fewer than three.
            match count {
                0 => target,
                1 => pool[0],
                _ => pool.swap_remove(rng.random_range(0..count) as usize),
            }
        };
        let (r1, r2, r3) = (draw(), draw(), draw());
        let mix = |((&r1, &r2), &r3): ((&f64, &f64), &f64)| r1 + self.factor * (r2 - r3);
        let mut mutant: Vec<f64> = r1.iter().zip(r2).zip(r3).map(mix).collect();
        for x in mutant.iter_mut().filter(|x| !(0.0..=1.0).contains(*x)) {
            *x = rng.random();
        }
        mutant
    }

    /// Takes each coordinate from the mutant with probability Cr, and at least one.
    fn cross(&self, target: &[f64], mutant: &[f64], rng: &mut Random) -> Vec<f64> {
        let mut child = target.to_vec();
        let mut crossed = false;
        for (x, &other) in child.iter_mut().zip(mutant) {
            if rng.random::<f64>() < self.crossover {
                (*x, crossed) = (other, true);
            }
        }
        let count = u32::try_from(child.len()).unwrap_or(u32::MAX);
        if !crossed && count > 0 {
            let at = rng.random_range(0..count) as usize;
            child[at] = mutant[at];
        }
        child
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use nas_api::SearchSpace;
    use nas_api::rng::seeded;

    use super::*;
    use crate::conformance::Additive;

    #[test]
    fn the_unit_interval_is_divided_equally_among_the_choices() {
        let choices = [0.0, 0.24, 0.25, 0.5, 0.74, 0.76, 1.0].map(|x| choice(x, 4));
        assert_eq!(choices, [0, 0, 1, 2, 2, 3, 3]);
        assert_eq!(choice(0.7, 1), 0);
    }

    #[test]
    fn decoding_inverts_encoding_in_flat_and_conditional_spaces() {
        let mut rng = seeded(3);
        for mut space in [Additive::flat(6, 5, 1), Additive::conditional(1)] {
            let encoding = CubeEncoding::of(SearchSpace::info(&space));
            for seed in 0..300 {
                let genotype = SearchSpace::sample(&space, seed);
                let point = encoding.point(&genotype, &mut space, &mut rng).unwrap();
                assert_eq!(encoding.genotype(&point, &mut space).unwrap(), genotype);
            }
        }
    }

    #[test]
    fn a_mutant_is_one_parent_plus_f_times_the_difference_of_two_others() {
        let evolution = Evolution::open(0.5, 1.0).unwrap();
        let pool: [&[f64]; 4] = [&[0.5], &[0.25], &[0.125], &[0.9]];
        let mut rng = seeded(1);
        let target = [0.9];
        // These are r1 + (r2 - r3) / 2 for the six orders of the three others.
        let expected = [0.5625, 0.4375, 0.4375, 0.0625, 0.25, 0.0];
        let mut found = std::collections::BTreeSet::new();
        for _ in 0..200 {
            let mutant = evolution.mutant(&target, &pool, &mut rng)[0];
            assert!(expected.contains(&mutant), "{mutant}");
            found.insert(mutant.to_bits());
        }
        assert_eq!(found.len(), 5, "two orders give the same mutant");
        assert_eq!(evolution.child(&target, pool.to_vec(), Vec::new, &mut rng).len(), 1);
    }

    #[test]
    fn the_mutant_gives_at_least_one_coordinate_and_otherwise_as_many_as_the_rate_says() {
        let mut rng = seeded(2);
        let count = |rate: f64, rng: &mut Random| -> usize {
            let evolution = Evolution::open(0.5, rate).unwrap();
            let crossed = |_| evolution.cross(&[0.0; 10], &[1.0; 10], rng).iter().filter(|&&x| x == 1.0).count();
            (0..1000).map(crossed).sum()
        };
        assert_eq!(count(0.0, &mut rng), 1000);
        assert_eq!(count(1.0, &mut rng), 10_000);
        assert!((4800..5200).contains(&count(0.5, &mut rng)));
    }

    #[test]
    fn too_few_parents_are_complemented_by_mutants() {
        let evolution = Evolution::open(0.5, 0.5).unwrap();
        let mut rng = seeded(2);
        for count in 0..3 {
            let parents: Vec<&[f64]> = [&[0.1, 0.1] as &[f64], &[0.2, 0.2]].into_iter().take(count).collect();
            let child = evolution.child(&[0.5, 0.5], parents, || vec![&[0.3, 0.3], &[0.4, 0.4]], &mut rng);
            assert!(child.iter().all(|x| (0.0..=1.0).contains(x)), "{child:?}");
        }
        assert_eq!(evolution.child(&[], Vec::new(), Vec::new, &mut rng), [] as [f64; 0]);
    }
}
