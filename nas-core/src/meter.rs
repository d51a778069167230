//! Meters measure a network before it is trained, such as its latency on a device.

use std::path::Path;

use nas_api::{Graph, Metric, MetricInfo, Task};
use serde::{Deserialize, Serialize};

/// Measures networks before they are trained. A network that breaks a constraint on one of these metrics is never
/// trained.
pub trait Meter: Send {
    /// The meter's description of itself.
    fn about(&self) -> &MeterInfo;
    /// Measures the network of one candidate and returns its metrics in the order of [`MeterInfo::metrics`].
    ///
    /// # Errors
    /// The network cannot be measured; the text says why.
    fn measure(&mut self, graph: &Graph, task: &Task) -> Result<Vec<Metric>, String>;
}

/// The description of a meter.
#[derive(Clone, Debug, PartialEq)]
pub struct MeterInfo {
    /// The name in kebab case. The names of metrics end with it, as in `latency_onnxruntime`.
    pub name: String,
    /// The library's version, or the SHA-256 digest of the cost table. Metrics of different versions are not
    /// comparable.
    pub version: String,
    /// The metrics that it measures.
    pub metrics: Vec<MetricInfo>,
    /// Whether it measures time on this machine, so that nothing else may run beside it.
    pub timed: bool,
}

/// Opens the meter that was added under a name.
pub type OpenMeter = fn() -> Result<Box<dyn Meter>, String>;
/// Opens the meter that a file describes.
pub type ReadMeter = fn(&Path) -> Result<Box<dyn Meter>, String>;

/// A meter as a study records it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeterRecord {
    /// The name or the absolute path by which it is found again.
    pub reference: String,
    /// The meter's [`MeterInfo::name`].
    pub name: String,
    /// The meter's [`MeterInfo::version`].
    pub version: String,
    /// The names of its metrics.
    pub metrics: Vec<String>,
}
