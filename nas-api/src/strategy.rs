//! What an author of a strategy implements.

use serde::{Deserialize, Serialize};

use crate::{Constraint, Objective, Observation, Parameter, Proposal, Result, Settings, Space};

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
    /// What a study must offer.
    pub needs: Needs,
    /// What it can make use of.
    pub serves: Serves,
    /// What a user may set.
    pub parameters: Vec<Parameter>,
}

/// What a strategy needs of a study; where one of them is missing, the study is refused before its first trial.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Needs {
    /// An evaluator that offers several fidelities.
    pub fidelities: bool,
    /// An evaluator that can carry on a trial from its checkpoint.
    pub resume: bool,
    /// An evaluator that accepts relaxed candidates and returns gradients.
    pub gradients: bool,
}

/// What a strategy can make use of. The host checks each of them: what is not declared is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Serves {
    /// Several objectives; without it, a study that has more than one is refused.
    pub several_objectives: bool,
    /// Proposals that carry on an earlier trial; without it (and without [`Needs::resume`]) they are refused, and no
    /// checkpoints are kept.
    pub resume: bool,
    /// All proposals of one `ask` are those that it would make one by one, whatever it were told between them; so the
    /// host may ask for more than it measures at once, and tell in batches.
    pub ahead: bool,
}

impl Needs {
    /// The names of what is needed, as plugins declare them.
    pub fn names(self) -> Vec<&'static str> {
        named([(self.fidelities, "fidelities"), (self.resume, "resume"), (self.gradients, "gradients")])
    }
}

impl Serves {
    /// The names of what is served, as plugins declare them.
    pub fn names(self) -> Vec<&'static str> {
        named([(self.several_objectives, "several-objectives"), (self.resume, "resume"), (self.ahead, "ahead")])
    }
}

fn named(declared: [(bool, &'static str); 3]) -> Vec<&'static str> {
    declared.into_iter().filter(|(is_declared, _)| *is_declared).map(|(_, name)| name).collect()
}

/// What is to be searched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Study {
    /// At least one; the first is the main one.
    pub objectives: Vec<Objective>,
    /// Constraints on metrics.
    pub constraints: Vec<Constraint>,
    /// The metrics that observations report, in this order; objectives and constraints are among them.
    pub metrics: Vec<String>,
    /// The only source of randomness.
    pub seed: u32,
    /// Proposals that will be measured at most; `None`: not limited by number.
    pub trials: Option<u32>,
    /// Spend over all trials, in the evaluator's unit; `None`: not limited so.
    pub total_fidelity: Option<f64>,
    /// How many trials are measured at the same time.
    pub workers: u32,
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
