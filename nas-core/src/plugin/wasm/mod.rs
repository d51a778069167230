//! The WebAssembly host: the one module that knows wasmtime.
//!
//! One engine for all components; compiled code is cached on disk; every opened plugin has a store of its own. Nothing
//! ambient is offered: no clock, files, network or randomness. Settings are chosen so that a component computes the
//! same bits on every machine (fuel, canonical NaN, deterministic relaxed SIMD).

mod bindings;
mod convert;
mod engine;
mod evaluator;
mod guest;
mod limits;
mod load;
mod space;
mod strategy;

pub use engine::Host;
pub use evaluator::WasmEvaluatorSource;
pub use limits::Limits;
pub use load::{Component, Level, Log};
pub use space::WasmSpaceSource;
pub use strategy::WasmStrategy;
