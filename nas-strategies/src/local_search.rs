//! Local search (hill climbing): moves from a random architecture to ever better neighbours, and restarts from another
//! random architecture at a local optimum.
//!
//! Requires a space whose neighbourhoods are small enough to be listed. Trials of one neighbourhood run side by side;
//! `ask` returns nothing while the last of them are outstanding.
//!
//! Reference: C. White, S. Nolen and Y. Savani (2021), "Exploring the loss landscape in neural architecture search",
//! UAI 2021 (PMLR 161), Section 3, Algorithm 1.
//!
//! Differences: Algorithm 1 measures the whole neighbourhood and moves to its best (`accept = best`). By default the
//! search moves to the first better neighbour, in random order, which costs fewer trials. No architecture (by its key)
//! is proposed twice: a known neighbour is compared at no cost. With parallel trials, any result better than the
//! current architecture moves the search, even one from the neighbourhood that was just left. Constraint violations are
//! ranked by Deb's rules ([`Rank`]), so the search can climb into the feasible region. A failed start is abandoned.

use std::collections::BTreeMap;

use nas_api::rng::{Random, seeded, seq::SliceRandom};
use nas_api::{
    Error, Genotype, Needs, Observation, Parameter, Proposal, Result, Serves, Space, Strategy, StrategyInfo,
    StrategyPlugin, Study,
};

use crate::Rank;
use crate::common::fresh_sample::fresh_sample;
use crate::common::trials::{NewResult, Trials, batch_size};

/// An architecture with its rank.
struct Point {
    genotype: Genotype,
    rank: Rank,
}

/// An architecture with its key.
struct Candidate {
    genotype: Genotype,
    key: String,
}

/// What the search is doing.
enum Phase {
    /// It measures random architectures; the climb begins at the best of them.
    Starting {
        /// Proposals still to be made.
        to_sample: u32,
        best: Option<Point>,
    },
    /// It measures the neighbours of one architecture.
    Climbing {
        current: Point,
        /// The neighbours in random order.
        neighbors: Vec<Candidate>,
        /// How many of them were proposed or are known already.
        visited: usize,
    },
}

/// A local search in progress.
pub struct LocalSearch {
    study: Study,
    rng: Random,
    /// The number of random architectures measured before a climb begins.
    initial: u32,
    /// Whether the search moves to the first better neighbour instead of the best one.
    accept_first: bool,
    /// The best rank of each key that was proposed or told; `None` until there is a result.
    known: BTreeMap<String, Option<Rank>>,
    phase: Phase,
    trials: Trials,
    exhausted: bool,
}

impl LocalSearch {
    /// A random architecture with a new key; `None` if the space seems to be exhausted.
    fn fresh_sample(&mut self, space: &mut dyn Space) -> Result<Option<Candidate>> {
        let known = &self.known;
        let fresh = fresh_sample(space, &mut self.rng, known.len(), |key| known.contains_key(key))?;
        Ok(fresh.map(|(genotype, key)| Candidate { genotype, key }))
    }

    fn restart(&mut self) {
        self.phase = Phase::Starting { to_sample: self.initial, best: None };
    }

    /// Begins to climb from an architecture: lists and shuffles its neighbourhood.
    fn climb(&mut self, current: Point, space: &mut dyn Space) -> Result<()> {
        let mut neighbors = Vec::new();
        for genotype in space.neighbors(&current.genotype)? {
            let key = space.key(&genotype)?;
            neighbors.push(Candidate { genotype, key });
        }
        neighbors.shuffle(&mut self.rng);
        self.phase = Phase::Climbing { current, neighbors, visited: 0 };
        Ok(())
    }

    /// The next architecture to measure; `None` if the search waits for results or is exhausted.
    fn next(&mut self, space: &mut dyn Space) -> Result<Option<Candidate>> {
        loop {
            let waiting = self.trials.outstanding() > 0;
            match &mut self.phase {
                Phase::Starting { to_sample, .. } if *to_sample > 0 => {
                    *to_sample -= 1;
                    if let Some(sample) = self.fresh_sample(space)? {
                        return Ok(Some(sample));
                    }
                    // There is no new start, but the search may still climb from one that is being measured.
                    if let Phase::Starting { to_sample, best } = &mut self.phase {
                        *to_sample = 0;
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
                                let Candidate { genotype, key } = neighbor;
                                return Ok(Some(Candidate { genotype: genotype.clone(), key: key.clone() }));
                            }
                            Some(Some(rank)) if self.accept_first && *rank > current.rank => {
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

    /// Learns from a result; `asked` tells whether it answers a proposal of this search.
    fn learn(&mut self, genotype: &Genotype, rank: Rank, asked: bool, space: &mut dyn Space) -> Result<()> {
        let known = self.known.entry(space.key(genotype)?).or_default();
        *known = Some(known.map_or(rank, |old| old.max(rank)));
        match &mut self.phase {
            Phase::Starting { to_sample, best } => {
                // An external result replaces a random start.
                if !asked {
                    *to_sample = to_sample.saturating_sub(1);
                }
                if best.as_ref().is_none_or(|best| rank > best.rank) {
                    *best = Some(Point { genotype: genotype.clone(), rank });
                }
            }
            Phase::Climbing { current, .. } => {
                if self.accept_first && asked && rank > current.rank {
                    self.climb(Point { genotype: genotype.clone(), rank }, space)?;
                }
            }
        }
        Ok(())
    }
}

/// The best known neighbour with a better rank than `than`; the first of several equal ones.
fn best_known(neighbors: &[Candidate], known: &BTreeMap<String, Option<Rank>>, than: Rank) -> Option<Point> {
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
            description: "Climbs from a random architecture to better neighbours, and restarts at a local optimum."
                .into(),
            reference: "White, Nolen & Savani 2021, Exploring the loss landscape in neural architecture search, UAI, \
                        Algorithm 1"
                .into(),
            needs: Needs::default(),
            serves: Serves::default(),
            parameters: vec![
                Parameter::integer(
                    "initial",
                    1,
                    1,
                    1_000_000,
                    "Random architectures measured before each climb, which begins at the best of them.",
                ),
                Parameter::one_of(
                    "accept",
                    "first",
                    &["first", "best"],
                    "Move to the first better neighbour, or to the best of the whole neighbourhood.",
                ),
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
            accept_first: study.settings.text("accept")? == "first",
            known: BTreeMap::new(),
            phase: Phase::Starting { to_sample: initial, best: None },
            trials: Trials::default(),
            exhausted: false,
        })
    }
}

impl Strategy for LocalSearch {
    fn ask(&mut self, limit: u32, space: &mut dyn Space) -> Result<Vec<Proposal>> {
        let mut proposals = Vec::new();
        while !self.exhausted && proposals.len() < batch_size(limit) as usize {
            let Some(Candidate { genotype, key }) = self.next(space)? else { break };
            self.known.insert(key, None);
            self.trials.propose();
            proposals.push(Proposal::discrete(genotype));
        }
        Ok(proposals)
    }

    fn tell(&mut self, observations: &[Observation], space: &mut dyn Space) -> Result<()> {
        for observation in observations {
            let Some(NewResult { genotype, trial }) = self.trials.observed(observation, space)? else { continue };
            self.learn(genotype, Rank::of(&self.study, observation), trial.is_some(), space)?;
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

    /// Runs until the space is exhausted, one trial at a time, and returns the proposed genotypes.
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
    fn every_architecture_is_proposed_exactly_once() {
        for how in ["first", "best"] {
            let mut space = Additive::flat(4, 3, 1);
            let proposed = run(&accept(how), &mut space);
            assert_eq!(proposed.iter().collect::<BTreeSet<_>>().len(), proposed.len());
            assert_eq!(proposed.len(), 81);
        }
    }

    #[test]
    fn both_acceptance_rules_find_the_optimum_of_an_additive_landscape_in_one_climb() {
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
        let distance = |genotype: &Genotype| genotype.iter().zip(&start).filter(|(a, b)| a != b).count();
        assert!(neighbors.iter().all(|neighbor| distance(neighbor.candidate.genotype().unwrap()) == 1));
    }

    #[test]
    fn an_external_result_is_the_first_start_and_is_not_proposed() {
        let mut space = Additive::flat(3, 4, 1);
        let mut search = LocalSearch::open(&accept("first"), &mut space).unwrap();
        let start = vec![1, 2, 3];
        let outcome = space.measure(&start);
        search.tell(&[observation(None, start.clone(), outcome)], &mut space).unwrap();
        let first = search.ask(1, &mut space).unwrap()[0].candidate.genotype().unwrap().clone();
        assert_eq!(first.iter().zip(&start).filter(|(a, b)| a != b).count(), 1);
    }
}
