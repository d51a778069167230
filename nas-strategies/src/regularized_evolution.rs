//! Regularized (aging) evolution: the best of a random sample of the population is mutated, and the oldest member is
//! removed, however good it is.
//!
//! Requires nothing of the study. Any number of trials runs side by side.
//!
//! Reference: E. Real, A. Aggarwal, Y. Huang and Q. V. Le (2019), "Regularized evolution for image classifier
//! architecture search", AAAI 33, Algorithm 1 and Section 3.2.
//!
//! Differences: a member's age counts from the time its result is told, not from its proposal, so results may come in
//! any order. Random members are proposed until the population is full, which with parallel trials are a few more than
//! P. P and S follow the number of trials unless they are set, because the paper's P = 100 would be random search in a
//! study of 100 trials. The paper's identity mutation, which copies the parent in one of twenty cases so that it is
//! trained again, is left out: results are looked up by architecture, so a copy would teach nothing. A failed trial joins the population as its worst member until it is the oldest; constraint violations are ranked
//! by Deb's rules ([`Rank`]). A mutation is the space's, which changes one decision. External results (a warm start)
//! join the population like any other.

use std::collections::VecDeque;

use nas_api::rng::{Random, RngExt, seeded};
use nas_api::{
    Error, Genotype, Needs, Observation, Parameter, Proposal, Result, Serves, Space, Strategy, StrategyInfo,
    StrategyPlugin, Study,
};

use crate::Rank;
use crate::common::budget::RandomStart;
use crate::common::trials::{NewResult, Trials, batch_size};

/// P: the paper's 100 is for 20,000 trials; a fifth of the budget leaves time to evolve.
const POPULATION: RandomStart = RandomStart { name: "population", one_in: 5, least: 10, most: 100, otherwise: 20 };

/// The greatest S that is chosen for the user, the paper's for P = 100.
const MOST_SAMPLED: u32 = 25;

/// A measured architecture.
struct Member {
    genotype: Genotype,
    rank: Rank,
}

/// A search by regularized evolution in progress.
pub struct RegularizedEvolution {
    study: Study,
    rng: Random,
    /// P, the size of the population.
    capacity: u32,
    /// S, the number of members drawn for a tournament.
    sample: u32,
    /// The members, the oldest first.
    population: VecDeque<Member>,
    trials: Trials,
}

impl RegularizedEvolution {
    /// The best of S members drawn with replacement; the first drawn of several equal ones.
    fn tournament(&mut self) -> Option<&Member> {
        let count = u32::try_from(self.population.len()).ok().filter(|&count| count > 0)?;
        // A local generator and no look-up of losing members: this loop is most of what a trial costs.
        let mut rng = self.rng.clone();
        let mut best = (rng.random_range(0..count), Rank::Failed);
        best.1 = self.population.get(best.0 as usize)?.rank;
        for _ in 1..self.sample {
            let rival = rng.random_range(0..count);
            let rank = self.population.get(rival as usize)?.rank;
            if rank > best.1 {
                best = (rival, rank);
            }
        }
        self.rng = rng;
        self.population.get(best.0 as usize)
    }

    /// A random architecture until the population is full, then a mutant of a tournament's winner.
    fn propose(&mut self, space: &mut dyn Space) -> Result<Genotype> {
        let seed = self.rng.random();
        if self.population.len() < self.capacity as usize {
            return space.sample(seed);
        }
        match self.tournament() {
            Some(parent) => space.mutate(&parent.genotype, seed),
            None => space.sample(seed),
        }
    }
}

impl StrategyPlugin for RegularizedEvolution {
    fn info() -> StrategyInfo {
        StrategyInfo {
            name: "regularized-evolution".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            description: "Mutates the best of a random sample of the population and removes the oldest member.".into(),
            reference:
                "Real et al. 2019, Regularized evolution for image classifier architecture search, AAAI, Algorithm 1"
                    .into(),
            needs: Needs::default(),
            serves: Serves::default(),
            parameters: vec![
                POPULATION.parameter("P: size of the population"),
                Parameter::integer(
                    "sample",
                    0,
                    0,
                    1_000_000,
                    "S: members drawn, with replacement, per tournament; 0: half the population, at most 25.",
                ),
            ],
        }
    }

    fn open(study: &Study, _space: &mut dyn Space) -> Result<Self> {
        let capacity = POPULATION.size(study)?;
        let sample = match study.settings.integer("sample")? {
            0 => capacity.div_ceil(2).min(MOST_SAMPLED),
            sample => sample,
        };
        if sample > capacity {
            return Err(Error::new(format!(
                "'sample' ({sample}) must not be greater than 'population' ({capacity}): lower 'sample' or raise \
                 'population'"
            )));
        }
        let population = VecDeque::new();
        Ok(Self {
            study: study.clone(),
            rng: seeded(study.seed),
            capacity,
            sample,
            population,
            trials: Trials::default(),
        })
    }
}

impl Strategy for RegularizedEvolution {
    fn ask(&mut self, limit: u32, space: &mut dyn Space) -> Result<Vec<Proposal>> {
        let count = batch_size(limit);
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
            if self.population.len() >= self.capacity as usize {
                self.population.pop_front();
            }
            let rank = Rank::of(&self.study, observation);
            self.population.push_back(Member { genotype: genotype.clone(), rank });
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use nas_api::{Setting, Value};

    use super::*;
    use crate::conformance::{Additive, observation, study_of};

    fn set(population: u32, sample: u32) -> [Setting; 2] {
        let number = |value: u32| Value::Number(f64::from(value));
        [
            Setting { name: "population".into(), value: number(population) },
            Setting { name: "sample".into(), value: number(sample) },
        ]
    }

    fn search(space: &mut Additive, population: u32, sample: u32) -> RegularizedEvolution {
        let study = study_of::<RegularizedEvolution>(3, &set(population, sample)).unwrap();
        RegularizedEvolution::open(&study, space).unwrap()
    }

    fn told(genotype: Genotype, value: f64) -> Observation {
        observation(None, genotype, Ok(value))
    }

    #[test]
    fn the_oldest_member_is_removed_even_if_it_is_the_best() {
        let mut space = Additive::flat(2, 5, 1);
        let mut search = search(&mut space, 3, 2);
        let values = [9.0, 1.0, 2.0, 3.0];
        for (choice, value) in (0..).zip(values) {
            search.tell(&[told(vec![choice, 0], value)], &mut space).unwrap();
        }
        let left: Vec<u32> = search.population.iter().map(|member| member.genotype[0]).collect();
        assert_eq!(left, [1, 2, 3]);
    }

    #[test]
    fn children_of_the_best_member_differ_from_it_in_one_decision() {
        let mut space = Additive::flat(4, 5, 1);
        let mut search = search(&mut space, 4, 4);
        let best = vec![4, 4, 4, 4];
        search.tell(&[told(best.clone(), 1.0)], &mut space).unwrap();
        for _ in 0..3 {
            search.tell(&[observation(None, vec![0; 4], Ok(f64::NAN))], &mut space).unwrap();
        }
        let from_best = (0..400)
            .filter(|_| {
                let proposals = search.ask(1, &mut space).unwrap();
                let child = proposals[0].candidate.genotype().unwrap();
                child.iter().zip(&best).filter(|(a, b)| a != b).count() == 1
            })
            .count();
        // Four draws with replacement miss the best member with probability (3/4)^4 = 0.32; expect 273 of 400.
        assert!((230..320).contains(&from_best), "{from_best}");
    }

    #[test]
    fn population_and_sample_follow_the_budget_unless_they_are_set() {
        let sizes = |trials, settings: &[Setting]| {
            let study = Study { trials, ..study_of::<RegularizedEvolution>(3, settings).unwrap() };
            let search = RegularizedEvolution::open(&study, &mut Additive::flat(2, 5, 1)).unwrap();
            (search.capacity, search.sample)
        };
        assert_eq!(
            [30, 60, 200, 20_000].map(|trials| sizes(Some(trials), &[])),
            [(10, 5), (12, 6), (40, 20), (100, 25)]
        );
        assert_eq!(sizes(None, &[]), (20, 10));
        assert_eq!(sizes(Some(60), &set(100, 25)), (100, 25));
    }

    /// With the paper's population, the first hundred trials are a random search.
    #[test]
    fn a_study_of_sixty_trials_beats_random_search_without_any_setting() {
        let (mut wins, mut losses) = (0, 0);
        for seed in 0..40 {
            let mut space = Additive::flat(6, 5, 100 + seed);
            let best = |subject: &crate::conformance::Subject, space: &mut Additive| {
                let study = Study { trials: Some(60), ..subject.study(seed).unwrap() };
                let mut search = (subject.open)(&study, space).unwrap();
                let landscape = space.clone();
                let measure = |_, genotype: &Genotype| landscape.measure(genotype);
                let schedule = crate::conformance::Schedule::serial();
                let steps = subject.drive(search.as_mut(), space, &schedule, 60, &measure).unwrap();
                let values = steps.iter().flat_map(crate::conformance::Step::proposed);
                values.map(|genotype| space.value(genotype)).fold(f64::MIN, f64::max)
            };
            let found = best(&crate::conformance::Subject::of::<RegularizedEvolution>(), &mut space);
            let by_chance = best(&crate::conformance::Subject::of::<crate::RandomSearch>(), &mut space);
            wins += u32::from(found > by_chance);
            losses += u32::from(found < by_chance);
        }
        // By chance alone, 30 of 40 happen once in 900 times.
        assert!(wins >= 30 && losses <= 10, "{wins} wins, {losses} losses");
    }

    #[test]
    fn a_sample_larger_than_the_population_is_refused() {
        let mut space = Additive::flat(2, 5, 1);
        let study = study_of::<RegularizedEvolution>(3, &set(5, 6)).unwrap();
        let refusal = RegularizedEvolution::open(&study, &mut space).err().unwrap().to_string();
        assert!(refusal.contains("'sample' (6)") && refusal.contains("'population' (5)"), "{refusal}");
    }
}
