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
//! let plan = Plan::check(&spec, registry, Some(&checkpoint_folder(file)))?;
//! let end = start(plan, file, &AtomicBool::new(false), &mut ())?;
//! let record = StudyRecord::read(file)?;
//! let best = Summary::of(&record).best;
//! # Ok(()) }
//! ```

mod canonical_text;
mod error;
mod event;
mod extend;
mod header;
mod ledger;
mod limits;
mod log;
mod message;
mod meters;
mod objective;
mod paths;
mod plan;
mod problem;
mod problem_settings;
mod proposal;
mod pruner;
mod recipe;
mod record;
mod recover;
mod resolve;
mod resume;
mod runner;
mod running;
mod settings;
mod settle;
mod spec;
mod spec_toml;
mod static_metrics;
mod summary;
mod trial_monitor;
mod unchanged;
mod worker;

pub use canonical_text::records_without_times;
pub use error::StudyError;
pub use event::{End, Event, Listener};
pub use extend::{BudgetChange, NewLimit};
pub use header::{Budget, Header, PluginRecord};
pub use limits::{Isolation, Limits};
pub(crate) use paths::relocate;
pub use plan::{Plan, checkpoint_folder};
pub use problem::Problem;
pub(crate) use pruner::check_name;
pub use pruner::{PRUNERS, PrunerRecord, parameters as pruner_parameters};
pub use recipe::Recipe;
pub use record::{State, StudyRecord, TrialRecord};
pub use recover::{Recovery, recover};
pub use resume::{ResumeOptions, Unrecorded, resume, run_unrecorded, start};
pub use runner::Times;
pub use running::is_running;
pub(crate) use settings::typed_text;
pub use settings::{UnresolvedSetting, UnresolvedSettings, check_settings};
pub use spec::{BudgetSpec, Duplicates, PluginSpec, ResultOrder, StudySpec, TaskSpec};
pub use summary::{FailureGroup, Summary, trial_json};
pub(crate) use unchanged::check_data;
pub use unchanged::check_plugins;
pub use worker::STACK_BYTES;
