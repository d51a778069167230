//! The meters of a study: what measures networks before they are trained.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use nas_api::native::panic_message;
use nas_api::{Graph, Meter, Metric, MetricInfo, Task};

use super::StudyError;
use crate::meter::MeterRecord;
use crate::plugin::Registry;

/// Opened meters.
#[derive(Default)]
pub(super) struct Meters(Vec<(MeterRecord, Box<dyn Meter>)>);

impl Meters {
    /// Opens meters by name or path.
    pub fn open(references: &[String], registry: &Registry) -> Result<Self, StudyError> {
        let mut opened: Vec<(MeterRecord, Box<dyn Meter>)> = Vec::with_capacity(references.len());
        for reference in references {
            let meter = registry.meter(reference).map_err(StudyError::Open)?;
            let about = meter.about();
            if opened.iter().any(|(earlier, _)| earlier.name == about.name) {
                let problem = format!("two meters are called '{}'", about.name);
                return Err(StudyError::spec("meters", problem, "leave one of them out, or rename its file"));
            }
            // A file is found again from any folder.
            let is_file = !registry.has_meter(reference) && Path::new(reference).is_file();
            let path = std::path::absolute(reference).ok().filter(|_| is_file);
            let metered = MeterRecord {
                reference: path.map_or_else(|| reference.clone(), |path| path.to_string_lossy().into_owned()),
                name: about.name.clone(),
                version: about.version.clone(),
                metrics: about.metrics.iter().map(|metric| metric.name.clone()).collect(),
            };
            opened.push((metered, meter));
        }
        Ok(Self(opened))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What they measure.
    pub fn metrics(&self) -> impl Iterator<Item = &MetricInfo> {
        self.0.iter().flat_map(|(_, meter)| &meter.about().metrics)
    }

    /// As the study's file records them.
    pub fn record(&self) -> Vec<MeterRecord> {
        self.0.iter().map(|(metered, _)| metered.clone()).collect()
    }

    /// The metrics of a network, or why it has none.
    pub fn measure(&mut self, graph: &Graph, task: &Task) -> Result<Vec<Metric>, String> {
        let mut metrics = Vec::new();
        for (metered, meter) in &mut self.0 {
            // A meter computes networks, as evaluators do, and no network may end the study.
            let measured = catch_unwind(AssertUnwindSafe(|| meter.measure(graph, task)));
            let measured =
                measured.unwrap_or_else(|panic| Err(format!("it panicked: {}", panic_message(panic.as_ref()))));
            metrics.extend(measured.map_err(|reason| format!("{}: {reason}", metered.name))?);
        }
        Ok(metrics)
    }

    /// Times mean little while other trials are being trained on the same machine.
    pub fn check_workers(&self, workers: u32) -> Result<(), StudyError> {
        let timed = self.0.iter().find(|(_, meter)| meter.about().timed && workers > 1);
        timed.map_or(Ok(()), |(metered, _)| {
            let problem = format!("'{}' measures time on this machine, on which {workers} workers train", metered.name);
            let remedy = "give --workers 1, or use a cost table, which `nas latency cost-table` makes";
            Err(StudyError::spec("meters", problem, remedy))
        })
    }

    /// Whether these are what the study was begun with.
    pub fn check_same(&self, recorded: &[MeterRecord]) -> Result<(), StudyError> {
        let found = self.record();
        let differs = recorded.iter().zip(&found).find(|(recorded, found)| recorded.version != found.version);
        match differs {
            None => Ok(()),
            Some((recorded, found)) => {
                let (name, then, now) = (&recorded.name, &recorded.version, &found.version);
                let problem = format!("the study was begun with '{name}' {then}, and this one is {now}");
                let remedy = "bring back the one it was begun with, or begin a new study: figures of different \
                              versions cannot be compared";
                Err(StudyError::spec("meters", problem, remedy))
            }
        }
    }
}
