//! What every SQLite file of this program has in common: a foreign file is not trusted, and a damaged one is recognised.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, ErrorCode};
use tempfile::TempDir;

/// The largest text or blob that a file may hold, so that a few damaged bytes do not ask for all memory.
const LONGEST: i32 = 1 << 28;

/// Makes a connection distrust its file. No trigger and no view of the file runs, no function that the file names has
/// side effects, and a damaged page is noticed when it is read.
pub(crate) fn harden(db: &Connection) -> rusqlite::Result<()> {
    let settings = [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
    ];
    for (setting, value) in settings {
        db.set_db_config(setting, value)?;
    }
    db.set_limit(Limit::SQLITE_LIMIT_LENGTH, LONGEST)?;
    db.pragma_update(None, "cell_size_check", true)
}

/// Why the file, not the machine, is at fault; `None` if the file may be sound.
pub(crate) fn damage(error: &rusqlite::Error) -> Option<String> {
    match error {
        rusqlite::Error::SqliteFailure(failure, words) => {
            let codes = [ErrorCode::DatabaseCorrupt, ErrorCode::NotADatabase, ErrorCode::TooBig, ErrorCode::Unknown];
            let words = words.clone().unwrap_or_else(|| failure.to_string());
            codes.contains(&failure.code).then_some(words)
        }
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::Utf8Error(..)
        | rusqlite::Error::QueryReturnedNoRows => Some(error.to_string()),
        _ => None,
    }
}

/// The file whose name is `path`'s with this ending appended.
pub(crate) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// The files in which SQLite keeps what is not yet in the database itself.
pub(crate) fn side_files(path: &Path) -> [PathBuf; 3] {
    ["-wal", "-shm", "-journal"].map(|ending| beside(path, ending))
}

/// A copy of a database in a folder of its own, with what SQLite has not moved into it yet: SQLite needs to write beside
/// a file even to read it, and cannot on read-only media.
pub(crate) fn copied(path: &Path) -> io::Result<(TempDir, PathBuf)> {
    let folder = tempfile::tempdir()?;
    let copy = folder.path().join("copy");
    fs::copy(path, &copy)?;
    // The index of the log of writes is made anew.
    for ending in ["-wal", "-journal"] {
        match fs::copy(beside(path, ending), beside(&copy, ending)) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok((folder, copy))
}
