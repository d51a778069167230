//! Mappings: TOML files that say what the columns of a table mean.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use nas_api::Goal;
use serde::Deserialize;

use crate::TableError;
use crate::inline_space::DecisionMap;

/// The metric that records which row answered, for tables that answer with the nearest row.
pub const ROW: &str = "table_row";
/// The metric that records the distance of the architecture from that row.
pub const DISTANCE: &str = "table_distance";

/// The mapping of a table: the content of its TOML file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Map {
    /// The name, in kebab case.
    pub name: String,
    /// One sentence.
    #[serde(default)]
    pub description: String,
    /// The source: paper.
    #[serde(default)]
    pub reference: String,
    /// The name of the main file, which is searched beside the mapping and in the folders of tables.
    pub file: String,
    /// Files with further columns of the same rows.
    #[serde(default)]
    pub join: Vec<JoinMap>,
    /// The name of the space of the architectures.
    pub space: String,
    /// The column with the text form of each architecture.
    pub architecture: Option<String>,
    /// Alternatively, the column with the key of each architecture, if several texts are the same architecture.
    pub key: Option<String>,
    /// Alternatively, one column per decision, in the space's order, with the index of the choice.
    pub decisions: Option<Vec<String>>,
    /// Alternatively, the definition of the space, which is then a choice space without networks, with the columns of
    /// its decisions.
    #[serde(default)]
    pub decision: Vec<DecisionMap>,
    /// The version of the space that `decision` defines. Within one version, genotypes keep their meaning.
    #[serde(default = "first_version")]
    pub version: String,
    /// What answers for an architecture that is not in the table.
    #[serde(default)]
    pub missing: Missing,
    /// The metrics, by name.
    pub metric: BTreeMap<String, MetricMap>,
    /// The problems, by name: data sets, devices, or whatever else is searched separately.
    pub problem: BTreeMap<String, ProblemMap>,
}

fn first_version() -> String {
    "1".into()
}

/// What answers for an architecture that is not in the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Missing {
    /// Nothing: the trial fails, at no cost.
    #[default]
    Fail,
    /// The row with the smallest weighted distance, the first one if several are equally near.
    Nearest,
}

/// A file with further columns.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JoinMap {
    /// The name of the file, which is searched beside the main file and in the same folders.
    pub file: String,
    /// The column, in both files, whose values match the rows.
    pub on: String,
}

/// The declaration of a metric.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricMap {
    /// The direction in which it gets better, if it has one.
    pub goal: Option<Goal>,
    /// The unit: `%`, `ms`.
    #[serde(default)]
    pub unit: String,
    /// Whether it is for reports only and never told to a strategy.
    #[serde(default)]
    pub hidden: bool,
    /// The factor by which the table's numbers are multiplied.
    #[serde(default = "one")]
    pub scale: f64,
    /// One sentence.
    #[serde(default)]
    pub description: String,
}

fn one() -> f64 {
    1.0
}

/// A problem: what can be searched with the table.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProblemMap {
    /// One sentence.
    #[serde(default)]
    pub description: String,
    /// The objectives of studies that name none, as `METRIC` or `METRIC:GOAL`. If this is empty, such studies take the
    /// first metric with a direction.
    #[serde(default)]
    pub objectives: Vec<String>,
    /// The task that the networks were trained for.
    pub task: TaskMap,
    /// The fidelities, ascending.
    pub fidelity: Vec<FidelityMap>,
}

/// The task that the networks were trained for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskMap {
    /// The shape of one example, without the batch.
    pub input_shape: Vec<i64>,
    /// The number of classes or of regressed values.
    pub outputs: u32,
    /// The kind: `classification`, `regression`.
    pub kind: String,
}

/// The columns of one fidelity.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FidelityMap {
    /// The fidelity, in epochs or steps. It can be omitted if there is only one.
    pub at: Option<f64>,
    /// The seconds that training to this fidelity takes.
    pub seconds: Option<Seconds>,
    /// The columns of each metric, by its name.
    pub metrics: BTreeMap<String, Columns>,
}

/// The seconds of one training.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seconds {
    /// The column.
    pub column: String,
    /// The factor by which its numbers are multiplied.
    #[serde(default = "one")]
    pub times: f64,
}

/// The columns of a metric: one, or one for each of several repeated trainings, of which the trial's seed draws one.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Columns {
    /// A single training.
    One(String),
    /// Repeated trainings.
    Repeats(Vec<String>),
}

impl Columns {
    /// Returns the names of the columns.
    pub fn names(&self) -> &[String] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Repeats(names) => names,
        }
    }
}

/// Whether a text is the name of a file, not a path, on every system. What a mapping names is read, and written by an
/// import, in the folders of tables and nowhere else.
fn is_file_name(text: &str) -> bool {
    let stem = text.split('.').next().unwrap_or_default().trim_end().to_ascii_lowercase();
    let numbered = |device: &str| {
        stem.strip_prefix(device).is_some_and(|number| number.len() == 1 && number.chars().all(|c| c.is_ascii_digit()))
    };
    // Names that Windows gives to devices, whatever their extension is.
    let device = ["con", "prn", "aux", "nul"].contains(&stem.as_str()) || numbered("com") || numbered("lpt");
    let odd = |c: char| c.is_control() || matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|');
    !text.is_empty() && text.len() <= 200 && !device && !text.contains(odd) && !text.ends_with(['.', ' '])
}

impl Map {
    /// Parses and checks the text of a mapping. `origin` names it in errors.
    ///
    /// # Errors
    ///
    /// Returns an error if the text is not TOML, has unknown or missing keys, or contradicts itself.
    pub fn from_toml(text: &str, origin: &Path) -> Result<Self, TableError> {
        let wrong = |problem: String| TableError::Map { path: origin.to_owned(), problem };
        let map: Self = toml::from_str(text).map_err(|error| wrong(error.to_string().trim_end().to_owned()))?;
        map.check().map_err(wrong)?;
        Ok(map)
    }

    fn check(&self) -> Result<(), String> {
        let identities =
            [self.architecture.is_some(), self.key.is_some(), self.decisions.is_some(), !self.decision.is_empty()];
        if identities.iter().filter(|given| **given).count() != 1 {
            return Err(
                "give one of 'architecture' (a column of texts), 'key' (a column of keys), 'decisions' (a list \
                        of columns) and [[decision]] (a space of its own)"
                    .into(),
            );
        }
        let files = std::iter::once(&self.file).chain(self.join.iter().map(|join| &join.file));
        if let Some(path) = files.into_iter().find(|file| !is_file_name(file)) {
            return Err(format!("'{path}' is not the name of a file: write it without a folder"));
        }
        self.decision.iter().try_for_each(DecisionMap::check)?;
        if self.missing == Missing::Nearest && self.decision.is_empty() {
            return Err(
                "missing = \"nearest\" needs the decisions of the rows: define the space by [[decision]]".into()
            );
        }
        if let Some(taken) = [ROW, DISTANCE].into_iter().find(|name| self.metric.contains_key(*name)) {
            return Err(format!("metric.{taken}: the name is reserved; choose another"));
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
                    return Err(format!("problem.{name}: a metric has no columns"));
                }
            }
        }
        Ok(())
    }

    /// Returns the columns that identify a row's architecture, unless they are those of [`Map::decision`].
    pub fn identity(&self) -> &[String] {
        let column = self.architecture.as_ref().or(self.key.as_ref());
        column.map(std::slice::from_ref).or(self.decisions.as_deref()).unwrap_or_default()
    }

    /// Returns whether rows are identified by the text form of the space.
    pub fn by_text(&self) -> bool {
        self.architecture.is_some() || !self.decision.is_empty()
    }

    /// Returns the columns of numbers that some problem reads.
    pub fn columns(&self) -> BTreeSet<&str> {
        let fidelities = || self.problem.values().flat_map(|problem| &problem.fidelity);
        let metrics = fidelities().flat_map(|fidelity| fidelity.metrics.values()).flat_map(Columns::names);
        let seconds = fidelities().filter_map(|fidelity| fidelity.seconds.as_ref()).map(|seconds| &seconds.column);
        metrics.chain(seconds).map(String::as_str).collect()
    }
}
