//! Writes files that are complete or absent: a reader never sees half of one, not even after a crash.
//!
//! Only the host writes files, so this module is absent from components.

use std::fs::{self, File, TryLockError};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

/// Why a file could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write '{}': {source}", path.display())]
pub struct FileError {
    /// The file that was to be written.
    pub path: PathBuf,
    /// What the system reported.
    pub source: io::Error,
}

/// Replaces the file at `path` by one with these bytes, or creates it and its folder.
///
/// The bytes go to a temporary file in the same folder, which takes the place of `path` once they are on the disk. So
/// several writers of one path do not disturb each other: the last one to finish wins. A symbolic link is replaced,
/// not followed.
///
/// # Errors
/// Fails if the folder cannot be created, or the file cannot be written or renamed. `path` is then as it was before,
/// and no temporary file is left. If only the folder cannot be synced, the new file is in place.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    write_atomic_with(path, |out| out.write_all(bytes))
}

/// [`write_atomic`] for contents that need not fit into memory: `fill` writes them, through a buffer.
///
/// # Errors
/// Fails as [`write_atomic`] does, and with any error of `fill`.
pub fn write_atomic_with(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), FileError> {
    replace(path, fill).map_err(|source| FileError { path: path.to_owned(), source })
}

fn replace(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let prefix = format!(".{}.", path.file_name().unwrap_or_default().to_string_lossy());
    remove_left_behind(folder, &prefix);
    // It removes itself when it is dropped, so on every error below.
    let mut file = temporary(folder, &prefix)?;
    let mut out = BufWriter::new(&mut file);
    fill(&mut out)?;
    out.flush()?;
    drop(out);
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    sync_folder(folder)
}

/// How the name of a file ends that is being written.
const PARTIAL: &str = ".partial";

/// Removes the temporary files of writers of the same path that were killed: nobody holds their locks any more.
fn remove_left_behind(folder: &Path, prefix: &str) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(prefix) && name.ends_with(PARTIAL) {
            // What cannot be removed does no harm.
            let _ =
                File::open(entry.path()).map(|left| left.try_lock().is_ok() && fs::remove_file(entry.path()).is_ok());
        }
    }
}

/// A temporary file whose lock shows that its writer is alive.
fn temporary(folder: &Path, prefix: &str) -> io::Result<NamedTempFile> {
    loop {
        let file = unlocked(folder, prefix)?;
        match file.as_file().try_lock() {
            // Between its creation and the lock, another writer may have taken it for one that was left behind.
            Ok(()) if file.path().exists() => return Ok(file),
            Ok(()) | Err(TryLockError::WouldBlock) => {}
            // A file system without locks, on which nobody else can lock the file either.
            Err(TryLockError::Error(_)) => return Ok(file),
        }
    }
}

/// A file with the permissions of any new file; by default, a temporary one could be read by its owner only.
fn unlocked(folder: &Path, prefix: &str) -> io::Result<NamedTempFile> {
    let mut builder = Builder::new();
    builder.prefix(prefix).suffix(PARTIAL);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // The process's umask takes away from these.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

/// Makes new names in this folder survive a power failure, where the file system can.
///
/// # Errors
/// Fails if the folder cannot be opened or synced.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    if !cfg!(unix) {
        return Ok(());
    }
    match File::open(folder)?.sync_all() {
        // Some network file systems cannot sync folders.
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => Ok(()),
        synced => synced,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::thread;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        fs::read_dir(folder).unwrap().map(name).collect()
    }

    #[test]
    fn bytes_are_written_into_a_new_folder_and_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("a/b");
        let path = inner.join("file");
        for bytes in [&b"first, and longer"[..], b"second"] {
            write_atomic(&path, bytes).unwrap();
            assert_eq!(fs::read(&path).unwrap(), bytes);
        }
        assert_eq!(names(&inner), ["file"]);
    }

    #[test]
    fn two_writers_at_once_leave_one_whole_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        // Longer than one buffer, so that a file is written in several pieces.
        let contents = |writer: u8| vec![writer; 300_000];
        write_atomic(&path, &contents(0)).unwrap();
        thread::scope(|scope| {
            let writers: Vec<_> = (1..3)
                .map(|writer| {
                    let path = &path;
                    scope.spawn(move || {
                        for _ in 0..20 {
                            write_atomic(path, &contents(writer)).unwrap();
                        }
                    })
                })
                .collect();
            while writers.iter().any(|writer| !writer.is_finished()) {
                let read = fs::read(&path).unwrap();
                assert!((0..3).any(|writer| read == contents(writer)), "a torn file of {} bytes", read.len());
            }
        });
        assert_eq!(names(folder.path()), ["file"]);
    }

    #[test]
    fn a_failure_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        write_atomic(&path, b"old").unwrap();
        let error = write_atomic_with(&path, |out| {
            out.write_all(&[1; 100_000])?;
            Err(io::Error::other("the source ended"))
        })
        .unwrap_err();
        assert_eq!(error.to_string(), format!("cannot write '{}': the source ended", path.display()));
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["file"]);
    }

    #[test]
    fn what_a_killed_writer_left_behind_is_removed_by_the_next_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for left in [".file.a1b2c3.partial", ".other.a1b2c3.partial", ".file.a1b2c3.txt"] {
            fs::write(folder.path().join(left), "half").unwrap();
        }
        write_atomic_with(&path, |out| {
            // A writer that is alive keeps its file.
            write_atomic(&path, b"inner").map_err(|error| error.source)?;
            out.write_all(b"outer")
        })
        .unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"outer");
        let mut left = names(folder.path());
        left.sort();
        assert_eq!(left, [".file.a1b2c3.txt", ".other.a1b2c3.partial", "file"]);
    }

    #[test]
    fn a_folder_in_the_files_place_stays_and_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("taken");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("inside"), "kept").unwrap();
        let error = write_atomic(&path, b"new").unwrap_err();
        assert_eq!(error.path, path);
        assert_eq!((names(folder.path()), names(&path)), (vec!["taken".into()], vec!["inside".into()]));
    }

    #[cfg(unix)]
    #[test]
    fn permissions_are_those_of_any_new_file() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (written, usual) = (folder.path().join("written"), folder.path().join("usual"));
        write_atomic(&written, b"").unwrap();
        File::create(&usual).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&written), mode(&usual));
    }
}
