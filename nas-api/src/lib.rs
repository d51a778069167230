//! The interface between `nas` and its plugins.
//!
//! A plugin implements one of three traits: [`SearchSpace`] says which architectures there are and builds their graphs,
//! [`Strategy`] proposes candidates, and [`Evaluator`] measures them. The crate also has the vocabulary that the three
//! share ([`Genotype`], [`Proposal`], [`Observation`], [`Metric`], ...), the architecture [`graph`] with its builder,
//! shape inference and counts, and [`conformance`] checks for tests. [`export_strategy!`], [`export_space!`] and
//! [`export_evaluator!`] turn an implementation into a WebAssembly component.
//!
//! Everything here builds for `wasm32-unknown-unknown` and is deterministic: equal arguments and seeds give equal bits,
//! natively and in a component. Random numbers therefore come from [`rng`], and transcendental functions from `libm`.
//!
//! # Examples
//!
//! Random search is a complete strategy:
//!
//! ```
//! use nas_api::rng::{Random, RngExt, seeded};
//! use nas_api::{Observation, Proposal, Result, Space, Strategy, StrategyInfo, StrategyPlugin, Study};
//!
//! struct RandomSearch(Random);
//!
//! impl StrategyPlugin for RandomSearch {
//!     fn info() -> StrategyInfo {
//!         StrategyInfo { name: "my-random-search".into(), version: "0.1.0".into(), ..StrategyInfo::default() }
//!     }
//!
//!     fn open(study: &Study, _space: &mut dyn Space) -> Result<Self> {
//!         Ok(Self(seeded(study.seed)))
//!     }
//! }
//!
//! impl Strategy for RandomSearch {
//!     fn ask(&mut self, limit: u32, space: &mut dyn Space) -> Result<Vec<Proposal>> {
//!         (0..limit).map(|_| Ok(Proposal::discrete(space.sample(self.0.random())?))).collect()
//!     }
//!
//!     fn tell(&mut self, _observations: &[Observation], _space: &mut dyn Space) -> Result<()> {
//!         Ok(())
//!     }
//! }
//!
//! nas_api::export_strategy!(RandomSearch);
//! # let mut space = nas_api::FlatSpace::from_info(nas_api::SpaceInfo {
//! #     name: "two-decisions".into(),
//! #     version: "1".into(),
//! #     log10_size: None,
//! #     decisions: vec![
//! #         nas_api::Decision::new("kernel", ["3", "5", "7"]).ordered(),
//! #         nas_api::Decision::new("activation", ["relu", "gelu"]),
//! #     ],
//! #     conditional: false,
//! #     standard: true,
//! #     description: String::new(),
//! #     reference: String::new(),
//! # })
//! # .unwrap();
//! # let study = Study {
//! #     objectives: vec![],
//! #     constraints: vec![],
//! #     metrics: vec![],
//! #     seed: 1,
//! #     trials: Some(4),
//! #     total_fidelity: None,
//! #     workers: 1,
//! #     fidelities: vec![],
//! #     settings: nas_api::Settings::default(),
//! # };
//! # let mut search = RandomSearch::open(&study, &mut space).unwrap();
//! # let proposals = search.ask(4, &mut space).unwrap();
//! # assert_eq!(proposals.len(), 4);
//! # for proposal in proposals {
//! #     assert_eq!(proposal.candidate.genotype().unwrap().len(), 2);
//! # }
//! ```

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
pub mod notice;
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
    CurvePoint, Evaluator, EvaluatorInfo, EvaluatorPlugin, Fingerprint, InstanceInfo, Measurement, MetricInfo, Monitor,
    Request, StopCheck, Verdict,
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

/// The version of the plugin contract (the WIT files in `wit/`) that this crate implements.
pub const CONTRACT_VERSION: &str = "0.1.0";
