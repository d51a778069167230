//! Studies: one strategy on one space with one evaluator, one budget and one seed.
//!
//! A description ([`StudySpec`], from a TOML file or flags) becomes a checked [`Plan`]; running it ([`start`],
//! [`resume`]) appends records to the study's file; a [`StudyRecord`] reads them back, without any plugin, and a
//! [`Summary`] is computed from them. The runner owns the loop, the clock and all randomness.
//!
//! ```no_run
//! # use std::{path::Path, sync::atomic::AtomicBool};
//! # use nas_core::{plugin::Registry, study::*};
//! # fn run(registry: &Registry) -> Result<(), StudyError> {
//! let spec = StudySpec::from_file(Path::new("study.toml"))?;
//! let file = Path::new("study.db");
//! let plan = Plan::check(&spec, registry, Some(&state_dir(file)))?;
//! let end = start(plan, file, &AtomicBool::new(false), &mut ())?;
//! let record = StudyRecord::read(file)?;
//! let best = Summary::of(&record).best;
//! # Ok(()) }
//! ```

mod admit;
mod board;
mod compare;
mod error;
mod event;
mod given;
mod header;
mod ledger;
mod limits;
mod log;
mod meters;
mod outcome;
mod paths;
mod plan;
mod problem;
mod pruner;
mod recipe;
mod record;
mod resume;
mod runner;
mod spec;
mod summary;
mod tables;
mod terms;
mod worker;

pub use compare::records_without_times;
pub use error::StudyError;
pub use event::{End, Event, Listener};
pub use given::{Given, GivenSettings, check_settings};
pub use header::{Budget, Header, Plugged};
pub use limits::{Isolation, Limits};
pub(crate) use paths::relocate;
pub use plan::{Plan, state_dir};
pub use problem::Problem;
pub(crate) use problem::check_data;
pub(crate) use pruner::check_name;
pub use pruner::{Chosen as ChosenPruner, PRUNERS};
pub use recipe::Recipe;
pub use record::{State, StudyRecord, TrialRecord};
pub use resume::{ResumeOptions, Unrecorded, resume, run_unrecorded, start};
pub use runner::Times;
pub use spec::{BudgetSpec, Duplicates, PluginSpec, StudySpec, TaskSpec};
pub use summary::{Summary, trial_json};
pub use worker::STACK_BYTES;
