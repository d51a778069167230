//! One writer at a time for a file.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use crate::database::beside;
use crate::study::StudyError;

/// What is said to the second process that wants to write.
#[derive(Clone, Copy)]
pub(crate) struct Busy {
    /// What the other process does.
    pub problem: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

/// The right to write to a file, held by at most one process; the operating system takes it back when the process dies,
/// however it dies.
///
/// It is a lock on a file of its own, beside the real file, whatever links lead to it. On Linux the file itself is
/// locked too ([`Lock::hold`]): it has the same lock under every name, and nobody can remove that lock.
pub(crate) struct Lock {
    file: PathBuf,
    path: PathBuf,
    busy: Busy,
    _file: File,
    _held: Option<File>,
}

impl Lock {
    /// Takes the right to write to `file`, which need not exist.
    ///
    /// # Errors
    /// Another process has the right, or the folder cannot be written.
    pub fn take(file: &Path, busy: Busy) -> Result<Self, StudyError> {
        let path = beside(&real(file), ".lock");
        let cannot =
            |error| StudyError::file(file, format!("cannot be written: {error}"), "use a folder that you may write to");
        loop {
            let locked = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(cannot)?;
            match locked.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(StudyError::file(file, busy.problem, busy.remedy)),
                Err(TryLockError::Error(error)) => return Err(cannot(error)),
            }
            // The previous holder may have removed the file between opening and locking.
            if same_file(&locked, &path) {
                return Ok(Self { file: file.to_owned(), path, busy, _file: locked, _held: None });
            }
        }
    }

    /// Locks the file itself as well, which exists by now. Must be called before SQLite opens the file, and dropped
    /// after SQLite has closed it: closing any handle on a file drops SQLite's own locks in this process.
    ///
    /// # Errors
    /// Another process has the file locked under another name.
    pub fn hold(&mut self) -> Result<(), StudyError> {
        // Elsewhere, a lock of this kind would also keep SQLite out.
        if !cfg!(target_os = "linux") {
            return Ok(());
        }
        let Ok(held) = File::open(&self.file) else { return Ok(()) };
        match held.try_lock() {
            Ok(()) => self._held = Some(held),
            Err(TryLockError::WouldBlock) => {
                return Err(StudyError::file(&self.file, self.busy.problem, self.busy.remedy));
            }
            // A file system without such locks: the lock beside the file has to do.
            Err(TryLockError::Error(_)) => {}
        }
        Ok(())
    }
}

/// The path without links, as far as it exists.
pub(crate) fn real(file: &Path) -> PathBuf {
    let whole = fs::canonicalize(file);
    whole.unwrap_or_else(|_| {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        match (fs::canonicalize(folder), file.file_name()) {
            (Ok(folder), Some(name)) => folder.join(name),
            _ => file.to_owned(),
        }
    })
}

#[cfg(unix)]
fn same_file(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), fs::metadata(path)) {
        (Ok(held), Ok(named)) => (held.dev(), held.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
fn same_file(_file: &File, path: &Path) -> bool {
    fs::metadata(path).is_ok()
}

impl Drop for Lock {
    fn drop(&mut self) {
        // A lock file that stays behind does no harm.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const BUSY: Busy = Busy { problem: "is in use", remedy: "wait" };

    #[test]
    fn a_file_has_one_writer_under_all_its_names() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "x").unwrap();
        let mut lock = Lock::take(&file, BUSY).unwrap();
        lock.hold().unwrap();
        let refused = |name: &Path| {
            let taken = Lock::take(name, BUSY).and_then(|mut lock| lock.hold().map(|()| lock));
            assert!(taken.err().unwrap().to_string().contains("is in use"), "{}", name.display());
        };
        refused(&file);
        #[cfg(unix)]
        {
            let link = folder.path().join("link");
            std::os::unix::fs::symlink(&file, &link).unwrap();
            refused(&link);
        }
        #[cfg(target_os = "linux")]
        {
            let link = folder.path().join("hard");
            fs::hard_link(&file, &link).unwrap();
            refused(&link);
            fs::remove_file(folder.path().join("file.lock")).unwrap();
            refused(&file);
        }
        drop(lock);
        Lock::take(&file, BUSY).unwrap().hold().unwrap();
    }
}
