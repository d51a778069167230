//! Simulated annealing: moves from an architecture to a random neighbour, always if that is better, and with some
//! probability if it is worse. The probability falls with the difference, and with the temperature, which falls from
//! result to result.
//!
//! Requires nothing of the study. Any number of trials runs side by side: all of them are neighbours of the
//! architecture that was current when they were proposed, and each is compared with the architecture that is current
//! when its result is told.
//!
//! Reference: S. Kirkpatrick, C. D. Gelatt and M. P. Vecchi (1983), "Optimization by simulated annealing", Science 220,
//! 671-680: acceptance after Metropolis et al. (1953), temperatures in a geometric series. The scale of temperatures:
//! S. R. White (1984), "Concepts of scale in simulated annealing", IEEE ICCD, 646-651. For architectures: T. den
//! Ottelander, A. Dushatskiy, M. Virgolin and P. A. N. Bosman (2021), "Local search is a remarkably strong baseline for
//! neural architecture search", EMO 2021, for the neighbourhood of one changed decision.
//!
//! Differences: the temperature falls by one factor with every result, not in stages, from `initial_temperature` to
//! `final_temperature` over the remaining results of the study. Temperatures are in units of the standard deviation of
//! the objective over the random start (`unit = spread`), so they fit any objective; where the start has fewer than ten
//! scores, or equal ones, those of the chain are included. The chain begins at the best of the start. Architectures that violate constraints or fail are compared by Deb's rules ([`Rank`]), and the worse one
//! is never accepted, at any temperature. With parallel trials a move may be longer than one step. External results (a
//! warm start) count as part of the start. Later ones, and those of random architectures that were still being measured
//! when the start was over, are accepted only if they are better, and do not lower the temperature.

use std::collections::BTreeSet;

use nas_api::rng::{Random, RngExt, seeded};
use nas_api::{
    Error, Genotype, Needs, Observation, Parameter, Proposal, Result, Serves, Space, Strategy, StrategyInfo,
    StrategyPlugin, Study,
};

use crate::Rank;
use crate::common::budget::RandomStart;
use crate::common::trials::{NewResult, Trials, batch_size};

/// The random architectures measured first.
const INITIAL: RandomStart = RandomStart::of_model("initial");

/// The scores whose standard deviation is the unit of temperature, at least; more if the start is longer, or if these
/// are all equal.
const SCORES_OF_UNIT: usize = 10;

/// The results over which the temperature falls if neither the user nor the study limits them.
const DEFAULT_STEPS: u32 = 1000;

/// Scores are clamped to plus and minus this, so that their squares stay finite.
const MAX_SCORE: f64 = 1e100;

/// The temperature as a function of the number of results since the start.
#[derive(Clone, Copy, Debug)]
struct Schedule {
    /// T_0.
    initial: f64,
    /// The factor per result.
    factor: f64,
    /// The number of results over which the temperature falls.
    steps: u32,
}

impl Schedule {
    fn new(initial: f64, last: f64, steps: u32) -> Self {
        let factor = if steps > 1 { libm::pow(last / initial, 1.0 / f64::from(steps - 1)) } else { 1.0 };
        Self { initial, factor, steps }
    }

    /// The temperature for result `step` after the start, counted from 0.
    fn temperature(&self, step: u32) -> f64 {
        self.initial * libm::pow(self.factor, f64::from(step.min(self.steps.saturating_sub(1))))
    }
}

/// The probability of a move to a score that is lower by `worse_by` (Metropolis).
fn acceptance(worse_by: f64, temperature: f64) -> f64 {
    if worse_by <= 0.0 {
        1.0
    } else if temperature > 0.0 {
        libm::exp(-worse_by / temperature)
    } else {
        0.0
    }
}

/// The sample standard deviation; 0 for fewer than two values.
fn standard_deviation(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    if values.len() < 2 {
        return 0.0;
    }
    let mean = values.iter().sum::<f64>() / count;
    libm::sqrt(values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / (count - 1.0))
}

/// An architecture with its rank.
struct Point {
    genotype: Genotype,
    rank: Rank,
}

/// A search by simulated annealing in progress.
pub struct SimulatedAnnealing {
    study: Study,
    rng: Random,
    /// The number of results of the start.
    initial: u32,
    schedule: Schedule,
    /// Whether temperatures are in units of the start's standard deviation instead of the objective's own unit.
    relative: bool,
    /// The number of results of the start so far.
    started: u32,
    /// The first scores, of the start and, where it had too few, of the chain.
    scores: Vec<f64>,
    /// One unit of temperature, in units of the objective.
    unit: f64,
    /// The number of results since the start.
    step: u32,
    /// The best architecture of the start, later the current one of the chain.
    current: Option<Point>,
    /// The outstanding trials that were asked for as part of the start.
    samples: BTreeSet<u32>,
    trials: Trials,
}

/// Where a result comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    /// A random architecture, which the start asked for.
    Start,
    /// A neighbour, which the chain asked for.
    Chain,
    /// The search did not ask for it.
    External,
}

impl SimulatedAnnealing {
    fn starting(&self) -> bool {
        self.started < self.initial || self.current.as_ref().is_none_or(|current| current.rank == Rank::Failed)
    }

    /// Whether the chain moves from one rank to another.
    fn accepts(&mut self, from: Rank, to: Rank) -> bool {
        if to >= from {
            return true;
        }
        let (Rank::Measured(old), Rank::Measured(new)) = (from, to) else { return false };
        let temperature = self.schedule.temperature(self.step) * self.unit;
        let worse_by = old.clamp(-MAX_SCORE, MAX_SCORE) - new.clamp(-MAX_SCORE, MAX_SCORE);
        self.rng.random::<f64>() < acceptance(worse_by, temperature)
    }

    /// Includes a score in the unit of temperature, as long as that rests on too few different ones: without a unit, no
    /// worse architecture would ever be accepted.
    fn measure_unit(&mut self, rank: Rank) {
        let enough = self.scores.len() >= SCORES_OF_UNIT && (self.unit > 0.0 || !self.relative);
        if self.starting() || !enough {
            if !self.starting() && self.unit == 0.0 {
                // Equal scores say nothing about the spread, and would only make it seem small.
                self.scores.truncate(1);
            }
            self.scores.extend(rank.score().map(|score| score.clamp(-MAX_SCORE, MAX_SCORE)));
            if self.relative {
                self.unit = standard_deviation(&self.scores);
            }
        }
    }

    /// Learns from a result.
    fn learn(&mut self, genotype: &Genotype, rank: Rank, source: Source) {
        let point = Point { genotype: genotype.clone(), rank };
        self.measure_unit(rank);
        if self.starting() {
            self.started = self.started.saturating_add(1);
            if self.current.as_ref().is_none_or(|current| rank > current.rank) {
                self.current = Some(point);
            }
            return;
        }
        let from = self.current.as_ref().map_or(Rank::Failed, |current| current.rank);
        if source == Source::Chain {
            if self.accepts(from, rank) {
                self.current = Some(point);
            }
            self.step = self.step.saturating_add(1);
        } else if rank > from {
            self.current = Some(point);
        }
    }
}

impl StrategyPlugin for SimulatedAnnealing {
    fn info() -> StrategyInfo {
        StrategyInfo {
            name: "simulated-annealing".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            description: "Moves to random neighbours, and to worse ones ever less often as the temperature falls."
                .into(),
            reference: "Kirkpatrick, Gelatt & Vecchi 1983, Optimization by simulated annealing, Science 220".into(),
            needs: Needs::default(),
            serves: Serves::default(),
            parameters: vec![
                INITIAL.parameter("Random architectures measured first; the chain begins at the best of them"),
                Parameter::number(
                    "initial_temperature",
                    1.0,
                    1e-9,
                    1e9,
                    "T_0: temperature of the first result after the start.",
                ),
                Parameter::number("final_temperature", 0.01, 1e-9, 1e9, "Temperature of the last result; at most T_0."),
                Parameter::one_of(
                    "unit",
                    "spread",
                    &["spread", "objective"],
                    "Unit of temperatures: the objective's standard deviation over the start, or the objective itself.",
                ),
                Parameter::integer(
                    "steps",
                    0,
                    0,
                    1_000_000_000,
                    "Results over which the temperature falls; 0: all after the start, or 1,000 without a limit.",
                ),
            ],
        }
    }

    fn open(study: &Study, _space: &mut dyn Space) -> Result<Self> {
        let settings = &study.settings;
        let initial = INITIAL.size(study)?;
        let (initial_temperature, final_temperature) =
            (settings.number("initial_temperature")?, settings.number("final_temperature")?);
        if !(final_temperature > 0.0 && final_temperature <= initial_temperature) {
            return Err(Error::new(format!(
                "'final_temperature' ({final_temperature}) must be above 0 and at most 'initial_temperature' \
                 ({initial_temperature})"
            )));
        }
        let steps = match (settings.integer("steps")?, study.trials) {
            (0, Some(trials)) => trials.saturating_sub(initial),
            (0, None) => DEFAULT_STEPS,
            (steps, _) => steps,
        };
        Ok(Self {
            study: study.clone(),
            rng: seeded(study.seed),
            initial,
            schedule: Schedule::new(initial_temperature, final_temperature, steps),
            relative: settings.text("unit")? == "spread",
            started: 0,
            scores: Vec::new(),
            unit: 1.0,
            step: 0,
            current: None,
            samples: BTreeSet::new(),
            trials: Trials::default(),
        })
    }
}

impl Strategy for SimulatedAnnealing {
    fn ask(&mut self, limit: u32, space: &mut dyn Space) -> Result<Vec<Proposal>> {
        let mut proposals = Vec::new();
        for _ in 0..batch_size(limit) {
            let seed = self.rng.random();
            let trial = self.trials.propose();
            let genotype = match &self.current {
                Some(current) if !self.starting() => space.mutate(&current.genotype, seed)?,
                _ => {
                    self.samples.insert(trial);
                    space.sample(seed)?
                }
            };
            proposals.push(Proposal::discrete(genotype));
        }
        Ok(proposals)
    }

    fn tell(&mut self, observations: &[Observation], space: &mut dyn Space) -> Result<()> {
        for observation in observations {
            if let Some(NewResult { genotype, trial }) = self.trials.observed(observation, space)? {
                let source = match trial {
                    None => Source::External,
                    Some(trial) if self.samples.remove(&trial) => Source::Start,
                    Some(_) => Source::Chain,
                };
                self.learn(genotype, Rank::of(&self.study, observation), source);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
