//! What the threads that measure candidates send to the runner.

use nas_api::evaluator::panic_reason;
use nas_api::{CurvePoint, Failure, Measurement};

use super::record::Pruned;

/// The result of one call of the evaluator.
pub(crate) enum Outcome {
    /// The evaluator returned; `None`: it was told to stop, and did so.
    Returned(nas_api::Result<Option<Measurement>>),
    /// The evaluator panicked with this message.
    Panic(String),
}

impl Outcome {
    /// The failure of a measurement whose cost is unknown too: the evaluator panicked, its process died or timed out.
    pub fn fault(&self) -> Option<Failure> {
        match self {
            Self::Panic(words) => Some(Failure::new(panic_reason(words))),
            Self::Returned(Ok(Some(Measurement { failure: Some(failure), cost: None, .. }))) => Some(failure.clone()),
            Self::Returned(_) => None,
        }
    }
}

/// One finished measurement.
pub(crate) struct Finished {
    pub trial: u32,
    pub outcome: Outcome,
    /// Seconds on the host's clock.
    pub seconds: f64,
    /// Set if a pruner ended the trial, whatever the outcome.
    pub pruned: Option<Pruned>,
}

/// What a [`Pool`](super::worker::Pool) sends to the runner.
pub(crate) enum WorkerEvent {
    /// A measurement has reached another point of its learning curve.
    Reported { trial: u32, point: CurvePoint },
    /// A line that the user should read.
    Noticed { trial: u32, words: String },
    /// A measurement has ended.
    Finished(Finished),
}
