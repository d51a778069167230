//! What a study's file records about the study itself: enough to open every plugin again, and to show the study without
//! them.

use std::path::{Path, PathBuf};

use nas_api::{Constraint, Fingerprint, Metric, MetricInfo, Objective, Settings, Study, Task};
use serde::{Deserialize, Serialize};

use super::StudyError;
use super::limits::Limits;
use super::pruner::PrunerRecord;
use super::spec::{Duplicates, ResultOrder};
use super::static_metrics::is_static;
use crate::meter::MeterRecord;
use crate::plugin::{Identity, Origin};

/// A plugin as a study records it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PluginRecord {
    /// Its name, version, origin and digest.
    pub identity: Identity,
    /// How it is found again: an absolute path, or the name of a built-in.
    pub reference: String,
    /// A value for every declared parameter.
    pub settings: Settings,
}

/// What a study may spend. At least one limit is set.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    /// The largest number of proposals.
    pub trials: Option<u32>,
    /// The most fidelity of all trained trials together, in the evaluator's unit.
    #[serde(alias = "epochs")]
    pub total_fidelity: Option<f64>,
    /// The most seconds on the study's clock.
    pub seconds: Option<f64>,
}

/// One search: a strategy on a space with an evaluator, a budget and a seed. A study's file holds one search, and
/// another one for every warm start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// The version of the contract that the plugins spoke.
    pub contract: String,
    /// Which search of the study, from 0.
    pub search: u32,
    /// The seed from which all random numbers are derived.
    pub seed: u32,
    /// How many trials are measured at the same time.
    pub workers: u32,
    /// The order in which the strategy is told of results.
    #[serde(default, skip_serializing_if = "ResultOrder::by_trial")]
    pub order: ResultOrder,
    /// Whether a duplicate is measured again.
    #[serde(default, skip_serializing_if = "Duplicates::reuse")]
    pub duplicates: Duplicates,
    /// At least one; the first is the main one.
    pub objectives: Vec<Objective>,
    /// What a candidate must keep.
    pub constraints: Vec<Constraint>,
    /// The meters, which measure graphs before they are trained.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub meters: Vec<MeterRecord>,
    /// The pruner, which ends trials early.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pruner: Option<PrunerRecord>,
    /// What a measurement may take, and where it runs.
    #[serde(default, skip_serializing_if = "Limits::is_default")]
    pub limits: Limits,
    /// What the search may spend.
    pub budget: Budget,
    /// What can be spent on one trial, ascending; the last is the default. Empty: no choice.
    pub fidelities: Vec<f64>,
    /// `epochs`, `steps`; empty where there is no fidelity.
    pub fidelity_unit: String,
    /// What the networks are for.
    pub task: Task,
    /// The space.
    pub space: PluginRecord,
    /// The strategy.
    pub strategy: PluginRecord,
    /// The evaluator.
    pub evaluator: PluginRecord,
    /// The fingerprint of the evaluator's data; `None` in older studies, and if the evaluator gives none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Fingerprint>,
    /// Whether the evaluator or a meter needs graphs, so that the host builds them and counts on them.
    pub graphs: bool,
    /// Whether seconds are simulated: results are then told in the order of their simulated ends.
    pub simulated: bool,
    /// The best known value of each metric; for reports only.
    pub best: Vec<Metric>,
    /// Every metric of the trials, static ones included.
    pub metrics: Vec<MetricInfo>,
}

impl Header {
    /// What the strategy is told about the study.
    pub(crate) fn for_strategy(&self) -> Study {
        Study {
            objectives: self.objectives.clone(),
            constraints: self.constraints.clone(),
            metrics: self.visible().map(|metric| metric.name.clone()).collect(),
            // A stream of its own: what a strategy draws never changes what the evaluator measures.
            seed: nas_api::rng::derive(self.seed, "strategy", self.search),
            trials: self.budget.trials,
            total_fidelity: self.budget.total_fidelity,
            workers: self.workers,
            fidelities: self.fidelities.clone(),
            settings: self.strategy.settings.clone(),
        }
    }

    /// Whether the host counts this metric on the network, before anything is measured.
    pub(crate) fn counts(&self, metric: &str) -> bool {
        let metered = |meter: &MeterRecord| meter.metrics.iter().any(|name| name == metric);
        self.graphs && (is_static(metric) || self.meters.iter().any(metered))
    }

    /// The metrics that the strategy is told, in order.
    pub(crate) fn visible(&self) -> impl Iterator<Item = &MetricInfo> {
        self.metrics.iter().filter(|metric| !metric.hidden)
    }

    /// The seed of the evaluation of one trial.
    pub(crate) fn trial_seed(&self, trial: u32) -> u32 {
        nas_api::rng::derive(self.seed, "trial", trial)
    }

    /// TOML, because its numbers are read back exactly.
    pub(crate) fn to_text(&self) -> Result<String, StudyError> {
        let problem = |error: toml::ser::Error| StudyError::spec("study", format!("cannot be recorded: {error}"), "");
        toml::to_string(self).map_err(problem)
    }

    pub(crate) fn from_text(text: &str, path: &Path) -> Result<Self, StudyError> {
        let remedy = "the file is damaged, or another program wrote it";
        toml::from_str(text).map_err(|error| StudyError::file(path, format!("holds no header: {error}"), remedy))
    }
}

impl PluginRecord {
    pub(crate) fn new(identity: &Identity, settings: Settings) -> Self {
        let absolute = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
        let reference = match &identity.origin {
            Origin::BuiltIn => identity.name.clone(),
            Origin::Component(path) | Origin::Table(path) | Origin::Library(path) => {
                absolute(path).to_string_lossy().into_owned()
            }
        };
        Self { identity: identity.clone(), reference, settings }
    }
}
