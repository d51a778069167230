//! One file over HTTP: several mirrors, going on where a download broke off, and there only once its checksum is right.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};
use ureq::Agent;
use ureq::http::StatusCode;
use ureq::http::header::{ACCEPT_ENCODING, CONTENT_RANGE, RANGE};

/// Connections that one mirror may break off without having sent anything new.
const BROKEN: u32 = 3;
const CONNECT: Duration = Duration::from_secs(20);
const ANSWER: Duration = Duration::from_secs(60);
/// Of one connection; a slower download goes on with the next one.
const BODY: Duration = Duration::from_secs(1200);

/// What is fetched, and from where.
#[derive(Debug)]
pub struct Wanted<'w> {
    /// Whole addresses, in the order in which they are tried.
    pub urls: Vec<String>,
    /// How long the file is.
    pub bytes: u64,
    /// In hexadecimal digits.
    pub sha256: &'w str,
}

/// Why a file was not fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The disk is to blame.
    #[error("{}: cannot be written: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Another process is at it.
    #[error("{}: another process is fetching it", path.display())]
    Busy {
        /// The partial file.
        path: PathBuf,
    },
    /// No mirror gave it.
    #[error("cannot be fetched:\n  {}{}", reasons.join("\n  "), kept(*partial))]
    Failed {
        /// A line for each mirror.
        reasons: Vec<String>,
        /// Bytes that were kept for another try.
        partial: u64,
    },
}

fn kept(partial: u64) -> String {
    if partial == 0 {
        String::new()
    } else {
        format!("\n  {partial} bytes are kept: the same command goes on from there")
    }
}

/// Fetches to `target`, where it is whole or not at all; `progress` is told how many bytes are there. What is there already
/// and has the right checksum stays as it is.
///
/// A download that broke off is in `target` with `.partial` behind its name. Its bytes are taken on trust, from whatever mirror,
/// until the checksum of the whole is known.
pub fn fetch(wanted: &Wanted<'_>, target: &Path, progress: &mut dyn FnMut(u64)) -> Result<(), FetchError> {
    if is_right(target, wanted) {
        progress(wanted.bytes);
        return Ok(());
    }
    let mut partial = Partial::open(target)?;
    // Another process may just have finished.
    if is_right(target, wanted) {
        let _ = fs::remove_file(&partial.path);
        progress(wanted.bytes);
        return Ok(());
    }
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .timeout_connect(Some(CONNECT))
        .timeout_recv_response(Some(ANSWER))
        .timeout_recv_body(Some(BODY))
        .user_agent(concat!("nas/", env!("CARGO_PKG_VERSION")))
        .build();
    let agent = Agent::new_with_config(config);
    let mut reasons = Vec::new();
    for url in &wanted.urls {
        match from_mirror(&agent, url, wanted, &mut partial, progress) {
            Ok(()) => return partial.finish(target),
            Err(Trouble::Mirror(reason)) => reasons.push(format!("{url}: {reason}")),
            Err(Trouble::Disk(source)) => return Err(FetchError::Write { path: partial.path, source }),
        }
    }
    let left = partial.length().unwrap_or(0);
    if left == 0 {
        // Nothing is lost with it.
        let _ = fs::remove_file(&partial.path);
    }
    Err(FetchError::Failed { reasons, partial: left })
}

/// Whether a file is there and what it should be.
fn is_right(path: &Path, wanted: &Wanted<'_>) -> bool {
    let right = || -> io::Result<bool> {
        let mut file = File::open(path)?;
        Ok(file.metadata()?.len() == wanted.bytes && sum(&mut file)? == wanted.sha256)
    };
    right().unwrap_or(false)
}

/// SHA-256 of what follows, in hexadecimal digits.
fn sum(file: &mut File) -> io::Result<String> {
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

/// What is there of a file, and held by this process alone.
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
            if let Some(partial) = Self::hold(&path, file)? {
                return Ok(partial);
            }
        }
    }

    /// Locks a file that was opened at `path`; `None` where it is there no more: another process finished with it, or gave it
    /// up, before the lock was free.
    fn hold(path: &Path, file: File) -> Result<Option<Self>, FetchError> {
        let path = path.to_owned();
        if let Err(fs::TryLockError::WouldBlock) = file.try_lock() {
            return Err(FetchError::Busy { path });
        }
        Ok(is_at(&file, &path).then_some(Self { path, file }))
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
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
        let place = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
        let here = file.metadata().map(place);
        here.is_ok_and(|here| fs::metadata(path).map(place).is_ok_and(|there| there == here))
    }
    #[cfg(not(unix))]
    {
        let here = file.metadata().map(|metadata| metadata.len());
        here.is_ok_and(|here| fs::metadata(path).is_ok_and(|there| there.len() == here))
    }
}

enum Trouble {
    /// Another mirror may do better.
    Mirror(String),
    /// None will.
    Disk(io::Error),
}

/// The whole file with the right checksum, however often the connection breaks.
fn from_mirror(
    agent: &Agent,
    url: &str,
    wanted: &Wanted<'_>,
    partial: &mut Partial,
    progress: &mut dyn FnMut(u64),
) -> Result<(), Trouble> {
    let mut broken = 0;
    loop {
        let before = partial.length().map_err(Trouble::Disk)?;
        if before >= wanted.bytes {
            break;
        }
        let Err(reason) = part(agent, url, wanted, partial, progress)? else { continue };
        // A mirror that starts from the beginning each time never gets further.
        broken = if partial.length().map_err(Trouble::Disk)? > before { 0 } else { broken + 1 };
        if broken >= BROKEN {
            return Err(Trouble::Mirror(reason));
        }
    }
    let length = partial.length().map_err(Trouble::Disk)?;
    partial.file.rewind().map_err(Trouble::Disk)?;
    let found = sum(&mut partial.file).map_err(Trouble::Disk)?;
    if length == wanted.bytes && found == wanted.sha256 {
        return Ok(());
    }
    // No byte of it can be trusted.
    partial.cut(0).map_err(Trouble::Disk)?;
    let problem = if length == wanted.bytes {
        format!("the file there is another one: its SHA-256 is {found}, not {}", wanted.sha256)
    } else {
        format!("the file there is longer than {} bytes", wanted.bytes)
    };
    Err(Trouble::Mirror(problem))
}

/// One connection. `Ok(Err)`: it broke, and may be tried again.
fn part(
    agent: &Agent,
    url: &str,
    wanted: &Wanted<'_>,
    partial: &mut Partial,
    progress: &mut dyn FnMut(u64),
) -> Result<Result<(), String>, Trouble> {
    let have = partial.length().map_err(Trouble::Disk)?;
    let mut request = agent.get(url).header(ACCEPT_ENCODING, "identity");
    if have > 0 {
        request = request.header(RANGE, format!("bytes={have}-"));
    }
    let response = match request.call() {
        Ok(response) => response,
        Err(ureq::Error::BadUri(problem)) => return Err(Trouble::Mirror(problem)),
        Err(error) => return Ok(Err(error.to_string())),
    };
    let from = match response.status() {
        StatusCode::OK => 0,
        StatusCode::PARTIAL_CONTENT => {
            let range = response.headers().get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
            match range.and_then(first_byte) {
                Some(first) if first <= have => first,
                _ => return Err(Trouble::Mirror("it answers with another part than was asked for".to_owned())),
            }
        }
        // What is there is no beginning of what it has.
        StatusCode::RANGE_NOT_SATISFIABLE => {
            partial.cut(0).map_err(Trouble::Disk)?;
            return Ok(Err("it does not have as many bytes as are there".to_owned()));
        }
        status => return Err(Trouble::Mirror(format!("it answers {status}"))),
    };
    partial.cut(from).map_err(Trouble::Disk)?;
    progress(from);
    // One byte more than there should be tells a file that is too long.
    let mut body = response.into_body().into_reader().take(wanted.bytes + 1 - from);
    let mut buffer = vec![0; 1 << 16];
    let mut length = from;
    loop {
        match body.read(&mut buffer) {
            Ok(0) if length < wanted.bytes => {
                return Ok(Err(format!("it sends {length} bytes of {}", wanted.bytes)));
            }
            Ok(0) => return Ok(Ok(())),
            Ok(count) => {
                partial.file.write_all(&buffer[..count]).map_err(Trouble::Disk)?;
                length += count as u64;
                progress(length);
            }
            Err(error) => return Ok(Err(format!("the connection broke after {length} bytes: {error}"))),
        }
    }
}

/// Of `bytes 5-9/10`.
fn first_byte(range: &str) -> Option<u64> {
    range.strip_prefix("bytes ")?.split_once('-')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_file_that_another_process_finished_is_not_held() {
        let folder = tempfile::tempdir().unwrap();
        let (target, path) = (folder.path().join("file"), folder.path().join("file.partial"));
        let other = Partial::open(&target).unwrap();
        fs::write(&path, "whole").unwrap();
        // Opened before the other process finishes, locked afterwards.
        let late = || OpenOptions::new().read(true).write(true).open(&path).unwrap();
        let (first, second) = (late(), late());
        assert!(matches!(Partial::hold(&path, first), Err(FetchError::Busy { .. })));
        other.finish(&target).unwrap();
        assert!(Partial::hold(&path, second).unwrap().is_none());
        let mut mine = Partial::open(&target).unwrap();
        assert_eq!(mine.length().unwrap(), 0);
        mine.cut(3).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"whole", "what is finished stays");
    }
}
