//! The reasons for which a trial ends without metrics.

/// Why a candidate has no metrics, or why nothing can be measured at all.
pub enum TrialError {
    /// The candidate cannot be measured; its trial has failed.
    Failed(String),
    /// The evaluator itself cannot go on.
    Broken(String),
}
