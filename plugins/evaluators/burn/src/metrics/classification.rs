//! Classification.

use nas_data::Examples;
use nas_network::Network;
use nas_network::loss::Loss;

use super::{BATCH, Scores, greatest, run};

/// The number of most likely classes for top-5 accuracy (Krizhevsky et al. 2012, section 1).
const TOP: usize = 5;

/// Measures a classifier. `None` if `stop` returned true.
///
/// # Errors
///
/// Fails if burn cannot return the outputs.
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

/// The classes of the examples that were predicted correctly.
fn right(labels: &[u32], found: &[Option<u32>]) -> impl Iterator<Item = u32> {
    labels.iter().zip(found).filter(|&(&label, &found)| found == Some(label)).map(|(&label, _)| label)
}

/// The mean recall of the classes that have examples (Brodersen et al. 2010, for any number of classes).
fn balanced_accuracy(labels: &[u32], found: &[Option<u32>], classes: usize) -> f64 {
    let mut counts = vec![(0_u64, 0_u64); classes];
    labels.iter().for_each(|&label| counts[label as usize].1 += 1);
    right(labels, found).for_each(|label| counts[label as usize].0 += 1);
    let recalls = || counts.iter().filter(|(_, all)| *all > 0).map(|&(right, all)| right as f64 / all as f64);
    recalls().sum::<f64>() / recalls().count().max(1) as f64
}

/// Whether fewer than `top` classes are more likely than this one, where the first of equal ones counts as more likely.
/// False if any output is NaN.
fn is_among(output: &[f32], class: u32, top: usize) -> bool {
    let class = class as usize;
    let own = output[class];
    let before = |(at, &value): (usize, &f32)| value > own || (value == own && at < class);
    !output.iter().any(|value| value.is_nan()) && output.iter().enumerate().filter(|&it| before(it)).count() < top
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn balanced_accuracy_matches_a_calculation_by_hand() {
        let (mut labels, mut found) = (Vec::new(), Vec::new());
        for (truth, class, times) in [(0, Some(0), 6), (0, Some(1), 2), (1, Some(1), 1), (1, None, 1)] {
            labels.extend(vec![truth; times]);
            found.extend(vec![class; times]);
        }
        assert_eq!(balanced_accuracy(&labels, &found, 3), 0.625);
        assert_eq!(right(&labels, &found).count(), 7);
    }

    #[test]
    fn memory_is_not_quadratic_in_the_number_of_classes() {
        let labels: Vec<u32> = (0..200_000).collect();
        let found: Vec<Option<u32>> = labels.iter().map(|&label| Some(label / 2)).collect();
        assert_eq!(balanced_accuracy(&labels, &found, 200_000), 1.0 / 200_000.0);
    }

    #[test]
    fn five_of_six_outputs_are_among_the_five_largest() {
        let output = [0.5, 0.1, 0.4, 0.3, 0.2, 0.1];
        let among: Vec<u32> = (0..6).filter(|&class| is_among(&output, class, 5)).collect();
        // The first of the two smallest, which are equal, is among them.
        assert_eq!(among, [0, 1, 2, 3, 4]);
        assert!(!is_among(&[f32::NAN, 1.0], 1, 5));
    }
}
