//! BOHB: Hyperband decides how many architectures are measured at which fidelity, and a kernel density estimate decides
//! which architectures they are.
//!
//! Requires an evaluator with several fidelities. Any number of trials runs side by side: while all open brackets wait
//! for results, another one is opened. The model ignores outstanding trials.
//!
//! Reference: S. Falkner, A. Klein and F. Hutter (2018), "BOHB: robust and efficient hyperparameter optimization at
//! scale", ICML (PMLR 80), Sections 3.2 and 3.3, Algorithm 2.
//!
//! Differences: budgets are the closest fidelities that the evaluator offers. Every rung trains from scratch. The
//! kernel of an ordered decision is a discretized normal distribution. The bandwidth of an unordered decision comes
//! from Gini's index instead of the standard deviation of its numbering, and is multiplied by the bandwidth factor too.
//! In conditional spaces a kernel is uniform on a decision that its architecture did not make, where the paper imputes
//! random choices. An architecture (by its key) that was drawn before is no candidate. Results are ranked by Deb's
//! rules ([`Rank`]); failed trials never count as good and are never promoted. External results (a warm start) count at
//! the highest rung whose fidelity they reach.

mod brackets;
mod model;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use nas_api::rng::{Random, RngExt, seeded};
use nas_api::{
    Candidate, Error, Genotype, Needs, Observation, Parameter, Proposal, Result, Serves, Space, Strategy, StrategyInfo,
    StrategyPlugin, Study,
};

use crate::Rank;
use crate::common::decisions::Decisions;
use crate::common::parzen::KnownArchitectures;
use crate::common::trials::{Origin, Trials, batch_size};
use brackets::{Bracket, Job, Slot, ladder, sizes};
use model::{Model, Options};

/// A search by BOHB in progress.
pub struct Bohb {
    study: Study,
    rng: Random,
    decisions: Decisions,
    eta: u32,
    /// ρ, the fraction of random architectures.
    random_fraction: f64,
    /// The fidelities of the rungs, ascending.
    ladder: Vec<f64>,
    model: Model,
    /// The architectures that were drawn, and external results at the highest rung.
    known: KnownArchitectures,
    /// The open brackets, by number.
    brackets: BTreeMap<u32, Bracket>,
    /// The number of brackets opened so far.
    opened: u32,
    /// The bracket of each outstanding trial, and its position in it.
    pending: BTreeMap<u32, (u32, Slot)>,
    trials: Trials,
}

impl Bohb {
    /// Opens the next bracket and returns its number; s goes from s_max down to 0 in turn.
    fn open_bracket(&mut self) -> u32 {
        let count = self.ladder.len() as u32;
        let s = count - 1 - self.opened % count;
        self.brackets.insert(self.opened, Bracket::new(sizes(s, count - 1, self.eta)));
        self.opened += 1;
        self.opened - 1
    }

    /// The next job of the oldest bracket that need not wait, with the bracket's number.
    fn next(&mut self) -> (u32, Job) {
        let mut done = Vec::new();
        let mut found = None;
        for (&number, bracket) in &mut self.brackets {
            match bracket.next() {
                Job::Wait => {}
                Job::Done => done.push(number),
                job => {
                    found = Some((number, job));
                    break;
                }
            }
        }
        done.iter().for_each(|number| _ = self.brackets.remove(number));
        found.unwrap_or_else(|| (self.open_bracket(), Job::Sample))
    }

    /// Draws a new architecture from the model or at random.
    fn draw(&mut self, space: &mut dyn Space) -> Result<Genotype> {
        let random = self.rng.random::<f64>() < self.random_fraction;
        let suggested = match random {
            true => None,
            false => self.model.suggest(&mut self.decisions, &self.known, space, &mut self.rng)?,
        };
        let genotype = match suggested {
            Some(path) => path.iter().map(|&(_, choice)| choice).collect(),
            None => space.sample(self.rng.random())?,
        };
        self.known.insert(&genotype, space)?;
        Ok(genotype)
    }

    /// The index in the ladder of a trial's rung. All brackets end at the highest fidelity.
    fn level(&self, bracket: u32, slot: Slot) -> Option<usize> {
        Some(self.ladder.len() - self.brackets.get(&bracket)?.rungs() + slot.rung)
    }
}

impl StrategyPlugin for Bohb {
    fn info() -> StrategyInfo {
        StrategyInfo {
            name: "bohb".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            description: "Hyperband's brackets of fidelities, filled by kernel density estimates instead of at random."
                .into(),
            reference: "Falkner, Klein & Hutter 2018, BOHB: robust and efficient hyperparameter optimization at \
                        scale, ICML, Algorithm 2"
                .into(),
            needs: Needs { fidelities: true, ..Needs::default() },
            serves: Serves::default(),
            parameters: vec![
                Parameter::integer(
                    "eta",
                    3,
                    2,
                    1000,
                    "η: one in η architectures is promoted, to η times the fidelity.",
                ),
                Parameter::number(
                    "min_fidelity",
                    0.0,
                    0.0,
                    1e300,
                    "b_min: least fidelity to use, in the evaluator's unit; 0 uses the least that is offered.",
                ),
                Parameter::number(
                    "max_fidelity",
                    0.0,
                    0.0,
                    1e300,
                    "b_max: greatest fidelity to use, in the evaluator's unit; 0 uses the greatest that is offered.",
                ),
                Parameter::number(
                    "random_fraction",
                    1.0 / 3.0,
                    0.0,
                    1.0,
                    "ρ: fraction of the new architectures that are random.",
                ),
                Parameter::number("top", 0.15, 0.0, 1.0, "q: fraction of the results that count as good."),
                Parameter::integer(
                    "candidates",
                    64,
                    1,
                    100_000,
                    "N_s: architectures drawn for each proposal of the model.",
                ),
                Parameter::integer(
                    "min_points",
                    0,
                    0,
                    1_000_000,
                    "N_min: the model needs two results more than this; 0 means the number of decisions plus one.",
                ),
                Parameter::number(
                    "bandwidth_factor",
                    3.0,
                    1e-3,
                    1e3,
                    "b_w: factor on the bandwidth of the kernels from which candidates are drawn.",
                ),
                Parameter::number(
                    "min_bandwidth",
                    1e-3,
                    1e-6,
                    1.0,
                    "Least bandwidth, as a fraction of the range of a decision.",
                ),
            ],
        }
    }

    fn open(study: &Study, space: &mut dyn Space) -> Result<Self> {
        let settings = &study.settings;
        let eta = settings.integer("eta")?;
        let (least, most) = (settings.number("min_fidelity")?, settings.number("max_fidelity")?);
        let within = |&fidelity: &f64| fidelity >= least && (most == 0.0 || fidelity <= most);
        let offered: Vec<f64> = study.fidelities.iter().copied().filter(within).collect();
        if eta < 2 {
            return Err(Error::new("'eta' must be at least 2"));
        }
        let ladder = ladder(&offered, eta);
        if ladder.len() < 2 {
            return Err(Error::new(format!(
                "the greatest fidelity between 'min_fidelity' and 'max_fidelity' must be at least 'eta' ({eta}) \
                 times the least, but the fidelities there are {offered:?}"
            )));
        }
        let options = Options {
            min_points: Some(settings.integer("min_points")? as usize).filter(|&points| points > 0),
            top: settings.number("top")?,
            candidates: settings.integer("candidates")?,
            factor: settings.number("bandwidth_factor")?,
            min_bandwidth: settings.number("min_bandwidth")?,
        };
        Ok(Self {
            study: study.clone(),
            rng: seeded(study.seed),
            decisions: Decisions::of(space)?,
            eta,
            random_fraction: settings.number("random_fraction")?,
            model: Model::new(options, ladder.len()),
            ladder,
            known: KnownArchitectures::default(),
            brackets: BTreeMap::new(),
            opened: 0,
            pending: BTreeMap::new(),
            trials: Trials::default(),
        })
    }
}

impl Strategy for Bohb {
    fn ask(&mut self, limit: u32, space: &mut dyn Space) -> Result<Vec<Proposal>> {
        let mut proposals = Vec::new();
        while proposals.len() < batch_size(limit) as usize {
            let (number, job) = self.next();
            let (genotype, slot) = match job {
                Job::Promote(genotype, slot) => (genotype, slot),
                _ => {
                    let genotype = self.draw(space)?;
                    let Some(bracket) = self.brackets.get_mut(&number) else { break };
                    (genotype.clone(), bracket.enter(genotype))
                }
            };
            let Some(level) = self.level(number, slot) else { break };
            self.pending.insert(self.trials.propose(), (number, slot));
            let fidelity = Some(self.ladder[level]);
            proposals.push(Proposal { candidate: Candidate::Discrete(genotype), fidelity, resume: None });
        }
        Ok(proposals)
    }

    fn tell(&mut self, observations: &[Observation], space: &mut dyn Space) -> Result<()> {
        for observation in observations {
            let rank = Rank::of(&self.study, observation);
            let (origin, genotype) = self.trials.read(observation, space)?;
            let level = match origin {
                Origin::Repeated => None,
                Origin::Asked(trial) => self.pending.remove(&trial).and_then(|(number, slot)| {
                    let level = self.level(number, slot);
                    self.brackets.get_mut(&number)?.tell(slot, rank);
                    level
                }),
                Origin::External => match observation.fidelity {
                    None => Some(self.ladder.len() - 1),
                    Some(fidelity) => self.ladder.iter().rposition(|&rung| fidelity >= rung),
                },
            };
            let (Some(level), Some(genotype)) = (level, genotype) else { continue };
            if origin == Origin::External && level + 1 == self.ladder.len() {
                self.known.insert(genotype, space)?;
            }
            let path = self.decisions.path(genotype, space)?;
            self.model.learn(level, &path, rank);
        }
        Ok(())
    }
}
