//! Local search (hill climbing): from a random architecture to a better neighbour, again and again; at a local optimum
//! it starts anew from another random architecture.
//!
//! Requires a space whose neighbourhoods are small enough to be listed. Trials of one neighbourhood run side by side;
//! `ask` returns nothing while the last of a neighbourhood are out.
//!
//! Reference: C. White, S. Nolen and Y. Savani (2021), "Exploring the loss landscape in neural architecture search",
//! UAI 2021 (PMLR 161), Section 3, Algorithm 1.
//!
//! Differences: Algorithm 1 measures the whole neighbourhood and moves to its best (`accept = best`); by default the
//! first better neighbour, in random order, is taken, which costs fewer trials. No architecture (by its key) is proposed
//! twice: a known neighbour is compared at no cost. With parallel trials, any result better than the current
//! architecture moves the search, also one of the neighbourhood just left. Candidates that break constraints are ranked by
//! Deb's rules ([`Rank`]), so the search can climb into the feasible region. Failed starts are left at once.

use std::collections::BTreeMap;

use nas_api::rng::{Random, seeded, seq::SliceRandom};
use nas_api::{
    Error, Genotype, Needs, Observation, Parameter, Proposal, Result, Serves, Space, Strategy, StrategyInfo,
    StrategyPlugin, Study,
};

use crate::Rank;
use crate::fresh::fresh_sample;
use crate::trials::{Origin, Trials, batch};

struct Point {
    genotype: Genotype,
    rank: Rank,
}

struct Neighbor {
    genotype: Genotype,
    key: String,
}

/// What the search is doing.
enum Phase {
    /// Measuring random architectures; the climb begins at the best of them.
    Starting {
        /// Proposals still to be made.
        wanted: u32,
        best: Option<Point>,
    },
    /// Measuring the neighbours of one architecture.
    Climbing {
        current: Point,
        /// In random order.
        neighbors: Vec<Neighbor>,
        /// How many of them were proposed or found known.
        visited: usize,
    },
}

/// A local search in progress.
pub struct LocalSearch {
    study: Study,
    rng: Random,
    /// Random architectures measured before a climb begins.
    initial: u32,
    /// Move to the first better neighbour; otherwise to the best of the neighbourhood.
    first: bool,
    /// By key: what was proposed or observed; `None` until the result is told. The best of several results.
    known: BTreeMap<String, Option<Rank>>,
    phase: Phase,
    trials: Trials,
    exhausted: bool,
}

impl LocalSearch {
    /// A sample with a new key; `None`: there seems to be none left.
    fn fresh_sample(&mut self, space: &mut dyn Space) -> Result<Option<Neighbor>> {
        let known = &self.known;
        let fresh = fresh_sample(space, &mut self.rng, known.len(), |key| known.contains_key(key))?;
        Ok(fresh.map(|(genotype, key)| Neighbor { genotype, key }))
    }

    fn restart(&mut self) {
        self.phase = Phase::Starting { wanted: self.initial, best: None };
    }

    /// Begins the climb from here: lists the neighbourhood and shuffles it.
    fn climb(&mut self, current: Point, space: &mut dyn Space) -> Result<()> {
        let mut neighbors = Vec::new();
        for genotype in space.neighbors(&current.genotype)? {
            let key = space.key(&genotype)?;
            neighbors.push(Neighbor { genotype, key });
        }
        neighbors.shuffle(&mut self.rng);
        self.phase = Phase::Climbing { current, neighbors, visited: 0 };
        Ok(())
    }

    /// The next architecture to measure; `None`: nothing, until results are told or for ever.
    fn next(&mut self, space: &mut dyn Space) -> Result<Option<Neighbor>> {
        loop {
            let waiting = self.trials.outstanding() > 0;
            match &mut self.phase {
                Phase::Starting { wanted, .. } if *wanted > 0 => {
                    *wanted -= 1;
                    if let Some(sample) = self.fresh_sample(space)? {
                        return Ok(Some(sample));
                    }
                    // Nothing new to start from; what is being measured may still be climbed from.
                    if let Phase::Starting { wanted, best } = &mut self.phase {
                        *wanted = 0;
                        self.exhausted = best.is_none() && !waiting;
                    }
                    if self.exhausted {
                        return Ok(None);
                    }
                }
                Phase::Starting { .. } if waiting => return Ok(None),
                Phase::Starting { best, .. } => match best.take() {
                    Some(start) if start.rank != Rank::Failed => self.climb(start, space)?,
                    _ => self.restart(),
                },
                Phase::Climbing { current, neighbors, visited } => {
                    let mut better = None;
                    while let Some(neighbor) = neighbors.get(*visited) {
                        *visited += 1;
                        match self.known.get(&neighbor.key) {
                            None => {
                                let Neighbor { genotype, key } = neighbor;
                                return Ok(Some(Neighbor { genotype: genotype.clone(), key: key.clone() }));
                            }
                            Some(Some(rank)) if self.first && *rank > current.rank => {
                                better = Some(Point { genotype: neighbor.genotype.clone(), rank: *rank });
                                break;
                            }
                            Some(_) => {}
                        }
                    }
                    if better.is_none() {
                        if waiting {
                            return Ok(None);
                        }
                        better = best_known(neighbors, &self.known, current.rank);
                    }
                    match better {
                        Some(point) => self.climb(point, space)?,
                        None => self.restart(),
                    }
                }
            }
        }
    }

    /// What one result changes. `asked`: it answers a proposal of this search.
    fn learn(&mut self, genotype: &Genotype, rank: Rank, asked: bool, space: &mut dyn Space) -> Result<()> {
        let known = self.known.entry(space.key(genotype)?).or_default();
        *known = Some(known.map_or(rank, |old| old.max(rank)));
        match &mut self.phase {
            Phase::Starting { wanted, best } => {
                // Knowledge from elsewhere takes the place of a random start.
                if !asked {
                    *wanted = wanted.saturating_sub(1);
                }
                if best.as_ref().is_none_or(|best| rank > best.rank) {
                    *best = Some(Point { genotype: genotype.clone(), rank });
                }
            }
            Phase::Climbing { current, .. } => {
                if self.first && asked && rank > current.rank {
                    self.climb(Point { genotype: genotype.clone(), rank }, space)?;
                }
            }
        }
        Ok(())
    }
}

/// The best neighbour that is better than this; the first in order among equals.
fn best_known(neighbors: &[Neighbor], known: &BTreeMap<String, Option<Rank>>, than: Rank) -> Option<Point> {
    let mut best: Option<Point> = None;
    for neighbor in neighbors {
        let Some(&Some(rank)) = known.get(&neighbor.key) else { continue };
        if rank > best.as_ref().map_or(than, |best| best.rank) {
            best = Some(Point { genotype: neighbor.genotype.clone(), rank });
        }
    }
    best
}

impl StrategyPlugin for LocalSearch {
    fn info() -> StrategyInfo {
        StrategyInfo {
            name: "local-search".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            description: "Climbs from a random architecture to better neighbours, and starts anew at a local optimum.".into(),
            reference: "White, Nolen & Savani 2021, Exploring the loss landscape in neural architecture search, UAI, Algorithm 1".into(),
            needs: Needs::default(),
            serves: Serves::default(),
            parameters: vec![
                Parameter::integer("initial", 1, 1, 1_000_000, "Random architectures measured before each climb; it begins at the best of them."),
                Parameter::one_of("accept", "first", &["first", "best"], "Move to the first better neighbour, or to the best of the whole neighbourhood."),
            ],
        }
    }

    fn open(study: &Study, _space: &mut dyn Space) -> Result<Self> {
        let initial = study.settings.integer("initial")?;
        if initial == 0 {
            return Err(Error::new("'initial' must be at least 1"));
        }
        Ok(Self {
            study: study.clone(),
            rng: seeded(study.seed),
            initial,
            first: study.settings.text("accept")? == "first",
            known: BTreeMap::new(),
            phase: Phase::Starting { wanted: initial, best: None },
            trials: Trials::default(),
            exhausted: false,
        })
    }
}

impl Strategy for LocalSearch {
    fn ask(&mut self, limit: u32, space: &mut dyn Space) -> Result<Vec<Proposal>> {
        let mut proposals = Vec::new();
        while !self.exhausted && proposals.len() < batch(limit) as usize {
            let Some(Neighbor { genotype, key }) = self.next(space)? else { break };
            self.known.insert(key, None);
            self.trials.propose();
            proposals.push(Proposal::discrete(genotype));
        }
        Ok(proposals)
    }

    fn tell(&mut self, observations: &[Observation], space: &mut dyn Space) -> Result<()> {
        for observation in observations {
            let (origin, genotype) = self.trials.read(observation, space)?;
            if let (Origin::Asked(_) | Origin::Foreign, Some(genotype)) = (origin, genotype) {
                let rank = Rank::of(&self.study, observation);
                self.learn(genotype, rank, origin != Origin::Foreign, space)?;
            }
        }
        Ok(())
    }

    fn finished(&self) -> bool {
        self.exhausted
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;

    use nas_api::{Setting, Value};

    use super::*;
    use crate::conformance::{Additive, observation, study_of};

    fn accept(how: &str) -> Study {
        let setting = Setting { name: "accept".into(), value: Value::Text(how.into()) };
        study_of::<LocalSearch>(5, &[setting]).unwrap()
    }

    /// Runs to the end of the space, one trial at a time, and returns what was proposed.
    fn run(study: &Study, space: &mut Additive) -> Vec<Genotype> {
        let mut search = LocalSearch::open(study, space).unwrap();
        let mut proposed = Vec::new();
        while !search.finished() {
            for proposal in search.ask(1, space).unwrap() {
                let genotype = proposal.candidate.genotype().unwrap().clone();
                let outcome = space.measure(&genotype);
                search.tell(&[observation(Some(proposed.len() as u32), genotype.clone(), outcome)], space).unwrap();
                proposed.push(genotype);
            }
        }
        proposed
    }

    #[test]
    fn no_architecture_is_proposed_twice_and_none_is_left_out() {
        for how in ["first", "best"] {
            let mut space = Additive::flat(4, 3, 1);
            let proposed = run(&accept(how), &mut space);
            assert_eq!(proposed.iter().collect::<BTreeSet<_>>().len(), proposed.len());
            assert_eq!(proposed.len(), 81);
        }
    }

    #[test]
    fn both_ways_find_the_optimum_of_an_additive_landscape_in_one_climb() {
        for how in ["first", "best"] {
            let mut space = Additive::flat(6, 5, 2);
            let optimum = space.optimum();
            let mut search = LocalSearch::open(&accept(how), &mut space).unwrap();
            let mut trial = 0;
            let found = loop {
                assert!(trial < 200, "'{how}' did not climb to {optimum}");
                let proposals = search.ask(1, &mut space).unwrap();
                let genotype = proposals[0].candidate.genotype().unwrap().clone();
                if space.value(&genotype) == optimum {
                    break genotype;
                }
                let outcome = space.measure(&genotype);
                search.tell(&[observation(Some(trial), genotype, outcome)], &mut space).unwrap();
                trial += 1;
            };
            assert_eq!(space.value(&found), optimum);
            assert!(matches!(search.phase, Phase::Climbing { .. }));
        }
    }

    #[test]
    fn best_measures_the_whole_neighbourhood_before_it_moves() {
        let mut space = Additive::flat(3, 4, 1);
        let mut search = LocalSearch::open(&accept("best"), &mut space).unwrap();
        let start = search.ask(1, &mut space).unwrap()[0].candidate.genotype().unwrap().clone();
        let outcome = space.measure(&start);
        search.tell(&[observation(Some(0), start.clone(), outcome)], &mut space).unwrap();
        let neighbors = search.ask(100, &mut space).unwrap();
        assert_eq!(neighbors.len(), 9, "3 decisions with 3 other choices each");
        assert!(search.ask(1, &mut space).unwrap().is_empty(), "it waits for the results");
        let away = |genotype: &Genotype| genotype.iter().zip(&start).filter(|(a, b)| a != b).count();
        assert!(neighbors.iter().all(|neighbor| away(neighbor.candidate.genotype().unwrap()) == 1));
    }

    #[test]
    fn knowledge_from_elsewhere_is_the_first_start_and_is_not_proposed() {
        let mut space = Additive::flat(3, 4, 1);
        let mut search = LocalSearch::open(&accept("first"), &mut space).unwrap();
        let start = vec![1, 2, 3];
        let outcome = space.measure(&start);
        search.tell(&[observation(None, start.clone(), outcome)], &mut space).unwrap();
        let first = search.ask(1, &mut space).unwrap()[0].candidate.genotype().unwrap().clone();
        assert_eq!(first.iter().zip(&start).filter(|(a, b)| a != b).count(), 1);
    }
}
