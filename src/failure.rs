//! The error that ends the program, with its exit code.

use std::fmt;

use nas_core::plugin::PluginError;
use nas_core::study::StudyError;

/// The exit code for invalid input; nothing was run.
const INPUT: u8 = 2;
/// The exit code for an error while a command ran.
const BROKEN: u8 = 1;
/// The exit code after Ctrl-C; finished work is kept.
pub const STOPPED: u8 = 130;

/// An error message, advice for the user, and an exit code.
#[derive(Debug)]
pub struct Failure {
    /// Names the place and the problem.
    message: String,
    /// Advice for the user; `None` if the message already contains it.
    help: Option<String>,
    /// The exit code.
    pub code: u8,
}

impl Failure {
    /// The user's input is invalid.
    pub fn input(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None, code: INPUT }
    }

    /// Something failed while the command ran.
    pub fn broken(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None, code: BROKEN }
    }

    /// Adds advice for the user.
    #[must_use]
    pub fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.help.as_ref().map_or(Ok(()), |help| write!(f, "\n  help: {help}"))
    }
}

impl From<StudyError> for Failure {
    fn from(error: StudyError) -> Self {
        let code = if error.is_input() { INPUT } else { BROKEN };
        Self { message: error.to_string(), help: None, code }
    }
}

/// Outside a running study, a plugin fails because of what the user named.
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
