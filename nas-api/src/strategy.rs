//! What an author of a strategy implements.

use serde::{Deserialize, Serialize};

use crate::{Bound, Objective, Observation, Parameter, Proposal, Result, Settings, Space};

/// What a strategy says about itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StrategyInfo {
    /// Kebab case: `regularized-evolution`.
    pub name: String,
    /// Of the strategy, not of the contract.
    pub version: String,
    /// One or two sentences for people.
    pub description: String,
    /// Paper, venue, section.
    pub reference: String,
    /// What a study must offer: `fidelities`, `resume`, `gradients`.
    pub needs: Vec<String>,
    /// What it can make use of: `several-objectives`, `bounds`, `fidelities`, `ahead` (see `wit/`).
    pub serves: Vec<String>,
    /// What a user may set.
    pub parameters: Vec<Parameter>,
}

/// What is to be searched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Study {
    /// At least one; the first is the main one.
    pub objectives: Vec<Objective>,
    /// Bounds on metrics.
    pub bounds: Vec<Bound>,
    /// The metrics that observations report, in this order; objectives and bounds are among them.
    pub metrics: Vec<String>,
    /// The only source of randomness.
    pub seed: u32,
    /// Proposals that will be measured at most; `None`: not limited by number.
    pub trials: Option<u32>,
    /// Spend over all trials, in the evaluator's unit; `None`: not limited so.
    pub total_fidelity: Option<f64>,
    /// How many trials are measured at the same time.
    pub parallelism: u32,
    /// What the evaluator can spend on one trial, ascending; the last is the default. Empty: no choice.
    pub fidelities: Vec<f64>,
    /// Every declared parameter.
    pub settings: Settings,
}

impl Study {
    /// The main objective of an observation, turned so that more is better; `None` where it failed or is not finite.
    pub fn score(&self, observation: &Observation) -> Option<f64> {
        let objective = self.objectives.first()?;
        let value = self.metric(observation, &objective.metric).filter(|_| observation.failure.is_none())?;
        value.is_finite().then(|| objective.goal.score(value))
    }

    /// A metric of an observation; `None` where it is unknown.
    pub fn metric(&self, observation: &Observation, name: &str) -> Option<f64> {
        let position = self.metrics.iter().position(|metric| metric == name)?;
        observation.metrics.get(position).copied().filter(|value| !value.is_nan())
    }
}

/// A search in progress: a deterministic state machine. No clock, no files, no network, no randomness but the seed.
///
/// The host promises: `ask` and `tell` come from one thread, observations arrive in any order and in batches of any
/// size, some may never have been asked for (`trial` is `None`), and some trials may fail.
pub trait Strategy: Send {
    /// At most `limit` proposals; none while it waits for results.
    fn ask(&mut self, limit: u32, space: &mut dyn Space) -> Result<Vec<Proposal>>;

    /// Results, in any order.
    fn tell(&mut self, observations: &[Observation], space: &mut dyn Space) -> Result<()>;

    /// Nothing more to propose, whatever is told.
    fn finished(&self) -> bool {
        false
    }
}

/// A strategy that the host can open; what the macro [`export_strategy`](crate::export_strategy) takes.
pub trait StrategyPlugin: Strategy + Sized + 'static {
    /// What it says about itself.
    fn info() -> StrategyInfo;

    /// Starts a search, or says why it cannot serve this study.
    fn open(study: &Study, space: &mut dyn Space) -> Result<Self>;
}
