//! Fetches one file over HTTP from several mirrors. An interrupted download is continued, and the file appears only
//! once its checksum is right.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};
use ureq::Agent;
use ureq::http::StatusCode;
use ureq::http::header::{ACCEPT_ENCODING, CONTENT_RANGE, RANGE};

/// The number of connections to one mirror that may break in a row without having sent anything new.
const MAX_FAILURES: u32 = 3;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(60);
/// The time limit for one connection's body; a slower download continues with the next connection.
const BODY_TIMEOUT: Duration = Duration::from_secs(1200);

/// A file to fetch and its mirrors.
#[derive(Debug)]
pub struct Download<'d> {
    /// The file's URL on each mirror, in the order in which they are tried.
    pub urls: Vec<String>,
    /// The length of the file.
    pub bytes: u64,
    /// Its SHA-256 checksum in hexadecimal digits.
    pub sha256: &'d str,
}

/// Why a file was not fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// A file cannot be read or written.
    #[error("{}: cannot be written: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// Another process is fetching the same file.
    #[error("{}: another process is fetching it", path.display())]
    Busy {
        /// The partial file.
        path: PathBuf,
    },
    /// All mirrors failed.
    #[error("cannot be fetched:\n  {}{}", reasons.join("\n  "), partial_note(*partial))]
    Failed {
        /// The reason of each mirror.
        reasons: Vec<String>,
        /// The number of bytes that are kept for another attempt.
        partial: u64,
    },
}

fn partial_note(partial: u64) -> String {
    if partial == 0 {
        String::new()
    } else {
        format!("\n  {partial} bytes are kept: the same command continues from there")
    }
}

/// Fetches the file to `target`, unless it is already there with the right checksum. `progress` receives the number of
/// bytes that are there.
///
/// Until the checksum is known to be right, the file is named `target` with `.partial` appended. Its bytes may come
/// from several mirrors, and an interrupted download is continued from it.
///
/// # Errors
/// All mirrors fail, another process is fetching the same file, or the file cannot be written.
pub fn fetch(download: &Download<'_>, target: &Path, progress: &mut dyn FnMut(u64)) -> Result<(), FetchError> {
    if is_complete(target, download) {
        progress(download.bytes);
        return Ok(());
    }
    let mut partial = Partial::open(target)?;
    // Another process may have finished between the check and the lock.
    if is_complete(target, download) {
        let _ = fs::remove_file(&partial.path);
        progress(download.bytes);
        return Ok(());
    }
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .timeout_connect(Some(CONNECT_TIMEOUT))
        .timeout_recv_response(Some(RESPONSE_TIMEOUT))
        .timeout_recv_body(Some(BODY_TIMEOUT))
        .user_agent(concat!("nas/", env!("CARGO_PKG_VERSION")))
        .build();
    let agent = Agent::new_with_config(config);
    let mut reasons = Vec::new();
    for url in &download.urls {
        match fetch_from_mirror(&agent, url, download, &mut partial, progress) {
            Ok(()) => return partial.finish(target),
            Err(MirrorError::Mirror(reason)) => reasons.push(format!("{url}: {reason}")),
            Err(MirrorError::Disk(source)) => return Err(FetchError::Write { path: partial.path, source }),
        }
    }
    let left = partial.length().unwrap_or(0);
    if left == 0 {
        let _ = fs::remove_file(&partial.path);
    }
    Err(FetchError::Failed { reasons, partial: left })
}

/// Whether the file exists with the right length and checksum.
fn is_complete(path: &Path, download: &Download<'_>) -> bool {
    let check = || -> io::Result<bool> {
        let mut file = File::open(path)?;
        Ok(file.metadata()?.len() == download.bytes && sha256(&mut file)? == download.sha256)
    };
    check().unwrap_or(false)
}

/// The SHA-256 checksum of the rest of the file, in hexadecimal digits.
fn sha256(file: &mut File) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        hasher.update(&buffer[..count]);
    }
    Ok(hex::encode(hasher.finalize()))
}

/// A partial download, locked by this process.
struct Partial {
    path: PathBuf,
    file: File,
}

impl Partial {
    fn open(target: &Path) -> Result<Self, FetchError> {
        let mut path = target.as_os_str().to_owned();
        path.push(".partial");
        let path = PathBuf::from(path);
        let open = || {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path)
        };
        loop {
            let file = open().map_err(|source| FetchError::Write { path: path.clone(), source })?;
            if let Some(partial) = Self::lock(&path, file)? {
                return Ok(partial);
            }
        }
    }

    /// Locks a file that was opened at `path`. Returns `None` if the file is no longer at that path: another process
    /// renamed or removed it before the lock was free.
    fn lock(path: &Path, file: File) -> Result<Option<Self>, FetchError> {
        let path = path.to_owned();
        if let Err(fs::TryLockError::WouldBlock) = file.try_lock() {
            return Err(FetchError::Busy { path });
        }
        Ok(is_at(&file, &path).then_some(Self { path, file }))
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.file.set_len(length)?;
        self.file.seek(SeekFrom::End(0)).map(|_| ())
    }

    fn finish(self, target: &Path) -> Result<(), FetchError> {
        let moved = self.file.sync_all().and_then(|()| fs::rename(&self.path, target));
        moved.map_err(|source| FetchError::Write { path: target.to_owned(), source })
    }
}

/// Whether this open file is the one at `path`.
fn is_at(file: &File, path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let inode = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
        let opened = file.metadata().map(inode);
        opened.is_ok_and(|opened| fs::metadata(path).map(inode).is_ok_and(|found| found == opened))
    }
    #[cfg(not(unix))]
    {
        let opened = file.metadata().map(|metadata| metadata.len());
        opened.is_ok_and(|opened| fs::metadata(path).is_ok_and(|found| found.len() == opened))
    }
}

enum MirrorError {
    /// This mirror failed; another one may have the file.
    Mirror(String),
    /// The file cannot be read or written, so that no other mirror helps.
    Disk(io::Error),
}

/// Fetches the whole file from one mirror and checks its checksum. Broken connections are retried while they make
/// progress.
fn fetch_from_mirror(
    agent: &Agent,
    url: &str,
    download: &Download<'_>,
    partial: &mut Partial,
    progress: &mut dyn FnMut(u64),
) -> Result<(), MirrorError> {
    let mut failures = 0;
    loop {
        let before = partial.length().map_err(MirrorError::Disk)?;
        if before >= download.bytes {
            break;
        }
        let Err(reason) = fetch_part(agent, url, download, partial, progress)? else { continue };
        // A mirror without ranges starts from the beginning each time, which also counts as no progress.
        failures = if partial.length().map_err(MirrorError::Disk)? > before { 0 } else { failures + 1 };
        if failures >= MAX_FAILURES {
            return Err(MirrorError::Mirror(reason));
        }
    }
    let length = partial.length().map_err(MirrorError::Disk)?;
    partial.file.rewind().map_err(MirrorError::Disk)?;
    let found = sha256(&mut partial.file).map_err(MirrorError::Disk)?;
    if length == download.bytes && found == download.sha256 {
        return Ok(());
    }
    // Nothing tells which bytes are wrong, so none is kept.
    partial.truncate(0).map_err(MirrorError::Disk)?;
    let problem = if length == download.bytes {
        format!("it has another file: the SHA-256 is {found}, not {}", download.sha256)
    } else {
        format!("its file is longer than {} bytes", download.bytes)
    };
    Err(MirrorError::Mirror(problem))
}

/// Continues the download over one connection. The inner `Err` says why it broke; it may be tried again.
fn fetch_part(
    agent: &Agent,
    url: &str,
    download: &Download<'_>,
    partial: &mut Partial,
    progress: &mut dyn FnMut(u64),
) -> Result<Result<(), String>, MirrorError> {
    let have = partial.length().map_err(MirrorError::Disk)?;
    let mut request = agent.get(url).header(ACCEPT_ENCODING, "identity");
    if have > 0 {
        request = request.header(RANGE, format!("bytes={have}-"));
    }
    let response = match request.call() {
        Ok(response) => response,
        Err(ureq::Error::BadUri(problem)) => return Err(MirrorError::Mirror(problem)),
        Err(error) => return Ok(Err(error.to_string())),
    };
    let from = match response.status() {
        StatusCode::OK => 0,
        StatusCode::PARTIAL_CONTENT => {
            let range = response.headers().get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
            match range.and_then(first_byte) {
                Some(first) if first <= have => first,
                _ => return Err(MirrorError::Mirror("it sends another part than the requested one".to_owned())),
            }
        }
        // The partial file is longer than the mirror's file, so it is not the beginning of it.
        StatusCode::RANGE_NOT_SATISFIABLE => {
            partial.truncate(0).map_err(MirrorError::Disk)?;
            return Ok(Err("its file is shorter than the partial download".to_owned()));
        }
        status => return Err(MirrorError::Mirror(format!("it answers {status}"))),
    };
    partial.truncate(from).map_err(MirrorError::Disk)?;
    progress(from);
    // One byte beyond the expected length is read, so that a file that is too long is noticed.
    let mut body = response.into_body().into_reader().take(download.bytes + 1 - from);
    let mut buffer = vec![0; 1 << 16];
    let mut length = from;
    loop {
        match body.read(&mut buffer) {
            Ok(0) if length < download.bytes => {
                return Ok(Err(format!("it sends only {length} of {} bytes", download.bytes)));
            }
            Ok(0) => return Ok(Ok(())),
            Ok(count) => {
                partial.file.write_all(&buffer[..count]).map_err(MirrorError::Disk)?;
                length += count as u64;
                progress(length);
            }
            Err(error) => return Ok(Err(format!("the connection broke after {length} bytes: {error}"))),
        }
    }
}

/// The first byte of a `Content-Range` such as `bytes 5-9/10`.
fn first_byte(range: &str) -> Option<u64> {
    range.strip_prefix("bytes ")?.split_once('-')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_file_that_another_process_finished_is_not_locked() {
        let folder = tempfile::tempdir().unwrap();
        let (target, path) = (folder.path().join("file"), folder.path().join("file.partial"));
        let other = Partial::open(&target).unwrap();
        fs::write(&path, "whole").unwrap();
        // Both are opened before the other process finishes, and locked afterwards.
        let open = || OpenOptions::new().read(true).write(true).open(&path).unwrap();
        let (first, second) = (open(), open());
        assert!(matches!(Partial::lock(&path, first), Err(FetchError::Busy { .. })));
        other.finish(&target).unwrap();
        assert!(Partial::lock(&path, second).unwrap().is_none());
        let mut mine = Partial::open(&target).unwrap();
        assert_eq!(mine.length().unwrap(), 0);
        mine.truncate(3).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"whole", "the finished file is unchanged");
    }
}
