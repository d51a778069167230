//! Helpers that the tests of studies share: a registry of test plugins, and functions that run and compare studies.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use nas_core::plugin::{Options, PluginError, Registry};
use nas_core::study::{
    BudgetChange, BudgetSpec, End, Event, Listener, NewLimit, Plan, PluginSpec, ResumeOptions, StudyError, StudyRecord,
    StudySpec, UnresolvedSetting, checkpoint_folder, records_without_times, resume, start,
};
use nas_spaces::{ChoiceSpace, Mlp, NasBench201};
use nas_strategies::{Genetic, LocalSearch, RandomSearch, RegularizedEvolution, Reinforce};

use crate::evaluator::Cheap;
use crate::strategy::{Fickle, Halving, Scripted};

/// The built-in strategies that these tests use.
pub const STRATEGIES: [&str; 5] = ["random-search", "local-search", "genetic", "regularized-evolution", "reinforce"];

/// A registry with built-in plugins and the plugins of these tests.
pub fn registry() -> Result<Registry, PluginError> {
    let mut registry = Registry::new(Options::default());
    registry.add_space::<Mlp>()?;
    registry.add_space::<NasBench201>()?;
    registry.read_tables_with::<ChoiceSpace>();
    registry.add_strategy::<RandomSearch>();
    registry.add_strategy::<LocalSearch>();
    registry.add_strategy::<Genetic>();
    registry.add_strategy::<RegularizedEvolution>();
    registry.add_strategy::<Reinforce>();
    registry.add_strategy::<Scripted>();
    registry.add_strategy::<Halving>();
    registry.add_strategy::<Fickle>();
    registry.add_evaluator::<Cheap<false>>();
    registry.add_evaluator::<Cheap<true>>();
    Ok(registry)
}

/// A study of `mlp` with the evaluator `cheap`, which records its calls under `label`.
pub fn spec(label: &str, strategy: &str, trials: u32) -> StudySpec {
    let spec = StudySpec {
        space: PluginSpec::named("mlp"),
        strategy: PluginSpec::named(strategy),
        evaluator: PluginSpec::named("cheap"),
        seed: Some(3),
        budget: BudgetSpec { trials: Some(trials), ..BudgetSpec::default() },
        ..StudySpec::default()
    };
    with(spec, &[("evaluator.label", label)])
}

/// A study whose strategy proposes what `script` says (see [`Scripted`]), and finishes at its end.
pub fn scripted(label: &str, script: &str) -> StudySpec {
    with(spec(label, "scripted", 100), &[("strategy.label", label), ("strategy.script", script)])
}

/// Adds settings, in the form that `--set` takes.
pub fn with(mut spec: StudySpec, settings: &[(&str, &str)]) -> StudySpec {
    for (name, value) in settings {
        let (table, key) = name.split_once('.').unwrap_or(("evaluator", name));
        let plugin = match table {
            "strategy" => &mut spec.strategy,
            "space" => &mut spec.space,
            "pruner" => &mut spec.pruner,
            _ => &mut spec.evaluator,
        };
        plugin.settings.insert(key.to_owned(), UnresolvedSetting::Raw((*value).to_owned()));
    }
    spec
}

/// Starts a study and runs it to its end.
pub fn run(spec: &StudySpec, file: &Path) -> Result<End, StudyError> {
    run_with(spec, file, &AtomicBool::new(false), &mut ())
}

/// Starts a study with a listener and a flag that stops it.
pub fn run_with(
    spec: &StudySpec,
    file: &Path,
    stop: &AtomicBool,
    listener: &mut dyn Listener,
) -> Result<End, StudyError> {
    let registry = registry().map_err(StudyError::Open)?;
    start(Plan::check(spec, &registry, Some(&checkpoint_folder(file)))?, file, stop, listener)
}

/// Resumes a study unchanged.
pub fn go_on(file: &Path) -> Result<End, StudyError> {
    go_on_with(file, &ResumeOptions::default(), &mut ())
}

/// Resumes a study with options and a listener.
pub fn go_on_with(file: &Path, options: &ResumeOptions, listener: &mut dyn Listener) -> Result<End, StudyError> {
    let registry = registry().map_err(StudyError::Open)?;
    resume(file, &registry, options, &AtomicBool::new(false), listener)
}

/// Options for a warm start with this strategy.
pub fn warm(strategy: &str, trials: u32) -> ResumeOptions {
    ResumeOptions {
        strategy: PluginSpec::named(strategy),
        warm_start: true,
        budget: BudgetChange { trials: Some(NewLimit::To(trials)), ..BudgetChange::default() },
    }
}

/// Runs a study and copies its file, with write-ahead log and checkpoints, after every commit. Each copy is what a process
/// killed at that moment leaves behind.
pub fn run_with_copies(spec: &StudySpec, file: &Path, folder: &Path) -> Result<Vec<PathBuf>, StudyError> {
    let mut copies = Copies { file: file.to_owned(), folder: folder.to_owned(), taken: Vec::new() };
    run_with(spec, file, &AtomicBool::new(false), &mut copies)?;
    Ok(copies.taken)
}

/// A listener that copies a study's file at every commit.
pub struct Copies {
    pub file: PathBuf,
    pub folder: PathBuf,
    pub taken: Vec<PathBuf>,
}

impl Listener for Copies {
    fn event(&mut self, event: &Event<'_>) {
        if matches!(event, Event::Committed) {
            let copy = self.folder.join(format!("{}.study", self.taken.len()));
            copy_study(&self.file, &copy).expect("a study's file can be copied");
            self.taken.push(copy);
        }
    }
}

/// Copies a study's file with everything that belongs to it except the lock.
pub fn copy_study(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::copy(from, to)?;
    let beside = |path: &Path, ending: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    };
    if beside(from, "-wal").exists() {
        fs::copy(beside(from, "-wal"), beside(to, "-wal"))?;
    }
    let states = checkpoint_folder(from);
    if states.is_dir() {
        fs::create_dir_all(checkpoint_folder(to))?;
        for state in fs::read_dir(states)? {
            let state = state?;
            fs::copy(state.path(), checkpoint_folder(to).join(state.file_name()))?;
        }
    }
    Ok(())
}

/// The records of a study as text, without times.
pub fn records(file: &Path) -> String {
    records_without_times(file).expect("a study's file can be read")
}

/// Reads a study's file.
pub fn read(file: &Path) -> StudyRecord {
    StudyRecord::read(file).expect("a study's file can be read")
}

/// Asserts that two records are equal. It reports only the first difference, so that a failing test stays readable.
pub fn assert_same_records(left: &str, right: &str, what: &str) {
    for (number, (left, right)) in left.lines().zip(right.lines()).enumerate() {
        assert_eq!(left, right, "{what}: line {number} of the records differs");
    }
    assert_eq!(left.lines().count(), right.lines().count(), "{what}: one of the records is longer");
}

/// Asserts that a result is an error whose message contains all parts and a remedy, and returns the message.
pub fn message<T>(result: Result<T, StudyError>, parts: &[&str]) -> String {
    let text = match result {
        Ok(_) => panic!("nothing was refused; expected {parts:?}"),
        Err(error) => error.to_string(),
    };
    for part in parts.iter().chain(&["\n  help: "]) {
        assert!(text.contains(part), "'{part}' is not in: {text}");
    }
    assert!(!text.ends_with("help: "), "an empty remedy: {text}");
    text
}
