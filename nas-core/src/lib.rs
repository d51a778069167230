//! The runtime of `nas`: [`plugin`] finds, loads and limits plugins, [`study`] runs one strategy on one space and
//! records it, [`benchmark`] runs grids of studies, [`report`] computes what a report says, and [`statistics`] has the
//! tests.
//!
//! The crate names no concrete space or strategy; a program adds those that it wants to a [`plugin::Registry`]. Running
//! a study from Rust takes a registry, a description and a file:
//!
//! ```no_run
//! use std::{path::Path, sync::atomic::AtomicBool};
//! use nas_core::plugin::{Options, Registry};
//! use nas_core::study::{BudgetSpec, Plan, PluginSpec, StudyRecord, StudySpec, Summary, start, checkpoint_folder};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut registry = Registry::new(Options::default());
//! registry.add_space::<nas_spaces::Mlp>()?;
//! registry.add_strategy::<nas_strategies::RandomSearch>();
//! let spec = StudySpec {
//!     space: PluginSpec::named("mlp"),
//!     strategy: PluginSpec::named("random-search"),
//!     evaluator: PluginSpec::named("./evaluator.wasm"),
//!     seed: Some(1),
//!     budget: BudgetSpec { trials: Some(50), ..BudgetSpec::default() },
//!     ..StudySpec::default()
//! };
//! let file = Path::new("study.db");
//! let plan = Plan::check(&spec, &registry, Some(&checkpoint_folder(file)))?;
//! // The flag stops the study from another thread, and the listener `()` ignores all events.
//! start(plan, file, &AtomicBool::new(false), &mut ())?;
//! let record = StudyRecord::read(file)?;
//! println!("best trial: {:?} of {}", Summary::of(&record).best, record.trials.len());
//! # Ok(())
//! # }
//! ```

pub mod benchmark;
mod database;
mod lock;
pub mod meter;
mod names;
pub mod plugin;
pub mod report;
mod shown;
pub mod statistics;
pub mod study;

pub use names::did_you_mean;
pub use shown::{MAX_MESSAGE, MAX_NAME, is_control, shown, shown_lines};
