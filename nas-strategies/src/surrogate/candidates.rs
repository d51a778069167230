//! How the most promising architecture is looked for, in any space.

use std::collections::{BTreeMap, BTreeSet};

use nas_api::rng::{Random, RngExt, seq::SliceRandom};
use nas_api::{Genotype, Result, Space};

/// An architecture that might be proposed.
#[derive(Clone)]
pub(crate) struct Candidate {
    pub(crate) genotype: Genotype,
    pub(crate) key: String,
}

/// Draws for each candidate that is wanted, at most.
const PATIENCE: usize = 5;
/// Neighbours that are looked at in one step of a climb, at most.
const NEIGHBORS: usize = 64;
/// Steps of one climb, at most.
const STEPS: usize = 20;

/// Up to `count` mutants that are neither known nor equal to each other: the parents take turns, first with one
/// mutation each, then with two, up to `edits`, and so on in circles.
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
    for turn in 0..PATIENCE * count {
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

/// How the greatest value of an acquisition function is looked for.
pub(crate) struct Climbs {
    /// Random architectures that are looked at.
    pub(crate) samples: usize,
    /// Mutants of good architectures that are looked at.
    pub(crate) mutants: usize,
    /// How many of the best of them are climbed from.
    pub(crate) starts: usize,
}

/// What was looked at, with what it is worth.
struct Scored {
    candidate: Candidate,
    value: f64,
}

impl Climbs {
    /// The best architecture found that is not known; `None`: none was found.
    ///
    /// Random architectures and mutants of the parents are compared, and from the best of them one climbs from
    /// neighbour to better neighbour (F. Hutter, H. Hoos and K. Leyton-Brown 2011, Section 4.3).
    pub(crate) fn maximise(
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

/// From neighbour to the best better neighbour.
fn climb(
    space: &mut dyn Space,
    rng: &mut Random,
    mut at: Scored,
    seen: &mut BTreeMap<String, f64>,
    known: &dyn Fn(&str) -> bool,
    value: &mut dyn FnMut(&mut dyn Space, &Genotype) -> Result<f64>,
) -> Result<Scored> {
    for _ in 0..STEPS {
        let mut neighbors = space.neighbors(&at.candidate.genotype)?;
        if neighbors.len() > NEIGHBORS {
            neighbors.shuffle(rng);
            neighbors.truncate(NEIGHBORS);
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
    fn mutants_are_new_and_take_turns_with_parents_and_edits() {
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
    fn climbs_reach_the_best_that_is_not_known() {
        let mut space = Additive::flat(6, 5, 2);
        let landscape = space.clone();
        let mut value = |_: &mut dyn Space, genotype: &Genotype| Ok(landscape.value(genotype));
        let climbs = Climbs { samples: 10, mutants: 0, starts: 2 };
        let top = climbs.maximise(&mut space, &mut seeded(1), &[], &|_| false, &mut value).unwrap().unwrap();
        assert_eq!(landscape.value(&top.genotype), landscape.optimum());
        let known = |key: &str| key == top.key;
        let next = climbs.maximise(&mut space, &mut seeded(1), &[], &known, &mut value).unwrap().unwrap();
        assert!(next.key != top.key && landscape.value(&next.genotype) > 0.9 * landscape.optimum());
    }
}
