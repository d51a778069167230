//! Where the log lines of plugins go.

use std::sync::Arc;

/// How important a line of a plugin's log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Details for the plugin's author.
    Debug,
    /// Information for the user.
    Info,
    /// Something is not as it should be.
    Warn,
    /// Something failed.
    Error,
}

/// Receives the log lines of plugins: level, plugin and line.
pub type Log = Arc<dyn Fn(Level, &str, &str) + Send + Sync>;
