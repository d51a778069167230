//! Whether a process runs a study.

use std::fs::{self, File, TryLockError};
use std::path::Path;

/// Whether a process runs the study with this file now. It holds a lock on a file beside the study's for as long.
pub fn is_running(study: &Path) -> bool {
    let mut lock = fs::canonicalize(study).unwrap_or_else(|_| study.to_owned()).into_os_string();
    lock.push(".lock");
    // A process that was killed leaves the file behind, but not the lock on it.
    File::open(lock).is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_study_runs_while_its_lock_is_held() {
        let folder = tempfile::tempdir().unwrap();
        let study = folder.path().join("a.study");
        fs::write(&study, "").unwrap();
        assert!(!is_running(&study));
        let lock = File::create(folder.path().join("a.study.lock")).unwrap();
        assert!(!is_running(&study), "the file alone means nothing");
        lock.lock().unwrap();
        assert!(is_running(&study));
        drop(lock);
        assert!(!is_running(&study));
    }
}
