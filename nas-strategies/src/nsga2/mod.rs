//! NSGA-II: a population whose survivors are selected by non-dominated sorting, and within the last front by crowding
//! distance. With several objectives it approximates the front; with one it is an elitist genetic algorithm.
//!
//! Requires nothing of the study. Constraints are handled by constraint domination (Section VI), which is Deb's rules
//! with domination in place of the objective.
//!
//! Reference: K. Deb, A. Pratap, S. Agarwal and T. Meyarivan (2002), "A fast and elitist multiobjective genetic
//! algorithm: NSGA-II", IEEE Transactions on Evolutionary Computation 6(2), Sections III and VI.
//!
//! Differences: generations overlap. Children are made from the current parents, and whenever N results have been told,
//! in any order and of any generation, they and the parents compete for survival. So the search never waits, and with
//! one trial at a time it is the paper's loop. Random architectures are proposed until the first N results are told. A
//! mating gives one child, by the space's uniform crossover instead of SBX. A mutation is the space's, which changes
//! one decision; there are as many as independent draws, one per decision, succeed. Failed candidates rank below all
//! others. External results (a warm start) count like results of the generation being filled. With `unique`, a child
//! whose key was proposed or told before is made again, up to 50 times, and only the first of several members with equal
//! keys survives. Unless it is set, N follows the number of trials.

mod sorting;

use std::collections::BTreeSet;

use nas_api::rng::{Random, RngExt, seeded};
use nas_api::{
    Error, Genotype, Needs, Observation, Parameter, Proposal, Result, Serves, Space, Strategy, StrategyInfo,
    StrategyPlugin, Study,
};

use crate::common::budget::RandomStart;
use crate::common::trials::{NewResult, Trials, batch_size};
use sorting::{Fitness, crowding, fronts};

/// N, and with it the number of generations, follows the budget.
const POPULATION: RandomStart = RandomStart { name: "population", one_in: 10, least: 8, most: 50, otherwise: 20 };

/// Most attempts at a child whose key is new.
const ATTEMPTS: u32 = 50;

/// A measured architecture.
#[derive(Clone, Debug)]
struct Member {
    genotype: Genotype,
    fitness: Fitness,
    /// The index of its front, 0 for the best; set for parents only.
    front: usize,
    /// The crowding distance in its front; set for parents only.
    crowding_distance: f64,
}

/// A search by NSGA-II in progress.
pub struct Nsga2 {
    study: Study,
    rng: Random,
    /// N, the size of the population.
    size: usize,
    /// p_c, the probability per mating.
    crossover_rate: f64,
    /// The expected mutations of a child: p_m times the number of decisions.
    mutations: f64,
    unique: bool,
    /// The keys that were proposed or told, with `unique`.
    known: BTreeSet<String>,
    /// The population; empty until the first N results are told.
    parents: Vec<Member>,
    /// The results since the parents were selected.
    told: Vec<Member>,
    trials: Trials,
}

impl Nsga2 {
    /// The winner of a crowded tournament of two members drawn with replacement: the better front wins, then the
    /// greater crowding distance, then the one drawn first.
    fn select(&mut self) -> Option<&Member> {
        let count = u32::try_from(self.parents.len()).ok().filter(|&count| count > 0)?;
        let first = self.parents.get(self.rng.random_range(0..count) as usize)?;
        let second = self.parents.get(self.rng.random_range(0..count) as usize)?;
        let same_front = second.front == first.front;
        let second_wins =
            second.front < first.front || (same_front && second.crowding_distance > first.crowding_distance);
        Some(if second_wins { second } else { first })
    }

    /// A child or, before there are parents, a random architecture; with `unique`, one with a new key if one of some
    /// attempts has one.
    fn propose(&mut self, space: &mut dyn Space) -> Result<Genotype> {
        let mut child = self.child(space)?;
        if !self.unique {
            return Ok(child);
        }
        let mut key = space.key(&child)?;
        for _ in 1..ATTEMPTS {
            if !self.known.contains(&key) {
                break;
            }
            child = self.child(space)?;
            key = space.key(&child)?;
        }
        self.known.insert(key);
        Ok(child)
    }

    /// A child of the parents, or a random architecture if there are no parents yet.
    fn child(&mut self, space: &mut dyn Space) -> Result<Genotype> {
        let Some(mother) = self.select() else { return space.sample(self.rng.random()) };
        let mut child = mother.genotype.clone();
        if self.rng.random_bool(self.crossover_rate)
            && let Some(father) = self.select()
        {
            let father = father.genotype.clone();
            child = space.crossover(&child, &father, self.rng.random())?;
        }
        let rate = (self.mutations / child.len().max(1) as f64).min(1.0);
        for _ in 0..child.len() {
            if self.rng.random_bool(rate) {
                child = space.mutate(&child, self.rng.random())?;
            }
        }
        Ok(child)
    }

    /// Makes the best N of parents and results the new parents.
    fn select_survivors(&mut self, space: &mut dyn Space) -> Result<()> {
        let mut all = std::mem::take(&mut self.parents);
        all.append(&mut self.told);
        if self.unique {
            let mut keys = BTreeSet::new();
            let mut first = Vec::with_capacity(all.len());
            for member in all {
                if keys.insert(space.key(&member.genotype)?) {
                    first.push(member);
                }
            }
            all = first;
        }
        let fitnesses: Vec<&Fitness> = all.iter().map(|member| &member.fitness).collect();
        let mut survivors = Vec::with_capacity(self.size);
        for (front, members) in fronts(&fitnesses).into_iter().enumerate() {
            let distances = crowding(&fitnesses, &members);
            let mut members: Vec<(usize, f64)> = members.into_iter().zip(distances).collect();
            let free = self.size - survivors.len();
            if members.len() > free {
                // The sort is stable: among equals the parents stay, then the earlier results.
                members.sort_by(|(_, a), (_, b)| b.total_cmp(a));
                members.truncate(free);
            }
            survivors.extend(members.into_iter().map(|(index, distance)| (index, front, distance)));
            if survivors.len() == self.size {
                break;
            }
        }
        let mut all: Vec<Option<Member>> = all.into_iter().map(Some).collect();
        let member = |(index, front, crowding_distance): (usize, usize, f64)| {
            Some(Member { front, crowding_distance, ..all[index].take()? })
        };
        self.parents = survivors.into_iter().filter_map(member).collect();
        Ok(())
    }
}

impl StrategyPlugin for Nsga2 {
    fn info() -> StrategyInfo {
        StrategyInfo {
            name: "nsga2".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            description: "NSGA-II: survivors are selected by non-dominated sorting and crowding distance.".into(),
            reference: "Deb et al. 2002, A fast and elitist multiobjective genetic algorithm: NSGA-II, IEEE TEC 6(2), \
                        Sections III and VI"
                .into(),
            needs: Needs::default(),
            serves: Serves { several_objectives: true, batched_asks: true, ..Serves::default() },
            parameters: vec![
                POPULATION.parameter("N: members of the population, and results of a generation, at least 2"),
                Parameter::number("crossover_rate", 0.9, 0.0, 1.0, "p_c: probability that a child has two parents."),
                Parameter::number(
                    "mutations",
                    1.0,
                    0.0,
                    1_000_000.0,
                    "Expected mutations of a child, p_m times the number of decisions; the paper's p_m = 1/n gives 1.",
                ),
                Parameter::truth(
                    "unique",
                    true,
                    "Propose no architecture (by its key) twice, while children can be new.",
                ),
            ],
        }
    }

    fn open(study: &Study, _space: &mut dyn Space) -> Result<Self> {
        let settings = &study.settings;
        if settings.integer("population")? == 1 {
            return Err(Error::new("'population' must be at least 2, but is 1"));
        }
        let size = POPULATION.size(study)?.max(2);
        let (crossover_rate, mutations) = (settings.number("crossover_rate")?, settings.number("mutations")?);
        if !(0.0..=1.0).contains(&crossover_rate) {
            let wrong = format!("'crossover_rate' is a probability between 0 and 1, but is {crossover_rate}");
            return Err(Error::new(wrong));
        }
        if !mutations.is_finite() || mutations < 0.0 {
            return Err(Error::new(format!("'mutations' must be a finite number of at least 0, but is {mutations}")));
        }
        Ok(Self {
            rng: seeded(study.seed),
            size: size as usize,
            crossover_rate,
            mutations,
            unique: settings.truth("unique")?,
            known: BTreeSet::new(),
            parents: Vec::new(),
            told: Vec::new(),
            trials: Trials::default(),
            study: study.clone(),
        })
    }
}

impl Strategy for Nsga2 {
    fn ask(&mut self, limit: u32, space: &mut dyn Space) -> Result<Vec<Proposal>> {
        // These proposals come from the current parents, whatever is told meanwhile; one proposal always does.
        let ahead = self.size.saturating_sub(self.told.len() + self.trials.outstanding()).max(1);
        let count = batch_size(limit).min(u32::try_from(ahead).unwrap_or(u32::MAX));
        let mut proposals = Vec::with_capacity(count as usize);
        for _ in 0..count {
            proposals.push(Proposal::discrete(self.propose(space)?));
            self.trials.propose();
        }
        Ok(proposals)
    }

    fn tell(&mut self, observations: &[Observation], space: &mut dyn Space) -> Result<()> {
        for observation in observations {
            let Some(NewResult { genotype, .. }) = self.trials.observed(observation, space)? else { continue };
            let fitness = Fitness::of(&self.study, observation);
            if self.unique {
                self.known.insert(space.key(genotype)?);
            }
            self.told.push(Member { genotype: genotype.clone(), fitness, front: 0, crowding_distance: 0.0 });
            if self.told.len() >= self.size {
                self.select_survivors(space)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
