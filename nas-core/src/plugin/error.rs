use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Identity, Kind};

/// A plugin could not do what it was asked. One message that names plugin, version, call, problem and remedy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginError {
    /// Name, version and origin, or the file that is no plugin.
    pub plugin: String,
    /// The function that was called; empty where none was reached.
    pub call: String,
    /// What happened.
    pub problem: String,
    /// What the user can do about it; empty where the problem says it.
    pub remedy: String,
}

impl PluginError {
    /// A problem in one call of a plugin.
    pub fn new(identity: &Identity, call: &str, problem: impl fmt::Display) -> Self {
        Self {
            plugin: identity.to_string(),
            call: call.to_owned(),
            problem: problem.to_string(),
            remedy: String::new(),
        }
    }

    /// Whether it is the error of a plugin of this kind.
    pub fn is_of(&self, kind: Kind) -> bool {
        // As [`Identity`] writes itself.
        self.plugin.starts_with(&format!("{kind} '"))
    }

    /// The same, saying what to do.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = remedy.into();
        self
    }
}

impl fmt::Display for PluginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.plugin)?;
        if !self.call.is_empty() {
            write!(f, ", in {}", self.call)?;
        }
        write!(f, ": {}", self.problem)?;
        if !self.remedy.is_empty() {
            write!(f, "\n  help: {}", self.remedy)?;
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
    /// What a function of a plugin returned as its error: the plugin's own refusal, or the breakdown of another plugin
    /// that it handed on.
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
