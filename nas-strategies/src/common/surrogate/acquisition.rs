//! Candidate architectures, and the search for the one with the greatest acquisition value.

use std::collections::{BTreeMap, BTreeSet};

use nas_api::rng::{Random, RngExt, seq::SliceRandom};
use nas_api::{Genotype, Result, Space};

/// An architecture that might be proposed.
#[derive(Clone)]
pub(crate) struct Candidate {
    pub(crate) genotype: Genotype,
    pub(crate) key: String,
}

/// Most draws per requested mutant.
const DRAWS_PER_MUTANT: usize = 5;
/// Most neighbours that are evaluated in one step of a climb.
const MAX_NEIGHBORS: usize = 64;
/// Most steps of one climb.
const MAX_STEPS: usize = 20;

/// Up to `count` different mutants that are not known. The parents take turns, first with one mutation each, then with
/// two, up to `edits`, and then with one again.
pub(crate) fn mutants(
    space: &mut dyn Space,
    rng: &mut Random,
    parents: &[Genotype],
    count: usize,
    edits: usize,
    known: impl Fn(&str) -> bool,
) -> Result<Vec<Candidate>> {
    let mut found = Vec::new();
    let mut keys = BTreeSet::new();
    for turn in 0..DRAWS_PER_MUTANT * count {
        if found.len() == count || parents.is_empty() {
            break;
        }
        let mut genotype = parents[turn % parents.len()].clone();
        for _ in 0..=(turn / parents.len()) % edits.max(1) {
            genotype = space.mutate(&genotype, rng.random())?;
        }
        let key = space.key(&genotype)?;
        if !known(&key) && keys.insert(key.clone()) {
            found.push(Candidate { genotype, key });
        }
    }
    Ok(found)
}

/// Maximizes an acquisition function: samples and mutants are compared, and the best of them are climbed from.
pub(crate) struct AcquisitionMaximizer {
    /// Random architectures to compare.
    pub(crate) samples: usize,
    /// Mutants of the parents to compare.
    pub(crate) mutants: usize,
    /// How many of the best of both to climb from.
    pub(crate) starts: usize,
}

/// A candidate with its acquisition value.
struct Scored {
    candidate: Candidate,
    value: f64,
}

impl AcquisitionMaximizer {
    /// The unknown architecture with the greatest value found, or `None` if none was found.
    ///
    /// Compares random architectures and mutants of the parents, and climbs from the best of them to ever better
    /// neighbours (F. Hutter, H. Hoos and K. Leyton-Brown 2011, Section 4.3).
    pub(crate) fn maximize(
        &self,
        space: &mut dyn Space,
        rng: &mut Random,
        parents: &[Genotype],
        known: &dyn Fn(&str) -> bool,
        value: &mut dyn FnMut(&mut dyn Space, &Genotype) -> Result<f64>,
    ) -> Result<Option<Candidate>> {
        let mut first = mutants(space, rng, parents, self.mutants, 3, known)?;
        for _ in 0..self.samples {
            let genotype = space.sample(rng.random())?;
            let key = space.key(&genotype)?;
            first.push(Candidate { genotype, key });
        }
        let mut seen: BTreeMap<String, f64> = BTreeMap::new();
        let mut scored = Vec::new();
        for candidate in first {
            if known(&candidate.key) || seen.contains_key(&candidate.key) {
                continue;
            }
            let value = value(space, &candidate.genotype)?;
            seen.insert(candidate.key.clone(), value);
            scored.push(Scored { candidate, value });
        }
        scored.sort_by(|a, b| b.value.total_cmp(&a.value));
        let mut best: Option<Scored> = None;
        for start in scored.into_iter().take(self.starts.max(1)) {
            let top = if self.starts == 0 { start } else { climb(space, rng, start, &mut seen, known, value)? };
            if best.as_ref().is_none_or(|best| top.value > best.value) {
                best = Some(top);
            }
        }
        Ok(best.map(|best| best.candidate))
    }
}

/// Hill climbing: moves to the best neighbour as long as that is better.
fn climb(
    space: &mut dyn Space,
    rng: &mut Random,
    mut at: Scored,
    seen: &mut BTreeMap<String, f64>,
    known: &dyn Fn(&str) -> bool,
    value: &mut dyn FnMut(&mut dyn Space, &Genotype) -> Result<f64>,
) -> Result<Scored> {
    for _ in 0..MAX_STEPS {
        let mut neighbors = space.neighbors(&at.candidate.genotype)?;
        if neighbors.len() > MAX_NEIGHBORS {
            neighbors.shuffle(rng);
            neighbors.truncate(MAX_NEIGHBORS);
        }
        let mut better: Option<Scored> = None;
        for genotype in neighbors {
            let key = space.key(&genotype)?;
            if known(&key) {
                continue;
            }
            let value = match seen.get(&key) {
                Some(&value) => value,
                None => value(space, &genotype)?,
            };
            seen.insert(key.clone(), value);
            if value > better.as_ref().map_or(at.value, |better| better.value) {
                better = Some(Scored { candidate: Candidate { genotype, key }, value });
            }
        }
        match better {
            Some(better) => at = better,
            None => break,
        }
    }
    Ok(at)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use nas_api::rng::seeded;

    use super::*;
    use crate::conformance::Additive;

    #[test]
    fn mutants_are_new_and_take_turns_over_parents_and_edits() {
        let mut space = Additive::flat(8, 9, 1);
        let parents = [vec![0; 8], vec![8; 8]];
        let known = |key: &str| key == "0,0,0,0,0,0,0,1";
        let found = mutants(&mut space, &mut seeded(1), &parents, 40, 2, known).unwrap();
        let away =
            |genotype: &Genotype, parent: usize| genotype.iter().zip(&parents[parent]).filter(|(a, b)| a != b).count();
        assert_eq!(found.len(), 40);
        assert_eq!(found.iter().map(|mutant| &mutant.key).collect::<BTreeSet<_>>().len(), 40);
        assert!(found.iter().all(|mutant| !known(&mutant.key)));
        assert_eq!([away(&found[0].genotype, 0), away(&found[1].genotype, 1)], [1, 1]);
        let of_the_first = found.iter().filter(|mutant| away(&mutant.genotype, 0) <= 2).count();
        assert!((15..=25).contains(&of_the_first), "{of_the_first}");
        assert!(found.iter().any(|mutant| away(&mutant.genotype, 0) == 2));
    }

    #[test]
    fn climbs_reach_the_best_unknown_architecture() {
        let mut space = Additive::flat(6, 5, 2);
        let landscape = space.clone();
        let mut value = |_: &mut dyn Space, genotype: &Genotype| Ok(landscape.value(genotype));
        let maximizer = AcquisitionMaximizer { samples: 10, mutants: 0, starts: 2 };
        let top = maximizer.maximize(&mut space, &mut seeded(1), &[], &|_| false, &mut value).unwrap().unwrap();
        assert_eq!(landscape.value(&top.genotype), landscape.optimum());
        let known = |key: &str| key == top.key;
        let next = maximizer.maximize(&mut space, &mut seeded(1), &[], &known, &mut value).unwrap().unwrap();
        assert!(next.key != top.key && landscape.value(&next.genotype) > 0.9 * landscape.optimum());
    }
}
