//! What a measurement may use, and where it runs.

use serde::{Deserialize, Serialize};

use super::StudyError;

/// Where evaluators that train networks run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Isolation {
    /// In processes of their own.
    Process,
    /// In the process of the study.
    None,
}

/// The limits that the user has set. A study records them, and a resumed study keeps them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Where evaluators that train networks run; default: in processes of their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub isolation: Option<Isolation>,
    /// Seconds that a trial may take in a process of its own, from 0.001 to 10^9; default: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trial_seconds: Option<f64>,
    /// MiB of memory that such a process may use, from 16 to 2^30; default: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker_memory: Option<u64>,
    /// How often a trial is retried after its process died, at most 100; default: 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retries: Option<u32>,
}

impl Limits {
    /// Whether no limit is set.
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// These limits, with those that `other` sets in place of their own. Without processes, the limits of processes are
    /// dropped.
    #[must_use]
    pub fn overridden_by(self, other: Self) -> Self {
        let own = if other.isolation == Some(Isolation::None) { Self::default() } else { self };
        Self {
            isolation: other.isolation.or(own.isolation),
            trial_seconds: other.trial_seconds.or(own.trial_seconds),
            worker_memory: other.worker_memory.or(own.worker_memory),
            retries: other.retries.or(own.retries),
        }
    }

    /// Checks that every number is in its range and has something to limit.
    ///
    /// # Errors
    ///
    /// A number is out of range, or limits a process where there is none.
    pub fn check(&self) -> Result<(), StudyError> {
        let wrong = |key: &str, range: &str| {
            Err(StudyError::spec(format!("limits.{key}"), format!("must lie between {range}"), ""))
        };
        if self.trial_seconds.is_some_and(|seconds| !(0.001..=1e9).contains(&seconds)) {
            return wrong("trial_seconds", "0.001 and 1e9");
        }
        if self.worker_memory.is_some_and(|mib| !(16..=1 << 30).contains(&mib)) {
            return wrong("worker_memory", "16 and 1073741824 MiB");
        }
        if self.retries.is_some_and(|retries| retries > 100) {
            return wrong("retries", "0 and 100");
        }
        let of_processes = self.trial_seconds.is_some() || self.worker_memory.is_some();
        if self.isolation == Some(Isolation::None) && of_processes {
            let problem = "--isolation none: --trial-seconds and --worker-memory apply only to separate processes";
            return Err(StudyError::spec("limits", problem, "leave out --isolation none, or these limits"));
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_later_counts() {
        let recorded = Limits { trial_seconds: Some(3.0), retries: Some(5), ..Limits::default() };
        let resumed = recorded.overridden_by(Limits { trial_seconds: Some(9.0), ..Limits::default() });
        assert_eq!(resumed, Limits { trial_seconds: Some(9.0), retries: Some(5), ..Limits::default() });
        let within = Limits { isolation: Some(Isolation::None), ..Limits::default() };
        assert_eq!(recorded.overridden_by(within), within);
    }

    #[test]
    fn limits_that_make_no_sense_are_refused() {
        let refused = |limits: Limits| limits.check().unwrap_err().to_string();
        assert!(refused(Limits { trial_seconds: Some(f64::NAN), ..Limits::default() }).contains("0.001"));
        assert!(refused(Limits { worker_memory: Some(1), ..Limits::default() }).contains("limits.worker_memory"));
        assert!(refused(Limits { retries: Some(101), ..Limits::default() }).contains("limits.retries"));
        let nothing = Limits { isolation: Some(Isolation::None), trial_seconds: Some(1.0), ..Limits::default() };
        assert!(refused(nothing).contains("--isolation none"));
        assert!(Limits::default().check().is_ok());
    }
}
