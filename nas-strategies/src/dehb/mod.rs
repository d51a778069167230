//! DEHB: Hyperband whose architectures come from differential evolution. Each fidelity has a population of its own,
//! whose parents are the best of the population below.
//!
//! Requires an evaluator with several fidelities. With `carry_on`, promoted trials continue from their checkpoints,
//! which the evaluator must support.
//!
//! Reference: N. Awad, N. Mallik and F. Hutter (2021), "DEHB: evolutionary hyperband for scalable, robust and efficient
//! hyperparameter optimization", IJCAI 30, Section 4; the details are those of the authors' implementation,
//! automl/DEHB. Differential evolution: R. Storn and K. Price (1997), "Differential evolution", Journal of Global
//! Optimization 11(4).
//!
//! Algorithm: a subpopulation is as large as the largest rung that Hyperband's brackets have at its fidelity. The first
//! rung of the first bracket is random; in the first round of brackets the later rungs are promotions, as in Hyperband.
//! All other trials are evolved: the next member in turn is the target, the parents are the best of the population
//! below (as many as the rung has trials), rand/1/bin makes a child, and the child replaces the target unless it is
//! worse.
//!
//! Differences: the random architectures of the first rung are measured as they are, whereas the implementation crosses
//! them with mutants first. Coordinates of decisions that a genotype of a conditional space does not make are kept,
//! unused. Rungs are at the offered fidelities nearest, by ratio, to R η^−i. Architectures that failed or have no
//! finite objective are not promoted and are the worst members; constraints are ranked by Deb's rules ([`Rank`]), and
//! what breaks one before it is measured is not promoted. If
//! nothing is left to promote, the rung is evolved. While the last trials of a rung are outstanding, idle workers begin
//! the next bracket, as in the paper's parallel version. An external result (a warm start) at the fidelity of a
//! subpopulation replaces an unmeasured member, or the worst one, unless it is worse than that.

mod evolution;
mod population;

use std::collections::{BTreeMap, VecDeque};

use nas_api::rng::{Random, RngExt, seeded};
use nas_api::{
    Candidate, Error, Needs, Observation, Parameter, Proposal, Result, Serves, Space, Strategy, StrategyInfo,
    StrategyPlugin, Study,
};

use crate::Rank;
use crate::common::rungs::{self, Ladder, Rung};
use crate::common::trials::{NewResult, Trials, batch_size};
use evolution::{CubeEncoding, Evolution};
use population::{Measured, Population};

/// One of Hyperband's brackets.
struct Bracket {
    rungs: Vec<Rung>,
    /// The index of the rung being measured.
    current: usize,
    /// Trials of this rung still to be proposed.
    to_propose: u32,
    /// Proposals of this rung that are not answered yet.
    outstanding: u32,
    /// Members to be promoted to this rung, with their trials; only in the first round.
    queue: VecDeque<(Vec<f64>, Option<u32>)>,
}

/// An outstanding trial.
struct Pending {
    bracket: u32,
    /// The index of its population.
    level: usize,
    /// The member that it competes with.
    target: usize,
    point: Vec<f64>,
}

/// A search by DEHB in progress.
pub struct Dehb {
    study: Study,
    rng: Random,
    encoding: CubeEncoding,
    evolution: Evolution,
    carry_on: bool,
    /// The brackets of one round.
    round: Vec<Vec<Rung>>,
    /// The subpopulations, the lowest fidelity first.
    populations: Vec<Population>,
    /// The brackets that are not over, by number, the oldest first.
    open: BTreeMap<u32, Bracket>,
    /// The number of brackets that were begun.
    begun: u32,
    /// The outstanding trials, by number.
    pending: BTreeMap<u32, Pending>,
    trials: Trials,
}

impl Dehb {
    /// The index of the population at a rung's fidelity.
    fn level(&self, rung: Rung) -> usize {
        self.populations.iter().position(|population| population.fidelity == rung.fidelity).unwrap_or(0)
    }

    /// Begins the next bracket and returns its number.
    fn begin(&mut self) -> u32 {
        let number = self.begun;
        let rungs = self.round[number as usize % self.round.len()].clone();
        let to_propose = rungs.first().map_or(0, |rung| rung.size);
        self.open.insert(number, Bracket { rungs, current: 0, to_propose, outstanding: 0, queue: VecDeque::new() });
        self.begun = self.begun.wrapping_add(1);
        number
    }

    /// The number of the oldest bracket with a trial to propose, or of a new bracket.
    fn ready(&mut self) -> u32 {
        let ready = self.open.iter().find(|(_, bracket)| bracket.to_propose > 0).map(|(&number, _)| number);
        ready.unwrap_or_else(|| self.begin())
    }

    /// Moves a bracket on to its next rung, or closes it, if its rung is complete.
    fn advance(&mut self, number: u32) {
        let first_round = (number as usize) < self.round.len();
        let complete = |bracket: &&mut Bracket| bracket.to_propose == 0 && bracket.outstanding == 0;
        let Some(bracket) = self.open.get_mut(&number).filter(complete) else { return };
        bracket.current += 1;
        let Some(&rung) = bracket.rungs.get(bracket.current) else {
            self.open.remove(&number);
            return;
        };
        bracket.to_propose = rung.size;
        let below = bracket.rungs[bracket.current - 1];
        if first_round {
            let (below, level) = (self.level(below), self.level(rung));
            let known = &self.populations[level];
            let promoted = self.populations[below].best(rung.size as usize, |point| !known.contains(point));
            if let Some(bracket) = self.open.get_mut(&number) {
                bracket.queue = promoted.into();
            }
        }
    }

    /// The next trial: a promotion, a random member of the very first rung, or a child.
    fn propose(&mut self, space: &mut dyn Space) -> Result<Proposal> {
        let number = self.ready();
        let Some(bracket) = self.open.get_mut(&number) else { return Err(Error::new("a bracket is missing")) };
        bracket.to_propose -= 1;
        bracket.outstanding += 1;
        let (rung, first) = (bracket.rungs[bracket.current], bracket.current == 0);
        let promoted = bracket.queue.pop_front();
        let level = self.level(rung);
        let target = self.populations[level].next_target();
        let (point, resume) = match promoted {
            Some((point, trial)) => (point, trial.filter(|_| self.carry_on)),
            None if number == 0 && first => (self.populations[level].point(target).to_vec(), None),
            None => {
                // In the lowest rung of its bracket, a population is its own parent.
                let parents = if first { level } else { level.saturating_sub(1) };
                let parents = self.populations[parents].parents(rung.size as usize);
                let target = self.populations[level].point(target);
                let all = || self.populations.iter().flat_map(Population::points).collect();
                (self.evolution.child(target, parents, all, &mut self.rng), None)
            }
        };
        let genotype = self.encoding.genotype(&point, space)?;
        self.pending.insert(self.trials.propose(), Pending { bracket: number, level, target, point });
        Ok(Proposal { candidate: Candidate::Discrete(genotype), fidelity: Some(rung.fidelity), resume })
    }

    /// Records the result of an outstanding trial.
    fn learn(&mut self, trial: u32, measured: Measured) {
        let Some(Pending { bracket, level, target, point }) = self.pending.remove(&trial) else { return };
        self.populations[level].select(target, point, measured);
        if let Some(open) = self.open.get_mut(&bracket) {
            open.outstanding -= 1;
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
            description: "Hyperband with differential evolution: each fidelity has a population, whose parents come \
                          from the one below."
                .into(),
            reference: "Awad, Mallik & Hutter 2021, DEHB: evolutionary hyperband for scalable, robust and efficient \
                        hyperparameter optimization, IJCAI, Section 4"
                .into(),
            needs: Needs { fidelities: true, ..Needs::default() },
            serves: Serves { resume: true, ..Serves::default() },
            parameters,
        }
    }

    fn open(study: &Study, space: &mut dyn Space) -> Result<Self> {
        let settings = &study.settings;
        let round = Ladder::open(study)?.hyperband();
        let evolution = Evolution::open(settings.number("mutation_factor")?, settings.number("crossover_rate")?)?;
        let encoding = CubeEncoding::of(space.info()?);
        let mut rng = seeded(study.seed);
        let mut sizes: Vec<Rung> = round.first().cloned().unwrap_or_default();
        for size in &mut sizes {
            let same = round.iter().flatten().filter(|rung| rung.fidelity == size.fidelity);
            size.size = same.map(|rung| rung.size).max().unwrap_or(1);
            if size.size > MAX_MEMBERS {
                let problem = format!("a population of {} would be needed at fidelity {}", size.size, size.fidelity);
                return Err(Error::new(format!("{problem}, more than {MAX_MEMBERS}: raise 'min_fidelity'")));
            }
        }
        let mut uniform = || (0..encoding.len()).map(|_| rng.random::<f64>()).collect::<Vec<f64>>();
        let populations = sizes.iter().map(|rung| Population::new(rung.fidelity, rung.size, &mut uniform)).collect();
        Ok(Self {
            rng,
            encoding,
            evolution,
            carry_on: settings.truth("carry_on")?,
            round,
            populations,
            open: BTreeMap::new(),
            begun: 0,
            pending: BTreeMap::new(),
            trials: Trials::default(),
            study: study.clone(),
        })
    }
}

/// The greatest size of a subpopulation.
const MAX_MEMBERS: u32 = 1_000_000;

impl Strategy for Dehb {
    fn ask(&mut self, limit: u32, space: &mut dyn Space) -> Result<Vec<Proposal>> {
        (0..batch_size(limit)).map(|_| self.propose(space)).collect()
    }

    fn tell(&mut self, observations: &[Observation], space: &mut dyn Space) -> Result<()> {
        for observation in observations {
            let Some(NewResult { genotype, trial }) = self.trials.observed(observation, space)? else { continue };
            let rank = Rank::of(&self.study, observation);
            let promotable = rank.promotable(&self.study, observation);
            let measured = Measured { rank, promotable, trial: trial.filter(|_| observation.failure.is_none()) };
            match trial {
                Some(trial) => self.learn(trial, measured),
                None => {
                    let same_fidelity =
                        |population: &&mut Population| observation.fidelity == Some(population.fidelity);
                    if let Some(population) = self.populations.iter_mut().find(same_fidelity) {
                        let point = self.encoding.point(genotype, space, &mut self.rng)?;
                        population.adopt(point, measured);
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
