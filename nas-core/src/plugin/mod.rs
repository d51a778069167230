//! Plugins: built in, WebAssembly components, native libraries, and TOML tables, all behind the same three sources. What trains networks
//! may run in processes of its own.

mod batched_search;
mod builtin;
mod composite_space;
mod error;
mod identity;
mod native;
pub mod process;
mod registry;
mod search;
mod space_overrides;
mod table;
pub mod wasm;

pub use batched_search::BatchedSearch;
pub use error::PluginError;
pub(crate) use identity::has_ending;
pub use identity::{Identity, Kind, Origin};
pub use registry::{Entry, Options, Registry};
pub use search::{NativeSearch, Search};
pub use table::{DEFINITION, TABLE_SPACE};

use std::path::Path;
use std::sync::Arc;

use nas_api::{Evaluator, EvaluatorInfo, OpenSpace, Parameter, Settings, StrategyInfo, Study};

/// A space that can be opened.
pub trait SpaceSource: Send + Sync {
    /// Which one it is.
    fn identity(&self) -> &Identity;
    /// What a user may set.
    fn parameters(&self) -> Result<Vec<Parameter>, PluginError>;
    /// Ready for questions. `settings` are checked.
    fn open(&self, settings: &Settings) -> Result<Box<dyn OpenSpace>, PluginError>;
}

/// A strategy that can be opened.
pub trait StrategySource: Send + Sync {
    /// Which one it is.
    fn identity(&self) -> &Identity;
    /// What it says about itself.
    fn info(&self) -> Result<StrategyInfo, PluginError>;
    /// A search on this space. `study.settings` are checked.
    fn open(&self, study: &Study, space: Box<dyn OpenSpace>) -> Result<Box<dyn Search>, PluginError>;
}

/// An evaluator that can be opened.
pub trait EvaluatorSource: Send + Sync {
    /// Which one it is.
    fn identity(&self) -> &Identity;
    /// What it says about itself.
    fn info(&self) -> Result<EvaluatorInfo, PluginError>;
    /// Ready for candidates. `settings` are checked; `state` is a folder where states of trials may be kept.
    fn open(&self, settings: &Settings, state: Option<&Path>) -> Result<Arc<dyn Evaluator>, PluginError>;
}
