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
//! the objective over the random start (`unit = spread`), so they fit any objective. The chain begins at the best of
//! the start. Architectures that violate constraints or fail are compared by Deb's rules ([`Rank`]), and the worse one
//! is never accepted, at any temperature. With parallel trials a move may be longer than one step. External results (a
//! warm start) count as part of the start; later ones are accepted only if they are better, and do not lower the
//! temperature.

use nas_api::rng::{Random, RngExt, seeded};
use nas_api::{
    Error, Genotype, Needs, Observation, Parameter, Proposal, Result, Serves, Space, Strategy, StrategyInfo,
    StrategyPlugin, Study,
};

use crate::Rank;
use crate::common::trials::{NewResult, Trials, batch_size};

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
    /// The scores of the start.
    scores: Vec<f64>,
    /// One unit of temperature, in units of the objective.
    unit: f64,
    /// The number of results since the start.
    step: u32,
    /// The best architecture of the start, later the current one of the chain.
    current: Option<Point>,
    trials: Trials,
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

    /// Learns from a result; `asked` tells whether it answers a proposal of this search.
    fn learn(&mut self, genotype: &Genotype, rank: Rank, asked: bool) {
        let point = Point { genotype: genotype.clone(), rank };
        if self.starting() {
            self.started = self.started.saturating_add(1);
            self.scores.extend(rank.score().map(|score| score.clamp(-MAX_SCORE, MAX_SCORE)));
            if self.relative {
                self.unit = standard_deviation(&self.scores);
            }
            if self.current.as_ref().is_none_or(|current| rank > current.rank) {
                self.current = Some(point);
            }
            return;
        }
        let from = self.current.as_ref().map_or(Rank::Failed, |current| current.rank);
        if asked {
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
                Parameter::integer(
                    "initial",
                    10,
                    1,
                    1_000_000,
                    "Random architectures measured first; the chain begins at the best of them.",
                ),
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
        let initial = settings.integer("initial")?;
        let (initial_temperature, final_temperature) =
            (settings.number("initial_temperature")?, settings.number("final_temperature")?);
        if !(final_temperature > 0.0 && final_temperature <= initial_temperature) {
            return Err(Error::new(format!(
                "'final_temperature' ({final_temperature}) must be above 0 and at most 'initial_temperature' \
                 ({initial_temperature})"
            )));
        }
        if initial == 0 {
            return Err(Error::new("'initial' must be at least 1"));
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
            trials: Trials::default(),
        })
    }
}

impl Strategy for SimulatedAnnealing {
    fn ask(&mut self, limit: u32, space: &mut dyn Space) -> Result<Vec<Proposal>> {
        let mut proposals = Vec::new();
        for _ in 0..batch_size(limit) {
            let seed = self.rng.random();
            let genotype = match &self.current {
                Some(current) if !self.starting() => space.mutate(&current.genotype, seed)?,
                _ => space.sample(seed)?,
            };
            self.trials.propose();
            proposals.push(Proposal::discrete(genotype));
        }
        Ok(proposals)
    }

    fn tell(&mut self, observations: &[Observation], space: &mut dyn Space) -> Result<()> {
        for observation in observations {
            if let Some(NewResult { genotype, trial }) = self.trials.observed(observation, space)? {
                self.learn(genotype, Rank::of(&self.study, observation), trial.is_some());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use nas_api::{Failure, Setting, Value};

    use super::*;
    use crate::conformance::{Additive, observation, study_of};

    fn number(name: &str, value: f64) -> Setting {
        Setting { name: name.into(), value: Value::Number(value) }
    }

    fn open(settings: &[Setting]) -> Result<SimulatedAnnealing> {
        let study = study_of::<SimulatedAnnealing>(3, settings).unwrap();
        SimulatedAnnealing::open(&study, &mut Additive::flat(3, 4, 1))
    }

    #[test]
    fn temperatures_are_a_geometric_series_between_their_ends() {
        let schedule = Schedule::new(8.0, 0.5, 5);
        for (step, expected) in [8.0, 4.0, 2.0, 1.0, 0.5, 0.5, 0.5].into_iter().enumerate() {
            assert!((schedule.temperature(step as u32) - expected).abs() < 1e-12, "step {step}");
        }
        for steps in [0, 1] {
            assert_eq!(Schedule::new(8.0, 0.5, steps).temperature(3), 8.0);
        }
    }

    #[test]
    fn acceptance_follows_metropolis() {
        assert_eq!(acceptance(-1.0, 0.1), 1.0);
        assert_eq!(acceptance(0.0, 0.0), 1.0);
        assert_eq!(acceptance(1.0, 0.0), 0.0);
        assert!((acceptance(0.5, 0.25) - 0.135_335_283_236_612_7).abs() < 1e-15);
    }

    #[test]
    fn worse_results_are_accepted_as_often_as_the_temperature_says() {
        let mut search = open(&[]).unwrap();
        search.unit = 0.5;
        let accepted = (0..10_000).filter(|_| search.accepts(Rank::Measured(1.0), Rank::Measured(0.5))).count();
        // exp(-0.5 / (1 · 0.5)) = 0.368, give or take 4 standard errors.
        assert!((3485..3875).contains(&accepted), "{accepted}");
        assert!(search.accepts(Rank::Infeasible(2.0), Rank::Infeasible(1.0)));
        assert!(!search.accepts(Rank::Infeasible(1.0), Rank::Infeasible(2.0)));
        assert!(!search.accepts(Rank::Measured(0.0), Rank::Infeasible(1.0)));
    }

    #[test]
    fn the_unit_is_the_deviation_of_the_start_and_the_chain_begins_at_its_best() {
        let mut search = open(&[number("initial", 4.0)]).unwrap();
        for (choice, value) in (0..).zip([2.0, 4.0, 4.0, 6.0]) {
            search.learn(&vec![choice, 0, 0], Rank::Measured(value), true);
        }
        assert!(!search.starting());
        assert!((search.unit - libm::sqrt(8.0 / 3.0)).abs() < 1e-12, "{}", search.unit);
        assert_eq!(search.current.as_ref().unwrap().genotype, [3, 0, 0]);
    }

    #[test]
    fn the_start_goes_on_until_a_trial_succeeds() {
        let mut space = Additive::flat(3, 4, 1);
        let mut search = open(&[number("initial", 2.0)]).unwrap();
        for trial in 0..5 {
            let genotype = search.ask(1, &mut space).unwrap()[0].candidate.genotype().unwrap().clone();
            let failed = observation(Some(trial), genotype, Err(Failure::new("test")));
            search.tell(&[failed], &mut space).unwrap();
        }
        assert!(search.starting());
        search.tell(&[observation(None, vec![1, 1, 1], Ok(0.5))], &mut space).unwrap();
        assert!(!search.starting());
        let neighbor = search.ask(1, &mut space).unwrap()[0].candidate.genotype().unwrap().clone();
        assert_eq!(neighbor.iter().filter(|&&choice| choice != 1).count(), 1);
    }

    #[test]
    fn the_schedule_follows_the_trials_of_the_study_unless_it_is_set() {
        let steps = |trials, settings: &[Setting]| {
            let study = Study { trials, ..study_of::<SimulatedAnnealing>(3, settings).unwrap() };
            SimulatedAnnealing::open(&study, &mut Additive::flat(3, 4, 1)).unwrap().schedule.steps
        };
        assert_eq!(steps(Some(60), &[]), 50);
        assert_eq!(steps(None, &[]), DEFAULT_STEPS);
        assert_eq!(steps(Some(60), &[number("steps", 7.0)]), 7);
    }

    #[test]
    fn a_final_temperature_above_the_initial_one_is_refused() {
        let refused = open(&[number("initial_temperature", 0.1), number("final_temperature", 0.2)]).err().unwrap();
        assert!(refused.to_string().contains("'final_temperature' (0.2)"), "{refused}");
    }
}
