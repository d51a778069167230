//! What random architectures tell of a space.

use std::collections::{BTreeMap, HashSet};

use nas_api::graph::{count, shape};
use nas_api::{Genotype, OpenSpace, Task};

use crate::architecture::decisions;
use crate::failure::Failure;

/// What is counted on a network.
pub const METRICS: [&str; 4] = ["params", "macs", "flops", "depth"];
/// Architectures whose neighbours are counted, which takes a call for each neighbour in some spaces.
const NEIGHBORS_OF: usize = 50;

/// Architectures and what became of them.
pub struct SpaceSurvey {
    pub samples: usize,
    /// Genotypes that were drawn before.
    pub repeated: usize,
    /// Keys that were drawn before.
    pub duplicates: usize,
    /// What the space itself refuses, with the reason of the first.
    pub invalid: Refused,
    /// What has no network for the task.
    pub without_network: Refused,
    /// The values of each of [`METRICS`], ascending.
    pub values: [Vec<f64>; 4],
    /// How many decisions the architectures make, ascending.
    pub decisions: Vec<f64>,
    /// How many neighbours the first ones have, ascending.
    pub neighbors: Vec<f64>,
    /// Mutants of the architectures.
    pub mutants: Distances,
    /// Pairs of architectures that have nothing to do with each other.
    pub pairs: Distances,
}

/// How many were refused, and why the first one was.
#[derive(Default)]
pub struct Refused {
    pub count: usize,
    pub reason: Option<String>,
}

/// From one architecture to another.
#[derive(Default)]
pub struct Distances {
    pub count: usize,
    /// With the same key.
    pub same_key: usize,
    /// Decisions that one makes and the other does not, or that choose otherwise; ascending.
    pub decisions: Vec<f64>,
    /// The change of each of [`METRICS`] as a share of the larger value, ascending.
    pub changes: [Vec<f64>; 4],
}

/// One architecture.
struct Sample {
    genotype: Genotype,
    key: String,
    choices: BTreeMap<String, u32>,
    /// None where there is no network.
    counts: Option<[f64; 4]>,
}

impl Refused {
    fn add(&mut self, reason: String) {
        self.count += 1;
        self.reason.get_or_insert(reason);
    }
}

impl SpaceSurvey {
    /// Draws this many architectures, a mutant of each, and looks at them.
    pub fn explore(space: &mut dyn OpenSpace, task: &Task, samples: u32, seed: u32) -> Result<Self, Failure> {
        let mut found = Self {
            samples: samples as usize,
            repeated: 0,
            duplicates: 0,
            invalid: Refused::default(),
            without_network: Refused::default(),
            values: Default::default(),
            decisions: Vec::new(),
            neighbors: Vec::new(),
            mutants: Distances::default(),
            pairs: Distances::default(),
        };
        let (mut genotypes, mut keys) = (HashSet::new(), HashSet::new());
        let mut before: Option<Sample> = None;
        for number in 0..samples {
            let seed = seed.wrapping_add(number);
            let genotype = space.sample(seed)?;
            if let Err(reason) = space.validate(&genotype)? {
                found.invalid.add(reason);
                continue;
            }
            let mut refused = Refused::default();
            let specimen = Sample::of(space, task, genotype, &mut refused)?;
            found.repeated += usize::from(!genotypes.insert(specimen.genotype.clone()));
            found.duplicates += usize::from(!keys.insert(specimen.key.clone()));
            found.decisions.push(specimen.genotype.len() as f64);
            if let Some(reason) = refused.reason {
                found.without_network.add(reason);
            }
            if let Some(counts) = specimen.counts {
                found.values.iter_mut().zip(counts).for_each(|(values, value)| values.push(value));
            }
            if found.neighbors.len() < NEIGHBORS_OF {
                found.neighbors.push(space.neighbors(&specimen.genotype)?.len() as f64);
            }
            let mutant = space.mutate(&specimen.genotype, seed)?;
            match space.validate(&mutant)? {
                Ok(()) => {
                    let mutant = Sample::of(space, task, mutant, &mut Refused::default())?;
                    found.mutants.add(&specimen, &mutant);
                }
                Err(reason) => found.invalid.add(format!("a mutant: {reason}")),
            }
            if let Some(before) = &before {
                found.pairs.add(before, &specimen);
            }
            before = Some(specimen);
        }
        let all = found.values.iter_mut().chain([&mut found.decisions, &mut found.neighbors]);
        all.for_each(|values| values.sort_by(f64::total_cmp));
        found.mutants.sort();
        found.pairs.sort();
        Ok(found)
    }
}

impl Sample {
    fn of(space: &mut dyn OpenSpace, task: &Task, genotype: Genotype, refused: &mut Refused) -> Result<Self, Failure> {
        let made = decisions(space, &genotype)?;
        let choices = made.into_iter().map(|(decision, choice)| (decision.name, choice)).collect();
        let counted = space.build(&genotype, task)?.and_then(|graph| {
            let shapes = shape::infer(&graph, &task.input_shape).map_err(|error| error.to_string())?;
            count::count(&graph, &shapes).map_err(|error| error.to_string())
        });
        let counts = match counted {
            Ok(counts) => Some([counts.params, counts.macs, counts.flops, counts.depth].map(|count| count as f64)),
            Err(reason) => {
                refused.add(reason);
                None
            }
        };
        Ok(Self { key: space.key(&genotype)?, genotype, choices, counts })
    }
}

impl Distances {
    fn add(&mut self, from: &Sample, to: &Sample) {
        self.count += 1;
        self.same_key += usize::from(from.key == to.key);
        let names: HashSet<&String> = from.choices.keys().chain(to.choices.keys()).collect();
        let differ = names.into_iter().filter(|name| from.choices.get(*name) != to.choices.get(*name)).count();
        self.decisions.push(differ as f64);
        if let (Some(from), Some(to)) = (from.counts, to.counts) {
            for (changes, (from, to)) in self.changes.iter_mut().zip(from.into_iter().zip(to)) {
                let most = from.max(to);
                changes.push(if most > 0.0 { (from - to).abs() / most } else { 0.0 });
            }
        }
    }

    fn sort(&mut self) {
        self.changes.iter_mut().chain([&mut self.decisions]).for_each(|values| values.sort_by(f64::total_cmp));
    }
}

/// The value below which this share of ascending values lies, interpolated; NaN for none.
pub fn quantile(values: &[f64], share: f64) -> f64 {
    let place = share * values.len().saturating_sub(1) as f64;
    let (low, high) = (values.get(place.floor() as usize), values.get(place.ceil() as usize));
    match (low, high) {
        (Some(low), Some(high)) => low + (high - low) * place.fract(),
        _ => f64::NAN,
    }
}

/// How many of ascending values lie in each of equal parts of their range. Values that span more than a decade are
/// counted by their logarithm; the flag says so.
pub fn histogram<const N: usize>(values: &[f64]) -> ([usize; N], bool) {
    let mut counts = [0; N];
    let (Some(&low), Some(&high)) = (values.first(), values.last()) else { return (counts, false) };
    let logarithmic = low > 0.0 && high / low > 10.0;
    let scale = |value: f64| if logarithmic { value.ln() } else { value };
    let (low, range) = (scale(low), scale(high) - scale(low));
    for &value in values {
        let part = if range > 0.0 { (scale(value) - low) / range } else { 0.0 };
        counts[((part * N as f64) as usize).min(N - 1)] += 1;
    }
    (counts, logarithmic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_interpolated() {
        let values = [1.0, 2.0, 4.0, 8.0];
        assert_eq!([0.0, 0.5, 1.0].map(|share| quantile(&values, share)), [1.0, 3.0, 8.0]);
        assert!(quantile(&[], 0.5).is_nan());
        assert_eq!(quantile(&[7.0], 0.95), 7.0);
    }

    #[test]
    fn histograms_count_every_value() {
        assert_eq!(histogram::<4>(&[0.0, 1.0, 2.0, 3.0, 4.0]), ([1, 1, 1, 2], false));
        assert_eq!(histogram::<3>(&[1.0, 10.0, 99.0, 1000.0]), ([1, 2, 1], true));
        assert_eq!(histogram::<3>(&[5.0, 5.0]), ([2, 0, 0], false));
        assert_eq!(histogram::<2>(&[]), ([0, 0], false));
    }
}
