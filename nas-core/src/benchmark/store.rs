//! The file of a benchmark, which is an SQLite database with one row for each finished study.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use nas_api::codec::{decode, encode};
use nas_api::{Metric, MetricInfo, Objective};
use rusqlite::{Connection, ErrorCode, OptionalExtension, params};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use super::true_front;
use crate::database::{copied, harden};
use crate::lock::{Busy, Lock};
use crate::study::{Header, State, StudyError, StudyRecord, Times, TrialRecord};

const BUSY: Busy = Busy {
    problem: "another `nas bench` is running this benchmark",
    remedy: "wait for it, or stop it; `nas report` reads a running benchmark",
};

/// The application number in the database's header, which spells "nasb".
const APPLICATION: i32 = 0x6e61_7362;
const VERSION: i32 = 2;

/// The table of pairs that a benchmark could not run, so that reports can name them.
const SKIPPED: &str = "
CREATE TABLE IF NOT EXISTS skipped (
    problem  TEXT NOT NULL,
    strategy TEXT NOT NULL,
    reason   TEXT NOT NULL,
    PRIMARY KEY (problem, strategy)
) STRICT;
";

const SCHEMA: &str = "
CREATE TABLE studies (
    problem  TEXT NOT NULL,
    strategy TEXT NOT NULL,
    seed     INTEGER NOT NULL,
    -- Everything that may not change during a benchmark: plugins with their digests, settings, budget.
    setup    TEXT NOT NULL,
    ended    TEXT NOT NULL,
    -- Seconds of the host's clock.
    seconds  REAL NOT NULL,
    study    BLOB NOT NULL,
    PRIMARY KEY (problem, strategy, seed)
) STRICT;
";

/// A trial of a kept study.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptTrial {
    /// The genotype; empty for a relaxed candidate.
    pub genotype: Vec<u32>,
    /// Whether it was measured; otherwise it failed or never finished.
    pub measured: bool,
    /// Whether it took over the outcome of another trial.
    pub duplicate: bool,
    /// The fidelity that was spent.
    pub fidelity: Option<f64>,
    /// The seconds that it took, simulated where the evaluator simulates.
    pub cost: f64,
    /// The seconds on the study's clock when the strategy was told; 0 if it was not told.
    pub told: f64,
    /// The real seconds that the strategy took to propose it.
    pub ask_seconds: f64,
    /// The real seconds that the strategy took to process its result.
    pub tell_seconds: f64,
    /// One value for each of [`KeptStudy::metrics`]; NaN if unknown.
    pub values: Vec<f64>,
    /// Why it failed; empty if it did not.
    pub reason: String,
}

/// A finished study.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptStudy {
    /// The objectives, the main one first.
    pub objectives: Vec<Objective>,
    /// The metrics of its trials, including hidden ones.
    pub metrics: Vec<MetricInfo>,
    /// For each of `metrics`, the best value of any architecture in the space; NaN if unknown.
    pub best: Vec<f64>,
    /// Whether seconds are simulated.
    pub simulated: bool,
    /// The trials in order.
    pub trials: Vec<KeptTrial>,
    /// Why the study broke down, if it did. It has no trials then.
    pub broken: Option<String>,
}

/// A strategy that cannot serve a problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The problem.
    pub problem: String,
    /// The strategy's label.
    pub strategy: String,
    /// The reason.
    pub reason: String,
}

impl KeptStudy {
    /// The part of a study that a benchmark keeps.
    pub fn of(record: &StudyRecord, times: &[Times]) -> Self {
        let metrics = record.header.metrics.clone();
        let value = |trial: &TrialRecord, metric: &MetricInfo| trial.metric(&metric.name).unwrap_or(f64::NAN);
        let times = times.iter().copied().chain(std::iter::repeat(Times::default()));
        let trials = record.trials.iter().zip(times).map(|(trial, times)| KeptTrial {
            genotype: trial.genotype().map(<[u32]>::to_vec).unwrap_or_default(),
            measured: trial.state == State::Measured,
            duplicate: trial.duplicate_of.is_some(),
            fidelity: trial.pruned_at.or(trial.fidelity),
            cost: trial.cost,
            told: times.told,
            ask_seconds: times.ask,
            tell_seconds: times.tell,
            values: metrics.iter().map(|metric| value(trial, metric)).collect(),
            reason: trial.reason.clone(),
        });
        Self { trials: trials.collect(), ..Self::empty(&record.header) }
    }

    /// A study without trials.
    fn empty(header: &Header) -> Self {
        let metrics = header.metrics.clone();
        let best = |metric: &MetricInfo| Metric::find(&header.best, &metric.name).unwrap_or(f64::NAN);
        Self {
            objectives: header.objectives.clone(),
            best: metrics.iter().map(best).collect(),
            metrics,
            simulated: header.simulated,
            trials: Vec::new(),
            broken: None,
        }
    }

    /// A study that broke down. Its trials are not kept, because its result is unknown.
    pub fn broken(header: &Header, reason: String) -> Self {
        Self { broken: Some(reason), ..Self::empty(header) }
    }
}

/// The first line of a setup in which the strategy's own seconds count.
pub(super) const COUNTED: &str = "# the strategy's seconds count\n";

/// The text that studies of one experiment have in common: the header without seed and search.
pub(super) fn setup(header: &Header, count_strategy: bool) -> Result<String, StudyError> {
    let mut text = Header { seed: 0, search: 0, ..header.clone() }.to_text()?;
    if count_strategy {
        text.insert_str(0, COUNTED);
    }
    Ok(text)
}

/// The open file of a benchmark.
pub struct Store {
    pub(super) db: Connection,
    path: PathBuf,
    /// Whether it holds studies that had files of their own, which `nas resume` may have paused.
    pub(super) of_studies: bool,
    // Dropped after the connection, so that nobody writes without it.
    _lock: Option<Lock>,
    // The copy that is read instead of a file on read-only media.
    _copy: Option<TempDir>,
}

impl Store {
    /// Opens a file to write to it, or creates it. Only one process can at a time.
    ///
    /// # Errors
    /// Another process writes to it, it is not a benchmark of this version, or the database cannot be used.
    pub fn open(path: &Path) -> Result<Self, StudyError> {
        let mut lock = Lock::take(path, BUSY)?;
        lock.hold()?;
        let store = Self::open_unlocked(path, path)?;
        Ok(Self { _lock: Some(lock), ..store })
    }

    /// A store that no file keeps.
    pub(super) fn in_memory() -> Result<Self, StudyError> {
        Self::open_unlocked(Path::new(":memory:"), Path::new(":memory:"))
    }

    /// Opens `file`, which is the benchmark at `path` or a copy of it.
    fn open_unlocked(path: &Path, file: &Path) -> Result<Self, StudyError> {
        let open = || {
            let db = Connection::open(file)?;
            db.busy_timeout(std::time::Duration::from_secs(30))?;
            harden(&db)?;
            let application: i32 = db.pragma_query_value(None, "application_id", |row| row.get(0))?;
            let tables: i32 = db.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))?;
            if tables == 0 {
                db.pragma_update(None, "journal_mode", "WAL")?;
                db.execute_batch(&format!("BEGIN; {SCHEMA}"))?;
                db.pragma_update(None, "application_id", APPLICATION)?;
                db.pragma_update(None, "user_version", VERSION)?;
                db.execute_batch("COMMIT")?;
                return Ok((db, APPLICATION, VERSION));
            }
            let version: i32 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
            db.pragma_update(None, "synchronous", "NORMAL")?;
            Ok((db, application, version))
        };
        let (db, application, version) =
            open().map_err(|source| StudyError::Database { path: path.to_owned(), source })?;
        if (application, version) != (APPLICATION, VERSION) {
            let remedy = "choose another --out, or use the nas that wrote it";
            return Err(StudyError::file(path, "is not a benchmark of this version", remedy));
        }
        let store = Self { db, path: path.to_owned(), of_studies: false, _lock: None, _copy: None };
        store.sql(store.db.execute_batch(SKIPPED))?;
        store.sql(store.db.execute_batch(true_front::SCHEMA))?;
        Ok(store)
    }

    /// Opens an existing benchmark by its folder or its file.
    ///
    /// # Errors
    /// There is no benchmark, or it cannot be opened.
    pub fn find(path: &Path) -> Result<Self, StudyError> {
        let file = if path.is_dir() { path.join("benchmark.db") } else { path.to_owned() };
        if file.metadata().is_ok_and(|file| file.is_file() && file.len() > 0) {
            return match Self::open_unlocked(&file, &file) {
                Err(StudyError::Database { source, .. }) if is_read_only(&source) => Self::open_copy(&file),
                opened => opened,
            };
        }
        let problem = if path.exists() { "holds no benchmark" } else { "is not there" };
        Err(StudyError::file(path, problem, "name the folder that `nas bench` was given as --out"))
    }

    fn open_copy(file: &Path) -> Result<Self, StudyError> {
        let cannot = |error| StudyError::file(file, format!("cannot be copied to be read: {error}"), "");
        let (folder, copy) = copied(file).map_err(cannot)?;
        Ok(Self { _copy: Some(folder), ..Self::open_unlocked(file, &copy)? })
    }

    /// The path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn sql<T>(&self, result: rusqlite::Result<T>) -> Result<T, StudyError> {
        result.map_err(|source| StudyError::Database { path: self.path.clone(), source })
    }

    /// The complete seeds of a strategy on a problem, and the setup that they ran with.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn kept(&self, problem: &str, strategy: &str) -> Result<(Vec<u32>, Option<String>), StudyError> {
        let seeds = || {
            let mut statement = self.db.prepare("SELECT seed FROM studies WHERE problem = ?1 AND strategy = ?2")?;
            statement.query_map([problem, strategy], |row| row.get(0))?.collect::<rusqlite::Result<Vec<u32>>>()
        };
        let setup = "SELECT setup FROM studies WHERE problem = ?1 AND strategy = ?2 LIMIT 1";
        let setup = self.db.query_row(setup, [problem, strategy], |row| row.get(0)).optional();
        Ok((self.sql(seeds())?, self.sql(setup)?))
    }

    /// Writes finished studies in one transaction.
    ///
    /// # Errors
    /// The file cannot be written; then no study is kept.
    pub(super) fn keep(&mut self, done: &[super::Done]) -> Result<(), StudyError> {
        let mut write = || {
            let transaction = self.db.transaction()?;
            let insert = "INSERT OR REPLACE INTO studies VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
            for study in done {
                let super::Done { problem, strategy, seed, setup, ended, seconds, bytes } = study;
                transaction
                    .prepare_cached(insert)?
                    .execute(params![problem, strategy, seed, setup, ended, seconds, bytes])?;
            }
            transaction.commit()
        };
        let result = write();
        self.sql(result)
    }

    /// The mean real seconds of a strategy's studies on a problem, including opening and recording.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn host_seconds(&self, problem: &str, strategy: &str) -> Result<f64, StudyError> {
        let query = "SELECT coalesce(avg(seconds), 0.0) FROM studies WHERE problem = ?1 AND strategy = ?2";
        self.sql(self.db.query_row(query, [problem, strategy], |row| row.get(0)))
    }

    /// Records the pairs that were skipped.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn keep_skipped(&self, skipped: &[Skipped]) -> Result<(), StudyError> {
        for Skipped { problem, strategy, reason } in skipped {
            let insert = "INSERT OR REPLACE INTO skipped VALUES (?1, ?2, ?3)";
            self.sql(self.db.execute(insert, [problem, strategy, reason]))?;
        }
        Ok(())
    }

    /// The pairs that were skipped and never ran, ordered by problem and strategy.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn skipped(&self) -> Result<Vec<Skipped>, StudyError> {
        let query = "SELECT problem, strategy, reason FROM skipped WHERE NOT EXISTS (SELECT 1 FROM studies
                     WHERE studies.problem = skipped.problem AND studies.strategy = skipped.strategy) ORDER BY 1, 2";
        let read = || {
            let mut statement = self.db.prepare(query)?;
            let row = |row: &rusqlite::Row<'_>| {
                Ok(Skipped { problem: row.get(0)?, strategy: row.get(1)?, reason: row.get(2)? })
            };
            statement.query_map([], row)?.collect::<rusqlite::Result<Vec<_>>>()
        };
        self.sql(read())
    }

    /// The header of each strategy on each problem, ordered by problem and strategy. Its seed is always 0.
    ///
    /// # Errors
    /// The file cannot be read or is damaged.
    pub fn headers(&self) -> Result<Vec<(String, String, Header)>, StudyError> {
        let query = "SELECT problem, strategy, min(setup) FROM studies GROUP BY problem, strategy ORDER BY 1, 2";
        let read = || {
            let mut statement = self.db.prepare(query)?;
            let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
            statement.query_map([], row)?.collect::<rusqlite::Result<Vec<(String, String, String)>>>()
        };
        let parse = |(problem, strategy, setup): (String, String, String)| {
            Ok((problem, strategy, Header::from_text(&setup, &self.path)?))
        };
        self.sql(read())?.into_iter().map(parse).collect()
    }

    /// Passes every study with its problem, strategy and seed to `visit`, ordered by these.
    ///
    /// # Errors
    /// The file cannot be read or is damaged, or `visit` returns an error.
    pub fn each(
        &self,
        mut visit: impl FnMut(&str, &str, u32, KeptStudy) -> Result<(), StudyError>,
    ) -> Result<(), StudyError> {
        let query = "SELECT problem, strategy, seed, study FROM studies ORDER BY problem, strategy, seed";
        let mut statement = self.sql(self.db.prepare(query))?;
        let mut rows = self.sql(statement.query([]))?;
        while let Some(row) = self.sql(rows.next())? {
            let read = || Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
            let (problem, strategy, seed, bytes): (String, String, u32, Vec<u8>) = self.sql(read())?;
            let study = unpack(&bytes).map_err(|reason| {
                let problem = format!("the study of {strategy} on {problem} with seed {seed}: {reason}");
                StudyError::file(&self.path, problem, "the file is damaged: go back to a copy of it")
            })?;
            visit(&problem, &strategy, seed, study)?;
        }
        Ok(())
    }
}

fn is_read_only(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen))
}

impl Store {
    /// As [`Store::each`], without the trials that ended after the budget of seconds was spent. A strategy must not
    /// gain by having long trials on many workers when the time is up. The clock of studies with files of their own
    /// also counts pauses between runs, so nothing is left out there unless seconds are simulated.
    ///
    /// # Errors
    /// The file cannot be read or is damaged, or `visit` returns an error.
    pub(crate) fn each_in_time(
        &self,
        mut visit: impl FnMut(&str, &str, u32, KeptStudy) -> Result<(), StudyError>,
    ) -> Result<(), StudyError> {
        let limit = |(problem, strategy, header): (String, String, Header)| {
            Some(((problem, strategy), header.budget.seconds?)).filter(|_| header.simulated || !self.of_studies)
        };
        let limits: BTreeMap<(String, String), f64> = self.headers()?.into_iter().filter_map(limit).collect();
        self.each(|problem, strategy, seed, mut study| {
            if let Some(limit) = limits.get(&(problem.to_owned(), strategy.to_owned())) {
                study.trials.retain(|trial| trial.told <= *limit);
            }
            visit(problem, strategy, seed, study)
        })
    }
}

/// Encodes a study.
pub(super) fn pack(study: &KeptStudy) -> Result<Vec<u8>, nas_api::Error> {
    encode(study)
}

/// Decodes a study.
fn unpack(bytes: &[u8]) -> Result<KeptStudy, nas_api::Error> {
    decode(bytes)
}
