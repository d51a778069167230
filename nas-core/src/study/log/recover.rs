//! What can be read of a damaged study, record by record: a damaged page takes only its own records along.

use std::fs;
use std::path::Path;

use nas_api::{CurvePoint, Proposal};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OptionalExtension, Row};

use super::check::{check_budget, check_calls, check_header, check_trial};
use super::read::{ExtendedBudget, StrategyCall, TRIAL_COLUMNS, event, metric, trial};
use super::schema::{MIGRATIONS, VERSION};
use super::write::{insert, insert_budget, insert_call, insert_run};
use super::{BUSY, Log, MAGIC, cannot_be_copied, insert_search};
use crate::database::{copied, harden};
use crate::lock::Lock;
use crate::study::StudyError;
use crate::study::header::{Budget, Header};
use crate::study::record::{State, TrialRecord};

/// More records than any study has, so that a damaged number does not ask for as many look-ups.
const MOST: u32 = 10_000_000;
/// The size of a page in every study's file.
const PAGE: usize = 4096;
/// Why a trial has no outcome whose record could not be read.
const LOST: &str = "lost: the file that kept it was damaged";

/// What could be read.
pub(crate) struct Salvage {
    headers: Vec<Header>,
    /// `None`: it could not be read.
    trials: Vec<Option<TrialRecord>>,
    /// The calls of each search's strategy, up to the first that could not be read.
    calls: Vec<Vec<StrategyCall>>,
    budgets: Vec<ExtendedBudget>,
    /// The seconds of all runs of the last search.
    seconds: f64,
}

impl Salvage {
    /// Reads what can be read of the file.
    pub fn read(path: &Path) -> Result<Self, StudyError> {
        let (_folder, copy) = copied(path).map_err(|error| cannot_be_copied(path, error))?;
        let nothing = |reason: String| {
            StudyError::file(path, format!("nothing can be recovered: {reason}"), "go back to a copy of the file")
        };
        let read = open(&copy).and_then(|db| Self::of(&db));
        read.or_else(|reason| {
            // The first page says where everything else is. It is the same in every new study.
            graft_first_page(&copy).map_err(|_| reason.clone())?;
            open(&copy).and_then(|db| Self::of(&db)).map_err(|_| reason)
        })
        .map_err(nothing)
    }

    fn of(db: &Connection) -> Result<Self, String> {
        let headers = headers(db)?;
        let searches = headers.len();
        let mut trials: Vec<Option<TrialRecord>> = Vec::new();
        // Checks need a record in every place.
        let mut filled: Vec<TrialRecord> = Vec::new();
        for number in 0..last(db, &["trials", "metrics"], "trial").map_or(0, |last| last + 1) {
            let found = one_trial(db, number).filter(|found| is_whole(found, &headers, &filled));
            filled.push(found.clone().unwrap_or_else(|| placeholder(number, filled.last())));
            trials.push(found);
        }
        while trials.last().is_some_and(Option::is_none) {
            trials.pop();
        }
        if trials.is_empty() {
            return Err("no record of a trial can be read".into());
        }
        Ok(Self { calls: calls(db, searches), budgets: budgets(db, searches), seconds: seconds(db), headers, trials })
    }

    /// The number of records that could not be read, among those before the last one that could.
    pub fn lost(&self) -> u32 {
        count(self.trials.iter().filter(|trial| trial.is_none()).count())
    }

    /// How many trials from the first on a resume can replay: every record and every call up to there was read. `None`:
    /// records of an earlier search were lost, and the strategy was told of them when its own began.
    pub fn resumable(&self) -> Option<u32> {
        self.replayed().map(|(trials, _)| count(trials.len()))
    }

    /// How many trials there are, with those that were lost.
    pub fn trials(&self) -> u32 {
        count(self.trials.len())
    }

    /// The trials that a resume can replay, and the calls of each search that name them.
    fn replayed(&self) -> Option<(Vec<TrialRecord>, Vec<Vec<StrategyCall>>)> {
        let (header, calls) = (self.headers.last()?, self.calls.last()?);
        let of_last = |trial: &Option<TrialRecord>| trial.as_ref().is_some_and(|trial| trial.search == header.search);
        let first = match header.search {
            0 => 0,
            _ => self.trials.iter().position(of_last).unwrap_or(self.trials.len()),
        };
        let whole: Vec<TrialRecord> = self.trials.iter().map_while(Clone::clone).collect();
        if whole.len() < first {
            return None;
        }
        // What a number of calls asked for; they fit if all of that is there, and if they fit with each other.
        let end = |length: usize| asked(&calls[..length]).unwrap_or(first);
        let fits = |length: usize| {
            let end = end(length);
            end <= whole.len() && check_calls(header, &calls[..length], &whole[..end]).is_ok()
        };
        // Where some calls fit, fewer do too: half the interval until it is one call.
        let (mut fitting, mut too_many) = (0, calls.len() + 1);
        while too_many - fitting > 1 {
            let middle = fitting.midpoint(too_many);
            if fits(middle) { fitting = middle } else { too_many = middle }
        }
        let mut kept = self.calls.clone();
        kept.last_mut()?.truncate(fitting);
        Some((whole[..end(fitting).min(whole.len())].to_vec(), kept))
    }

    /// Writes a new study. `resumable`: only what a resume can replay, instead of everything that was read.
    pub fn write(&self, out: &Path, resumable: bool) -> Result<(), StudyError> {
        let complete = |(trials, _): &(Vec<TrialRecord>, _)| resumable || trials.len() == self.trials.len();
        // Where calls are missing, none is kept: the last run says that they are lost.
        let (trials, calls, ended) = match self.replayed().filter(complete) {
            Some((trials, calls)) => (trials, calls, None),
            None => (self.filled(), Vec::new(), Some(super::RECOVERED)),
        };
        let failed = |source| StudyError::Database { path: out.to_owned(), source };
        Log::create_with(out, Lock::take(out, BUSY)?, |db| {
            for header in &self.headers {
                insert_search(db, header.search, &header.to_text()?).map_err(failed)?;
            }
            let insert_all = || {
                for (search, calls) in (0_u32..).zip(&calls) {
                    calls.iter().try_for_each(|call| insert_call(db, search, call))?;
                }
                trials.iter().try_for_each(|trial| insert(db, trial))?;
                self.budgets.iter().try_for_each(|budget| insert_budget(db, budget))?;
                insert_run(db, count(self.headers.len().saturating_sub(1)), self.seconds, ended)
            };
            insert_all().map_err(failed)
        })
        .map(drop)
    }

    fn filled(&self) -> Vec<TrialRecord> {
        let mut filled: Vec<TrialRecord> = Vec::with_capacity(self.trials.len());
        for (number, trial) in (0..).zip(&self.trials) {
            filled.push(trial.clone().unwrap_or_else(|| placeholder(number, filled.last())));
        }
        filled
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The number after the last trial that was asked for.
fn asked(calls: &[StrategyCall]) -> Option<usize> {
    let last = |call: &StrategyCall| match call {
        StrategyCall::Ask { trials, .. } => trials.last().map(|last| *last as usize + 1),
        StrategyCall::Tell(_) | StrategyCall::Warm(_) => None,
    };
    calls.iter().rev().find_map(last)
}

/// What stands for a trial whose record was lost, so that every other trial keeps its number.
fn placeholder(number: u32, before: Option<&TrialRecord>) -> TrialRecord {
    TrialRecord {
        trial: number,
        search: before.map_or(0, |before| before.search),
        proposal: Proposal::discrete(Vec::new()),
        key: String::new(),
        text: String::new(),
        fidelity: None,
        resume: None,
        state: State::Failed,
        metrics: Vec::new(),
        reason: LOST.into(),
        violation: 0.0,
        pruned_at: None,
        curve: Vec::new(),
        gradient: Vec::new(),
        cost: 0.0,
        simulated: before.is_some_and(|before| before.simulated),
        trained: false,
        duplicate_of: None,
        started: before.map_or(0.0, |before| before.started),
        finished: before.map(|before| before.started),
    }
}

/// Whether a trial is what its study can have written, with all that a replay needs.
fn is_whole(trial: &TrialRecord, headers: &[Header], earlier: &[TrialRecord]) -> bool {
    let Some(header) = headers.get(trial.search as usize) else { return false };
    let objective = |name: &str| trial.metric(name).is_some_and(f64::is_finite);
    let measured = trial.state == State::Measured;
    let metrics = header.objectives.iter().all(|objective_of| !measured || objective(&objective_of.metric));
    let duplicate = trial.duplicate_of.and_then(|original| earlier.get(original as usize));
    let original_lost = duplicate.is_some_and(|original| original.reason == LOST);
    metrics && !original_lost && check_trial(trial, earlier, headers.len()).is_ok()
}

fn open(copy: &Path) -> Result<Connection, String> {
    let opened = || {
        let db = Connection::open(copy)?;
        harden(&db)?;
        // SQLite refuses a database that is shorter than it says, and one whose schema it cannot read, unless somebody
        // is there to mend it.
        db.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, false)?;
        db.pragma_update(None, "writable_schema", true)?;
        let version: i32 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
        let steps = MIGRATIONS.iter().filter(|(from, _)| (version..VERSION).contains(from)).map(|(_, sql)| *sql);
        let steps: String = steps.collect();
        db.execute_batch(&format!("PRAGMA foreign_keys = OFF; BEGIN; {steps} COMMIT;"))?;
        Ok(db)
    };
    opened().map_err(|error: rusqlite::Error| error.to_string())
}

/// Gives a file the first page of a new study.
fn graft_first_page(copy: &Path) -> Result<(), String> {
    let words = |error: std::io::Error| error.to_string();
    let mut bytes = fs::read(copy).map_err(words)?;
    let new = copy.with_file_name("new");
    Log::write_new(&new, |_| Ok(())).map_err(|error| error.to_string())?;
    let page = fs::read(&new).map_err(words)?;
    if bytes.len() < 2 * PAGE || page.len() < PAGE || !page.starts_with(MAGIC) {
        return Err("it is too short".into());
    }
    bytes[..PAGE].copy_from_slice(&page[..PAGE]);
    let pages = u32::try_from(bytes.len() / PAGE).unwrap_or(u32::MAX);
    // The size in pages, and no list of free ones.
    bytes[28..32].copy_from_slice(&pages.to_be_bytes());
    bytes[32..40].fill(0);
    fs::write(copy, bytes).map_err(words)
}

/// The largest number in this column of these tables, as far as it can be found.
fn last(db: &Connection, tables: &[&str], column: &str) -> Option<u32> {
    let mut found = None;
    for table in tables {
        for order in ["DESC", "ASC"] {
            let sql = format!("SELECT {column} FROM {table} ORDER BY {column} {order}");
            let Ok(mut statement) = db.prepare(&sql) else { continue };
            let Ok(mut rows) = statement.query([]) else { continue };
            let (mut before, mut read) = (None, 0);
            // The first one from the end, or the last one before the damage.
            while let Ok(Some(row)) = rows.next() {
                let Ok(number) = row.get::<_, u32>(0) else { break };
                read += 1;
                if number > MOST || read > MOST || before.is_some_and(|before| order == "DESC" || before > number) {
                    break;
                }
                before = Some(number);
            }
            found = found.max(before);
        }
    }
    found
}

fn headers(db: &Connection) -> Result<Vec<Header>, String> {
    let mut headers: Vec<Header> = Vec::new();
    loop {
        let number = count(headers.len());
        let sql = "SELECT header FROM searches WHERE search = ?1";
        let text: Option<String> = match db.query_row(sql, [number], |row| row.get(0)).optional() {
            Ok(text) => text,
            Err(error) if headers.is_empty() => return Err(error.to_string()),
            Err(_) => None,
        };
        let header = text.and_then(|text| toml::from_str::<Header>(&text).ok());
        match header.filter(|header| header.search == number && check_header(header).is_ok()) {
            Some(header) => headers.push(header),
            None if headers.is_empty() => return Err("the description of the study cannot be read".into()),
            None => return Ok(headers),
        }
    }
}

fn one_trial(db: &Connection, number: u32) -> Option<TrialRecord> {
    let sql = format!("SELECT {TRIAL_COLUMNS} FROM trials WHERE trial = ?1");
    let (record, texts) = db.prepare_cached(&sql).ok()?.query_row([number], trial).ok()?;
    let mut record = texts.complete(record)?;
    record.metrics =
        list(db, "SELECT name, value FROM metrics WHERE trial = ?1 ORDER BY position", number, |row| metric(row, 0))?;
    let sql = "SELECT fidelity FROM curve WHERE trial = ?1 ORDER BY point";
    for fidelity in list(db, sql, number, |row| row.get::<_, f64>(0))? {
        record.curve.push(CurvePoint { fidelity, metrics: Vec::new() });
    }
    let sql = "SELECT point, name, value FROM curve_metrics WHERE trial = ?1 ORDER BY point, position";
    for (point, metric) in list(db, sql, number, |row| Ok((row.get::<_, u32>(0)?, metric(row, 1)?)))? {
        record.curve.get_mut(point as usize)?.metrics.push(metric);
    }
    Some(record)
}

/// The rows of a trial, if all of them can be read.
fn list<T>(db: &Connection, sql: &str, of: u32, row: impl Fn(&Row<'_>) -> rusqlite::Result<T>) -> Option<Vec<T>> {
    let mut statement = db.prepare_cached(sql).ok()?;
    let mut rows = statement.query([of]).ok()?;
    let mut found = Vec::new();
    while let Some(next) = rows.next().ok()? {
        // No trial has as many: the page is its own successor.
        if found.len() > MOST as usize {
            return None;
        }
        found.push(row(next).ok()?);
    }
    Some(found)
}

/// The calls of each search up to the first that is missing: calls are numbered from 1 without a gap.
fn calls(db: &Connection, searches: usize) -> Vec<Vec<StrategyCall>> {
    let mut calls = vec![Vec::new(); searches];
    let sql = "SELECT event, search, kind, amount, trials FROM events WHERE event = ?1";
    for number in 1..=MOST {
        let Ok((search, words)) = db.prepare_cached(sql).and_then(|mut found| found.query_row([number], event)) else {
            break;
        };
        match (calls.get_mut(search as usize), words.call()) {
            (Some(of), Some(call)) => of.push(call),
            _ => break,
        }
    }
    calls
}

fn budgets(db: &Connection, searches: usize) -> Vec<ExtendedBudget> {
    let sql = "SELECT search, after, trials, total_fidelity, seconds FROM budgets WHERE budget > ?1 ORDER BY budget";
    let row = |row: &Row<'_>| {
        let budget = Budget { trials: row.get(2)?, total_fidelity: row.get(3)?, seconds: row.get(4)? };
        Ok(ExtendedBudget { search: row.get(0)?, after: row.get(1)?, budget })
    };
    let found = list(db, sql, 0, row).unwrap_or_default();
    let sound = |found: &ExtendedBudget| (found.search as usize) < searches && check_budget(&found.budget).is_ok();
    if found.iter().all(sound) { found } else { Vec::new() }
}

/// The seconds of all runs that can be read.
fn seconds(db: &Connection) -> f64 {
    let sql = "SELECT seconds FROM sessions WHERE session > ?1 AND search = (SELECT max(search) FROM searches) \
               ORDER BY session";
    let found = list(db, sql, 0, |row| row.get::<_, f64>(0)).unwrap_or_default();
    found.into_iter().filter(|seconds| seconds.is_finite() && *seconds >= 0.0).sum()
}
