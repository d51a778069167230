//! Compiles components and links them with the host's functions.

use std::path::PathBuf;
use std::sync::Arc;

use wasmtime::component::{HasSelf, Linker};

use super::bindings::evaluator::CandidateEvaluator;
use super::bindings::space::SearchSpace;
use super::bindings::strategy::SearchStrategy;
use super::engine::Runtime;
use super::guest::State;
use super::limits::Limits;
use super::log::Log;

/// Compiles and instantiates components.
pub struct Host {
    pub(super) runtime: Arc<Runtime>,
    pub(super) strategies: Linker<State>,
    pub(super) spaces: Linker<State>,
    pub(super) evaluators: Linker<State>,
}

impl Host {
    /// A host that keeps compiled code in the folder `cache`; without one, every start compiles again.
    ///
    /// # Errors
    /// The cache folder cannot be used, or the engine does not support this machine.
    pub fn new(cache: Option<PathBuf>, limits: Limits, log: Log) -> wasmtime::Result<Arc<Self>> {
        let runtime = Runtime::new(cache, limits, log)?;
        let mut strategies = Linker::new(&runtime.engine);
        SearchStrategy::add_to_linker::<_, HasSelf<_>>(&mut strategies, |state: &mut State| state)?;
        let mut spaces = Linker::new(&runtime.engine);
        SearchSpace::add_to_linker::<_, HasSelf<_>>(&mut spaces, |state: &mut State| state)?;
        let mut evaluators = Linker::new(&runtime.engine);
        CandidateEvaluator::add_to_linker::<_, HasSelf<_>>(&mut evaluators, |state: &mut State| state)?;
        Ok(Arc::new(Self { runtime: Arc::new(runtime), strategies, spaces, evaluators }))
    }
}
