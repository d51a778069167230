//! The engine that all components share, with their limits and their log.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use wasmtime::{Cache, CacheConfig, Config, Engine};

use super::limits::Limits;
use super::log::{Log, LogBudget};

/// How often the wall-clock limit of a call is checked.
const TICK: Duration = Duration::from_millis(100);

/// What every instance needs: the engine that compiled it, its limits, and where its log lines go.
pub struct Runtime {
    pub(super) engine: Engine,
    pub(super) limits: Limits,
    pub(super) log: Log,
    pub(super) log_budget: LogBudget,
    ticks: Arc<AtomicU64>,
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
        let ticks = Arc::default();
        tick(&engine, Arc::clone(&ticks));
        Ok(Self { engine, limits, log, log_budget: LogBudget::new(limits.log_bytes), ticks })
    }

    /// The time in ticks. Reading it costs nothing, unlike the system's clock.
    pub(super) fn now(&self) -> u64 {
        self.ticks.load(Ordering::Relaxed)
    }

    /// The wall-clock limit of a call, in ticks.
    pub(super) fn call_ticks(&self) -> u64 {
        u64::from(self.limits.call_seconds) * 1000 / TICK.as_millis() as u64 + 1
    }
}

/// Counts the ticks and advances the engine's epoch at each, until the engine is dropped.
fn tick(engine: &Engine, ticks: Arc<AtomicU64>) {
    let engine = engine.weak();
    std::thread::spawn(move || {
        while let Some(engine) = engine.upgrade() {
            ticks.fetch_add(1, Ordering::Relaxed);
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(TICK);
        }
    });
}
