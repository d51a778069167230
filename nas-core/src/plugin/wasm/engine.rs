//! The engine that all components share, with their limits and their log.

use std::path::PathBuf;
use std::time::Duration;

use wasmtime::{Cache, CacheConfig, Config, Engine};

use super::limits::Limits;
use super::log::Log;

/// How often the wall-clock limit of a call is checked.
const TICK: Duration = Duration::from_millis(100);

/// What every instance needs: the engine that compiled it, its limits, and where its log lines go.
pub struct Runtime {
    pub(super) engine: Engine,
    pub(super) limits: Limits,
    pub(super) log: Log,
}

impl Runtime {
    /// A runtime that keeps compiled code in the folder `cache`; without one, every start compiles again.
    pub(super) fn new(cache: Option<PathBuf>, limits: Limits, log: Log) -> wasmtime::Result<Self> {
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
        tick(&engine);
        Ok(Self { engine, limits, log })
    }

    /// The number of ticks until the wall-clock limit of a call.
    pub(super) fn deadline(&self) -> u64 {
        u64::from(self.limits.call_seconds) * 1000 / TICK.as_millis() as u64 + 1
    }
}

/// Advances the engine's epoch at every tick until the engine is dropped.
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
