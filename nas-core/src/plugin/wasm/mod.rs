//! The WebAssembly host; no other module uses wasmtime.
//!
//! All components share one engine, compiled code is cached on disk, and every opened plugin has a store of its own.
//! Components get no clock, files, network or randomness. The engine's settings (fuel, canonical NaN, deterministic
//! relaxed SIMD) make a component compute the same bits on every machine.

mod bindings;
mod convert;
mod engine;
mod evaluator;
mod guest;
mod host;
mod limits;
mod load;
mod log;
mod scan;
mod space;
mod strategy;

pub use evaluator::WasmEvaluatorSource;
pub use host::Host;
pub use limits::Limits;
pub use load::Component;
pub use log::{Level, Log};
pub use space::WasmSpaceSource;
pub use strategy::WasmStrategy;
