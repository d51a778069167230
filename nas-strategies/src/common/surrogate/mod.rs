//! What the strategies that model the objective share: the search loop, the archive of results, targets for a model to
//! learn, encodings, neural predictors, and the maximization of acquisition functions.

pub(crate) mod acquisition;
pub(crate) mod archive;
pub(crate) mod encoding;
pub(crate) mod ensemble;
pub(crate) mod network;
pub(crate) mod normal;
pub(crate) mod predictor;
pub(crate) mod rounds;
pub(crate) mod search;
pub(crate) mod targets;

use nas_api::{Error, Result, Settings};

/// Reads a whole number from the settings that must be at least 1.
pub(crate) fn at_least_one(settings: &Settings, name: &str) -> Result<usize> {
    match settings.integer(name)? {
        0 => Err(Error::new(format!("'{name}' must be at least 1"))),
        number => Ok(number as usize),
    }
}
