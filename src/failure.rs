//! The error that ends the program, with its exit code.

use std::fmt;

use nas_core::plugin::PluginError;
use nas_core::study::StudyError;

/// The exit code for bad input: nothing was run.
const INPUT: u8 = 2;
/// The exit code for what broke while it ran.
const BROKEN: u8 = 1;
/// The exit code after Ctrl-C; what is done is kept.
pub const STOPPED: u8 = 130;

/// One message, what to do about it, and an exit code.
#[derive(Debug)]
pub struct Failure {
    /// Where, and what is wrong.
    message: String,
    /// What to do; `None` where the message says it already.
    help: Option<String>,
    /// The exit code.
    pub code: u8,
}

impl Failure {
    /// Bad input.
    pub fn input(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None, code: INPUT }
    }

    /// Broken while running.
    pub fn broken(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None, code: BROKEN }
    }

    /// The same, with what to do about it.
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
