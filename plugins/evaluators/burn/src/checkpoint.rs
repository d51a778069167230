//! Checkpoints of running trainings, so that a trial whose process was killed continues.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::{Duration, Instant};

use nas_api::{CurvePoint, Metric};
use nas_network::weights_file::{self, Archive, StoreError};

use crate::trainer::Trainer;

/// The names of the entries that a checkpoint adds to the state of a training.
const FINGERPRINT: &str = "fingerprint";
const CURVE: &str = "curve";
const SECONDS: &str = "seconds";

/// The progress of a training, besides its weights.
#[derive(Debug, Default, PartialEq)]
pub struct Course {
    /// The points that were reported, epoch by epoch.
    pub curve: Vec<CurvePoint>,
    /// Seconds spent training.
    pub seconds: f64,
}

/// The checkpoint file of one trial.
#[derive(Debug)]
pub struct Checkpoint {
    file: PathBuf,
    /// Identifies the trial; a state with another fingerprint belongs to another training.
    fingerprint: String,
    every: Duration,
    last: Instant,
}

impl Checkpoint {
    /// A checkpoint in this file that is written at intervals of at least `every`. `of` names everything that the
    /// training depends on.
    pub fn new(file: PathBuf, every: Duration, of: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        (env!("CARGO_PKG_VERSION"), of).hash(&mut hasher);
        Self { file, fingerprint: format!("{:016x}", hasher.finish()), every, last: Instant::now() }
    }

    /// Reads the checkpoint; `None` if there is no file.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be read, is damaged, or belongs to another training.
    pub fn read(&self) -> Result<Option<(Archive, Course)>, String> {
        let origin = self.file.display().to_string();
        let Some(bytes) = weights_file::read(&self.file).map_err(|error| error.to_string())? else { return Ok(None) };
        let archive = Archive::from_bytes(&bytes, &origin).map_err(|error| error.to_string())?;
        if archive.texts.get(FINGERPRINT) != Some(&self.fingerprint) {
            return Err(format!("'{origin}' belongs to another training"));
        }
        let seconds = archive.number(SECONDS, &origin).map_err(|error| error.to_string())?;
        let curve = archive.texts.get(CURVE).and_then(|text| read_curve(text));
        let curve = curve.ok_or_else(|| format!("'{origin}' has no learning curve"))?;
        Ok(Some((archive, Course { curve, seconds })))
    }

    /// Whether it is time to write again.
    pub fn due(&self) -> bool {
        self.last.elapsed() >= self.every
    }

    /// Writes the state, replacing an older one.
    ///
    /// # Errors
    ///
    /// Fails if the state cannot be collected or the file cannot be written.
    pub fn write(&mut self, trainer: &Trainer, course: &Course) -> Result<(), String> {
        // The time also counts if writing fails, since trying again after every epoch would not mend a full disk.
        self.last = Instant::now();
        let mut archive = trainer.archive()?;
        archive.texts.insert(FINGERPRINT.into(), self.fingerprint.clone());
        archive.texts.insert(CURVE.into(), curve_text(&course.curve));
        archive.texts.insert(SECONDS.into(), course.seconds.to_string());
        let written = archive.to_bytes().and_then(|bytes| weights_file::write(&self.file, &bytes));
        written.map_err(|error: StoreError| error.to_string())
    }
}

/// One line for each point: `EPOCH NAME=VALUE NAME=VALUE`. Rust writes and reads doubles exactly.
fn curve_text(curve: &[CurvePoint]) -> String {
    let metric = |metric: &Metric| format!(" {}={}", metric.name, metric.value);
    let line =
        |report: &CurvePoint| format!("{}{}\n", report.fidelity, report.metrics.iter().map(metric).collect::<String>());
    curve.iter().map(line).collect()
}

/// Reads [`curve_text`] back.
fn read_curve(text: &str) -> Option<Vec<CurvePoint>> {
    let metric = |word: &str| {
        let (name, value) = word.split_once('=')?;
        Some(Metric::new(name, f64::from_str(value).ok()?))
    };
    let report = |line: &str| {
        let mut words = line.split(' ');
        let fidelity = words.next()?.parse().ok()?;
        Some(CurvePoint { fidelity, metrics: words.map(metric).collect::<Option<_>>()? })
    };
    text.lines().map(report).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn curves_are_read_back_exactly() {
        let metrics = vec![Metric::new("train_loss", 0.1 + 0.2), Metric::new("val_loss", f64::INFINITY)];
        let curve = vec![CurvePoint { fidelity: 1.0, metrics }, CurvePoint { fidelity: 2.0, metrics: Vec::new() }];
        assert_eq!(read_curve(&curve_text(&curve)).unwrap(), curve);
        assert_eq!(read_curve("").unwrap(), []);
        for damaged in ["x", "1 a", "1 a=b", "1 a=1\n\n2"] {
            assert_eq!(read_curve(damaged), None, "{damaged}");
        }
    }
}
