//! What is measured on a network before it is trained: its latency on a device, say.

use crate::{Graph, Metric, MetricInfo, Task};

/// Measures networks. What it finds are metrics like parameters and FLOPs: a network that breaks a constraint on them
/// is never trained.
pub trait Meter: Send {
    /// What it is.
    fn about(&self) -> &MeterInfo;
    /// The metrics of the network of one candidate, in the order of [`MeterInfo::metrics`]; or why it has none.
    fn measure(&mut self, graph: &Graph, task: &Task) -> Result<Vec<Metric>, String>;
}

/// What a meter says about itself.
#[derive(Clone, Debug, PartialEq)]
pub struct MeterInfo {
    /// Kebab case; metrics end with it: `latency_onnxruntime`.
    pub name: String,
    /// The library's version, or the SHA-256 of the table: figures of another one cannot be compared.
    pub version: String,
    /// What it measures.
    pub metrics: Vec<MetricInfo>,
    /// It takes this machine's time, so that nothing else may run beside it.
    pub timed: bool,
}
