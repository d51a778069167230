//! What ends a trial without metrics.

/// Why a candidate has no metrics, or why nothing can be measured at all.
pub enum TrialError {
    /// The candidate's.
    Failed(String),
    /// The evaluator's.
    Broken(String),
}
