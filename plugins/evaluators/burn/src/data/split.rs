//! Training, validation and test sets, fixed by a seed of their own.

use nas_api::rng::{Random, RngExt, derive, seeded};

use super::{Examples, Targets};

/// An order of all rows in which every prefix, and every stretch, holds the classes in nearly their overall proportions,
/// and which is random otherwise. So any slice of it is a stratified sample. Regression: a random order.
pub fn order(examples: &Examples, seed: u32) -> Vec<usize> {
    let mut rng = seeded(derive(seed, "split", 0));
    let Targets::Labels { labels, classes } = &examples.targets else {
        return shuffled(examples.len(), &mut rng);
    };
    let mut members: Vec<Vec<usize>> = vec![Vec::new(); *classes as usize];
    for row in shuffled(examples.len(), &mut rng) {
        members[labels[row] as usize].push(row);
    }
    // The k-th of n members stands at (2k + 1) / 2n of the way.
    let mut places: Vec<(u64, u64, usize)> = Vec::with_capacity(examples.len());
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

    fn labelled(counts: &[usize]) -> Examples {
        let labels: Vec<u32> = (0..).zip(counts).flat_map(|(class, &count)| vec![class; count]).collect();
        let inputs = vec![0.0; labels.len()];
        Examples { shape: vec![1], inputs, targets: Targets::Labels { labels, classes: counts.len() as u32 } }
    }

    #[test]
    fn every_stretch_is_stratified() {
        let examples = labelled(&[60, 30, 10]);
        let order = order(&examples, 3);
        let mut all = order.clone();
        all.sort_unstable();
        assert_eq!(all, (0..100).collect::<Vec<_>>());
        for stretch in order.chunks(20) {
            let taken = examples.rows(stretch);
            let Targets::Labels { labels, .. } = taken.targets else { unreachable!() };
            let count = |class| labels.iter().filter(|&&label| label == class).count();
            assert_eq!([count(0), count(1), count(2)], [12, 6, 2]);
        }
    }

    #[test]
    fn the_seed_alone_decides() {
        let examples = labelled(&[50, 50]);
        assert_eq!(order(&examples, 1), order(&examples, 1));
        assert_ne!(order(&examples, 1), order(&examples, 2));
    }
}
