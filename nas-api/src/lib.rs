//! What a plugin for `nas` depends on: the vocabulary, the traits [`SearchSpace`], [`Strategy`] and [`Evaluator`], the
//! architecture [`graph`] with its builder, and the macros that turn an implementation into a WebAssembly component.
//!
//! Everything here builds for `wasm32-unknown-unknown` and is deterministic: equal arguments and seeds give equal bits,
//! natively and in a component. For that, random numbers come from [`rng`] and transcendental functions from `libm`.

pub mod config;
pub mod conformance;
mod confusion;
pub mod error;
pub mod evaluator;
#[cfg(all(feature = "std-files", not(target_arch = "wasm32")))]
pub mod file;
mod final_training;
mod flat_space;
pub mod graph;
pub mod learning_curve;
mod meter;
pub mod rng;
pub mod space;
pub mod space_defaults;
pub mod strategy;
pub mod types;

#[cfg(feature = "native")]
pub mod codec;
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod guest;
#[cfg(not(target_arch = "wasm32"))]
mod macros;
#[cfg(feature = "native")]
pub mod native;

pub use config::{Parameter, ParameterKind, Range, Role, Setting, Settings, Value};
pub use confusion::Confusion;
pub use error::{Error, Result};
pub use evaluator::{
    CurvePoint, Evaluator, EvaluatorInfo, EvaluatorPlugin, Fingerprint, Measurement, MetricInfo, Monitor, Opened,
    Request, Stop, Verdict,
};
pub use final_training::{FinalTraining, HOST_FILES, TrainRequest, Trained, WEIGHTS_FILE};
pub use flat_space::FlatSpace;
pub use graph::{Attribute, Convolution, Graph, GraphBuilder, Heads, Node, NodeId, Symbol, Task, Window};
pub use meter::{Meter, MeterInfo};
pub use space::{Network, OpenSpace, SearchSpace, Space, SpaceInfo};
pub use strategy::{Needs, Serves, Strategy, StrategyInfo, StrategyPlugin, Study};
pub use types::{
    Candidate, Choice, Constraint, Decision, Failure, Genotype, Goal, Metric, Objective, Observation, Proposal, Weights,
};

/// The version of the contract (`wit/`) that this crate speaks.
pub const CONTRACT_VERSION: &str = "0.1.0";
