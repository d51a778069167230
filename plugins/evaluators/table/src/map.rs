//! The mapping: which columns of a table are what.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use nas_api::Goal;
use serde::Deserialize;

use crate::TableError;
use crate::own::DecisionMap;

/// The metric that records which row answered, where it need not be the architecture's own.
pub const ROW: &str = "table_row";
/// The metric that records how far the architecture is from that row.
pub const DISTANCE: &str = "table_distance";

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
    /// More files, with further columns of the same rows.
    #[serde(default)]
    pub join: Vec<JoinMap>,
    /// The space that the architectures are of.
    pub space: String,
    /// The column with the space's published text.
    pub architecture: Option<String>,
    /// Instead: the column with the space's key, where several texts are one architecture.
    pub key: Option<String>,
    /// Instead: one column for each decision in the space's order, holding the index of the choice.
    pub decisions: Option<Vec<String>>,
    /// Instead: the space itself, which is a choice space without networks then, and its columns.
    #[serde(default)]
    pub decision: Vec<DecisionMap>,
    /// Of the space that `decision` defines: genotypes keep their meaning within one version.
    #[serde(default = "first_version")]
    pub version: String,
    /// What answers for an architecture that the table lacks.
    #[serde(default)]
    pub missing: Missing,
    /// Every metric, by name.
    pub metric: BTreeMap<String, MetricMap>,
    /// Data sets, devices: whatever is searched for separately.
    pub problem: BTreeMap<String, ProblemMap>,
}

fn first_version() -> String {
    "1".into()
}

/// What answers for an architecture that the table lacks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Missing {
    /// Nothing: its trial fails, at no cost.
    #[default]
    Fail,
    /// The row that differs in the fewest decisions, weighted; of several the first.
    Nearest,
}

/// A file with further columns.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JoinMap {
    /// Its name, looked for beside the first file and where that is looked for.
    pub file: String,
    /// The column, in both files, by which rows belong together.
    pub on: String,
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
    /// What is searched by where a study does not say it; empty: the first metric with a direction.
    #[serde(default)]
    pub objectives: Vec<String>,
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
        let ways =
            [self.architecture.is_some(), self.key.is_some(), self.decisions.is_some(), !self.decision.is_empty()];
        if ways.iter().filter(|given| **given).count() != 1 {
            return Err(
                "give one of 'architecture' (a column of texts), 'key' (a column of keys), 'decisions' (a list \
                        of columns) and [[decision]] (a space of its own)"
                    .into(),
            );
        }
        self.decision.iter().try_for_each(DecisionMap::check)?;
        if self.missing == Missing::Nearest && self.decision.is_empty() {
            return Err(
                "missing = \"nearest\" needs the decisions of the rows: define the space by [[decision]]".into()
            );
        }
        if let Some(taken) = [ROW, DISTANCE].into_iter().find(|name| self.metric.contains_key(*name)) {
            return Err(format!("metric.{taken}: the name is taken; choose another"));
        }
        if self.problem.is_empty() {
            return Err("there is no [problem.NAME]".into());
        }
        for (name, problem) in &self.problem {
            let named = |objective: &String| objective.split(':').next().unwrap_or_default().to_owned();
            if let Some(unknown) = problem.objectives.iter().map(named).find(|name| !self.metric.contains_key(name)) {
                return Err(format!(
                    "problem.{name}: the objective '{unknown}' is not declared by a [metric.{unknown}]"
                ));
            }
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

    /// The columns that name a row's architecture, where they are not those of [`Map::decision`].
    pub fn identity(&self) -> &[String] {
        let column = self.architecture.as_ref().or(self.key.as_ref());
        column.map(std::slice::from_ref).or(self.decisions.as_deref()).unwrap_or_default()
    }

    /// Whether rows are named by the space's text.
    pub fn by_text(&self) -> bool {
        self.architecture.is_some() || !self.decision.is_empty()
    }

    /// Every column of numbers that some problem reads.
    pub fn columns(&self) -> BTreeSet<&str> {
        let fidelities = || self.problem.values().flat_map(|problem| &problem.fidelity);
        let metrics = fidelities().flat_map(|fidelity| fidelity.metrics.values()).flat_map(Columns::names);
        let seconds = fidelities().filter_map(|fidelity| fidelity.seconds.as_ref()).map(|seconds| &seconds.column);
        metrics.chain(seconds).map(String::as_str).collect()
    }
}
