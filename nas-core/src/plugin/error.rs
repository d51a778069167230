//! The error type of plugins.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Identity, Kind};
use crate::shown::{MAX_MESSAGE, quoted, shown, shown_lines};

/// An error of a plugin. Its message names plugin, version, call, problem and remedy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginError {
    /// Kind, name, version and origin of the plugin, or the file that is not a plugin.
    pub plugin: String,
    /// The function that was called; empty if none was.
    pub call: String,
    /// What happened.
    pub problem: String,
    /// What the user can do about it; empty if the problem already says it.
    pub remedy: String,
}

impl PluginError {
    /// A problem in a call of a plugin, without a remedy.
    pub fn new(identity: &Identity, call: &str, problem: impl fmt::Display) -> Self {
        Self {
            plugin: identity.to_string(),
            call: call.to_owned(),
            problem: problem.to_string(),
            remedy: String::new(),
        }
    }

    /// A component's own words, with which it refuses something or gives up.
    pub(crate) fn refusal(identity: &Identity, call: &str, words: &str) -> Self {
        Self::new(identity, call, quoted(words))
    }

    /// Whether the plugin is of this kind.
    pub fn is_of(&self, kind: Kind) -> bool {
        // `plugin` begins with the kind, as `Identity` writes itself.
        self.plugin.starts_with(&format!("{kind} '"))
    }

    /// The same error with this remedy.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = remedy.into();
        self
    }
}

impl fmt::Display for PluginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(&self.plugin, MAX_MESSAGE))?;
        if !self.call.is_empty() {
            write!(f, ", in {}", self.call)?;
        }
        write!(f, ": {}", shown_lines(&self.problem, MAX_MESSAGE))?;
        if !self.remedy.is_empty() {
            write!(f, "\n  help: {}", shown_lines(&self.remedy, MAX_MESSAGE))?;
        }
        Ok(())
    }
}

impl std::error::Error for PluginError {}

impl From<PluginError> for nas_api::Error {
    fn from(error: PluginError) -> Self {
        Self::Host(Box::new(error))
    }
}

impl PluginError {
    /// Converts the error that a function of a plugin returned, which is its own or one that it passed on from another
    /// plugin.
    pub fn from_api(identity: &Identity, call: &str, error: nas_api::Error) -> Self {
        match error {
            nas_api::Error::Host(inner) => match inner.downcast::<Self>() {
                Ok(error) => *error,
                Err(other) => Self::new(identity, call, other),
            },
            other => Self::new(identity, call, other),
        }
    }
}
