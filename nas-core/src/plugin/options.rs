//! Where a registry searches for plugins, and how they are run.

use std::path::PathBuf;
use std::sync::Arc;

use super::process::Processes;
use super::wasm::{Limits, Log};

/// Where a registry searches, and the limits of components.
#[derive(Clone)]
pub struct Options {
    /// Folders that are searched in this order; plugins are in their subfolders `spaces`, `strategies` and
    /// `evaluators`. A plugin in a folder takes precedence over a built-in one of the same name.
    pub search_path: Vec<PathBuf>,
    /// The folder where compiled components are kept; `None` keeps none.
    pub cache: Option<PathBuf>,
    /// The limits of one component.
    pub limits: Limits,
    /// Receives the log lines of plugins.
    pub log: Log,
    /// How libraries, and built-in evaluators that take any network, are run in worker processes; `None` runs them in
    /// this process.
    pub processes: Option<Processes>,
    /// Native libraries that may be loaded although they are named by their path. A library runs with the user's rights
    /// as soon as it is loaded, and its path may come from a file that somebody else wrote. Libraries on the search
    /// path need no permission.
    pub allow_native: Vec<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        let log: Log = Arc::new(|_, _, _| {});
        Self {
            search_path: Vec::new(),
            cache: None,
            limits: Limits::default(),
            log,
            processes: None,
            allow_native: Vec::new(),
        }
    }
}
