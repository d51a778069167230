//! One of several classes.

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
    let mut confusion = Confusion::new(classes);
    let (mut total, mut top) = (0.0, 0_usize);
    let finished = run(network, examples, BATCH, stop, |outputs, rows| {
        let targets = examples.targets_of(rows);
        let outputs = outputs.chunks_exact(classes).zip(targets.chunks_exact(classes));
        for ((output, target), &row) in outputs.zip(rows) {
            total += loss.example(output, target);
            confusion.add(labels[row], greatest(output));
            top += usize::from(is_among(output, labels[row], TOP));
        }
    })?;
    if !finished {
        return Ok(None);
    }
    let count = examples.len() as f64;
    let mut values = vec![
        ("loss", total / count),
        ("accuracy", confusion.found() as f64 / count),
        ("balanced_accuracy", confusion.balanced_accuracy()),
    ];
    if classes > TOP {
        values.push(("top5_accuracy", top as f64 / count));
    }
    Ok(Some(Scores { values, confusion: Some(confusion) }))
}

/// Whether fewer than `top` classes are likelier than this one; of equals the first is. False where any output is not a
/// number.
fn is_among(output: &[f32], class: u32, top: usize) -> bool {
    let class = class as usize;
    let own = output[class];
    let before = |(at, &value): (usize, &f32)| value > own || (value == own && at < class);
    !output.iter().any(|value| value.is_nan()) && output.iter().enumerate().filter(|&it| before(it)).count() < top
}

/// How many examples of each class were taken for which class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confusion {
    /// Row by row: the true class, then the class that was found.
    counts: Vec<u64>,
    /// Examples of each class, those that were taken for no class included.
    examples: Vec<u64>,
}

impl Confusion {
    /// Of so many classes, before any example.
    fn new(classes: usize) -> Self {
        Self { counts: vec![0; classes * classes], examples: vec![0; classes] }
    }

    /// One example of the class `truth`; `None`: the outputs were no numbers.
    fn add(&mut self, truth: u32, found: Option<u32>) {
        let truth = truth as usize;
        self.examples[truth] += 1;
        if let Some(found) = found {
            let classes = self.classes();
            self.counts[truth * classes + found as usize] += 1;
        }
    }

    /// How many classes there are.
    pub fn classes(&self) -> usize {
        self.examples.len()
    }

    /// Examples of each true class, by the class that was found.
    pub fn rows(&self) -> impl Iterator<Item = &[u64]> {
        self.counts.chunks_exact(self.classes().max(1))
    }

    /// How many examples are of this class.
    pub fn examples(&self, class: usize) -> u64 {
        self.examples[class]
    }

    /// Examples of this class that were found.
    fn right(&self, class: usize) -> u64 {
        self.counts[class * self.classes() + class]
    }

    /// Examples whose class was found.
    fn found(&self) -> u64 {
        (0..self.classes()).map(|class| self.right(class)).sum()
    }

    /// The part of a class's examples that was found, also called its accuracy; `None` where it has none.
    pub fn recall(&self, class: usize) -> Option<f64> {
        let examples = self.examples[class];
        (examples > 0).then(|| self.right(class) as f64 / examples as f64)
    }

    /// The part of what was taken for a class that is of it; `None` where nothing was.
    pub fn precision(&self, class: usize) -> Option<f64> {
        let taken: u64 = self.rows().map(|row| row[class]).sum();
        (taken > 0).then(|| self.right(class) as f64 / taken as f64)
    }

    /// Mean recall of the classes that have examples (Brodersen et al. 2010, for any number of classes).
    pub fn balanced_accuracy(&self) -> f64 {
        let recalls: Vec<f64> = (0..self.classes()).filter_map(|class| self.recall(class)).collect();
        recalls.iter().sum::<f64>() / recalls.len().max(1) as f64
    }

    /// The class that most examples of this one were taken for wrongly, the first of equals; `None` where none was.
    pub fn taken_for(&self, class: usize) -> Option<usize> {
        let row = self.rows().nth(class)?.iter().enumerate().filter(|&(found, &count)| found != class && count > 0);
        row.max_by_key(|&(found, &count)| (count, std::cmp::Reverse(found))).map(|(found, _)| found)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_confusion_by_hand() {
        let mut confusion = Confusion::new(3);
        for (truth, found, times) in [(0, Some(0), 6), (0, Some(1), 2), (1, Some(1), 1), (1, None, 1)] {
            for _ in 0..times {
                confusion.add(truth, found);
            }
        }
        assert_eq!(confusion.rows().collect::<Vec<_>>(), [[6, 2, 0], [0, 1, 0], [0, 0, 0]]);
        assert_eq!([0, 1, 2].map(|class| confusion.examples(class)), [8, 2, 0]);
        assert_eq!([0, 1, 2].map(|class| confusion.recall(class)), [Some(0.75), Some(0.5), None]);
        assert_eq!([0, 1, 2].map(|class| confusion.precision(class)), [Some(1.0), Some(1.0 / 3.0), None]);
        assert_eq!(confusion.balanced_accuracy(), 0.625);
        assert_eq!(confusion.found(), 7);
        assert_eq!([0, 1, 2].map(|class| confusion.taken_for(class)), [Some(1), None, None]);
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
