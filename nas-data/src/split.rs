//! Splits examples into training, validation and test sets by a seed of its own.

use nas_api::rng::{Random, RngExt, derive, seeded};

use crate::config::DataConfig;
use crate::error::DataError;
use crate::examples::Targets;

/// The rows of each set.
#[derive(Debug)]
pub struct Parts {
    pub train: Vec<usize>,
    pub validation: Vec<usize>,
    pub test: Vec<usize>,
}

/// Which sets the source itself keeps separate.
#[derive(Clone, Copy, Debug, Default)]
pub struct SeparateParts {
    pub validation: bool,
    pub test: bool,
}

/// Splits the rows of these targets as the parameters say. Sets that the source keeps separate get no rows.
///
/// # Errors
///
/// Fails if there are too few rows for all sets.
pub fn parts(config: &DataConfig, targets: &Targets, separate: SeparateParts) -> Result<Parts, DataError> {
    let rows = targets.len();
    let part =
        |fraction: f64, separate: bool| if separate { 0 } else { ((rows as f64 * fraction).round() as usize).max(1) };
    let (for_test, for_validation) = (part(config.test, separate.test), part(config.validation, separate.validation));
    if for_test + for_validation >= rows {
        let fraction = |fraction: f64, separate: bool| if separate { 0.0 } else { fraction };
        return Err(DataError::TooFew {
            origin: format!("'{}'", config.source),
            rows,
            validation: fraction(config.validation, separate.validation),
            test: fraction(config.test, separate.test),
        });
    }
    let order = order(targets, config.split_seed);
    let (test, rest) = order.split_at(for_test);
    let (validation, train) = rest.split_at(for_validation);
    Ok(Parts {
        train: limited(train, config.train_limit),
        validation: limited(validation, config.validation_limit),
        test: test.to_vec(),
    })
}

/// A stratified sample of at most `limit` rows of these targets; 0 means all rows.
pub fn sample(config: &DataConfig, targets: &Targets, limit: usize) -> Vec<usize> {
    if limit == 0 {
        return (0..targets.len()).collect();
    }
    limited(&order(targets, config.split_seed), limit)
}

/// The first `limit` rows, or all if it is 0. A prefix of the order is a stratified sample, so nothing more is drawn.
fn limited(rows: &[usize], limit: usize) -> Vec<usize> {
    let count = if limit == 0 { rows.len() } else { limit.min(rows.len()) };
    rows[..count].to_vec()
}

/// A random order of all rows in which every slice holds the classes in nearly their overall proportions, so that any
/// slice is a stratified sample. Without classes, the order is merely random.
fn order(targets: &Targets, seed: u32) -> Vec<usize> {
    let mut rng = seeded(derive(seed, "split", 0));
    let Targets::Labels { labels, classes } = targets else {
        return shuffled(targets.len(), &mut rng);
    };
    let mut members: Vec<Vec<usize>> = vec![Vec::new(); *classes as usize];
    for row in shuffled(labels.len(), &mut rng) {
        members[labels[row] as usize].push(row);
    }
    // The k-th of n members of a class is placed at the fraction (2k + 1) / 2n of the order.
    let mut places: Vec<(u64, u64, usize)> = Vec::with_capacity(labels.len());
    for rows in &members {
        places.extend(rows.iter().zip(0_u64..).map(|(&row, k)| (2 * k + 1, rows.len() as u64, row)));
    }
    places.sort_by(|a, b| (a.0 * b.1).cmp(&(b.0 * a.1)).then_with(|| labels[a.2].cmp(&labels[b.2])));
    places.into_iter().map(|(_, _, row)| row).collect()
}

/// `0..count` in random order (Fisher-Yates).
pub fn shuffled(count: usize, rng: &mut Random) -> Vec<usize> {
    let mut rows: Vec<usize> = (0..count).collect();
    for last in (1..count as u32).rev() {
        rows.swap(last as usize, rng.random_range(0..=last) as usize);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labelled(counts: &[usize]) -> Targets {
        let labels = (0..).zip(counts).flat_map(|(class, &count)| vec![class; count]).collect();
        Targets::Labels { labels, classes: counts.len() as u32 }
    }

    #[test]
    fn every_slice_is_stratified() {
        let targets = labelled(&[60, 30, 10]);
        let order = order(&targets, 3);
        let mut all = order.clone();
        all.sort_unstable();
        assert_eq!(all, (0..100).collect::<Vec<_>>());
        for stretch in order.chunks(20) {
            let Targets::Labels { labels, .. } = targets.rows(stretch) else { unreachable!() };
            let count = |class| labels.iter().filter(|&&label| label == class).count();
            assert_eq!([count(0), count(1), count(2)], [12, 6, 2]);
        }
    }

    #[test]
    fn equal_seeds_give_equal_orders_and_others_do_not() {
        let targets = labelled(&[50, 50]);
        assert_eq!(order(&targets, 1), order(&targets, 1));
        assert_ne!(order(&targets, 1), order(&targets, 2));
    }
}
