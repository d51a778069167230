//! Checks that every strategy must pass, as functions that any author can call on a strategy: see [`suite`].
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

/// The fidelities that a study offers to strategies that need several of them.
pub const FIDELITIES: [f64; 4] = [1.0, 3.0, 9.0, 27.0];

/// The value of [`METRIC`], or why there is none.
pub type Measured = std::result::Result<f64, Failure>;

/// Opens a strategy, natively or as a component.
pub type Open = dyn Fn(&Study, &mut dyn Space) -> Result<Box<dyn Strategy>>;

/// A strategy to check, with its settings.
pub struct Subject {
    /// The strategy's description of itself.
    pub info: StrategyInfo,
    /// Opens a fresh search.
    pub open: Box<Open>,
    /// The settings; parameters that are not set have their defaults.
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

    /// Replaces the settings.
    #[must_use]
    pub fn with(mut self, settings: Vec<Setting>) -> Self {
        self.settings = settings;
        self
    }

    /// A study for this strategy that maximizes [`METRIC`].
    ///
    /// # Errors
    /// Returns an error if a setting is unknown or out of range.
    pub fn study(&self, seed: u32) -> Result<Study> {
        study(&self.info, seed, &self.settings)
    }

    /// Opens a search in such a study.
    ///
    /// # Errors
    /// Returns an error if a setting is invalid or the strategy refuses the study.
    pub fn search(&self, seed: u32, space: &mut dyn Space) -> Result<Box<dyn Strategy>> {
        (self.open)(&self.study(seed)?, space)
    }

    /// The parameters that the strategy declares but does not read when a search begins: whatever a user sets them to
    /// changes nothing. A parameter that matters only for certain values of others may be among them.
    ///
    /// # Errors
    /// Returns an error if the strategy refuses the study with all settings.
    pub fn unread_parameters(&self, space: &mut dyn Space) -> Result<Vec<String>> {
        let study = self.study(0)?;
        (self.open)(&study, space)?;
        let is_unread = |name: &str, space: &mut dyn Space| {
            let mut without = study.clone();
            without.settings.0.retain(|setting| setting.name != name);
            // A strategy that reads a setting returns an error if there is none.
            (self.open)(&without, space).is_ok()
        };
        let names = self.info.parameters.iter().map(|parameter| parameter.name.clone());
        Ok(names.filter(|name| is_unread(name, space)).collect())
    }

    /// Runs a search of this strategy by [`drive_at`], with the fidelities that its study offers.
    ///
    /// # Errors
    /// Fails as [`drive_at`] does.
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

    /// The best value among the first trials of a search, run one at a time; −∞ if nothing was proposed.
    ///
    /// # Errors
    /// Fails as [`Self::search`] and [`drive_at`] do.
    pub fn best_of(&self, seed: u32, trials: u32, space: &mut Additive) -> Result<f64> {
        let mut search = self.search(seed, space)?;
        let landscape = space.clone();
        let measure = |_, genotype: &Genotype| landscape.measure(genotype);
        let steps = self.drive(search.as_mut(), space, &Schedule::serial(), trials, &measure)?;
        let values = steps.iter().flat_map(Step::proposed).map(|genotype| landscape.value(genotype));
        Ok(values.fold(f64::NEG_INFINITY, f64::max))
    }
}

/// Runs every check of [`CHECKS`], and of [`FIDELITY_CHECKS`] if the strategy needs fidelities.
///
/// This is for strategies that propose discrete candidates and need nothing of the study but fidelities.
///
/// # Errors
/// Returns an error that names the first check that failed, with the reason.
pub fn suite(subject: &Subject, space: &mut Additive) -> Result<()> {
    let with_fidelities = if fidelities(&subject.info).is_empty() { &[] } else { FIDELITY_CHECKS };
    for (name, check) in CHECKS.iter().chain(with_fidelities) {
        check(subject, space)
            .map_err(|error| Error::new(format!("{} fails the check '{name}': {error}", subject.info.name)))?;
    }
    Ok(())
}

/// The fidelities that a study offers to this strategy.
fn fidelities(info: &StrategyInfo) -> &'static [f64] {
    if info.needs.fidelities { &FIDELITIES } else { &[] }
}

/// A study for this strategy that maximizes [`METRIC`]. Parameters that are not given have their defaults.
///
/// # Errors
/// Returns an error if a setting is unknown or out of range.
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

/// The observation of a genotype, as a strategy is told.
pub fn observation(trial: Option<u32>, genotype: Genotype, measured: Measured) -> Observation {
    let candidate = Candidate::Discrete(genotype);
    let (value, failure) = match measured {
        Ok(value) => (value, None),
        Err(failure) => (f64::NAN, Some(failure)),
    };
    Observation { trial, candidate, fidelity: None, metrics: vec![value], failure, gradient: None, cost: 0.0 }
}
