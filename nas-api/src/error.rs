//! The error of a plugin's functions.

/// What the functions of a plugin return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a plugin cannot do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Said in words; the host adds which plugin said it, and in which call.
    #[error("{0}")]
    Message(String),
    /// Another plugin, asked through the host, failed. Hand it on: the host knows what it means.
    #[error(transparent)]
    Host(Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// An error said in words.
    pub fn new(message: impl Into<String>) -> Self {
        Self::Message(message.into())
    }
}

impl From<String> for Error {
    fn from(message: String) -> Self {
        Self::Message(message)
    }
}

impl From<&str> for Error {
    fn from(message: &str) -> Self {
        Self::Message(message.to_owned())
    }
}
