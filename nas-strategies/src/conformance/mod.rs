//! What every strategy has to hold, as functions that any author can call on their own: see [`suite`].
//!
//! ```
//! use nas_strategies::RegularizedEvolution;
//! use nas_strategies::conformance::{Additive, Subject, suite};
//!
//! let subject = Subject::of::<RegularizedEvolution>();
//! suite(&subject, &mut Additive::conditional(1)).unwrap();
//! ```

mod additive;
mod checks;
mod drive;
mod fidelity;

use nas_api::{
    Candidate, Error, Failure, Genotype, Goal, Objective, Observation, Result, Setting, Settings, Space, Strategy,
    StrategyInfo, StrategyPlugin, Study,
};

pub use additive::{Additive, METRIC};
pub use checks::{CHECKS, Check};
pub use drive::{Asked, Schedule, Step, drive, drive_at, replay};
pub use fidelity::{FIDELITY_CHECKS, at_equal_spend};

/// What is offered to strategies that need several fidelities, or can make use of them.
pub const FIDELITIES: [f64; 4] = [1.0, 3.0, 9.0, 27.0];

/// The value of [`METRIC`], or why there is none.
pub type Measured = std::result::Result<f64, Failure>;

/// How a strategy is opened, natively or as a component.
pub type Open = dyn Fn(&Study, &mut dyn Space) -> Result<Box<dyn Strategy>>;

/// A strategy to be checked, with the settings to check it with.
pub struct Subject {
    /// What it says about itself.
    pub info: StrategyInfo,
    /// Opens a fresh search.
    pub open: Box<Open>,
    /// What is set; the rest has its defaults.
    pub settings: Vec<Setting>,
}

impl Subject {
    /// A native strategy at its defaults.
    pub fn of<S: StrategyPlugin>() -> Self {
        let open = |study: &Study, space: &mut dyn Space| -> Result<Box<dyn Strategy>> {
            Ok(Box::new(S::open(study, space)?))
        };
        Self { info: S::info(), open: Box::new(open), settings: Vec::new() }
    }

    /// The same with these settings.
    #[must_use]
    pub fn with(mut self, settings: Vec<Setting>) -> Self {
        self.settings = settings;
        self
    }

    /// A study of [`METRIC`], to be maximized, for this strategy.
    pub fn study(&self, seed: u32) -> Result<Study> {
        study(&self.info, seed, &self.settings)
    }

    /// A fresh search in that study.
    pub fn search(&self, seed: u32, space: &mut dyn Space) -> Result<Box<dyn Strategy>> {
        (self.open)(&self.study(seed)?, space)
    }

    /// Runs a search of this strategy: [`drive_at`] with what a study of it offers.
    pub fn drive(
        &self,
        search: &mut dyn Strategy,
        space: &mut dyn Space,
        schedule: &Schedule,
        trials: u32,
        measure: &dyn Fn(u32, &Genotype) -> Measured,
    ) -> Result<Vec<Step>> {
        let measure = |asked: &Asked<'_>| measure(asked.trial, asked.genotype);
        drive_at(search, space, fidelities(&self.info), schedule, trials, &measure)
    }

    /// The best value among the first trials of a search, one at a time; −∞ where nothing was proposed.
    pub fn best_of(&self, seed: u32, trials: u32, space: &mut Additive) -> Result<f64> {
        let mut search = self.search(seed, space)?;
        let landscape = space.clone();
        let measure = |_, genotype: &Genotype| landscape.measure(genotype);
        let steps = self.drive(search.as_mut(), space, &Schedule::serial(), trials, &measure)?;
        let values = steps.iter().flat_map(Step::proposed).map(|genotype| landscape.value(genotype));
        Ok(values.fold(f64::NEG_INFINITY, f64::max))
    }
}

/// Runs every check of [`CHECKS`], and of [`FIDELITY_CHECKS`] where the strategy uses fidelities; the error names the
/// check that is not held.
///
/// For strategies that propose discrete candidates, and need nothing of the study but fidelities.
pub fn suite(subject: &Subject, space: &mut Additive) -> Result<()> {
    let with_fidelities = if fidelities(&subject.info).is_empty() { &[] } else { FIDELITY_CHECKS };
    for (name, check) in CHECKS.iter().chain(with_fidelities) {
        check(subject, space)
            .map_err(|error| Error::new(format!("{}: the check '{name}': {error}", subject.info.name)))?;
    }
    Ok(())
}

/// What a study offers to this strategy.
fn fidelities(info: &StrategyInfo) -> &'static [f64] {
    if info.needs.fidelities { &FIDELITIES } else { &[] }
}

/// A study of [`METRIC`], to be maximized, for this strategy; what is not set has its default.
pub fn study_of<S: StrategyPlugin>(seed: u32, given: &[Setting]) -> Result<Study> {
    study(&S::info(), seed, given)
}

fn study(info: &StrategyInfo, seed: u32, given: &[Setting]) -> Result<Study> {
    Ok(Study {
        objectives: vec![Objective { metric: METRIC.into(), goal: Goal::Maximize }],
        constraints: Vec::new(),
        metrics: vec![METRIC.into()],
        seed,
        trials: None,
        total_fidelity: None,
        workers: 1,
        fidelities: fidelities(info).to_vec(),
        settings: Settings::checked(&info.parameters, given)?,
    })
}

/// What a strategy is told about a genotype.
pub fn observation(trial: Option<u32>, genotype: Genotype, measured: Measured) -> Observation {
    let candidate = Candidate::Discrete(genotype);
    let (value, failure) = match measured {
        Ok(value) => (value, None),
        Err(failure) => (f64::NAN, Some(failure)),
    };
    Observation { trial, candidate, fidelity: None, metrics: vec![value], failure, gradient: None, cost: 0.0 }
}
