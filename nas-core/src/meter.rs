//! Meters as studies find and record them.

use std::path::Path;

use nas_api::Meter;
use serde::{Deserialize, Serialize};

/// Opens the meter of a name, or says why it cannot be opened.
pub type OpenMeter = Box<dyn Fn() -> Result<Box<dyn Meter>, String> + Send + Sync>;
/// Opens the meter that a file describes, or says what is wrong with the file.
pub type ReadMeter = fn(&Path) -> Result<Box<dyn Meter>, String>;

/// A meter as a study records it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeterRecord {
    /// How it is found again: a name, or an absolute path.
    pub reference: String,
    /// [`nas_api::MeterInfo::name`].
    pub name: String,
    /// [`nas_api::MeterInfo::version`].
    pub version: String,
    /// The names of its metrics.
    pub metrics: Vec<String>,
}
