//! Finds plugins by name or path.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nas_api::evaluator::EvaluatorPlugin;
use nas_api::{SearchSpace, Settings, StrategyPlugin};

use super::builtin::BuiltIn;
use super::{EvaluatorSource, Identity, Kind, PluginError, SpaceSource, StrategySource};

/// One plugin that a name can mean.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Which one it is.
    pub identity: Identity,
    /// A name given at the command line means this one, and not another of the same name.
    pub wins: bool,
}

/// The plugins that a study can name.
#[derive(Default)]
pub struct Registry {
    spaces: BTreeMap<String, Arc<dyn SpaceSource>>,
    strategies: BTreeMap<String, Arc<dyn StrategySource>>,
    evaluators: BTreeMap<String, Arc<dyn EvaluatorSource>>,
    search_path: Vec<PathBuf>,
}

impl Registry {
    /// Components are looked for in these folders, first to last; a component wins over a built-in of the same name.
    pub fn new(search_path: Vec<PathBuf>) -> Self {
        Self { search_path, ..Self::default() }
    }

    /// Makes a built-in space known. Its name and version are those of the space at its default settings.
    pub fn add_space<S: SearchSpace>(&mut self) -> Result<(), PluginError> {
        todo_space::<S>(self)
    }

    /// Makes a built-in strategy known.
    pub fn add_strategy<T: StrategyPlugin>(&mut self) {
        let info = T::info();
        let source = BuiltIn::<T>::new(Kind::Strategy, &info.name, &info.version);
        self.strategies.insert(info.name, Arc::new(source));
    }

    /// Makes a built-in evaluator known.
    pub fn add_evaluator<E: EvaluatorPlugin>(&mut self) {
        let info = E::info();
        let source = BuiltIn::<E>::new(Kind::Evaluator, &info.name, &info.version);
        self.evaluators.insert(info.name, Arc::new(source));
    }

    /// The space of this name or path.
    pub fn space(&self, reference: &str) -> Result<Arc<dyn SpaceSource>, PluginError> {
        self.spaces.get(reference).cloned().ok_or_else(|| unknown(Kind::Space, reference, self.spaces.keys()))
    }

    /// The strategy of this name or path.
    pub fn strategy(&self, reference: &str) -> Result<Arc<dyn StrategySource>, PluginError> {
        self.strategies.get(reference).cloned().ok_or_else(|| unknown(Kind::Strategy, reference, self.strategies.keys()))
    }

    /// The evaluator of this name or path.
    pub fn evaluator(&self, reference: &str) -> Result<Arc<dyn EvaluatorSource>, PluginError> {
        self.evaluators.get(reference).cloned().ok_or_else(|| unknown(Kind::Evaluator, reference, self.evaluators.keys()))
    }

    /// Everything that a name can mean, sorted by kind and name.
    pub fn list(&self) -> Vec<Entry> {
        let spaces = self.spaces.values().map(|source| source.identity());
        let strategies = self.strategies.values().map(|source| source.identity());
        let evaluators = self.evaluators.values().map(|source| source.identity());
        let all = spaces.chain(strategies).chain(evaluators);
        all.map(|identity| Entry { identity: identity.clone(), wins: true }).collect()
    }
}

fn todo_space<S: SearchSpace>(registry: &mut Registry) -> Result<(), PluginError> {
    let placeholder = BuiltIn::<S>::new(Kind::Space, "", "");
    let settings = Settings::defaults(&S::parameters());
    let info = placeholder.open(&settings)?.info().map_err(|e| PluginError::from_api(placeholder.identity(), "describe", e))?;
    let source = BuiltIn::<S>::new(Kind::Space, &info.name, &info.version);
    registry.spaces.insert(info.name, Arc::new(source));
    Ok(())
}

fn unknown<'a>(kind: Kind, reference: &str, known: impl Iterator<Item = &'a String>) -> PluginError {
    let _ = Path::new(reference);
    let known: Vec<&str> = known.map(String::as_str).collect();
    PluginError {
        plugin: format!("{kind} '{reference}'"),
        call: String::new(),
        problem: "is not known".into(),
        remedy: format!("known: {}", known.join(", ")),
    }
}
