//! BOHB: Hyperband decides how many architectures are measured at which fidelity, and a kernel density estimate decides
//! which they are.
//!
//! Requires an evaluator with several fidelities. Any number of trials runs side by side: where the brackets that are
//! open wait for results, another one is opened. The model ignores trials that are out.
//!
//! Reference: S. Falkner, A. Klein and F. Hutter (2018), "BOHB: robust and efficient hyperparameter optimization at
//! scale", ICML (PMLR 80), Sections 3.2 and 3.3, Algorithm 2.
//!
//! Differences: budgets are the closest fidelities that the evaluator offers. Every rung trains afresh. An ordered
//! decision has normal distributions whose mass is collected choice by choice; the bandwidth of a decision without order
//! comes from Gini's index instead of the standard deviation of its numbering, and is widened by the factor too. In
//! conditional spaces a kernel gives every choice of a decision that its architecture did not make the same probability,
//! where the paper imputes random choices. An architecture (by its key) that was drawn before is no candidate. Order is
//! by Deb's rules ([`Rank`]); failed trials are never good and never promoted. Knowledge from elsewhere counts at the
//! highest rung whose fidelity it reaches.

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
use crate::decisions::Decisions;
use crate::parzen::Known;
use crate::trials::{Origin, Trials, batch};
use brackets::{Bracket, Place, Wish, ladder, sizes};
use model::{Model, Options};

/// A search by BOHB in progress.
pub struct Bohb {
    study: Study,
    rng: Random,
    decisions: Decisions,
    eta: u32,
    /// ρ.
    random_fraction: f64,
    /// The fidelities of the rungs, ascending.
    ladder: Vec<f64>,
    model: Model,
    /// What was drawn, or is known from elsewhere at the highest rung.
    known: Known,
    /// Brackets that are open, by number.
    brackets: BTreeMap<u32, Bracket>,
    /// Brackets opened so far.
    opened: u32,
    /// Where the trials that are out belong.
    out: BTreeMap<u32, (u32, Place)>,
    trials: Trials,
}

impl Bohb {
    /// Opens the next bracket: s = s_max, s_max − 1, …, 0, and again.
    fn open_bracket(&mut self) -> u32 {
        let count = self.ladder.len() as u32;
        let s = count - 1 - self.opened % count;
        self.brackets.insert(self.opened, Bracket::new(sizes(s, count - 1, self.eta)));
        self.opened += 1;
        self.opened - 1
    }

    /// What is measured next, and for which bracket. The oldest bracket that can go on does.
    fn next(&mut self) -> (u32, Wish) {
        let mut done = Vec::new();
        let mut found = None;
        for (&number, bracket) in &mut self.brackets {
            match bracket.next() {
                Wish::Wait => {}
                Wish::Done => done.push(number),
                wish => {
                    found = Some((number, wish));
                    break;
                }
            }
        }
        done.iter().for_each(|number| _ = self.brackets.remove(number));
        found.unwrap_or_else(|| (self.open_bracket(), Wish::Fresh))
    }

    /// A new architecture: by the model, or at random.
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

    /// The position in the ladder of a bracket's rung: all brackets end at the highest.
    fn level(&self, bracket: u32, place: Place) -> Option<usize> {
        Some(self.ladder.len() - self.brackets.get(&bracket)?.rungs() + place.rung)
    }
}

impl StrategyPlugin for Bohb {
    fn info() -> StrategyInfo {
        StrategyInfo {
            name: "bohb".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            description: "Hyperband's brackets of fidelities, filled by kernel density estimates instead of at random.".into(),
            reference: "Falkner, Klein & Hutter 2018, BOHB: robust and efficient hyperparameter optimization at scale, ICML, Algorithm 2".into(),
            needs: Needs { fidelities: true, ..Needs::default() },
            serves: Serves::default(),
            parameters: vec![
                Parameter::integer("eta", 3, 2, 1000, "η: one in so many is promoted, to so many times the fidelity."),
                Parameter::number("min_fidelity", 0.0, 0.0, 1e300, "b_min, least fidelity of a trial, in the evaluator's unit; 0: the least that is offered."),
                Parameter::number("max_fidelity", 0.0, 0.0, 1e300, "b_max, greatest fidelity of a trial; 0: the greatest that is offered."),
                Parameter::number("random_fraction", 1.0 / 3.0, 0.0, 1.0, "ρ: part of the new architectures that are random."),
                Parameter::number("top", 0.15, 0.0, 1.0, "q: part of the results that are good."),
                Parameter::integer("candidates", 64, 1, 100_000, "N_s, architectures drawn for each that the model proposes."),
                Parameter::integer("min_points", 0, 0, 1_000_000, "N_min, results that the model needs, less two; 0: one more than there are decisions."),
                Parameter::number("bandwidth_factor", 3.0, 1e-3, 1e3, "b_w: candidates are drawn from kernels that are so many times as wide."),
                Parameter::number("min_bandwidth", 1e-3, 1e-6, 1.0, "Least bandwidth, as a part of the range of a decision."),
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
                "there must be fidelities between 'min_fidelity' and 'max_fidelity' of which the greatest is at least 'eta' \
                 ({eta}) times the least, but there are {offered:?}"
            )));
        }
        let options = Options {
            min_points: Some(settings.integer("min_points")? as usize).filter(|&points| points > 0),
            top: settings.number("top")?,
            candidates: settings.integer("candidates")?,
            factor: settings.number("bandwidth_factor")?,
            least: settings.number("min_bandwidth")?,
        };
        Ok(Self {
            study: study.clone(),
            rng: seeded(study.seed),
            decisions: Decisions::of(space)?,
            eta,
            random_fraction: settings.number("random_fraction")?,
            model: Model::new(options, ladder.len()),
            ladder,
            known: Known::default(),
            brackets: BTreeMap::new(),
            opened: 0,
            out: BTreeMap::new(),
            trials: Trials::default(),
        })
    }
}

impl Strategy for Bohb {
    fn ask(&mut self, limit: u32, space: &mut dyn Space) -> Result<Vec<Proposal>> {
        let mut proposals = Vec::new();
        while proposals.len() < batch(limit) as usize {
            let (number, wish) = self.next();
            let (genotype, place) = match wish {
                Wish::Promoted(genotype, place) => (genotype, place),
                _ => {
                    let genotype = self.draw(space)?;
                    let Some(bracket) = self.brackets.get_mut(&number) else { break };
                    (genotype.clone(), bracket.enter(genotype))
                }
            };
            let Some(level) = self.level(number, place) else { break };
            self.out.insert(self.trials.propose(), (number, place));
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
                Origin::Asked(trial) => self.out.remove(&trial).and_then(|(number, place)| {
                    let level = self.level(number, place);
                    self.brackets.get_mut(&number)?.tell(place, rank);
                    level
                }),
                Origin::Foreign => match observation.fidelity {
                    None => Some(self.ladder.len() - 1),
                    Some(fidelity) => self.ladder.iter().rposition(|&rung| fidelity >= rung),
                },
            };
            let (Some(level), Some(genotype)) = (level, genotype) else { continue };
            if origin == Origin::Foreign && level + 1 == self.ladder.len() {
                self.known.insert(genotype, space)?;
            }
            let path = self.decisions.path(genotype, space)?;
            self.model.learn(level, &path, rank);
        }
        Ok(())
    }
}
