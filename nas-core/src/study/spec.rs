//! A study as a user describes it: a TOML file, flags, or both. Only the form is checked here.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::StudyError;
use super::limits::Limits;
use super::paths::relocate;
use super::settings::{UnresolvedSetting, UnresolvedSettings, typed_text};
use crate::names::did_you_mean;

/// A plugin that a user names, with what is set for it.
///
/// In TOML, either a text (`strategy = "random"`) or a table whose key `use` is the reference and whose other keys are
/// settings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PluginSpec {
    /// A name or a path.
    pub reference: Option<String>,
    /// By the parameter's name.
    pub settings: UnresolvedSettings,
}

/// What the networks are for. Evaluators with data of their own determine it; then only `settings` may be given.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TaskSpec {
    /// One example, without the batch.
    pub input_shape: Option<Vec<i64>>,
    /// Classes, or regressed values.
    pub outputs: Option<u32>,
    /// `classification`, `regression`, …
    pub kind: Option<String>,
    /// The skeleton's settings, which the space declares.
    pub settings: UnresolvedSettings,
}

/// What a study may spend. At least one limit is needed; the first one reached ends the study.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BudgetSpec {
    /// Proposals, at least 1.
    pub trials: Option<u32>,
    /// Fidelity summed over all trained trials, in the evaluator's unit.
    pub total_fidelity: Option<f64>,
    /// Seconds on the study's clock, without pauses between runs.
    pub seconds: Option<f64>,
}

/// What becomes of a proposal that equals an earlier trial: the same key, at the same fidelity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Duplicates {
    /// It takes over the earlier outcome, and costs nothing.
    #[default]
    Reuse,
    /// It is measured again, with its own seed and at its own cost: for noisy measurements, and for protocols that
    /// charge for every evaluation.
    Measure,
}

impl Duplicates {
    pub(crate) fn reuse(&self) -> bool {
        *self == Self::Reuse
    }
}

/// The order in which a strategy is told of the results of trials that are measured at the same time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResultOrder {
    /// By the number of the trial, so that the search does not depend on how long each one takes. A worker that has
    /// finished waits for earlier trials.
    #[default]
    Trial,
    /// As they end, so that no worker waits. The study records the order, and a resume repeats it exactly; another run
    /// with several workers may take another course.
    Completion,
}

impl ResultOrder {
    pub(crate) fn by_trial(&self) -> bool {
        *self == Self::Trial
    }
}

/// A study as a user describes it. Everything that is not given has a default where one makes sense.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StudySpec {
    /// The search space.
    pub space: PluginSpec,
    /// The search strategy.
    pub strategy: PluginSpec,
    /// The evaluator.
    pub evaluator: PluginSpec,
    /// Shorthand for the evaluator's parameter that names its data.
    #[serde(deserialize_with = "typed_text")]
    pub data: Option<UnresolvedSetting>,
    /// Shorthand for the evaluator's parameter that names a recipe.
    #[serde(deserialize_with = "typed_text")]
    pub recipe: Option<UnresolvedSetting>,
    /// Shorthand for the evaluator's parameter that says where networks are trained.
    #[serde(deserialize_with = "typed_text")]
    pub device: Option<UnresolvedSetting>,
    /// The folder of the study file: relative paths in the file are taken from here.
    #[serde(skip)]
    pub folder: Option<PathBuf>,
    /// The seed from which all random numbers are derived; default 0.
    pub seed: Option<u32>,
    /// Trials that are measured at the same time; default 1. Part of the study: another number makes another search.
    pub workers: Option<u32>,
    /// The order in which the strategy is told of results; default: by trial.
    pub order: Option<ResultOrder>,
    /// Whether what was measured before is measured again; default: it is not.
    pub duplicates: Option<Duplicates>,
    /// `val_accuracy:maximize`; the first is the main one. Empty: the evaluator's first metric with a clear direction.
    pub objectives: Vec<String>,
    /// `params<=5000`.
    pub constraints: Vec<String>,
    /// What measures networks before they are trained: names, or cost tables.
    pub meters: Vec<String>,
    /// What ends trials early: a name of [`PRUNERS`](super::PRUNERS) and its settings. Without a name: nothing.
    pub pruner: PluginSpec,
    /// What a measurement may use, and where it runs.
    pub limits: Limits,
    /// What the study may spend.
    pub budget: BudgetSpec,
    /// What the networks are for.
    pub task: TaskSpec,
}

impl StudySpec {
    /// Reads a TOML file. Relative paths of plugins and data in it are taken from the file's folder.
    pub fn from_file(path: &Path) -> Result<Self, StudyError> {
        let text = fs::read_to_string(path)
            .map_err(|error| StudyError::file(path, format!("cannot be read: {error}"), "name a study's TOML file"))?;
        let mut spec = Self::from_toml(&text).map_err(|problem| {
            StudyError::file(path, problem.trim_end().to_owned(), "docs/guides/study-file.md lists every key")
        })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        spec.space.relocate(folder);
        spec.strategy.relocate(folder);
        spec.evaluator.relocate(folder);
        spec.folder = Some(folder.to_owned());
        spec.meters.iter_mut().for_each(|meter| relocate(meter, folder));
        Ok(spec)
    }

    /// Reads the TOML text of a study file; the error says line, column and key.
    pub fn from_toml(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    /// One `--set TABLE.KEY=VALUE`; a later one overrides an earlier one.
    pub fn set(&mut self, assignment: &str) -> Result<(), StudyError> {
        let form = "write TABLE.KEY=VALUE, as in strategy.population=20";
        let wrong = |problem: String| StudyError::spec(format!("--set {assignment}"), problem, form);
        let (name, value) = assignment.split_once('=').ok_or_else(|| wrong("there is no '='".into()))?;
        let (table, key) = name.trim().split_once('.').ok_or_else(|| wrong("there is no '.' before the '='".into()))?;
        if key.is_empty() {
            return Err(wrong("the key is missing".into()));
        }
        let settings = match table {
            "space" => &mut self.space.settings,
            "strategy" => &mut self.strategy.settings,
            "evaluator" => &mut self.evaluator.settings,
            "pruner" => &mut self.pruner.settings,
            "task" => {
                if let Some(done) = set_task(&mut self.task, key, value) {
                    return done.map_err(wrong);
                }
                &mut self.task.settings
            }
            other => {
                let near = did_you_mean(other, ["space", "strategy", "evaluator", "task", "pruner"]);
                return Err(wrong(format!(
                    "there is no table '{other}'; {near}known: space, strategy, evaluator, task, pruner"
                )));
            }
        };
        settings.insert(key.to_owned(), UnresolvedSetting::Raw(value.to_owned()));
        Ok(())
    }

    /// This description, with whatever `flags` gives taking precedence. Lists (objectives, constraints) and each limit
    /// of the budget replace those of the file; settings are merged key by key, and dropped where the flags name
    /// another plugin than the file.
    #[must_use]
    pub fn overridden_by(self, flags: Self) -> Self {
        let list = |file: Vec<String>, flags: Vec<String>| if flags.is_empty() { file } else { flags };
        Self {
            space: self.space.overridden_by(flags.space),
            strategy: self.strategy.overridden_by(flags.strategy),
            evaluator: self.evaluator.overridden_by(flags.evaluator),
            data: flags.data.or(self.data),
            recipe: flags.recipe.or(self.recipe),
            device: flags.device.or(self.device),
            folder: self.folder.or(flags.folder),
            seed: flags.seed.or(self.seed),
            workers: flags.workers.or(self.workers),
            order: flags.order.or(self.order),
            duplicates: flags.duplicates.or(self.duplicates),
            objectives: list(self.objectives, flags.objectives),
            constraints: list(self.constraints, flags.constraints),
            meters: list(self.meters, flags.meters),
            pruner: self.pruner.overridden_by(flags.pruner),
            limits: self.limits.overridden_by(flags.limits),
            budget: self.budget.overridden_by(flags.budget),
            task: TaskSpec {
                input_shape: flags.task.input_shape.or(self.task.input_shape),
                outputs: flags.task.outputs.or(self.task.outputs),
                kind: flags.task.kind.or(self.task.kind),
                settings: merged(self.task.settings, flags.task.settings),
            },
        }
    }
}

impl PluginSpec {
    /// A plugin without settings.
    pub fn named(reference: impl Into<String>) -> Self {
        Self { reference: Some(reference.into()), settings: UnresolvedSettings::new() }
    }

    /// A relative path is taken from this folder.
    pub(crate) fn relocate(&mut self, folder: &Path) {
        if let Some(reference) = &mut self.reference {
            relocate(reference, folder);
        }
    }

    fn overridden_by(self, flags: Self) -> Self {
        match (self.reference, flags.reference) {
            (Some(file), Some(flag)) if file != flag => Self { reference: Some(flag), settings: flags.settings },
            (file, flag) => Self { reference: flag.or(file), settings: merged(self.settings, flags.settings) },
        }
    }
}

impl BudgetSpec {
    /// This budget, with the limits that `flags` gives in place of its own.
    #[must_use]
    pub fn overridden_by(self, flags: Self) -> Self {
        Self {
            trials: flags.trials.or(self.trials),
            total_fidelity: flags.total_fidelity.or(self.total_fidelity),
            seconds: flags.seconds.or(self.seconds),
        }
    }
}

fn merged(mut file: UnresolvedSettings, flags: UnresolvedSettings) -> UnresolvedSettings {
    file.extend(flags);
    file
}

/// Sets one of the task's own keys from a flag; `None`: the key is a setting of the space.
fn set_task(task: &mut TaskSpec, key: &str, value: &str) -> Option<Result<(), String>> {
    match key {
        "input_shape" => {
            let inner = value.trim().trim_start_matches('[').trim_end_matches(']');
            let sizes: Result<Vec<i64>, _> = inner.split([',', 'x']).map(|size| size.trim().parse()).collect();
            Some(sizes.map(|sizes| task.input_shape = Some(sizes)).map_err(|_| "sizes are written 3,32,32".to_owned()))
        }
        "outputs" => {
            let outputs = value.trim().parse().map(|outputs| task.outputs = Some(outputs));
            Some(outputs.map_err(|_| format!("'{value}' is not a whole number")))
        }
        "kind" => {
            task.kind = Some(value.to_owned());
            Some(Ok(()))
        }
        _ => None,
    }
}
