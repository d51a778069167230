//! Scales data to zero mean and unit standard deviation, which are measured on the training set alone.

use crate::examples::{Examples, Targets};

/// How inputs and the targets of regression are scaled: `(x - mean) / std`.
#[derive(Clone, Debug, PartialEq)]
pub struct Normalization {
    /// Mean of each channel of images, or of each feature of tables.
    pub mean: Vec<f32>,
    /// Standard deviation of each channel or feature; 1 for constant ones.
    pub std: Vec<f32>,
    /// Mean of the targets; 0 for classes.
    pub target_mean: f32,
    /// Standard deviation of the targets; 1 for classes.
    pub target_std: f32,
}

impl Normalization {
    /// The normalization that changes nothing.
    pub fn none() -> Self {
        Self { mean: Vec::new(), std: Vec::new(), target_mean: 0.0, target_std: 1.0 }
    }

    /// Measures mean and deviation on these examples.
    pub fn of(examples: &Examples) -> Self {
        let (groups, group) = grouped(examples);
        let mut mean = Vec::with_capacity(groups);
        let mut std = Vec::with_capacity(groups);
        for index in 0..groups {
            let rows = examples.inputs.chunks_exact(groups * group);
            let values = rows.flat_map(|row| &row[index * group..(index + 1) * group]);
            let (group_mean, group_std) = moments(values);
            mean.push(group_mean);
            std.push(group_std);
        }
        let (target_mean, target_std) = match &examples.targets {
            Targets::Labels { .. } | Targets::Tokens { .. } | Targets::Boxes(_) => (0.0, 1.0),
            Targets::Values(values) => moments(values.iter()),
        };
        Self { mean, std, target_mean, target_std }
    }

    /// Keeps the scaling of the features that `scaled` marks; the others stay as they are.
    pub fn only(mut self, scaled: &[bool]) -> Self {
        for ((mean, std), _) in self.mean.iter_mut().zip(&mut self.std).zip(scaled).filter(|(_, scaled)| !**scaled) {
            (*mean, *std) = (0.0, 1.0);
        }
        self
    }

    /// Scales inputs and targets.
    pub fn apply(&self, examples: &mut Examples) {
        if self.mean.is_empty() {
            return;
        }
        let (groups, group) = grouped(examples);
        examples.inputs.change(|inputs| {
            for row in inputs.chunks_exact_mut(groups * group) {
                for (index, values) in row.chunks_exact_mut(group).enumerate() {
                    for value in values {
                        *value = (*value - self.mean[index]) / self.std[index];
                    }
                }
            }
        });
        if let Targets::Values(values) = &mut examples.targets {
            for value in values {
                *value = (*value - self.target_mean) / self.target_std;
            }
        }
    }
}

/// The number of groups that share a mean and a deviation, and the number of values of one example in each.
fn grouped(examples: &Examples) -> (usize, usize) {
    match examples.shape.split_first() {
        Some((&first, rest)) => (first, rest.iter().product()),
        None => (1, 1),
    }
}

fn moments<'v>(values: impl Iterator<Item = &'v f32> + Clone) -> (f32, f32) {
    let count = values.clone().count().max(1) as f64;
    let mean = values.clone().map(|&value| f64::from(value)).sum::<f64>() / count;
    let variance = values.map(|&value| (f64::from(value) - mean).powi(2)).sum::<f64>() / count;
    let std = variance.sqrt();
    // Rounding errors of a constant must not be blown up.
    (mean as f32, if std > 1e-6 * mean.abs().max(f64::MIN_POSITIVE) { std as f32 } else { 1.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_are_scaled_one_by_one_and_constant_ones_only_shifted() {
        let targets = Targets::Values(vec![10.0, 30.0]);
        let mut examples = Examples { shape: vec![2], inputs: vec![1.0, 7.0, 3.0, 7.0].into(), targets };
        let normalization = Normalization::of(&examples);
        assert_eq!(normalization.mean, [2.0, 7.0]);
        assert_eq!(normalization.std, [1.0, 1.0]);
        assert_eq!((normalization.target_mean, normalization.target_std), (20.0, 10.0));
        normalization.apply(&mut examples);
        assert_eq!(*examples.inputs, [-1.0, 0.0, 1.0, 0.0]);
        assert_eq!(examples.targets, Targets::Values(vec![-1.0, 1.0]));
    }

    #[test]
    fn channels_of_images_share_their_scale() {
        let targets = Targets::Labels { labels: vec![0], classes: 2 };
        let mut examples = Examples { shape: vec![2, 1, 2], inputs: vec![0.0, 2.0, 5.0, 9.0].into(), targets };
        Normalization::of(&examples.clone()).apply(&mut examples);
        assert_eq!(*examples.inputs, [-1.0, 1.0, -1.0, 1.0]);
    }
}
