//! The mapping: which columns of a table are what.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use nas_api::Goal;
use serde::Deserialize;

use crate::TableError;

/// A benchmark's TOML file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Map {
    /// Kebab case.
    pub name: String,
    /// One sentence.
    #[serde(default)]
    pub description: String,
    /// Paper.
    #[serde(default)]
    pub reference: String,
    /// The table's file name, looked for beside the mapping and in the folders of tables.
    pub file: String,
    /// The space that the architectures are of.
    pub space: String,
    /// The column with the space's published text.
    pub architecture: Option<String>,
    /// Instead of `architecture`: one column for each decision in the space's order, holding the index of the choice.
    pub decisions: Option<Vec<String>>,
    /// Every metric, by name.
    pub metric: BTreeMap<String, MetricMap>,
    /// Data sets, devices: whatever is searched for separately.
    pub problem: BTreeMap<String, ProblemMap>,
}

/// One metric.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricMap {
    /// Which way is better.
    pub goal: Option<Goal>,
    /// `%`, `ms`.
    #[serde(default)]
    pub unit: String,
    /// For reports alone; never told to a strategy.
    #[serde(default)]
    pub hidden: bool,
    /// The table's numbers are multiplied by it.
    #[serde(default = "one")]
    pub scale: f64,
    /// One sentence.
    #[serde(default)]
    pub description: String,
}

fn one() -> f64 {
    1.0
}

/// What is searched for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProblemMap {
    /// One sentence.
    #[serde(default)]
    pub description: String,
    /// What the networks were trained for.
    pub task: TaskMap,
    /// Ascending.
    pub fidelity: Vec<FidelityMap>,
}

/// What the networks were trained for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskMap {
    /// Of one example.
    pub input_shape: Vec<i64>,
    /// Classes, or regressed values.
    pub outputs: u32,
    /// `classification`, `regression`.
    pub kind: String,
}

/// What is known at one fidelity.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FidelityMap {
    /// Epochs, steps; may be left out where there is one fidelity.
    pub at: Option<f64>,
    /// What training to it costs.
    pub seconds: Option<Seconds>,
    /// The columns of each metric.
    pub metrics: BTreeMap<String, Columns>,
}

/// Seconds of one training.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seconds {
    /// The column.
    pub column: String,
    /// What it is multiplied by.
    #[serde(default = "one")]
    pub times: f64,
}

/// One column, or one for each of several repeated trainings, of which the trial's seed draws one.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Columns {
    /// One.
    One(String),
    /// Repeats.
    Repeats(Vec<String>),
}

impl Columns {
    /// Their names.
    pub fn names(&self) -> &[String] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Repeats(names) => names,
        }
    }
}

impl Map {
    /// Reads the text of a mapping; `origin` names it in errors.
    pub fn from_toml(text: &str, origin: &Path) -> Result<Self, TableError> {
        let wrong = |problem: String| TableError::Map { path: origin.to_owned(), problem };
        let map: Self = toml::from_str(text).map_err(|error| wrong(error.to_string().trim_end().to_owned()))?;
        map.check().map_err(wrong)?;
        Ok(map)
    }

    fn check(&self) -> Result<(), String> {
        if self.architecture.is_some() == self.decisions.is_some() {
            return Err("give either 'architecture' (a column of texts) or 'decisions' (a list of columns)".into());
        }
        if self.problem.is_empty() {
            return Err("there is no [problem.NAME]".into());
        }
        for (name, problem) in &self.problem {
            let at = |fidelity: &FidelityMap| fidelity.at;
            let given: Vec<f64> = problem.fidelity.iter().filter_map(at).collect();
            if problem.fidelity.is_empty() {
                return Err(format!("problem.{name}: there is no [[problem.{name}.fidelity]]"));
            }
            let ascending = given.windows(2).all(|pair| pair[0] < pair[1]);
            if !ascending || given.iter().any(|at| !at.is_finite() || *at <= 0.0) {
                return Err(format!("problem.{name}: 'at' must be above 0 and ascending, but is {given:?}"));
            }
            if given.len() != problem.fidelity.len() && problem.fidelity.len() > 1 {
                return Err(format!("problem.{name}: each of several fidelities needs 'at'"));
            }
            for fidelity in &problem.fidelity {
                if let Some(unknown) = fidelity.metrics.keys().find(|metric| !self.metric.contains_key(*metric)) {
                    return Err(format!("problem.{name}: '{unknown}' is not declared by a [metric.{unknown}]"));
                }
                if fidelity.metrics.values().any(|columns| columns.names().is_empty()) {
                    return Err(format!("problem.{name}: a metric without columns"));
                }
            }
        }
        Ok(())
    }

    /// The columns that name a row's architecture.
    pub fn identity(&self) -> &[String] {
        match (&self.architecture, &self.decisions) {
            (Some(column), _) => std::slice::from_ref(column),
            (None, decisions) => decisions.as_deref().unwrap_or_default(),
        }
    }

    /// Every column of numbers that some problem reads.
    pub fn columns(&self) -> BTreeSet<&str> {
        let fidelities = || self.problem.values().flat_map(|problem| &problem.fidelity);
        let metrics = fidelities().flat_map(|fidelity| fidelity.metrics.values()).flat_map(Columns::names);
        let seconds = fidelities().filter_map(|fidelity| fidelity.seconds.as_ref()).map(|seconds| &seconds.column);
        metrics.chain(seconds).map(String::as_str).collect()
    }
}
