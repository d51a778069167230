use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use crate::study::StudyError;

/// The right to write to a study's file, held by at most one process; the operating system takes it back when the
/// process dies, however it dies.
///
/// It is a lock on a file of its own: a second handle on the database in this process would drop SQLite's own locks.
pub struct Lock {
    path: PathBuf,
    _file: File,
}

impl Lock {
    /// Takes the right, or fails if another process has it.
    pub fn take(study: &Path) -> Result<Self, StudyError> {
        let mut name = study.as_os_str().to_owned();
        name.push(".lock");
        let path = PathBuf::from(name);
        let cannot = |error| {
            StudyError::file(study, format!("cannot be written: {error}"), "use a folder that you may write to")
        };
        loop {
            let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(cannot)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let remedy = "wait for it, or stop it; `nas show` reads a running study";
                    return Err(StudyError::file(study, "another process is running this study", remedy));
                }
                Err(TryLockError::Error(error)) => return Err(cannot(error)),
            }
            // The previous holder may have removed the file between opening and locking.
            if same_file(&file, &path) {
                return Ok(Self { path, _file: file });
            }
        }
    }
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
