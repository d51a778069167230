//! What the program ends with when it cannot do what it was asked.

use nas_core::plugin::PluginError;
use nas_core::study::StudyError;

/// The user's input is to blame, and nothing was run.
const INPUT: u8 = 2;
/// Something broke while it ran.
const BROKEN: u8 = 1;
/// Stopped by Ctrl-C; what is done is kept.
pub const STOPPED: u8 = 130;

/// One message and an exit code.
#[derive(Debug)]
pub struct Failure {
    /// What, where, and what to do.
    pub message: String,
    /// 2: bad input; 1: broken while running.
    pub code: u8,
}

impl Failure {
    /// Bad input.
    pub fn input(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: INPUT }
    }

    /// The same, with a line that says what to do.
    #[must_use]
    pub fn help(mut self, help: impl AsRef<str>) -> Self {
        self.message.push_str("\n  help: ");
        self.message.push_str(help.as_ref());
        self
    }

    /// Broken while running.
    pub fn broken(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: BROKEN }
    }
}

impl From<StudyError> for Failure {
    fn from(error: StudyError) -> Self {
        Self { message: error.to_string(), code: if error.is_input() { INPUT } else { BROKEN } }
    }
}

/// Outside a running study, a plugin is something that the user named.
impl From<PluginError> for Failure {
    fn from(error: PluginError) -> Self {
        Self::input(error.to_string())
    }
}

impl From<nas_api::Error> for Failure {
    fn from(error: nas_api::Error) -> Self {
        Self::input(error.to_string())
    }
}
