//! The study's file: one SQLite database, append-only except for the state of trials. Only this module knows SQL.

mod check;
mod read;
mod recover;
mod schema;
mod write;

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nas_api::file::sync_folder;
use rusqlite::backup::Backup;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use tempfile::TempDir;

use super::StudyError;
use super::header::Header;
use super::plan::checkpoint_folder;
use crate::database::{beside, copied, damage, harden, side_files};
use crate::lock::{Busy, Lock};
use schema::{APPLICATION, MIGRATIONS, SCHEMA, VERSION};

pub(crate) use read::{StrategyCall, WholeRecord};
pub(crate) use recover::Salvage;
pub(crate) use write::wall_clock;

const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// How the last run of a recovered study ended whose strategy calls are lost.
const RECOVERED: &str = "recovered";
const BUSY: Busy = Busy {
    problem: "another process is running this study",
    remedy: "wait for it, or stop it; `nas show` reads a running study",
};

/// An open study file.
pub(crate) struct Log {
    db: Connection,
    path: PathBuf,
    /// The row of this run; 0 if the file is only read.
    session: i64,
    // Dropped after the connection, so that nobody writes without it.
    _lock: Option<Lock>,
    // The copy that is read instead of a file on read-only media.
    _copy: Option<TempDir>,
}

impl Log {
    /// A new study. The file appears complete or not at all, no matter when the process is killed.
    pub fn create(path: &Path, header: &Header) -> Result<Self, StudyError> {
        let lock = Lock::take(path, BUSY)?;
        Self::create_with(path, lock, |db| {
            let text = header.to_text()?;
            insert_search(db, 0, &text).map_err(|source| StudyError::Database { path: path.to_owned(), source })
        })
    }

    /// A new file that `fill` completes before it appears under its name.
    fn create_with(
        path: &Path,
        mut lock: Lock,
        fill: impl FnOnce(&Connection) -> Result<(), StudyError>,
    ) -> Result<Self, StudyError> {
        if path.exists() {
            let remedy = "continue it with `nas resume`, or choose another file";
            return Err(StudyError::file(path, "already exists", remedy));
        }
        let new = beside(path, ".new");
        remove_remains(path, &new)?;
        let written = Self::write_new(&new, fill).and_then(|()| {
            let cannot = |error| StudyError::file(path, format!("cannot be written: {error}"), "choose another file");
            fs::rename(&new, path).map_err(cannot)?;
            // Without it, a power failure could take the name away from a study whose workers have begun.
            sync_folder(path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")))
                .map_err(cannot)
        });
        if let Err(error) = written {
            let _ = fs::remove_file(&new);
            return Err(error);
        }
        lock.hold()?;
        Self::open_locked(path, lock)
    }

    fn write_new(new: &Path, fill: impl FnOnce(&Connection) -> Result<(), StudyError>) -> Result<(), StudyError> {
        let failed = |source| StudyError::Database { path: new.to_owned(), source };
        let begin = || {
            let db = Connection::open(new)?;
            db.execute_batch(&format!("BEGIN; {SCHEMA}"))?;
            db.pragma_update(None, "application_id", APPLICATION)?;
            db.pragma_update(None, "user_version", VERSION)?;
            Ok(db)
        };
        let db = begin().map_err(failed)?;
        fill(&db)?;
        let end = || {
            db.execute_batch("COMMIT")?;
            // Set before the first session, which would otherwise do it: a process that is killed while it changes the
            // mode leaves a journal, and then the file cannot be opened read-only.
            db.pragma_update(None, "journal_mode", "WAL")?;
            db.close().map_err(|(_, error)| error)
        };
        end().map_err(failed)
    }

    /// An existing study, to be continued.
    pub fn open(path: &Path) -> Result<Self, StudyError> {
        check_file(path)?;
        let mut lock = Lock::take(path, BUSY)?;
        lock.hold()?;
        Self::open_locked(path, lock)
    }

    /// An existing study, to be read; another process may write to it meanwhile.
    pub fn open_to_read(path: &Path) -> Result<Self, StudyError> {
        check_file(path)?;
        let refused = |error: &StudyError, code: ErrorCode| matches!(error, StudyError::Database { source, .. } if source.sqlite_error_code() == Some(code));
        let denied = |error: &StudyError| refused(error, ErrorCode::ReadOnly) || refused(error, ErrorCode::CannotOpen);
        match Self::read_only(path, path, OpenFlags::SQLITE_OPEN_READ_ONLY, None) {
            // A process was killed while writing; its journal must be rolled back first.
            Err(error) if refused(&error, ErrorCode::ReadOnly) => {
                match Self::read_only(path, path, OpenFlags::SQLITE_OPEN_READ_WRITE, None) {
                    Err(error) if denied(&error) => Self::read_copy(path),
                    opened => opened,
                }
            }
            // SQLite needs to write beside the file even to read it, and cannot on read-only media.
            Err(error) if denied(&error) => Self::read_copy(path),
            opened => opened,
        }
    }

    /// Opens `file`, which is the study at `path` or a copy of it.
    fn read_only(path: &Path, file: &Path, flags: OpenFlags, copy: Option<TempDir>) -> Result<Self, StudyError> {
        let db = Connection::open_with_flags(file, flags).and_then(|db| harden(&db).map(|()| db));
        let db = db.map_err(|source| StudyError::Database { path: path.to_owned(), source })?;
        let mut log = Self { db, path: path.to_owned(), session: 0, _lock: None, _copy: copy };
        let version = log.check_version()?;
        log.check_declared(None)?;
        if version != VERSION {
            let copied = copy_in_memory(&log.db);
            log.db = log.sql(copied)?;
            log.migrate(version)?;
        }
        log.check_declared(Some(VERSION))?;
        Ok(log)
    }

    /// Reads a copy of the file, with what SQLite has not moved into it yet.
    fn read_copy(path: &Path) -> Result<Self, StudyError> {
        let (folder, copy) = copied(path).map_err(|error| cannot_be_copied(path, error))?;
        Self::read_only(path, &copy, OpenFlags::SQLITE_OPEN_READ_WRITE, Some(folder))
    }

    fn open_locked(path: &Path, lock: Lock) -> Result<Self, StudyError> {
        let open = || {
            let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
            db.busy_timeout(Duration::from_secs(30))?;
            harden(&db)?;
            Ok(db)
        };
        let db = open().map_err(|source| StudyError::Database { path: path.to_owned(), source })?;
        let mut log = Self { db, path: path.to_owned(), session: 0, _lock: Some(lock), _copy: None };
        let version = log.check_version()?;
        log.check_declared(None)?;
        // What is written to a damaged file damages it further.
        let found = log.db.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
        match log.sql(found)? {
            found if found == "ok" => {}
            found => return Err(log.damaged(found)),
        }
        log.migrate(version)?;
        log.check_declared(Some(VERSION))?;
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

    /// Checks that the file declares what a study does, and nothing else; without a version, the names alone.
    fn check_declared(&self, version: Option<i32>) -> Result<(), StudyError> {
        let checked = self.sql(schema::declared(&self.db))?.and_then(|declared| match version {
            Some(_) => schema::check_tables(&declared),
            None => schema::check_names(&declared),
        });
        checked.map_err(|problem| self.damaged(problem))
    }

    /// Migrates a database of this version to [`VERSION`], in one transaction.
    fn migrate(&self, version: i32) -> Result<(), StudyError> {
        let steps = MIGRATIONS.iter().filter(|(from, _)| *from >= version).map(|(_, sql)| *sql);
        let steps: String = steps.collect();
        if steps.is_empty() {
            return Ok(());
        }
        let batch = format!("PRAGMA foreign_keys = OFF; BEGIN; {steps} PRAGMA user_version = {VERSION}; COMMIT;");
        let migrated = self.db.execute_batch(&batch);
        match migrated {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
                Err(self.damaged(format!("its records contradict each other ({error})")))
            }
            migrated => self.sql(migrated),
        }
    }

    /// Adds the path of the file to an error, and what to do if the file is damaged.
    fn sql<T>(&self, result: rusqlite::Result<T>) -> Result<T, StudyError> {
        result.map_err(|source| match damage(&source) {
            Some(problem) => self.damaged(problem),
            None => StudyError::Database { path: self.path.clone(), source },
        })
    }

    fn damaged(&self, problem: impl std::fmt::Display) -> StudyError {
        StudyError::damaged(&self.path, problem)
    }
}

fn cannot_be_copied(path: &Path, error: std::io::Error) -> StudyError {
    let problem = format!("cannot be copied to be read: {error}");
    StudyError::file(path, problem, "copy it to a folder that you may write to")
}

fn insert_search(db: &Connection, search: u32, header: &str) -> rusqlite::Result<()> {
    db.execute("INSERT INTO searches VALUES (?1, ?2)", rusqlite::params![search, header]).map(drop)
}

/// Removes what an earlier study of this name has left behind: SQLite would take a log of writes for one of the new
/// file, and an evaluator would continue trials from the checkpoints of other ones. The lock shows that nobody uses
/// them any more.
fn remove_remains(path: &Path, new: &Path) -> Result<(), StudyError> {
    let removed = |file: &Path, result: std::io::Result<()>| match result {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            let problem = format!("was left behind by an earlier study and cannot be removed: {error}");
            Err(StudyError::file(file, problem, "remove it, or choose another file"))
        }
        _ => Ok(()),
    };
    for file in side_files(path).iter().chain(&side_files(new)).chain([&new.to_owned()]) {
        removed(file, fs::remove_file(file))?;
    }
    // The folder itself may already belong to the evaluator of the new study.
    let folder = checkpoint_folder(path);
    for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
        let left = entry.path();
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        removed(&left, if is_folder { fs::remove_dir_all(&left) } else { fs::remove_file(&left) })?;
    }
    Ok(())
}

/// A copy of the database in memory, which may be changed.
fn copy_in_memory(db: &Connection) -> rusqlite::Result<Connection> {
    let mut copy = Connection::open_in_memory()?;
    Backup::new(db, &mut copy)?.run_to_completion(1024, Duration::ZERO, None)?;
    harden(&copy)?;
    Ok(copy)
}

/// Refuses a file that is not a database; SQLite's own messages for that are hard to read.
fn check_file(path: &Path) -> Result<(), StudyError> {
    let mut file = File::open(path).map_err(|error| {
        let problem = match error.kind() {
            ErrorKind::NotFound => "there is no such file".to_owned(),
            _ => format!("cannot be read: {error}"),
        };
        StudyError::file(path, problem, "name a file that `nas search --study` wrote")
    })?;
    let mut start = [0; MAGIC.len()];
    match file.read_exact(&mut start) {
        Ok(()) if start == *MAGIC => Ok(()),
        _ => {
            let remedy = "name a file that `nas search --study` wrote; if it is one whose beginning was overwritten, \
                          `nas recover` saves what can be read";
            Err(StudyError::file(path, "is not a study file", remedy))
        }
    }
}
