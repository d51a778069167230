use nas_api::{CurvePoint, Metric};
use rusqlite::{Row, params};

use super::Log;
use super::check::{check_budget, check_calls, check_header, check_trial};
use super::write::parse_gradient;
use crate::study::StudyError;
use crate::study::header::{Budget, Header};
use crate::study::record::{State, StudyRecord, TrialRecord};

/// One call of the strategy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StrategyCall {
    /// It was asked, and answered with these trials.
    Ask {
        /// The largest number of proposals that it could answer with.
        limit: u32,
        /// The numbers of the trials.
        trials: Vec<u32>,
    },
    /// It was told of these trials in one batch.
    Tell(Vec<u32>),
    /// It was told of these trials of earlier searches, as knowledge that it had not asked for.
    Warm(Vec<u32>),
}

/// A budget that replaced an earlier one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ExtendedBudget {
    /// Which search of the study it belongs to.
    pub search: u32,
    /// How many calls of the strategy there were before it.
    pub after: u32,
    /// The whole budget from then on.
    pub budget: Budget,
}

/// Everything that a study's file records.
pub(crate) struct WholeRecord {
    pub record: StudyRecord,
    /// The calls of each search's strategy, in order.
    pub calls: Vec<Vec<StrategyCall>>,
    /// In order.
    pub budgets: Vec<ExtendedBudget>,
}

/// The columns of a trial, in the order in which [`trial`] reads them.
pub(super) const TRIAL_COLUMNS: &str = "trial, search, proposal, key, text, fidelity, resume, state, reason, \
     violation, gradient, cost, simulated, trained, duplicate_of, started, finished, pruned_at";

impl Log {
    /// Everything except the calls of the strategies.
    pub fn record(&self) -> Result<StudyRecord, StudyError> {
        // One consistent view of the file, even if another process is writing to it.
        let view = self.sql(self.db.unchecked_transaction())?;
        let (record, _) = self.read_record()?;
        self.sql(view.finish())?;
        Ok(record)
    }

    /// Everything, which is checked to be what a study can have written: a strategy that replays it is asked for
    /// nothing that does not exist.
    pub fn whole_record(&self) -> Result<WholeRecord, StudyError> {
        let view = self.sql(self.db.unchecked_transaction())?;
        let (record, budgets) = self.read_record()?;
        let calls = self.strategy_calls(record.earlier.len() + 1)?;
        let lost = "SELECT count(*) FROM sessions WHERE search = ?1 AND ended = ?2";
        let lost = self.db.query_row(lost, params![record.header.search, super::RECOVERED], |row| row.get::<_, u32>(0));
        let lost = self.sql(lost)?;
        self.sql(view.finish())?;
        let of_last = calls.last().map_or(&[][..], Vec::as_slice);
        if lost > 0 && of_last.is_empty() {
            let problem = "was recovered from a damaged file, and what its strategy was told is lost";
            let remedy = "--warm-start begins a new search that is told of all trials";
            return Err(StudyError::file(&self.path, problem, remedy));
        }
        check_calls(&record.header, of_last, &record.trials).map_err(|problem| self.damaged(problem))?;
        Ok(WholeRecord { record, calls, budgets })
    }

    fn read_record(&self) -> Result<(StudyRecord, Vec<ExtendedBudget>), StudyError> {
        let mut headers = self.headers()?;
        let searches = headers.len();
        let header = headers.pop().ok_or_else(|| self.damaged("it holds no search"))?;
        let trials = self.trials(searches)?;
        let seconds = self.seconds(header.search)?;
        let budgets = self.budgets(searches)?;
        let extended = budgets.iter().rev().find(|extended| extended.search == header.search);
        let budget = extended.map_or(header.budget, |extended| extended.budget);
        Ok((StudyRecord { earlier: headers, header, budget, trials, seconds }, budgets))
    }

    /// Reads rows in ascending order of a key that `row` returns first. In a damaged file, a page can be its own
    /// successor, and its rows never end: keys that do not ascend end them.
    fn rows<K: PartialOrd, T>(
        &self,
        sql: &str,
        row: impl Fn(&Row<'_>) -> rusqlite::Result<(K, T)>,
    ) -> Result<Vec<(K, T)>, StudyError> {
        let mut statement = self.sql(self.db.prepare(sql))?;
        let mut rows = self.sql(statement.query([]))?;
        let mut read: Vec<(K, T)> = Vec::new();
        while let Some(next) = self.sql(rows.next())? {
            let next = self.sql(row(next))?;
            if read.last().is_some_and(|last| last.0 >= next.0) {
                return Err(self.damaged("its records are out of order"));
            }
            read.push(next);
        }
        Ok(read)
    }

    fn headers(&self) -> Result<Vec<Header>, StudyError> {
        let sql = "SELECT search, header FROM searches ORDER BY search";
        let texts = self.rows(sql, |row| Ok((row.get::<_, u32>(0)?, row.get::<_, String>(1)?)))?;
        let mut headers = Vec::with_capacity(texts.len());
        for (number, (search, text)) in (0_u32..).zip(texts) {
            let header: Header = toml::from_str(&text)
                .map_err(|error| self.damaged(format!("it holds no header: {}", error.message())))?;
            if search != number || header.search != number {
                return Err(self.damaged(format!("search {number} is missing")));
            }
            check_header(&header).map_err(|problem| self.damaged(format!("search {number}: {problem}")))?;
            headers.push(header);
        }
        Ok(headers)
    }

    fn seconds(&self, search: u32) -> Result<f64, StudyError> {
        let sql = "SELECT session, search, seconds FROM sessions ORDER BY session";
        let row = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, (row.get::<_, u32>(1)?, row.get::<_, f64>(2)?)));
        let sessions = self.rows(sql, row)?;
        if sessions.iter().any(|(_, (_, seconds))| !seconds.is_finite() || *seconds < 0.0) {
            return Err(self.damaged("the seconds of a run are no number of seconds"));
        }
        Ok(sessions.iter().filter(|(_, (of, _))| *of == search).map(|(_, (_, seconds))| seconds).sum())
    }

    fn budgets(&self, searches: usize) -> Result<Vec<ExtendedBudget>, StudyError> {
        let sql = "SELECT budget, search, after, trials, total_fidelity, seconds FROM budgets ORDER BY budget";
        let row = |row: &Row<'_>| {
            let budget = Budget { trials: row.get(3)?, total_fidelity: row.get(4)?, seconds: row.get(5)? };
            Ok((row.get::<_, i64>(0)?, ExtendedBudget { search: row.get(1)?, after: row.get(2)?, budget }))
        };
        let budgets: Vec<ExtendedBudget> = self.rows(sql, row)?.into_iter().map(|(_, budget)| budget).collect();
        for extended in &budgets {
            check_budget(&extended.budget).map_err(|problem| self.damaged(problem))?;
            if extended.search as usize >= searches {
                return Err(self.damaged(format!("search {} is missing", extended.search)));
            }
        }
        Ok(budgets)
    }

    fn trials(&self, searches: usize) -> Result<Vec<TrialRecord>, StudyError> {
        let sql = format!("SELECT {TRIAL_COLUMNS} FROM trials ORDER BY trial");
        let mut trials: Vec<TrialRecord> = Vec::new();
        for (number, (_, (record, texts))) in
            self.rows(&sql, |row| Ok((row.get::<_, u32>(0)?, trial(row)?)))?.into_iter().enumerate()
        {
            if record.trial as usize != number {
                return Err(self.damaged(format!("trial {number} is missing")));
            }
            let broken = || self.damaged(format!("the record of trial {number} cannot be read"));
            let record = texts.complete(record).ok_or_else(broken)?;
            check_trial(&record, &trials, searches)
                .map_err(|problem| self.damaged(format!("the record of trial {number}: {problem}")))?;
            trials.push(record);
        }
        let sql = "SELECT trial, position, name, value FROM metrics ORDER BY trial, position";
        let row = |row: &Row<'_>| Ok(((row.get::<_, u32>(0)?, row.get::<_, u32>(1)?), metric(row, 2)?));
        for ((number, _), metric) in self.rows(sql, row)? {
            let owner = trials.get_mut(number as usize);
            owner.ok_or_else(|| self.damaged(format!("trial {number} is missing")))?.metrics.push(metric);
        }
        self.add_curves(&mut trials)?;
        Ok(trials)
    }

    /// The learning curves.
    fn add_curves(&self, trials: &mut [TrialRecord]) -> Result<(), StudyError> {
        let missing = |number: u32| self.damaged(format!("trial {number} is missing"));
        let sql = "SELECT trial, point, fidelity FROM curve ORDER BY trial, point";
        let row = |row: &Row<'_>| Ok(((row.get::<_, u32>(0)?, row.get::<_, u32>(1)?), row.get::<_, f64>(2)?));
        for ((number, point), fidelity) in self.rows(sql, row)? {
            let trial = trials.get_mut(number as usize).ok_or_else(|| missing(number))?;
            if point as usize != trial.curve.len() || !fidelity.is_finite() {
                return Err(self.damaged(format!("a curve point of trial {number} is missing")));
            }
            trial.curve.push(CurvePoint { fidelity, metrics: Vec::new() });
        }
        let sql = "SELECT trial, point, position, name, value FROM curve_metrics ORDER BY trial, point, position";
        let row = |row: &Row<'_>| {
            let key: (u32, u32, u32) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok((key, metric(row, 3)?))
        };
        for ((number, point, _), metric) in self.rows(sql, row)? {
            let trial = trials.get_mut(number as usize).ok_or_else(|| missing(number))?;
            let point = trial.curve.get_mut(point as usize);
            point
                .ok_or_else(|| self.damaged(format!("a curve point of trial {number} is missing")))?
                .metrics
                .push(metric);
        }
        Ok(())
    }

    /// The calls of each search's strategy, in order.
    fn strategy_calls(&self, searches: usize) -> Result<Vec<Vec<StrategyCall>>, StudyError> {
        let sql = "SELECT event, search, kind, amount, trials FROM events ORDER BY event";
        let row = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, event(row)?));
        let mut calls = vec![Vec::new(); searches];
        for (_, (search, words)) in self.rows(sql, row)? {
            let call = words.call().ok_or_else(|| self.damaged("an event names no trials"))?;
            let of = calls.get_mut(search as usize);
            of.ok_or_else(|| self.damaged(format!("search {search} is missing")))?.push(call);
        }
        Ok(calls)
    }
}

/// A metric, whose name is in this column and whose value is in the next one.
pub(super) fn metric(row: &Row<'_>, name: usize) -> rusqlite::Result<Metric> {
    // NULL is NaN.
    let value = row.get::<_, Option<f64>>(name + 1)?.unwrap_or(f64::NAN);
    Ok(Metric { name: row.get(name)?, value })
}

/// A call of the strategy as the file has it.
pub(super) struct CallWords {
    kind: String,
    amount: u32,
    trials: String,
}

impl CallWords {
    /// The call; `None` if its trials are not numbers.
    pub(super) fn call(self) -> Option<StrategyCall> {
        let trials = self.trials.split_whitespace().map(str::parse).collect::<Result<Vec<u32>, _>>().ok()?;
        Some(match self.kind.as_str() {
            "ask" => StrategyCall::Ask { limit: self.amount, trials },
            "tell" => StrategyCall::Tell(trials),
            "warm" => StrategyCall::Warm(trials),
            _ => return None,
        })
    }
}

/// A row of events: the search, and the call in words.
pub(super) fn event(row: &Row<'_>) -> rusqlite::Result<(u32, CallWords)> {
    Ok((row.get(1)?, CallWords { kind: row.get(2)?, amount: row.get(3)?, trials: row.get(4)? }))
}

/// Columns that are parsed later, where the error can say which trial it was.
pub(super) struct Texts {
    proposal: String,
    state: String,
    gradient: String,
}

impl Texts {
    /// The record with what the texts say; `None` if they are not what a study writes.
    pub(super) fn complete(self, record: TrialRecord) -> Option<TrialRecord> {
        let proposal = serde_json::from_str(&self.proposal).ok()?;
        let state = State::from_name(&self.state)?;
        let gradient = parse_gradient(&self.gradient)?;
        Some(TrialRecord { proposal, state, gradient, ..record })
    }
}

/// A row of [`TRIAL_COLUMNS`].
pub(super) fn trial(row: &Row<'_>) -> rusqlite::Result<(TrialRecord, Texts)> {
    let texts = Texts { proposal: row.get(2)?, state: row.get(7)?, gradient: row.get(10)? };
    let record = TrialRecord {
        trial: row.get(0)?,
        search: row.get(1)?,
        // Replaced once the texts are parsed.
        proposal: nas_api::Proposal::discrete(Vec::new()),
        key: row.get(3)?,
        text: row.get(4)?,
        fidelity: row.get(5)?,
        resume: row.get(6)?,
        state: State::Running,
        metrics: Vec::new(),
        reason: row.get(8)?,
        violation: row.get(9)?,
        pruned_at: row.get(17)?,
        curve: Vec::new(),
        gradient: Vec::new(),
        cost: row.get(11)?,
        simulated: row.get(12)?,
        trained: row.get(13)?,
        duplicate_of: row.get(14)?,
        started: row.get(15)?,
        finished: row.get(16)?,
    };
    Ok((record, texts))
}
