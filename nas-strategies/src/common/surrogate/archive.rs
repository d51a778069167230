//! The architectures that a search proposed or was told, each of them once.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use nas_api::{Genotype, Result, Space};

use crate::Rank;

/// A measured architecture, with the point that a model sees of it.
pub(crate) struct Entry<P> {
    pub(crate) genotype: Genotype,
    pub(crate) point: P,
    pub(crate) rank: Rank,
    /// The number of results with an objective.
    scores: u32,
}

/// All known architectures, in the order in which they were first told.
pub(crate) struct Archive<P> {
    entries: Vec<Entry<P>>,
    by_key: BTreeMap<String, usize>,
    /// Keys that were proposed and not answered yet.
    proposed: BTreeSet<String>,
}

impl<P> Archive<P> {
    pub(crate) fn new() -> Self {
        Self { entries: Vec::new(), by_key: BTreeMap::new(), proposed: BTreeSet::new() }
    }

    pub(crate) fn entries(&self) -> &[Entry<P>] {
        &self.entries
    }

    /// Whether this key was proposed or told.
    pub(crate) fn knows(&self, key: &str) -> bool {
        self.by_key.contains_key(key) || self.proposed.contains(key)
    }

    /// The number of known keys.
    pub(crate) fn len(&self) -> usize {
        self.entries.len() + self.proposed.len()
    }

    /// Marks a key as proposed.
    pub(crate) fn propose(&mut self, key: String) {
        self.proposed.insert(key);
    }

    /// Adds a result. The objectives of an architecture are averaged. It counts as measured if any result is, and as
    /// its best rank if none is.
    pub(crate) fn learn(
        &mut self,
        genotype: &Genotype,
        rank: Rank,
        space: &mut dyn Space,
        encode: impl FnOnce(&mut dyn Space) -> Result<P>,
    ) -> Result<()> {
        let key = space.key(genotype)?;
        let count = u32::from(rank.score().is_some());
        let Some(&known) = self.by_key.get(&key) else {
            let point = encode(space)?;
            self.proposed.remove(&key);
            self.by_key.insert(key, self.entries.len());
            self.entries.push(Entry { genotype: genotype.clone(), point, rank, scores: count });
            return Ok(());
        };
        let entry = &mut self.entries[known];
        entry.rank = match (entry.rank, rank) {
            (Rank::Measured(mean), Rank::Measured(score)) => {
                // Weighted before it is added, so that no sum overflows.
                let (before, after) = (f64::from(entry.scores), f64::from(entry.scores) + 1.0);
                Rank::Measured(mean * (before / after) + score / after)
            }
            (before, now) => before.max(now),
        };
        entry.scores = entry.scores.saturating_add(count);
        Ok(())
    }

    /// The number of entries that tell architectures apart: failures without a reason to prefer one do not.
    pub(crate) fn informative(&self) -> usize {
        self.entries.iter().filter(|entry| entry.rank != Rank::Failed).count()
    }

    /// The indices of the entries, the best first; ties keep the order of the entries.
    pub(crate) fn ranking(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.entries.len()).collect();
        order.sort_by_key(|&entry| Reverse(self.entries[entry].rank));
        order
    }

    /// The genotypes of the best entries.
    pub(crate) fn best(&self, count: usize) -> Vec<Genotype> {
        self.ranking().into_iter().take(count).map(|entry| self.entries[entry].genotype.clone()).collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::conformance::Additive;

    #[test]
    fn repeated_results_are_averaged_and_the_best_come_first() {
        let mut space = Additive::flat(1, 4, 1);
        let mut archive = Archive::new();
        let mut learn = |choice: u32, rank| archive.learn(&vec![choice], rank, &mut space, |_| Ok(choice)).unwrap();
        learn(0, Rank::Measured(1.0));
        learn(1, Rank::Failed);
        learn(2, Rank::Measured(2.0));
        learn(0, Rank::Measured(2.0));
        learn(0, Rank::Failed);
        learn(0, Rank::Measured(6.0));
        learn(1, Rank::Infeasible(0.5));
        assert_eq!(archive.entries()[0].rank, Rank::Measured(3.0));
        assert_eq!(archive.entries()[1].rank, Rank::Infeasible(0.5));
        assert_eq!(archive.best(2), [vec![0], vec![2]]);
        archive.propose("3".into());
        assert!(archive.knows("3") && archive.knows("1") && !archive.knows("4"));
        assert_eq!(archive.len(), 4);
        assert_eq!(archive.informative(), 3);
    }
}
