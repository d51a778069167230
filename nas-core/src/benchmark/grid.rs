//! What is compared.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::study::{BudgetSpec, Duplicates, PluginSpec, StudyError, StudySpec, TaskSpec, relocate, relocate_data};

/// What is searched for.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProblemSpec {
    /// The search space; where none is named, the one that the evaluator knows.
    pub space: PluginSpec,
    /// The evaluator.
    pub evaluator: PluginSpec,
    /// Shorthand for the evaluator's parameter `data`.
    pub data: Option<String>,
    /// As in a study.
    pub objectives: Vec<String>,
    /// As in a study.
    pub constraints: Vec<String>,
    /// As in a study.
    pub meters: Vec<String>,
    /// As in a study.
    pub task: TaskSpec,
}

/// Strategies × problems × seeds. Every strategy runs with the same seeds, so that results can be compared in pairs.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Grid {
    /// By label: a strategy with its settings.
    pub strategies: BTreeMap<String, PluginSpec>,
    /// By name.
    pub problems: BTreeMap<String, ProblemSpec>,
    /// How many seeds.
    pub seeds: Option<u32>,
    /// The first seed (default 0).
    pub first_seed: u32,
    /// What each study may spend.
    pub budget: BudgetSpec,
    /// Trials of a study measured side by side (default 1).
    pub workers: Option<u32>,
    /// Whether a study measures again what it measured before (default: it does not).
    pub duplicates: Option<Duplicates>,
    /// The simulated clock counts the strategy's own seconds, too. Two runs are not equal then.
    pub count_strategy: bool,
}

impl Grid {
    /// Reads a TOML file. Relative paths of plugins and data in it are taken from the file's folder.
    pub fn from_file(path: &Path) -> Result<Self, StudyError> {
        let text = fs::read_to_string(path).map_err(|error| {
            StudyError::file(path, format!("cannot be read: {error}"), "name a benchmark's TOML file")
        })?;
        let mut grid: Self = toml::from_str(&text).map_err(|error| {
            let remedy = "docs/guides/compare-strategies.md lists every key";
            StudyError::file(path, error.to_string().trim_end().to_owned(), remedy)
        })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        grid.strategies.values_mut().for_each(|strategy| strategy.relocate(folder));
        for problem in grid.problems.values_mut() {
            problem.space.relocate(folder);
            problem.evaluator.relocate(folder);
            if let Some(data) = &mut problem.data {
                relocate_data(data, folder);
            }
            problem.meters.iter_mut().for_each(|meter| relocate(meter, folder));
        }
        Ok(grid)
    }

    /// Whether there is anything to compare.
    pub fn check(&self) -> Result<(), StudyError> {
        let none = |place: &str, remedy: &str| Err(StudyError::spec(place, "there is none", remedy));
        if self.strategies.is_empty() {
            return none("strategies", "give --strategies A,B, or [strategies.LABEL] in the file");
        }
        if self.problems.is_empty() {
            return none("problems", "give --problems P,Q, or [problems.NAME] in the file");
        }
        if self.seeds.unwrap_or(0) == 0 {
            return none("seeds", "give --seeds N; ten or more tell something");
        }
        if self.first_seed.checked_add(self.seeds.unwrap_or(0)).is_none() {
            return Err(StudyError::spec("seeds", "they go beyond 4294967295", "choose a lower first_seed"));
        }
        Ok(())
    }

    /// The seeds.
    pub fn seed_range(&self) -> std::ops::Range<u32> {
        self.first_seed..self.first_seed.saturating_add(self.seeds.unwrap_or(0))
    }

    /// One study of the grid.
    pub(super) fn study(&self, problem: &ProblemSpec, strategy: &PluginSpec, seed: u32) -> StudySpec {
        let ProblemSpec { space, evaluator, data, objectives, constraints, meters, task } = problem.clone();
        StudySpec {
            space,
            strategy: strategy.clone(),
            evaluator,
            data,
            seed: Some(seed),
            workers: self.workers,
            duplicates: self.duplicates,
            objectives,
            constraints,
            meters,
            budget: self.budget,
            task,
            ..StudySpec::default()
        }
    }
}
