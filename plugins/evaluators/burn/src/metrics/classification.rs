//! One of several classes.

use std::collections::BTreeMap;

use super::{BATCH, Scores, greatest, run};
use crate::data::Examples;
use crate::loss::Loss;
use crate::model::Network;

/// The true class is among so many likeliest ones (Krizhevsky et al. 2012, section 1: "top-5").
const TOP: usize = 5;

pub fn measure(
    network: &Network,
    examples: &Examples,
    labels: &[u32],
    loss: Loss,
    stop: &dyn Fn() -> bool,
) -> Result<Option<Scores>, String> {
    let classes = examples.outputs();
    let mut found = Vec::with_capacity(labels.len());
    let (mut total, mut top) = (0.0, 0_usize);
    let finished = run(network, examples, BATCH, stop, |outputs, rows| {
        let targets = examples.targets_of(rows);
        let outputs = outputs.chunks_exact(classes).zip(targets.chunks_exact(classes));
        for ((output, target), &row) in outputs.zip(rows) {
            total += loss.example(output, target);
            found.push(greatest(output));
            top += usize::from(is_among(output, labels[row], TOP));
        }
    })?;
    if !finished {
        return Ok(None);
    }
    let count = examples.len() as f64;
    let mut values = vec![
        ("loss", total / count),
        ("accuracy", right(labels, &found).count() as f64 / count),
        ("balanced_accuracy", balanced_accuracy(labels, &found, classes)),
    ];
    if classes > TOP {
        values.push(("top5_accuracy", top as f64 / count));
    }
    Ok(Some(Scores { values, found }))
}

/// The classes of the examples that were found.
fn right(labels: &[u32], found: &[Option<u32>]) -> impl Iterator<Item = u32> {
    labels.iter().zip(found).filter(|&(&label, &found)| found == Some(label)).map(|(&label, _)| label)
}

/// Mean recall of the classes that have examples (Brodersen et al. 2010, for any number of classes).
fn balanced_accuracy(labels: &[u32], found: &[Option<u32>], classes: usize) -> f64 {
    let mut counts = vec![(0_u64, 0_u64); classes];
    labels.iter().for_each(|&label| counts[label as usize].1 += 1);
    right(labels, found).for_each(|label| counts[label as usize].0 += 1);
    let recalls = || counts.iter().filter(|(_, all)| *all > 0).map(|&(right, all)| right as f64 / all as f64);
    recalls().sum::<f64>() / recalls().count().max(1) as f64
}

/// Whether fewer than `top` classes are likelier than this one; of equals the first is. False where any output is not a
/// number.
fn is_among(output: &[f32], class: u32, top: usize) -> bool {
    let class = class as usize;
    let own = output[class];
    let before = |(at, &value): (usize, &f32)| value > own || (value == own && at < class);
    !output.iter().any(|value| value.is_nan()) && output.iter().enumerate().filter(|&it| before(it)).count() < top
}

/// How many examples of each class were taken for which class. As large as there are such pairs among the examples, however
/// many classes there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confusion {
    /// By the true class, then the class that was found; no zeros.
    pairs: BTreeMap<(usize, usize), u64>,
    /// Examples of each class, those that were taken for no class included.
    examples: Vec<u64>,
    /// Examples that were taken for each class.
    taken: Vec<u64>,
}

impl Confusion {
    /// Of examples of these classes, which are fewer than `classes`, and what was found for each; `None`: its outputs were no
    /// numbers.
    pub(crate) fn of(labels: &[u32], found: &[Option<u32>], classes: usize) -> Self {
        let mut confusion = Self { pairs: BTreeMap::new(), examples: vec![0; classes], taken: vec![0; classes] };
        for (&truth, &found) in labels.iter().zip(found) {
            confusion.examples[truth as usize] += 1;
            if let Some(found) = found {
                confusion.taken[found as usize] += 1;
                *confusion.pairs.entry((truth as usize, found as usize)).or_default() += 1;
            }
        }
        confusion
    }

    /// How many classes there are.
    pub fn classes(&self) -> usize {
        self.examples.len()
    }

    /// Examples of each true class, by the class that was found.
    pub fn rows(&self) -> impl Iterator<Item = Vec<u64>> {
        (0..self.classes()).map(|truth| {
            let mut row = vec![0; self.classes()];
            self.row(truth).for_each(|(found, count)| row[found] = count);
            row
        })
    }

    /// What examples of this class were taken for, and how many of them.
    fn row(&self, truth: usize) -> impl Iterator<Item = (usize, u64)> {
        self.pairs.range((truth, 0)..=(truth, usize::MAX)).map(|(&(_, found), &count)| (found, count))
    }

    /// How many examples are of this class.
    pub fn examples(&self, class: usize) -> u64 {
        self.examples[class]
    }

    /// Examples of this class that were found.
    fn right(&self, class: usize) -> u64 {
        self.pairs.get(&(class, class)).copied().unwrap_or(0)
    }

    /// The part of a class's examples that was found, also called its accuracy; `None` where it has none.
    pub fn recall(&self, class: usize) -> Option<f64> {
        let examples = self.examples[class];
        (examples > 0).then(|| self.right(class) as f64 / examples as f64)
    }

    /// The part of what was taken for a class that is of it; `None` where nothing was.
    pub fn precision(&self, class: usize) -> Option<f64> {
        let taken = self.taken[class];
        (taken > 0).then(|| self.right(class) as f64 / taken as f64)
    }

    /// The class that most examples of this one were taken for wrongly, the first of equals; `None` where none was.
    pub fn taken_for(&self, class: usize) -> Option<usize> {
        let wrong = self.row(class).filter(|&(found, _)| found != class);
        wrong.max_by_key(|&(found, count)| (count, std::cmp::Reverse(found))).map(|(found, _)| found)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_confusion_by_hand() {
        let (mut labels, mut found) = (Vec::new(), Vec::new());
        for (truth, class, times) in [(0, Some(0), 6), (0, Some(1), 2), (1, Some(1), 1), (1, None, 1)] {
            labels.extend(vec![truth; times]);
            found.extend(vec![class; times]);
        }
        let confusion = Confusion::of(&labels, &found, 3);
        assert_eq!(confusion.rows().collect::<Vec<_>>(), [[6, 2, 0], [0, 1, 0], [0, 0, 0]]);
        assert_eq!([0, 1, 2].map(|class| confusion.examples(class)), [8, 2, 0]);
        assert_eq!([0, 1, 2].map(|class| confusion.recall(class)), [Some(0.75), Some(0.5), None]);
        assert_eq!([0, 1, 2].map(|class| confusion.precision(class)), [Some(1.0), Some(1.0 / 3.0), None]);
        assert_eq!(balanced_accuracy(&labels, &found, 3), 0.625);
        assert_eq!(right(&labels, &found).count(), 7);
        assert_eq!([0, 1, 2].map(|class| confusion.taken_for(class)), [Some(1), None, None]);
    }

    #[test]
    fn many_classes_take_no_square_of_memory() {
        let labels: Vec<u32> = (0..200_000).collect();
        let found: Vec<Option<u32>> = labels.iter().map(|&label| Some(label / 2)).collect();
        // A matrix of all pairs would be of 320 GB.
        let confusion = Confusion::of(&labels, &found, 200_000);
        assert_eq!(
            (confusion.recall(0), confusion.precision(0), confusion.taken_for(7)),
            (Some(1.0), Some(0.5), Some(3))
        );
        assert_eq!(balanced_accuracy(&labels, &found, 200_000), 1.0 / 200_000.0);
    }

    #[test]
    fn five_of_six_outputs_are_among_the_five_greatest() {
        let output = [0.5, 0.1, 0.4, 0.3, 0.2, 0.1];
        let among: Vec<u32> = (0..6).filter(|&class| is_among(&output, class, 5)).collect();
        // Of the two least, which are equal, the first is.
        assert_eq!(among, [0, 1, 2, 3, 4]);
        assert!(!is_among(&[f32::NAN, 1.0], 1, 5));
    }
}
