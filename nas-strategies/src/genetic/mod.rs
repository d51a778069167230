//! A generational genetic algorithm: parents are selected by tournament or roulette, crossed over and mutated, and the
//! children replace the population except its elite.
//!
//! Requires nothing of the study. The trials of one generation run side by side; `ask` returns nothing while the last
//! of them are outstanding. Constraints are ranked by Deb's rules ([`Rank`]).
//!
//! Reference: J. H. Holland (1975), "Adaptation in natural and artificial systems", University of Michigan Press,
//! Chapter 6. D. E. Goldberg (1989), "Genetic algorithms in search, optimization, and machine learning",
//! Addison-Wesley, Chapters 1 and 3 (the simple genetic algorithm). Tournaments: D. E. Goldberg and K. Deb (1991), "A
//! comparative analysis of selection schemes used in genetic algorithms", FOGA 1, Section 2.
//!
//! Differences: genes are decisions, not bits. A mutation is the space's, which changes one decision; there are as many
//! as independent draws with probability p_m, one per decision, succeed. A mating gives one child, not two. Crossover
//! matches decisions by name, so children are valid in conditional spaces. Roulette weights are the scores minus the
//! worst score in the population, so scores may have any sign. The best E members survive, after De Jong's elitist
//! plan. Unless it is set, P follows the number of trials. An external result (a warm start) replaces a child of the
//! generation being filled.

mod crossover;
mod selection;

use nas_api::rng::{Random, RngExt, seeded};
use nas_api::{
    Error, Genotype, Needs, Observation, Parameter, Proposal, Result, Serves, Space, Strategy, StrategyInfo,
    StrategyPlugin, Study,
};

use crate::Rank;
use crate::common::budget::RandomStart;
use crate::common::trials::{NewResult, Trials, batch_size};
use selection::Selection;

/// P, and with it the number of generations, follows the budget.
const POPULATION: RandomStart = RandomStart { name: "population", one_in: 10, least: 4, most: 50, otherwise: 20 };

/// A measured architecture.
#[derive(Clone)]
struct Member {
    genotype: Genotype,
    rank: Rank,
}

/// A search by a genetic algorithm in progress.
pub struct Genetic {
    study: Study,
    rng: Random,
    /// P, the number of members of a generation.
    size: usize,
    selection: Selection,
    one_point: bool,
    /// p_c, the probability per mating.
    crossover_rate: f64,
    /// p_m, the probability per decision.
    mutation_rate: f64,
    /// E, the number of members that survive into the next generation.
    elitism: usize,
    /// The score at which the search stops, if any.
    target: Option<f64>,
    /// The parents of the current generation, the best first; empty until the first generation is measured.
    parents: Vec<Member>,
    /// The generation being measured.
    children: Vec<Member>,
    /// The number of children still to be proposed.
    to_propose: usize,
    trials: Trials,
    /// Whether the target was reached.
    reached: bool,
}

impl Genetic {
    /// A child of the parents, or a random architecture if there are no parents yet.
    fn propose(&mut self, space: &mut dyn Space) -> Result<Genotype> {
        let Some(mother) = self.selection.select(&self.parents, &mut self.rng) else {
            return space.sample(self.rng.random());
        };
        let mut child = mother.genotype.clone();
        if self.rng.random_bool(self.crossover_rate)
            && let Some(father) = self.selection.select(&self.parents, &mut self.rng)
        {
            let seed = self.rng.random();
            child = if self.one_point {
                crossover::one_point(space, &child, &father.genotype, seed)?
            } else {
                space.crossover(&child, &father.genotype, seed)?
            };
        }
        for _ in 0..child.len() {
            if self.rng.random_bool(self.mutation_rate) {
                child = space.mutate(&child, self.rng.random())?;
            }
        }
        Ok(child)
    }

    /// Makes the children and the elite the parents of the next generation.
    fn next_generation(&mut self) {
        self.parents.truncate(self.elitism);
        self.parents.append(&mut self.children);
        // The sort is stable: among equals the elite comes first, then the earlier child.
        self.parents.sort_by_key(|member| std::cmp::Reverse(member.rank));
        self.parents.truncate(self.size);
        self.to_propose = self.size - self.elitism.min(self.parents.len());
    }
}

impl StrategyPlugin for Genetic {
    fn info() -> StrategyInfo {
        StrategyInfo {
            name: "genetic".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            description: "A generational genetic algorithm with tournament or roulette selection, crossover, mutation \
                          and elitism."
                .into(),
            reference: "Holland 1975, Adaptation in natural and artificial systems; Goldberg 1989, Genetic algorithms \
                        in search, optimization, and machine learning"
                .into(),
            needs: Needs::default(),
            serves: Serves { batched_asks: true, ..Serves::default() },
            parameters: vec![
                POPULATION.parameter("P: members of a generation, at least 2"),
                Parameter::one_of("selection", "tournament", &["tournament", "roulette"], "How parents are selected."),
                Parameter::integer(
                    "tournament",
                    2,
                    1,
                    1_000_000,
                    "k: members drawn, with replacement, per tournament.",
                ),
                Parameter::one_of("crossover", "uniform", &["uniform", "one-point"], "How two parents are combined."),
                Parameter::number("crossover_rate", 0.9, 0.0, 1.0, "p_c: probability that a child has two parents."),
                Parameter::number("mutation_rate", 0.1, 0.0, 1.0, "p_m: probability of a mutation, for each decision."),
                Parameter::integer(
                    "elitism",
                    1,
                    0,
                    1_000_000,
                    "E: best members that survive unchanged; less than the population.",
                ),
                Parameter::truth("stop_at_target", false, "Stop once an architecture reaches 'target'."),
                Parameter::number(
                    "target",
                    0.0,
                    f64::MIN,
                    f64::MAX,
                    "Value of the main objective, in its own unit, at which to stop.",
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
        let tournament = settings.integer("tournament")?;
        let elitism = settings.integer("elitism")?;
        if elitism >= size {
            return Err(Error::new(format!(
                "'elitism' ({elitism}) must be less than 'population' ({size}), or no new architecture would ever be \
                 proposed"
            )));
        }
        let selection = match settings.text("selection")? {
            "roulette" => Selection::Roulette,
            _ if tournament == 0 || tournament > size => {
                let wrong = format!("'tournament' ({tournament}) must lie between 1 and 'population' ({size})");
                return Err(Error::new(wrong));
            }
            _ => Selection::Tournament(tournament),
        };
        let rate = |name: &str| -> Result<f64> {
            let rate = settings.number(name)?;
            let wrong = || Error::new(format!("'{name}' is a probability between 0 and 1, but is {rate}"));
            (0.0..=1.0).contains(&rate).then_some(rate).ok_or_else(wrong)
        };
        let target = match (settings.truth("stop_at_target")?, study.objectives.first()) {
            (true, Some(objective)) => Some(objective.goal.score(settings.number("target")?)),
            _ => None,
        };
        Ok(Self {
            rng: seeded(study.seed),
            size: size as usize,
            selection,
            one_point: settings.text("crossover")? == "one-point",
            crossover_rate: rate("crossover_rate")?,
            mutation_rate: rate("mutation_rate")?,
            elitism: elitism as usize,
            target,
            parents: Vec::new(),
            children: Vec::new(),
            to_propose: size as usize,
            trials: Trials::default(),
            reached: false,
            study: study.clone(),
        })
    }
}

impl Strategy for Genetic {
    fn ask(&mut self, limit: u32, space: &mut dyn Space) -> Result<Vec<Proposal>> {
        // With a target, each result can be the last, so only one trial is proposed at a time.
        let limit = if self.target.is_some() { limit.min(1) } else { limit };
        let mut proposals = Vec::new();
        while !self.reached && proposals.len() < batch_size(limit) as usize {
            if self.to_propose == 0 && self.trials.outstanding() > 0 {
                break;
            }
            if self.to_propose == 0 {
                self.next_generation();
            }
            let genotype = self.propose(space)?;
            self.to_propose -= 1;
            self.trials.propose();
            proposals.push(Proposal::discrete(genotype));
        }
        Ok(proposals)
    }

    fn tell(&mut self, observations: &[Observation], space: &mut dyn Space) -> Result<()> {
        for observation in observations {
            let Some(NewResult { genotype, trial }) = self.trials.observed(observation, space)? else { continue };
            let rank = Rank::of(&self.study, observation);
            if trial.is_none() {
                self.to_propose = self.to_propose.saturating_sub(1);
            }
            self.reached |= self.target.is_some_and(|target| rank.score().is_some_and(|score| score >= target));
            self.children.push(Member { genotype: genotype.clone(), rank });
        }
        Ok(())
    }

    fn finished(&self) -> bool {
        self.reached
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests;
