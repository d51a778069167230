//! The study's file: one SQLite database, append-only except for the state of trials. Only this module knows SQL.

mod lock;
mod read;
mod write;

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::backup::Backup;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::StudyError;
use super::header::Header;
use lock::Lock;

pub(crate) use read::StrategyCall;
pub(crate) use write::wall_clock;

/// The application id in the database's header, "nas1" in ASCII: it marks a file as a study.
const APPLICATION: i32 = 0x6e61_7331;
/// The version of the tables. A program refuses files of newer versions.
const VERSION: i32 = 4;
/// The earlier versions, each with the SQL that turns it into the next one. A file of an earlier version is migrated
/// when it is opened for writing; when it is only read, a copy in memory is migrated.
const MIGRATIONS: [(i32, &str); 2] = [(2, include_str!("from_2.sql")), (3, include_str!("from_3.sql"))];
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// An open study file.
pub(crate) struct Log {
    db: Connection,
    path: PathBuf,
    /// The row of this run; 0 if the file is only read.
    session: i64,
    // Dropped after the connection, so that nobody writes without it.
    _lock: Option<Lock>,
}

impl Log {
    /// A new study. The file appears complete or not at all, no matter when the process is killed.
    pub fn create(path: &Path, header: &Header) -> Result<Self, StudyError> {
        let lock = Lock::take(path)?;
        if path.exists() {
            let remedy = "continue it with `nas resume`, or choose another file";
            return Err(StudyError::file(path, "already exists", remedy));
        }
        let mut name = path.as_os_str().to_owned();
        name.push(".new");
        let new = PathBuf::from(name);
        // Left over from a process that was killed at this point; the lock shows that it is no longer alive.
        let _ = fs::remove_file(&new);
        let result = Self::write_new(&new, header);
        let named = result.and_then(|()| {
            let cannot = |error| StudyError::file(path, format!("cannot be written: {error}"), "choose another file");
            fs::rename(&new, path).map_err(cannot)
        });
        if let Err(error) = named {
            let _ = fs::remove_file(&new);
            return Err(error);
        }
        Self::open_locked(path, lock)
    }

    fn write_new(new: &Path, header: &Header) -> Result<(), StudyError> {
        let text = header.to_text()?;
        let write = || {
            let db = Connection::open(new)?;
            db.execute_batch(concat!("BEGIN;", include_str!("schema.sql")))?;
            db.pragma_update(None, "application_id", APPLICATION)?;
            db.pragma_update(None, "user_version", VERSION)?;
            db.execute("INSERT INTO searches VALUES (0, ?1)", [&text])?;
            db.execute_batch("COMMIT")?;
            // Set before the first session, which would otherwise do it: a process that is killed while it changes the
            // mode leaves a journal, and then the file cannot be opened read-only.
            db.pragma_update(None, "journal_mode", "WAL")?;
            db.close().map_err(|(_, error)| error)
        };
        write().map_err(|source: rusqlite::Error| StudyError::Database { path: new.to_owned(), source })
    }

    /// An existing study, to be continued.
    pub fn open(path: &Path) -> Result<Self, StudyError> {
        check_file(path)?;
        let lock = Lock::take(path)?;
        Self::open_locked(path, lock)
    }

    /// An existing study, to be read; another process may write to it meanwhile.
    pub fn open_to_read(path: &Path) -> Result<Self, StudyError> {
        check_file(path)?;
        let open = |flags| {
            let db = Connection::open_with_flags(path, flags);
            let db = db.map_err(|source| StudyError::Database { path: path.to_owned(), source })?;
            let mut log = Self { db, path: path.to_owned(), session: 0, _lock: None };
            let version = log.check_version()?;
            if version != VERSION {
                let copied = copy_in_memory(&log.db);
                log.db = log.sql(copied)?;
                log.migrate(version)?;
            }
            Ok(log)
        };
        open(OpenFlags::SQLITE_OPEN_READ_ONLY).or_else(|error| match error {
            // A process was killed while writing; its journal must be rolled back first.
            StudyError::Database { source, .. } if source.sqlite_error_code() == Some(ErrorCode::ReadOnly) => {
                open(OpenFlags::SQLITE_OPEN_READ_WRITE)
            }
            other => Err(other),
        })
    }

    fn open_locked(path: &Path, lock: Lock) -> Result<Self, StudyError> {
        let open = || {
            let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
            db.busy_timeout(Duration::from_secs(30))?;
            Ok(db)
        };
        let db = open().map_err(|source| StudyError::Database { path: path.to_owned(), source })?;
        let mut log = Self { db, path: path.to_owned(), session: 0, _lock: Some(lock) };
        let version = log.check_version()?;
        log.migrate(version)?;
        log.begin_session()?;
        Ok(log)
    }

    /// The file's version, if this program can read it.
    fn check_version(&self) -> Result<i32, StudyError> {
        let pragma = |name: &str| self.db.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
        if self.sql(pragma("application_id"))? != APPLICATION {
            let remedy = "name a file that `nas search --study` wrote";
            return Err(StudyError::file(&self.path, "is a database, but not a study", remedy));
        }
        let version = self.sql(pragma("user_version"))?;
        let oldest = MIGRATIONS[0].0;
        if !(oldest..=VERSION).contains(&version) {
            let problem =
                format!("is a study file of version {version}; this program reads versions {oldest} to {VERSION}");
            let remedy = if version > VERSION { "use a newer nas" } else { "use the nas that wrote it" };
            return Err(StudyError::file(&self.path, problem, remedy));
        }
        Ok(version)
    }

    /// Migrates a database of this version to [`VERSION`], in one transaction.
    fn migrate(&self, version: i32) -> Result<(), StudyError> {
        let steps = MIGRATIONS.iter().filter(|(from, _)| *from >= version).map(|(_, sql)| *sql);
        let steps: String = steps.collect();
        if steps.is_empty() {
            return Ok(());
        }
        let batch = format!("PRAGMA foreign_keys = OFF; BEGIN; {steps} PRAGMA user_version = {VERSION}; COMMIT;");
        self.sql(self.db.execute_batch(&batch))
    }

    /// Adds the path of the file to an error.
    fn sql<T>(&self, result: rusqlite::Result<T>) -> Result<T, StudyError> {
        result.map_err(|source| StudyError::Database { path: self.path.clone(), source })
    }

    fn damaged(&self, problem: impl Into<String>) -> StudyError {
        StudyError::file(&self.path, problem, "the file is damaged: go back to a copy of it")
    }
}

/// A copy of the database in memory, which may be changed.
fn copy_in_memory(db: &Connection) -> rusqlite::Result<Connection> {
    let mut copy = Connection::open_in_memory()?;
    Backup::new(db, &mut copy)?.run_to_completion(1024, Duration::ZERO, None)?;
    Ok(copy)
}

/// Refuses a file that is not a database; SQLite's own messages for that are hard to read.
fn check_file(path: &Path) -> Result<(), StudyError> {
    let mut file = File::open(path).map_err(|error| {
        let problem = match error.kind() {
            std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
            _ => format!("cannot be read: {error}"),
        };
        StudyError::file(path, problem, "name a file that `nas search --study` wrote")
    })?;
    let mut start = [0; MAGIC.len()];
    match file.read_exact(&mut start) {
        Ok(()) if start == *MAGIC => Ok(()),
        _ => Err(StudyError::file(path, "is not a study file", "name a file that `nas search --study` wrote")),
    }
}
