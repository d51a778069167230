//! Data are prepared once: the first process that needs them writes a file, which all others map into memory.

use std::fs::{self, File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

use crate::config::{DIGITS, DataConfig, Tokens};
use crate::dataset::Data;
use crate::error::DataError;
use crate::prepared_file;

/// Data of fewer bytes are not cached, since reading the source again is faster.
const SMALL: usize = 1 << 20;
/// The version of the preparation and of the file format. Every change after which the same sources give other bytes
/// must raise it; a test of the prepared bytes fails if that is forgotten.
pub(super) const FORMAT: u32 = 3;
/// Files that were not opened for this time are removed when another one is written.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

impl Data {
    /// Data that this process shares with all others that need the same, if there is a cache folder.
    ///
    /// # Errors
    ///
    /// Fails if the data cannot be opened. A cache that cannot be used is not an error.
    pub fn shared(config: &DataConfig) -> Result<Self, DataError> {
        match folder() {
            Some(folder) => open(config, &folder),
            None => Self::open(config),
        }
    }
}

/// The cache folder: the one that the variable `NAS_DATA_CACHE` names (none if it is empty), else one in the user's
/// cache.
pub fn folder() -> Option<PathBuf> {
    match std::env::var_os("NAS_DATA_CACHE") {
        Some(folder) if folder.is_empty() => None,
        Some(folder) => Some(folder.into()),
        None => directories::ProjectDirs::from("", "", "nas").map(|folders| folders.cache_dir().join("data")),
    }
}

/// Opens prepared data, or prepares them. A file that cannot be written or locked costs time and memory, nothing else.
///
/// # Errors
///
/// Fails if the data cannot be prepared.
pub fn open(config: &DataConfig, folder: &Path) -> Result<Data, DataError> {
    let Ok(key) = key(config) else { return Data::open(config) };
    let path = folder.join(format!("{key}.data"));
    if let Some(data) = prepared_file::read(&path) {
        return Ok(data);
    }
    // Several workers may start at once: one prepares the data, and the others wait for it.
    let Ok(lock) = Lock::wait(folder.join(format!("{key}.lock"))) else { return Data::open(config) };
    if let Some(data) = prepared_file::read(&path) {
        return Ok(data);
    }
    let data = Data::open(config)?;
    // If another process held the lock, it has already tried to write the file.
    let shared = if lock.is_own() { share(&data, config, &key, &path) } else { None };
    Ok(shared.unwrap_or(data))
}

/// Writes data and returns them mapped; `None` if that is impossible or not worthwhile.
fn share(data: &Data, config: &DataConfig, key: &str, path: &Path) -> Option<Data> {
    // If the source changed while it was read, the key does not describe these data.
    if prepared_file::size(data) < SMALL || self::key(config).ok()? != key {
        return None;
    }
    let (partial, file) = new_partial(path).ok()?;
    let written = prepared_file::write(data, file).and_then(|()| fs::rename(&partial, path));
    if written.is_err() {
        // An unfinished file is of no use. If it cannot be removed either, there is nothing more to do.
        let _ = fs::remove_file(&partial);
        return None;
    }
    let _ = clean(path.parent()?);
    prepared_file::read(path)
}

/// Creates a file beside `path` that no other process has opened. Neither the lock nor the process's number ensures
/// that: locks may not hold on a network's disk, and processes in two containers may have the same number.
pub(super) fn new_partial(path: &Path) -> io::Result<(PathBuf, File)> {
    for count in 0_u32.. {
        let partial = path.with_extension(format!("{}-{count}.partial", std::process::id()));
        match File::create_new(&partial) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            created => return created.map(|file| (partial, file)),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// The right to prepare one data set, until this is dropped.
pub(super) struct Lock {
    path: PathBuf,
    file: File,
}

impl Lock {
    /// Waits until no other process holds the lock.
    pub(super) fn wait(path: PathBuf) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let file = File::create(&path)?;
        file.lock()?;
        Ok(Self { path, file })
    }

    /// Whether the locked file is still the one at the path. It is not if the previous holder has removed it, in which
    /// case other processes may lock a new file.
    pub(super) fn is_own(&self) -> bool {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            let place = |metadata: Metadata| (metadata.dev(), metadata.ino());
            let here = self.file.metadata().map(place);
            here.is_ok_and(|here| fs::metadata(&self.path).map(place).is_ok_and(|there| there == here))
        }
        // Here, an open file cannot be removed.
        #[cfg(not(unix))]
        self.path.exists()
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if self.is_own() {
            let _ = fs::remove_file(&self.path);
        }
    }
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

/// A digest, in hexadecimal digits, of all that prepared data depend on: the parameters, this code, the program, and
/// the source's files by their names, lengths and times.
pub(super) fn key(config: &DataConfig) -> io::Result<String> {
    if config.source == DIGITS {
        return Err(io::Error::other("no file"));
    }
    let mut digest = Sha256::new();
    digest.update(serde_json::to_vec(config)?);
    // The program may have loaded this code as a library, and then does not change when the library is replaced.
    digest.update(format!("{FORMAT} {} ", env!("CARGO_PKG_VERSION")));
    // Another build may prepare data differently, even if nobody raised `FORMAT`.
    let program = std::env::current_exe()?;
    identify(&program, &fs::metadata(&program)?, &mut digest)?;
    walk(&fs::canonicalize(&config.source)?, &mut digest)?;
    if let Tokens::File(tokenizer) = &config.tokens {
        walk(&fs::canonicalize(tokenizer)?, &mut digest)?;
    }
    Ok(hex::encode(&digest.finalize()[..16]))
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
        // Every change sets this time, even if a copy keeps the modification time.
        digest.update(metadata.ctime().to_le_bytes());
        digest.update(metadata.ctime_nsec().to_le_bytes());
    }
    Ok(())
}
