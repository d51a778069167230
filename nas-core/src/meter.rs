//! Meters as studies find and record them.

use std::path::Path;

use nas_api::Meter;
use serde::{Deserialize, Serialize};

/// Opens the meter that a name means.
pub type OpenMeter = fn() -> Result<Box<dyn Meter>, String>;
/// Opens the meter that a file describes.
pub type ReadMeter = fn(&Path) -> Result<Box<dyn Meter>, String>;

/// A meter as a study uses it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeterRecord {
    /// What finds it again: a name, or an absolute path.
    pub reference: String,
    /// [`nas_api::MeterInfo::name`].
    pub name: String,
    /// [`nas_api::MeterInfo::version`].
    pub version: String,
    /// The names of its metrics.
    pub metrics: Vec<String>,
}
