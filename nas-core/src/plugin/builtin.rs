//! Plugins that are part of the program.

use std::marker::PhantomData;
use std::path::Path;
use std::sync::Arc;

use nas_api::evaluator::EvaluatorPlugin;
use nas_api::{
    Evaluator, EvaluatorInfo, OpenSpace, Parameter, SearchSpace, Settings, StrategyInfo, StrategyPlugin, Study,
};

use super::search::guarded;
use super::wasm::{Level, Log};
use super::{EvaluatorSource, Identity, Kind, NativeSearch, Origin, PluginError, Search, SpaceSource, StrategySource};

/// The source of a built-in plugin.
pub(super) struct BuiltIn<T> {
    identity: Identity,
    /// Where its warnings go; `None`: they are not heard.
    log: Option<Log>,
    plugin: PhantomData<fn() -> T>,
}

impl<T> BuiltIn<T> {
    pub fn new(kind: Kind, name: &str, version: &str) -> Self {
        let (name, version) = (name.to_owned(), version.to_owned());
        let identity = Identity { kind, name, version, origin: Origin::BuiltIn, digest: None };
        Self { identity, log: None, plugin: PhantomData }
    }

    /// The same source, whose warnings go to this log.
    pub fn with_log(self, log: Log) -> Self {
        Self { log: Some(log), ..self }
    }
}

impl<S: SearchSpace> SpaceSource for BuiltIn<S> {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn parameters(&self) -> Result<Vec<Parameter>, PluginError> {
        Ok(S::parameters())
    }

    fn open(&self, settings: &Settings) -> Result<Box<dyn OpenSpace>, PluginError> {
        guarded(&self.identity, "open", || Ok(Box::new(S::open(settings)?) as Box<dyn OpenSpace>))
    }
}

impl<T: StrategyPlugin> StrategySource for BuiltIn<T> {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn info(&self) -> Result<StrategyInfo, PluginError> {
        Ok(T::info())
    }

    fn open(&self, study: &Study, mut space: Box<dyn OpenSpace>) -> Result<Box<dyn Search>, PluginError> {
        let strategy = guarded(&self.identity, "open", || T::open(study, space.as_mut()));
        for line in nas_api::notice::take() {
            if let Some(log) = &self.log {
                log(Level::Warn, &self.identity.to_string(), &line);
            }
        }
        let strategy = strategy?;
        Ok(Box::new(NativeSearch::new(self.identity.clone(), Box::new(strategy), space)))
    }
}

impl<E: EvaluatorPlugin> EvaluatorSource for BuiltIn<E> {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn info(&self) -> Result<EvaluatorInfo, PluginError> {
        Ok(E::info())
    }

    fn open(&self, settings: &Settings, checkpoints: Option<&Path>) -> Result<Arc<dyn Evaluator>, PluginError> {
        guarded(&self.identity, "open", || Ok(Arc::new(E::open(settings, checkpoints)?) as Arc<dyn Evaluator>))
    }
}
