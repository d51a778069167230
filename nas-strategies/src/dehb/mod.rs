//! DEHB: Hyperband whose architectures come from differential evolution, with a population of its own at each fidelity
//! and mutations among the best of the fidelity below.
//!
//! Requires an evaluator with several fidelities. With `carry_on`, promoted trials carry on from the state they left,
//! which needs an evaluator that can.
//!
//! Reference: N. Awad, N. Mallik and F. Hutter (2021), "DEHB: evolutionary hyperband for scalable, robust and efficient
//! hyperparameter optimization", IJCAI 30, Section 4; the details are those of the authors' implementation,
//! automl/DEHB. Differential evolution: R. Storn and K. Price (1997), "Differential evolution", Journal of Global
//! Optimization 11(4).
//!
//! How it goes: the sizes of the subpopulations are the greatest that Hyperband's brackets have at their fidelity. The
//! first rung of the first bracket is random; in the first round of brackets the later rungs are promotions, as in
//! Hyperband. All else is evolved: the next member in turn is the target, the parents are the best of the population
//! below (as many as the rung has places), rand/1/bin makes a child, and the child replaces the target unless it is
//! worse.
//!
//! Differences: the random architectures of the first rung are measured as they are, where the implementation crosses
//! them with mutants first. Decisions that a conditional space does not make keep their numbers, unused. Rungs are at
//! the offered fidelities nearest, by ratio, to R η^−i. Failed architectures, and those without a finite objective, are
//! not promoted and are the worst members; constraints are ranked by Deb's rules ([`Rank`]). Where nothing is left to
//! promote, the rung is evolved. While the last of a rung are out, idle workers begin the next bracket, as in the
//! paper's parallel version. Knowledge from elsewhere at the fidelity of a subpopulation takes the place of a member
//! not yet measured, or of the worst, unless it is worse.

mod evolution;
mod population;

use std::collections::{BTreeMap, VecDeque};

use nas_api::rng::{Random, RngExt, seeded};
use nas_api::{
    Candidate, Error, Needs, Observation, Parameter, Proposal, Result, Serves, Space, Strategy, StrategyInfo,
    StrategyPlugin, Study,
};

use crate::Rank;
use crate::rungs::{self, Ladder, Rung};
use crate::trials::{Origin, Trials, batch};
use evolution::{Coding, Evolution};
use population::{Measured, Population};

/// One of Hyperband's brackets.
struct Bracket {
    rungs: Vec<Rung>,
    /// The rung being measured.
    at: usize,
    /// Trials of this rung still to be proposed.
    wanted: u32,
    /// Proposals of this rung that are not answered yet.
    out: u32,
    /// To be promoted to this rung; in the first round only.
    queue: VecDeque<(Vec<f64>, Option<u32>)>,
}

/// A trial that is out.
struct Asked {
    bracket: u32,
    level: usize,
    /// The member that it competes with.
    target: usize,
    vector: Vec<f64>,
}

/// A search by DEHB in progress.
pub struct Dehb {
    study: Study,
    rng: Random,
    coding: Coding,
    evolution: Evolution,
    carry_on: bool,
    /// The brackets of one round.
    round: Vec<Vec<Rung>>,
    /// The lowest fidelity first.
    populations: Vec<Population>,
    /// By number, the oldest first.
    open: BTreeMap<u32, Bracket>,
    opened: u32,
    asked: BTreeMap<u32, Asked>,
    trials: Trials,
}

impl Dehb {
    fn level(&self, rung: Rung) -> usize {
        self.populations.iter().position(|population| population.fidelity == rung.fidelity).unwrap_or(0)
    }

    fn begin(&mut self) -> u32 {
        let number = self.opened;
        let rungs = self.round[number as usize % self.round.len()].clone();
        let wanted = rungs.first().map_or(0, |rung| rung.size);
        self.open.insert(number, Bracket { rungs, at: 0, wanted, out: 0, queue: VecDeque::new() });
        self.opened = self.opened.wrapping_add(1);
        number
    }

    /// The oldest bracket with something to propose; a new one if there is none.
    fn ready(&mut self) -> u32 {
        let ready = self.open.iter().find(|(_, bracket)| bracket.wanted > 0).map(|(&number, _)| number);
        ready.unwrap_or_else(|| self.begin())
    }

    /// Goes up a rung, or closes the bracket, once its rung is complete.
    fn advance(&mut self, number: u32) {
        let first_round = (number as usize) < self.round.len();
        let Some(bracket) = self.open.get_mut(&number).filter(|bracket| bracket.wanted == 0 && bracket.out == 0) else {
            return;
        };
        bracket.at += 1;
        let Some(&rung) = bracket.rungs.get(bracket.at) else {
            self.open.remove(&number);
            return;
        };
        bracket.wanted = rung.size;
        let below = bracket.rungs[bracket.at - 1];
        if first_round {
            let (below, level) = (self.level(below), self.level(rung));
            let known = &self.populations[level];
            let promoted = self.populations[below].best(rung.size as usize, |vector| !known.contains(vector));
            if let Some(bracket) = self.open.get_mut(&number) {
                bracket.queue = promoted.into();
            }
        }
    }

    fn propose(&mut self, space: &mut dyn Space) -> Result<Proposal> {
        let number = self.ready();
        let Some(bracket) = self.open.get_mut(&number) else { return Err(Error::new("a bracket is missing")) };
        bracket.wanted -= 1;
        bracket.out += 1;
        let (rung, first) = (bracket.rungs[bracket.at], bracket.at == 0);
        let promoted = bracket.queue.pop_front();
        let level = self.level(rung);
        let target = self.populations[level].next_target();
        let (vector, resume) = match promoted {
            Some((vector, trial)) => (vector, trial.filter(|_| self.carry_on)),
            None if number == 0 && first => (self.populations[level].vector(target).to_vec(), None),
            None => {
                // At the bottom of its bracket a population is its own parent.
                let parents = if first { level } else { level.saturating_sub(1) };
                let parents = self.populations[parents].parents(rung.size as usize);
                let target = self.populations[level].vector(target);
                let all = || self.populations.iter().flat_map(Population::vectors).collect();
                (self.evolution.child(target, parents, all, &mut self.rng), None)
            }
        };
        let genotype = self.coding.genotype(&vector, space)?;
        self.asked.insert(self.trials.propose(), Asked { bracket: number, level, target, vector });
        Ok(Proposal { candidate: Candidate::Discrete(genotype), fidelity: Some(rung.fidelity), resume })
    }

    fn learn(&mut self, trial: u32, measured: Measured) {
        let Some(Asked { bracket, level, target, vector }) = self.asked.remove(&trial) else { return };
        self.populations[level].select(target, vector, measured);
        if let Some(open) = self.open.get_mut(&bracket) {
            open.out -= 1;
        }
        self.advance(bracket);
    }
}

impl StrategyPlugin for Dehb {
    fn info() -> StrategyInfo {
        let mut parameters = rungs::parameters(3.0);
        parameters.extend([
            Parameter::number("mutation_factor", 0.5, 0.0, 2.0, "F: weight of the difference of two parents."),
            Parameter::number(
                "crossover_rate",
                0.5,
                0.0,
                1.0,
                "Cr (the paper's p): probability that a decision comes from the mutant.",
            ),
        ]);
        StrategyInfo {
            name: "dehb".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            description: "Hyperband with differential evolution: each fidelity has a population, its parents come from the one below.".into(),
            reference: "Awad, Mallik & Hutter 2021, DEHB: evolutionary hyperband for scalable, robust and efficient hyperparameter optimization, IJCAI, Section 4".into(),
            needs: Needs { fidelities: true, ..Needs::default() },
            serves: Serves { resume: true, ..Serves::default() },
            parameters,
        }
    }

    fn open(study: &Study, space: &mut dyn Space) -> Result<Self> {
        let settings = &study.settings;
        let round = Ladder::open(study)?.hyperband();
        let evolution = Evolution::open(settings.number("mutation_factor")?, settings.number("crossover_rate")?)?;
        let coding = Coding::of(space.info()?);
        let mut rng = seeded(study.seed);
        let mut sizes: Vec<Rung> = round.first().cloned().unwrap_or_default();
        for size in &mut sizes {
            let there = round.iter().flatten().filter(|rung| rung.fidelity == size.fidelity);
            size.size = there.map(|rung| rung.size).max().unwrap_or(1);
            if size.size > MOST_MEMBERS {
                let problem = format!("a population of {} at fidelity {} would be needed", size.size, size.fidelity);
                return Err(Error::new(format!("{problem}, more than {MOST_MEMBERS}: raise 'min_fidelity'")));
            }
        }
        let mut uniform = || (0..coding.len()).map(|_| rng.random::<f64>()).collect::<Vec<f64>>();
        let populations = sizes.iter().map(|rung| Population::new(rung.fidelity, rung.size, &mut uniform)).collect();
        Ok(Self {
            rng,
            coding,
            evolution,
            carry_on: settings.truth("carry_on")?,
            round,
            populations,
            open: BTreeMap::new(),
            opened: 0,
            asked: BTreeMap::new(),
            trials: Trials::default(),
            study: study.clone(),
        })
    }
}

/// Of one subpopulation.
const MOST_MEMBERS: u32 = 1_000_000;

impl Strategy for Dehb {
    fn ask(&mut self, limit: u32, space: &mut dyn Space) -> Result<Vec<Proposal>> {
        (0..batch(limit)).map(|_| self.propose(space)).collect()
    }

    fn tell(&mut self, observations: &[Observation], space: &mut dyn Space) -> Result<()> {
        for observation in observations {
            let (origin, Some(genotype)) = self.trials.read(observation, space)? else { continue };
            let rank = Rank::of(&self.study, observation);
            let sound = observation.failure.is_none() && rank != Rank::Failed;
            match origin {
                Origin::Asked(trial) => self.learn(trial, Measured { rank, sound, trial: Some(trial) }),
                Origin::Foreign => {
                    let at = |population: &&mut Population| observation.fidelity == Some(population.fidelity);
                    if let Some(population) = self.populations.iter_mut().find(at) {
                        let vector = self.coding.vector(genotype, space, &mut self.rng)?;
                        population.adopt(vector, Measured { rank, sound, trial: None });
                    }
                }
                Origin::Repeated => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
