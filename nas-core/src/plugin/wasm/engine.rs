//! The engine that all components share.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::{HasSelf, Linker};
use wasmtime::{Cache, CacheConfig, Config, Engine};

use super::bindings::evaluator::CandidateEvaluator;
use super::bindings::space::SearchSpace;
use super::bindings::strategy::SearchStrategy;
use super::guest::State;
use super::limits::Limits;
use super::load::Log;

/// How often the wall-clock backstop looks at the clock.
const TICK: Duration = Duration::from_millis(100);

/// Compiles and instantiates components.
pub struct Host {
    pub(super) engine: Engine,
    pub(super) strategies: Linker<State>,
    pub(super) spaces: Linker<State>,
    pub(super) evaluators: Linker<State>,
    pub(super) limits: Limits,
    pub(super) log: Log,
}

impl Host {
    /// A host that keeps compiled code in `cache`; without a folder every start compiles anew.
    pub fn new(cache: Option<PathBuf>, limits: Limits, log: Log) -> wasmtime::Result<Arc<Self>> {
        let mut config = Config::new();
        config
            .consume_fuel(true)
            .epoch_interruption(true)
            .cranelift_nan_canonicalization(true)
            .relaxed_simd_deterministic(true)
            .wasm_backtrace_max_frames(None);
        if let Some(folder) = cache {
            let mut settings = CacheConfig::new();
            settings.with_directory(folder);
            config.cache(Some(Cache::new(settings)?));
        }
        let engine = Engine::new(&config)?;
        let mut strategies = Linker::new(&engine);
        SearchStrategy::add_to_linker::<_, HasSelf<_>>(&mut strategies, |state: &mut State| state)?;
        let mut spaces = Linker::new(&engine);
        SearchSpace::add_to_linker::<_, HasSelf<_>>(&mut spaces, |state: &mut State| state)?;
        let mut evaluators = Linker::new(&engine);
        CandidateEvaluator::add_to_linker::<_, HasSelf<_>>(&mut evaluators, |state: &mut State| state)?;
        tick(&engine);
        Ok(Arc::new(Self { engine, strategies, spaces, evaluators, limits, log }))
    }

    /// Ticks until the deadline of a call.
    pub(super) fn deadline(&self) -> u64 {
        u64::from(self.limits.call_seconds) * 1000 / TICK.as_millis() as u64 + 1
    }
}

/// Advances the engine's epoch until the engine is gone.
fn tick(engine: &Engine) {
    let engine = engine.weak();
    std::thread::spawn(move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(TICK);
        }
    });
}
