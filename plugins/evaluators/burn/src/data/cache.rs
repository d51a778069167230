//! Data are prepared once: the first process that needs them writes a file, and all others map it.

use std::fs::{self, File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

use super::{DIGITS, Data, DataConfig, DataError, file, prepare};

/// Smaller data are read sooner than a file of them is kept.
const SMALL: usize = 1 << 20;
/// Files that nobody opened for so long are removed when another one is written.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// Where prepared data are kept: the folder that the variable `NAS_DATA_CACHE` names (empty: nowhere), else in the user's cache.
pub fn folder() -> Option<PathBuf> {
    match std::env::var_os("NAS_DATA_CACHE") {
        Some(folder) if folder.is_empty() => None,
        Some(folder) => Some(folder.into()),
        None => directories::ProjectDirs::from("", "", "nas").map(|folders| folders.cache_dir().join("data")),
    }
}

/// Opens prepared data, or prepares them. A file that cannot be written, or not be locked, costs time and memory and nothing else.
pub fn open(config: &DataConfig, folder: &Path) -> Result<Data, DataError> {
    let Ok(key) = key(config) else { return prepare::prepare(config) };
    let path = folder.join(format!("{key}.data"));
    if let Some(data) = file::read(&path) {
        return Ok(data);
    }
    let lock_path = folder.join(format!("{key}.lock"));
    let lock = fs::create_dir_all(folder).and_then(|()| File::create(&lock_path));
    // Several workers start at once: one prepares, and the others wait for it.
    if lock.as_ref().is_ok_and(|lock| lock.lock().is_ok())
        && let Some(data) = file::read(&path)
    {
        return Ok(data);
    }
    let data = prepare::prepare(config);
    // With the lock goes its file: who still waits finds the data, or prepares them too.
    let shared = data.as_ref().ok().and_then(|data| share(data, config, &key, &path));
    let _ = fs::remove_file(&lock_path);
    shared.map_or(data, Ok)
}

/// Writes data, and gives them back mapped; `None` where that cannot be done or is not worth it.
fn share(data: &Data, config: &DataConfig, key: &str, path: &Path) -> Option<Data> {
    // What changed while it was read is not what the key says.
    if file::size(data) < SMALL || self::key(config).ok()? != key {
        return None;
    }
    let partial = path.with_extension(format!("{}.partial", std::process::id()));
    let written = file::write(data, &partial).and_then(|()| fs::rename(&partial, path));
    if written.is_err() {
        // What could not be finished is of no use; that it cannot be removed is no further news.
        let _ = fs::remove_file(&partial);
        return None;
    }
    let _ = clean(path.parent()?);
    file::read(path)
}

fn clean(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let unused = entry.metadata()?.modified()?.elapsed().is_ok_and(|age| age > KEPT);
        let ours = [".data", ".partial", ".lock"].iter().any(|end| entry.file_name().to_string_lossy().ends_with(end));
        if unused && ours {
            let _ = fs::remove_file(entry.path());
        }
    }
    Ok(())
}

/// What prepared data depend on, in hexadecimal digits: the parameters, the program, and which files there are, as their
/// names, lengths and times say.
fn key(config: &DataConfig) -> io::Result<String> {
    if config.source == DIGITS {
        return Err(io::Error::other("no file"));
    }
    let mut digest = Sha256::new();
    digest.update(serde_json::to_vec(config)?);
    // Another build may prepare otherwise.
    let program = std::env::current_exe()?;
    identify(&program, &fs::metadata(&program)?, &mut digest)?;
    walk(&fs::canonicalize(&config.source)?, &mut digest)?;
    Ok(digest.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect())
}

fn walk(path: &Path, digest: &mut Sha256) -> io::Result<()> {
    let metadata = fs::metadata(path)?;
    if !metadata.is_dir() {
        return identify(path, &metadata, digest);
    }
    let entries: io::Result<Vec<_>> = fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut entries = entries?;
    entries.sort();
    digest.update(path.as_os_str().as_encoded_bytes());
    entries.iter().try_for_each(|entry| walk(entry, digest))
}

fn identify(path: &Path, metadata: &Metadata, digest: &mut Sha256) -> io::Result<()> {
    let time = metadata.modified()?.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    digest.update(path.as_os_str().as_encoded_bytes());
    digest.update([0]);
    digest.update(metadata.len().to_le_bytes());
    digest.update(time.as_nanos().to_le_bytes());
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        // Set by every change, also where a copy keeps the other time.
        digest.update(metadata.ctime().to_le_bytes());
        digest.update(metadata.ctime_nsec().to_le_bytes());
    }
    Ok(())
}
