//! Plugins, all behind three traits: [`SpaceSource`], [`StrategySource`] and [`EvaluatorSource`].
//!
//! A plugin is built in, a WebAssembly component, a native library, or a file that describes a space. Evaluators that
//! train networks may run in processes of their own ([`process`]). A [`Registry`] finds plugins by name or path.

mod batched_search;
mod builtin;
mod composite_space;
mod error;
mod file_space;
mod guarded_space;
mod identity;
mod lookup;
mod native;
mod options;
pub mod process;
mod registry;
mod search;
mod space_overrides;
mod unknown;
pub mod wasm;

pub use batched_search::BatchedSearch;
pub use error::PluginError;
pub use file_space::{DEFINITION, TABLE_SPACE};
pub(crate) use identity::has_ending;
pub use identity::{Entry, Identity, Kind, Origin};
pub use options::Options;
pub use registry::Registry;
pub use search::{NativeSearch, Search};
pub use unknown::{ChosenSpace, SpaceChooser};

use std::path::Path;
use std::sync::Arc;

use nas_api::{Evaluator, EvaluatorInfo, OpenSpace, Parameter, Settings, StrategyInfo, Study};

/// A space that can be opened.
pub trait SpaceSource: Send + Sync {
    /// The plugin's identity.
    fn identity(&self) -> &Identity;
    /// The parameters that a user may set.
    ///
    /// # Errors
    /// The plugin cannot describe itself.
    fn parameters(&self) -> Result<Vec<Parameter>, PluginError>;
    /// Opens the space. `settings` are checked and complete.
    ///
    /// # Errors
    /// The plugin refuses the settings or breaks down.
    fn open(&self, settings: &Settings) -> Result<Box<dyn OpenSpace>, PluginError>;
}

/// A strategy that can be opened.
pub trait StrategySource: Send + Sync {
    /// The plugin's identity.
    fn identity(&self) -> &Identity;
    /// The plugin's description of itself.
    ///
    /// # Errors
    /// The plugin cannot describe itself.
    fn info(&self) -> Result<StrategyInfo, PluginError>;
    /// Begins a search on this space. `study.settings` are checked and complete.
    ///
    /// # Errors
    /// The plugin refuses the study or breaks down.
    fn open(&self, study: &Study, space: Box<dyn OpenSpace>) -> Result<Box<dyn Search>, PluginError>;
}

/// An evaluator that can be opened.
pub trait EvaluatorSource: Send + Sync {
    /// The plugin's identity.
    fn identity(&self) -> &Identity;
    /// The plugin's description of itself.
    ///
    /// # Errors
    /// The plugin cannot describe itself.
    fn info(&self) -> Result<EvaluatorInfo, PluginError>;
    /// Opens the evaluator. `settings` are checked and complete; `checkpoints` is a folder where checkpoints of trials may be
    /// kept.
    ///
    /// # Errors
    /// The plugin refuses the settings or breaks down.
    fn open(&self, settings: &Settings, checkpoints: Option<&Path>) -> Result<Arc<dyn Evaluator>, PluginError>;
}
