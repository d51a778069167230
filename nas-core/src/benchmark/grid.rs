//! The description of a benchmark.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::names::did_you_mean;
use crate::study::{
    BudgetSpec, Duplicates, PluginSpec, StudyError, StudySpec, TaskSpec, UnresolvedSetting, check_name, relocate,
    typed_text,
};

/// One problem of a benchmark.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProblemSpec {
    /// The search space; by default the one that the evaluator knows.
    pub space: PluginSpec,
    /// The evaluator.
    pub evaluator: PluginSpec,
    /// A shorthand for the evaluator's parameter that names its data.
    #[serde(deserialize_with = "typed_text")]
    pub data: Option<UnresolvedSetting>,
    /// The folder of the benchmark's file, to which relative paths refer.
    #[serde(skip)]
    pub folder: Option<PathBuf>,
    /// The objectives, as in [`StudySpec::objectives`].
    pub objectives: Vec<String>,
    /// The constraints, as in [`StudySpec::constraints`].
    pub constraints: Vec<String>,
    /// The meters, as in [`StudySpec::meters`].
    pub meters: Vec<String>,
    /// The task, as in [`StudySpec::task`].
    pub task: TaskSpec,
}

/// A grid of strategies × problems × seeds. Every strategy runs with the same seeds, so that results are paired.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Grid {
    /// Strategies with their settings, by label.
    pub strategies: BTreeMap<String, PluginSpec>,
    /// Problems by name.
    pub problems: BTreeMap<String, ProblemSpec>,
    /// The number of seeds.
    pub seeds: Option<u32>,
    /// The first seed (default 0).
    pub first_seed: u32,
    /// The budget of each study.
    pub budget: BudgetSpec,
    /// The pruner of every study that it can serve.
    pub pruner: PluginSpec,
    /// Pruners that replace `pruner` for some strategies, by the strategy's label. A strategy can be compared with and
    /// without a pruner that way.
    pub pruners: BTreeMap<String, PluginSpec>,
    /// The number of trials of a study that are measured side by side (default 1).
    pub workers: Option<u32>,
    /// Whether a study measures duplicates again (default: it does not).
    pub duplicates: Option<Duplicates>,
    /// Whether the simulated clock also counts the strategy's own seconds. Two runs are not equal then.
    pub count_strategy: bool,
}

impl Grid {
    /// Reads a TOML file. Relative paths of plugins and data are relative to the file's folder.
    ///
    /// # Errors
    /// The file cannot be read, or has a wrong key or value.
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
            problem.folder = Some(folder.to_owned());
            problem.meters.iter_mut().for_each(|meter| relocate(meter, folder));
        }
        Ok(grid)
    }

    /// Checks that the grid has strategies, problems and seeds, and that its pruners exist.
    ///
    /// # Errors
    /// Something is missing or wrong.
    pub fn check(&self) -> Result<(), StudyError> {
        let missing = |place: &str, remedy: &str| Err(StudyError::spec(place, "there is none", remedy));
        if self.strategies.is_empty() {
            return missing("strategies", "give --strategies A,B, or [strategies.LABEL] in the file");
        }
        if self.problems.is_empty() {
            return missing("problems", "give --problems P,Q, or [problems.NAME] in the file");
        }
        if self.seeds.unwrap_or(0) == 0 {
            return missing("seeds", "give --seeds N; use at least ten for a comparison");
        }
        for pruner in self.pruners.values().chain([&self.pruner]).filter_map(|pruner| pruner.reference.as_ref()) {
            check_name(pruner)?;
        }
        if let Some(unknown) = self.pruners.keys().find(|label| !self.strategies.contains_key(*label)) {
            let near = did_you_mean(unknown, self.strategies.keys().map(String::as_str));
            let known: Vec<&str> = self.strategies.keys().map(String::as_str).collect();
            return Err(StudyError::spec(
                format!("pruners.{unknown}"),
                "no strategy has this label",
                format!("{near}known: {}", known.join(", ")),
            ));
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

    /// The pruner of the strategy with this label.
    pub(super) fn pruner_of(&self, label: &str) -> &PluginSpec {
        self.pruners.get(label).unwrap_or(&self.pruner)
    }

    /// One study of the grid. It has no strategy if the label is unknown.
    pub(super) fn study(&self, problem: &ProblemSpec, label: &str, seed: u32) -> StudySpec {
        let ProblemSpec { space, evaluator, data, folder, objectives, constraints, meters, task } = problem.clone();
        StudySpec {
            space,
            strategy: self.strategies.get(label).cloned().unwrap_or_default(),
            evaluator,
            data,
            folder,
            seed: Some(seed),
            workers: self.workers,
            duplicates: self.duplicates,
            objectives,
            constraints,
            meters,
            pruner: self.pruner_of(label).clone(),
            budget: self.budget,
            task,
            ..StudySpec::default()
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use nas_api::Value;

    use super::*;

    #[test]
    fn paths_are_relative_to_the_folder_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("grid.toml");
        let text = "[problems.own]\nspace = 'own.toml'\ndata = 'm.parquet'\n\
                    evaluator = { use = 'burn', recipe = 'mine.toml' }\n\
                    [problems.named]\nevaluator = { use = 'burn', recipe = 'fast' }\n";
        fs::write(&path, text).unwrap();
        let grid = Grid::from_file(&path).unwrap();
        let in_folder = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        assert_eq!(grid.problems["own"].space.reference, Some(in_folder("own.toml")));
        let study = grid.study(&grid.problems["own"], "random-search", 1);
        let typed = |text: &str| UnresolvedSetting::Typed(Value::Text(text.into()));
        assert_eq!((study.data, study.folder.as_deref()), (Some(typed("m.parquet")), Some(folder.path())));
        assert_eq!(
            study.evaluator.settings["recipe"],
            typed("mine.toml"),
            "made relative to the folder when it is resolved"
        );
    }
}
