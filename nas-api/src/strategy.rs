//! The traits that the author of a strategy implements.

use serde::{Deserialize, Serialize};

use crate::{Constraint, Objective, Observation, Parameter, Proposal, Result, Settings, Space};

/// The description of a strategy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StrategyInfo {
    /// The name, in kebab case: `regularized-evolution`.
    pub name: String,
    /// The version of the strategy (not of the contract).
    pub version: String,
    /// One or two sentences for people.
    pub description: String,
    /// The source: paper, venue, section. Empty if there is none.
    pub reference: String,
    /// What a study must offer.
    pub needs: Needs,
    /// What the strategy can make use of.
    pub serves: Serves,
    /// The parameters that a user may set.
    pub parameters: Vec<Parameter>,
}

impl StrategyInfo {
    /// Whether the strategy continues earlier trials, so that their checkpoints are kept.
    pub fn continues_trials(&self) -> bool {
        self.needs.resume || self.serves.resume
    }
}

/// What a strategy requires of a study.
///
/// The host refuses a study that lacks one of these before its first trial.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Needs {
    /// The evaluator offers several fidelities.
    pub fidelities: bool,
    /// The evaluator can continue a trial from its checkpoint.
    pub resume: bool,
    /// The evaluator accepts relaxed candidates and returns gradients.
    pub gradients: bool,
}

/// What a strategy can make use of.
///
/// The host checks each declaration: what a strategy does not declare is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Serves {
    /// The strategy handles several objectives. Without this, a study with more than one objective is refused.
    pub several_objectives: bool,
    /// The strategy may propose to continue an earlier trial ([`Proposal::resume`]). Without this and without
    /// [`Needs::resume`], such proposals are refused and no checkpoints are kept.
    pub resume: bool,
    /// The proposals of one [`ask`](Strategy::ask) do not depend on results that arrive between them: asking for them
    /// one by one would give the same ones. The host may therefore ask for more than it measures at once, and tell in
    /// batches.
    pub batched_asks: bool,
}

impl Needs {
    /// Returns the names of the requirements that are set, as the contract writes them: `fidelities`, `resume`,
    /// `gradients`.
    pub fn names(self) -> Vec<&'static str> {
        names_of_set([(self.fidelities, "fidelities"), (self.resume, "resume"), (self.gradients, "gradients")])
    }
}

impl Serves {
    /// Returns the names of the capabilities that are set, as the contract writes them: `several-objectives`, `resume`,
    /// `batched-asks`.
    pub fn names(self) -> Vec<&'static str> {
        names_of_set([
            (self.several_objectives, "several-objectives"),
            (self.resume, "resume"),
            (self.batched_asks, "batched-asks"),
        ])
    }
}

fn names_of_set(flags: [(bool, &'static str); 3]) -> Vec<&'static str> {
    flags.into_iter().filter(|(is_set, _)| *is_set).map(|(_, name)| name).collect()
}

/// The study that a strategy searches for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Study {
    /// The objectives: at least one, the main one first.
    pub objectives: Vec<Objective>,
    /// The constraints that candidates must keep.
    pub constraints: Vec<Constraint>,
    /// The names of the metrics in [`Observation::metrics`], in the same order. Objectives and constraints are among
    /// them.
    pub metrics: Vec<String>,
    /// The seed, which is the only source of randomness.
    pub seed: u32,
    /// The budget in trials; `None` if their number is not limited.
    pub trials: Option<u32>,
    /// The budget in total fidelity, in the evaluator's unit; `None` if it is not limited.
    pub total_fidelity: Option<f64>,
    /// The number of trials that are measured side by side.
    pub workers: u32,
    /// The fidelities that a proposal may ask for, in the evaluator's unit, ascending. The last one is the default.
    /// Empty if the evaluator offers no choice.
    pub fidelities: Vec<f64>,
    /// The value of every parameter that the strategy declares.
    pub settings: Settings,
}

impl Study {
    /// Returns the value of the main objective, negated if it is minimized, so that greater is better.
    ///
    /// Returns `None` if the observation is a failure or the value is unknown or not finite.
    pub fn score(&self, observation: &Observation) -> Option<f64> {
        let objective = self.objectives.first()?;
        let value = self.metric(observation, &objective.metric).filter(|_| observation.failure.is_none())?;
        value.is_finite().then(|| objective.goal.score(value))
    }

    /// Returns the value of a metric in an observation, or `None` if it is unknown.
    pub fn metric(&self, observation: &Observation, name: &str) -> Option<f64> {
        let position = self.metrics.iter().position(|metric| metric == name)?;
        observation.metrics.get(position).copied().filter(|value| !value.is_nan())
    }
}

/// A search in progress.
///
/// A strategy is a deterministic state machine: it has no clock, no files, no network and no randomness but the study's
/// seed. A study resumes by replaying its log, so equal calls must lead to equal states.
///
/// The host calls `ask` and `tell` from one thread. Observations arrive in any order and in batches of any size. Some
/// trials fail, and some observations were never asked for (their [`trial`](Observation::trial) is `None`).
pub trait Strategy: Send {
    /// Returns at most `limit` proposals, or none while the strategy waits for results.
    ///
    /// The k-th proposal of a search, counted from 0, is trial k.
    ///
    /// # Errors
    ///
    /// Returns an error if the space broke down or the search cannot continue; the error ends the study.
    fn ask(&mut self, limit: u32, space: &mut dyn Space) -> Result<Vec<Proposal>>;

    /// Takes in results, which arrive in any order.
    ///
    /// # Errors
    ///
    /// Returns an error if the space broke down or the search cannot continue; the error ends the study.
    fn tell(&mut self, observations: &[Observation], space: &mut dyn Space) -> Result<()>;

    /// Returns whether the strategy will make no more proposals, whatever it is told.
    fn finished(&self) -> bool {
        false
    }
}

/// A strategy that the host can describe and open.
///
/// [`export_strategy!`](crate::export_strategy) exports it as a component.
pub trait StrategyPlugin: Strategy + Sized + 'static {
    /// Returns the description of the strategy. It never changes.
    fn info() -> StrategyInfo;

    /// Starts a search.
    ///
    /// # Errors
    ///
    /// Returns an error that says why the strategy cannot search for this study.
    fn open(study: &Study, space: &mut dyn Space) -> Result<Self>;
}
