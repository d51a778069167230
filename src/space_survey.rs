//! Samples a space: how large, how diverse and how smooth it is, judged by random architectures and their mutants.

use std::collections::{BTreeMap, HashSet};

use nas_api::graph::{count, shape};
use nas_api::{Genotype, OpenSpace, Task};

use crate::architecture::decisions;
use crate::failure::Failure;

/// The metrics that are counted on a graph.
pub const METRICS: [&str; 4] = ["params", "macs", "flops", "depth"];
/// The number of architectures whose neighbours are counted. Some spaces need one call for each neighbour.
const NEIGHBORS_OF: usize = 50;

/// Statistics of a random sample of a space. All lists are in ascending order.
pub struct SpaceSurvey {
    /// The number of architectures that were drawn.
    pub samples: usize,
    /// Those whose genotype was drawn before.
    pub repeated: usize,
    /// Those whose key was drawn before.
    pub duplicates: usize,
    /// Architectures, or mutants of them, that the space itself rejects.
    pub invalid: Rejections,
    /// Architectures without a network for the task.
    pub without_network: Rejections,
    /// The values of each of [`METRICS`].
    pub metrics: [Vec<f64>; 4],
    /// The number of decisions of each architecture.
    pub decisions: Vec<f64>,
    /// The number of neighbours of each of the first architectures.
    pub neighbors: Vec<f64>,
    /// The distances between architectures and their mutants.
    pub mutations: Distances,
    /// The distances between independently drawn architectures.
    pub random_pairs: Distances,
}

/// The number of rejected architectures, and why the first one was rejected.
#[derive(Default)]
pub struct Rejections {
    pub count: usize,
    pub first_reason: Option<String>,
}

/// The distances between the architectures of several pairs. The lists are in ascending order.
#[derive(Default)]
pub struct Distances {
    /// The number of pairs.
    pub count: usize,
    /// Pairs of two architectures with the same key.
    pub same_key: usize,
    /// The number of decisions that differ, or that only one of the two makes.
    pub decisions: Vec<f64>,
    /// The change of each of [`METRICS`] as a fraction of the larger value.
    pub changes: [Vec<f64>; 4],
}

/// One architecture of the sample.
struct Sample {
    genotype: Genotype,
    key: String,
    choices: BTreeMap<String, u32>,
    /// The values of [`METRICS`]; `None` if there is no network.
    metrics: Option<[f64; 4]>,
}

impl Rejections {
    fn add(&mut self, reason: String) {
        self.count += 1;
        self.first_reason.get_or_insert(reason);
    }
}

impl SpaceSurvey {
    /// Draws `samples` architectures with the seeds from `seed` on, and mutates each once.
    ///
    /// # Errors
    /// The space fails.
    pub fn sample(space: &mut dyn OpenSpace, task: &Task, samples: u32, seed: u32) -> Result<Self, Failure> {
        let mut survey = Self {
            samples: samples as usize,
            repeated: 0,
            duplicates: 0,
            invalid: Rejections::default(),
            without_network: Rejections::default(),
            metrics: Default::default(),
            decisions: Vec::new(),
            neighbors: Vec::new(),
            mutations: Distances::default(),
            random_pairs: Distances::default(),
        };
        let (mut genotypes, mut keys) = (HashSet::new(), HashSet::new());
        let mut previous: Option<Sample> = None;
        for number in 0..samples {
            let seed = seed.wrapping_add(number);
            let genotype = space.sample(seed)?;
            if let Err(reason) = space.validate(&genotype)? {
                survey.invalid.add(reason);
                continue;
            }
            let mut rejections = Rejections::default();
            let sample = Sample::of(space, task, genotype, &mut rejections)?;
            survey.repeated += usize::from(!genotypes.insert(sample.genotype.clone()));
            survey.duplicates += usize::from(!keys.insert(sample.key.clone()));
            survey.decisions.push(sample.genotype.len() as f64);
            if let Some(reason) = rejections.first_reason {
                survey.without_network.add(reason);
            }
            if let Some(metrics) = sample.metrics {
                survey.metrics.iter_mut().zip(metrics).for_each(|(values, value)| values.push(value));
            }
            if survey.neighbors.len() < NEIGHBORS_OF {
                survey.neighbors.push(space.neighbors(&sample.genotype)?.len() as f64);
            }
            let mutant = space.mutate(&sample.genotype, seed)?;
            match space.validate(&mutant)? {
                Ok(()) => {
                    let mutant = Sample::of(space, task, mutant, &mut Rejections::default())?;
                    survey.mutations.add(&sample, &mutant);
                }
                Err(reason) => survey.invalid.add(format!("a mutant: {reason}")),
            }
            if let Some(previous) = &previous {
                survey.random_pairs.add(previous, &sample);
            }
            previous = Some(sample);
        }
        let all = survey.metrics.iter_mut().chain([&mut survey.decisions, &mut survey.neighbors]);
        all.for_each(|values| values.sort_by(f64::total_cmp));
        survey.mutations.sort();
        survey.random_pairs.sort();
        Ok(survey)
    }
}

impl Sample {
    /// Builds and counts the graph of a genotype; the reason goes to `rejections` if it has none.
    fn of(
        space: &mut dyn OpenSpace,
        task: &Task,
        genotype: Genotype,
        rejections: &mut Rejections,
    ) -> Result<Self, Failure> {
        let decisions = decisions(space, &genotype)?;
        let choices = decisions.into_iter().map(|(decision, choice)| (decision.name, choice)).collect();
        let counted = space.build(&genotype, task)?.and_then(|graph| {
            let shapes = shape::infer(&graph, &task.input_shape).map_err(|error| error.to_string())?;
            count::count(&graph, &shapes).map_err(|error| error.to_string())
        });
        let metrics = match counted {
            Ok(counts) => Some([counts.params, counts.macs, counts.flops, counts.depth].map(|count| count as f64)),
            Err(reason) => {
                rejections.add(reason);
                None
            }
        };
        Ok(Self { key: space.key(&genotype)?, genotype, choices, metrics })
    }
}

impl Distances {
    fn add(&mut self, from: &Sample, to: &Sample) {
        self.count += 1;
        self.same_key += usize::from(from.key == to.key);
        let names: HashSet<&String> = from.choices.keys().chain(to.choices.keys()).collect();
        let differ = names.into_iter().filter(|name| from.choices.get(*name) != to.choices.get(*name)).count();
        self.decisions.push(differ as f64);
        if let (Some(from), Some(to)) = (from.metrics, to.metrics) {
            for (changes, (from, to)) in self.changes.iter_mut().zip(from.into_iter().zip(to)) {
                let larger = from.max(to);
                changes.push(if larger > 0.0 { (from - to).abs() / larger } else { 0.0 });
            }
        }
    }

    fn sort(&mut self) {
        self.changes.iter_mut().chain([&mut self.decisions]).for_each(|values| values.sort_by(f64::total_cmp));
    }
}

/// The linearly interpolated quantile of ascending values, with `fraction` in 0..=1; NaN if there are no values.
pub fn quantile(values: &[f64], fraction: f64) -> f64 {
    let position = fraction * values.len().saturating_sub(1) as f64;
    let (low, high) = (values.get(position.floor() as usize), values.get(position.ceil() as usize));
    match (low, high) {
        (Some(low), Some(high)) => low + (high - low) * position.fract(),
        _ => f64::NAN,
    }
}

/// Counts ascending values in `N` equal bins of their range. If they span more than a decade, the bins are equal on a
/// logarithmic scale, and the flag is true.
pub fn histogram<const N: usize>(values: &[f64]) -> ([usize; N], bool) {
    let mut counts = [0; N];
    let (Some(&low), Some(&high)) = (values.first(), values.last()) else { return (counts, false) };
    let logarithmic = low > 0.0 && high / low > 10.0;
    let scale = |value: f64| if logarithmic { value.ln() } else { value };
    let (low, range) = (scale(low), scale(high) - scale(low));
    for &value in values {
        let fraction = if range > 0.0 { (scale(value) - low) / range } else { 0.0 };
        counts[((fraction * N as f64) as usize).min(N - 1)] += 1;
    }
    (counts, logarithmic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_interpolated() {
        let values = [1.0, 2.0, 4.0, 8.0];
        assert_eq!([0.0, 0.5, 1.0].map(|fraction| quantile(&values, fraction)), [1.0, 3.0, 8.0]);
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
