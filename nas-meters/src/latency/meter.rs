//! The meters of latency: runtimes, which have names, and cost tables, which are files.

use std::path::Path;
use std::time::Duration;

use nas_api::{Goal, Graph, Meter, MeterInfo, Metric, MetricInfo, Task};
use nas_export::{About, Model};
use sha2::{Digest, Sha256};

use crate::{BurnRuntime, CostTable, OnnxRuntime, Runtime, measure};

/// How long a network is timed, about.
const ABOUT: Duration = Duration::from_millis(100);

/// The meter of latency in ONNX Runtime on this machine, with one thread.
///
/// # Errors
///
/// Fails if ONNX Runtime is not installed.
pub fn onnxruntime_meter() -> Result<Box<dyn Meter>, String> {
    let runtime = OnnxRuntime::open(1).map_err(|error| error.to_string())?;
    Ok(Box::new(LatencyMeter::new(Box::new(runtime))))
}

/// The meter of latency in burn on this machine, with one thread.
///
/// # Errors
///
/// Never fails: it returns a `Result` like the other meters.
pub fn burn_meter() -> Result<Box<dyn Meter>, String> {
    Ok(Box::new(LatencyMeter::new(Box::new(BurnRuntime))))
}

/// The meter of a cost table. Its metrics are `latency_NAME` and, if the table holds energies, `energy_NAME`, where
/// NAME is that of the file without its ending.
///
/// # Errors
///
/// Fails if the table cannot be read, or if the file's name cannot be part of a metric's name.
pub fn table_meter(path: &Path) -> Result<Box<dyn Meter>, String> {
    let table = CostTable::read(path).map_err(|error| error.to_string())?;
    let name = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    let plain = |letter: char| letter.is_alphanumeric() || "-_. ".contains(letter);
    if name.is_empty() || !name.chars().all(plain) {
        let form = "letters, digits, '-', '_', '.' and spaces";
        return Err(format!("its name '{name}' cannot be part of a metric's name: use only {form}"));
    }
    let mut metrics = vec![latency(&name, "Milliseconds for one example, added up from the costs of its operators.")];
    if table.has_energy() {
        metrics.push(MetricInfo {
            name: format!("energy_{name}"),
            unit: "mJ".into(),
            ..latency(&name, "Energy for one example, added up from the costs of its operators.")
        });
    }
    let version = hex::encode(Sha256::digest(table.to_csv()));
    Ok(Box::new(CostTableMeter { about: MeterInfo { name, version, metrics, timed: false }, table }))
}

fn latency(name: &str, description: &str) -> MetricInfo {
    MetricInfo {
        name: format!("latency_{name}"),
        unit: "ms".into(),
        better: Some(Goal::Minimize),
        hidden: false,
        description: description.into(),
    }
}

struct LatencyMeter {
    about: MeterInfo,
    runtime: Box<dyn Runtime + Send>,
}

impl LatencyMeter {
    fn new(runtime: Box<dyn Runtime + Send>) -> Self {
        let name = runtime.name().to_owned();
        let metrics =
            vec![latency(&name, "Milliseconds for one example on this machine, one thread; the median of many runs.")];
        Self { about: MeterInfo { version: runtime.version(), name, metrics, timed: true }, runtime }
    }
}

impl Meter for LatencyMeter {
    fn about(&self) -> &MeterInfo {
        &self.about
    }

    fn measure(&mut self, graph: &Graph, task: &Task) -> Result<Vec<Metric>, String> {
        let model = Model::new(graph, task, About::default()).map_err(|error| error.to_string())?;
        let latency = measure(&*self.runtime, &model, ABOUT).map_err(|error| error.to_string())?;
        Ok(vec![Metric::new(self.about.metrics[0].name.clone(), latency.median)])
    }
}

struct CostTableMeter {
    about: MeterInfo,
    table: CostTable,
}

impl Meter for CostTableMeter {
    fn about(&self) -> &MeterInfo {
        &self.about
    }

    fn measure(&mut self, graph: &Graph, task: &Task) -> Result<Vec<Metric>, String> {
        let cost = self.table.predict(graph, &task.input_shape).map_err(|error| error.to_string())?.cost;
        let values = [Some(cost.latency), cost.energy].into_iter().flatten();
        Ok(self
            .about
            .metrics
            .iter()
            .zip(values)
            .map(|(metric, value)| Metric::new(metric.name.clone(), value))
            .collect())
    }
}
