//! NSGA-II: a population whose survivors are chosen by non-dominated sorting, and within the last front by how much
//! room each has to itself. Several objectives give a front, one gives an elitist genetic algorithm.
//!
//! Requires nothing of the study. Constraints are served by constraint domination (Section VI), which is Deb's rules with
//! domination in place of the objective.
//!
//! Reference: K. Deb, A. Pratap, S. Agarwal and T. Meyarivan (2002), "A fast and elitist multiobjective genetic
//! algorithm: NSGA-II", IEEE Transactions on Evolutionary Computation 6(2), Sections III and VI.
//!
//! Differences: generations run side by side. Children are made from the parents as they are when asked for, and
//! whenever N results have been told, in whatever order and from whichever generation, they and the parents compete for
//! survival; so nothing ever waits, and with one trial at a time this is the paper's loop. Random architectures are
//! proposed until the first N results are told. A mating gives one child, by the space's uniform crossover instead of
//! SBX, and is mutated by the space (one decision changed) as often as independent draws, one per decision, succeed.
//! Failed candidates rank below all others. Knowledge from elsewhere counts like a result of the generation being
//! filled. With `unique`, of members with equal keys only the first survives.

mod sorting;

use std::collections::BTreeSet;

use nas_api::rng::{Random, RngExt, seeded};
use nas_api::{
    Error, Genotype, Needs, Observation, Parameter, Proposal, Result, Serves, Space, Strategy, StrategyInfo,
    StrategyPlugin, Study,
};

use crate::trials::{Origin, Trials, batch};
use sorting::{Standing, crowding, fronts};

/// A measured architecture.
#[derive(Clone, Debug)]
struct Member {
    genotype: Genotype,
    standing: Standing,
    /// Position of its front, 0 is the best; among parents only.
    front: usize,
    /// Crowding distance in its front; among parents only.
    room: f64,
}

/// A search by NSGA-II in progress.
pub struct Nsga2 {
    study: Study,
    rng: Random,
    /// N, members of the population.
    size: usize,
    /// p_c, per mating.
    crossover_rate: f64,
    /// p_m times the number of decisions.
    mutations: f64,
    unique: bool,
    /// Empty until the first N results are told.
    parents: Vec<Member>,
    /// Results since the parents were chosen.
    told: Vec<Member>,
    trials: Trials,
}

impl Nsga2 {
    /// The crowded tournament of two members drawn with replacement: the better front wins, then the greater room; the
    /// first drawn among equals.
    fn select(&mut self) -> Option<&Member> {
        let count = u32::try_from(self.parents.len()).ok().filter(|&count| count > 0)?;
        let first = self.parents.get(self.rng.random_range(0..count) as usize)?;
        let second = self.parents.get(self.rng.random_range(0..count) as usize)?;
        let second_wins = second.front < first.front || (second.front == first.front && second.room > first.room);
        Some(if second_wins { second } else { first })
    }

    fn propose(&mut self, space: &mut dyn Space) -> Result<Genotype> {
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

    /// The N best of parents and results become the parents.
    fn survive(&mut self, space: &mut dyn Space) -> Result<()> {
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
        let standings: Vec<&Standing> = all.iter().map(|member| &member.standing).collect();
        let mut places = Vec::with_capacity(self.size);
        for (front, members) in fronts(&standings).into_iter().enumerate() {
            let rooms = crowding(&standings, &members);
            let mut members: Vec<(usize, f64)> = members.into_iter().zip(rooms).collect();
            let free = self.size - places.len();
            if members.len() > free {
                // Stable, so that among equals the parents, then the earlier results, stay.
                members.sort_by(|(_, a), (_, b)| b.total_cmp(a));
                members.truncate(free);
            }
            places.extend(members.into_iter().map(|(index, room)| (index, front, room)));
            if places.len() == self.size {
                break;
            }
        }
        let mut all: Vec<Option<Member>> = all.into_iter().map(Some).collect();
        let survivors =
            places.into_iter().filter_map(|(index, front, room)| Some(Member { front, room, ..all[index].take()? }));
        self.parents = survivors.collect();
        Ok(())
    }
}

impl StrategyPlugin for Nsga2 {
    fn info() -> StrategyInfo {
        StrategyInfo {
            name: "nsga2".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            description: "NSGA-II: survivors are chosen by non-dominated sorting and crowding distance.".into(),
            reference: "Deb et al. 2002, A fast and elitist multiobjective genetic algorithm: NSGA-II, IEEE TEC 6(2), Sections III and VI".into(),
            needs: Needs::default(),
            serves: Serves { several_objectives: true, ahead: true, ..Serves::default() },
            parameters: vec![
                Parameter::integer("population", 100, 2, 1_000_000, "N: members of the population, and results of a generation."),
                Parameter::number("crossover_rate", 0.9, 0.0, 1.0, "p_c: probability that a child has two parents."),
                Parameter::number("mutations", 1.0, 0.0, 1_000_000.0, "Expected mutations of a child: p_m times the number of decisions; the paper's p_m = 1/n is 1."),
                Parameter::truth("unique", false, "Of members with equal keys only one survives."),
            ],
        }
    }

    fn open(study: &Study, _space: &mut dyn Space) -> Result<Self> {
        let settings = &study.settings;
        let size = settings.integer("population")?;
        let (crossover_rate, mutations) = (settings.number("crossover_rate")?, settings.number("mutations")?);
        if size < 2 {
            return Err(Error::new(format!("'population' must be at least 2, but is {size}")));
        }
        if !(0.0..=1.0).contains(&crossover_rate) {
            let wrong = format!("'crossover_rate' is a probability, between 0 and 1, but is {crossover_rate}");
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
            parents: Vec::new(),
            told: Vec::new(),
            trials: Trials::default(),
            study: study.clone(),
        })
    }
}

impl Strategy for Nsga2 {
    fn ask(&mut self, limit: u32, space: &mut dyn Space) -> Result<Vec<Proposal>> {
        // So many come from these parents whatever is told meanwhile; one always does.
        let ahead = self.size.saturating_sub(self.told.len() + self.trials.outstanding()).max(1);
        let count = batch(limit).min(u32::try_from(ahead).unwrap_or(u32::MAX));
        let mut proposals = Vec::with_capacity(count as usize);
        for _ in 0..count {
            proposals.push(Proposal::discrete(self.propose(space)?));
            self.trials.propose();
        }
        Ok(proposals)
    }

    fn tell(&mut self, observations: &[Observation], space: &mut dyn Space) -> Result<()> {
        for observation in observations {
            let (Origin::Asked(_) | Origin::Foreign, Some(genotype)) = self.trials.read(observation, space)? else {
                continue;
            };
            let standing = Standing::of(&self.study, observation);
            self.told.push(Member { genotype: genotype.clone(), standing, front: 0, room: 0.0 });
            if self.told.len() >= self.size {
                self.survive(space)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
