//! What the strategies share that model the objective: the record of what was measured, targets for a model to learn,
//! encodings, neural predictors, and how the most promising architecture is looked for.

pub(crate) mod archive;
pub(crate) mod candidates;
pub(crate) mod encoding;
pub(crate) mod ensemble;
pub(crate) mod guide;
pub(crate) mod network;
pub(crate) mod normal;
pub(crate) mod predictor;
pub(crate) mod search;
pub(crate) mod targets;

use nas_api::{Error, Result, Settings};

/// A whole number of the settings that must be at least 1, as a position or count.
pub(crate) fn at_least_one(settings: &Settings, name: &str) -> Result<usize> {
    match settings.integer(name)? {
        0 => Err(Error::new(format!("'{name}' must be at least 1"))),
        number => Ok(number as usize),
    }
}
