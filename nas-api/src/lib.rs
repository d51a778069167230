//! What a plugin for `nas` depends on: the vocabulary, the traits [`SearchSpace`], [`Strategy`] and [`Evaluator`], the
//! architecture [`graph`] with its builder, and the macros that turn an implementation into a WebAssembly component.
//!
//! Everything here builds for `wasm32-unknown-unknown` and is deterministic: equal arguments and seeds give equal bits,
//! natively and in a component. For that, random numbers come from [`rng`] and transcendental functions from `libm`.

pub mod config;
pub mod conformance;
mod confusion;
pub mod curve;
pub mod error;
pub mod evaluator;
mod flat;
mod full_training;
pub mod graph;
mod meter;
pub mod rng;
pub mod space;
pub mod strategy;
pub mod types;
pub mod walk;

#[cfg(feature = "native")]
pub mod codec;
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod guest;
#[cfg(not(target_arch = "wasm32"))]
mod macros;
#[cfg(feature = "native")]
pub mod native;

pub use config::{Parameter, ParameterKind, Range, Setting, Settings, Value};
pub use confusion::Confusion;
pub use error::{Error, Result};
pub use evaluator::{
    Evaluator, EvaluatorInfo, EvaluatorPlugin, Fingerprint, Measurement, MetricInfo, Monitor, Opened, Report, Request,
    Stop, Verdict,
};
pub use flat::Flat;
pub use full_training::{FullTraining, HOST_FILES, TrainRequest, Trained, WEIGHTS_FILE};
pub use graph::{Attribute, Convolution, Graph, GraphBuilder, Heads, Node, NodeId, Task, Window, Word};
pub use meter::{Meter, MeterInfo};
pub use space::{Network, OpenSpace, SearchSpace, Space, SpaceInfo};
pub use strategy::{Strategy, StrategyInfo, StrategyPlugin, Study};
pub use types::{
    Bound, Candidate, Choice, Decision, Failure, Genotype, Goal, Metric, Objective, Observation, Proposal, Weights,
};

/// The version of the contract (`wit/`) that this crate speaks.
pub const CONTRACT_VERSION: &str = "0.1.0";
