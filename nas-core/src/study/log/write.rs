use std::time::{SystemTime, UNIX_EPOCH};

use nas_api::Weights;
use rusqlite::{Connection, Transaction, params};

use super::read::{ExtendedBudget, StrategyCall};
use super::{Log, insert_search};
use crate::study::StudyError;
use crate::study::event::End;
use crate::study::header::{Budget, Header};
use crate::study::record::{TrialRecord, proposal_text};

/// Seconds since 1970, for people to read; this is not the study's clock.
pub(crate) fn wall_clock() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

impl Log {
    /// Starts a run of the program.
    pub(super) fn begin_session(&mut self) -> Result<(), StudyError> {
        // In WAL mode a commit is one append, and a killed process loses none. NORMAL leaves out the flush to the disk:
        // a power cut may undo the last commits, in order, so that the file is what it was a moment before; resume then
        // asks for and measures the same trials again.
        let begin = |db: &Connection| {
            db.pragma_update(None, "journal_mode", "WAL")?;
            db.pragma_update(None, "synchronous", "NORMAL")?;
            db.pragma_update(None, "foreign_keys", true)?;
            let insert = "INSERT INTO sessions (search, started, seconds) SELECT max(search), ?1, 0 FROM searches";
            db.execute(insert, [wall_clock()])?;
            Ok(db.last_insert_rowid())
        };
        let session = begin(&self.db);
        self.session = self.sql(session)?;
        self.move_into_file();
        Ok(())
    }

    /// Moves all records into the file itself, so that a copy of it alone is the whole study. Where a reader keeps
    /// SQLite from it, they stay in the log of writes beside the file, and nothing is lost.
    fn move_into_file(&self) {
        let _ = self.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    }

    /// One commit, which also sets the clock of this run to `seconds`.
    fn commit(
        &mut self,
        seconds: f64,
        changes: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()>,
    ) -> Result<(), StudyError> {
        let session = self.session;
        let run = || {
            let transaction = self.db.transaction()?;
            // Only the last run that began may write, should the lock ever fail to keep another process out.
            let clock = "UPDATE sessions SET seconds = ?1 \
                         WHERE session = ?2 AND session = (SELECT max(session) FROM sessions)";
            if transaction.prepare_cached(clock)?.execute(params![seconds, session])? == 0 {
                return Ok(false);
            }
            changes(&transaction)?;
            transaction.commit()?;
            Ok(true)
        };
        let result = run();
        if self.sql(result)? {
            return Ok(());
        }
        let remedy = "what this process recorded until then is kept; let the other one finish";
        Err(StudyError::file(&self.path, "another process has begun to run this study", remedy))
    }

    /// The search has another budget from here on; `after`: the number of its strategy's calls so far.
    pub fn extend(&mut self, search: u32, after: usize, budget: Budget) -> Result<(), StudyError> {
        let after = u32::try_from(after).unwrap_or(u32::MAX);
        let extended = ExtendedBudget { search, after, budget };
        self.commit(0.0, |transaction| insert_budget(transaction, &extended))
    }

    /// The strategy was asked for at most `limit` proposals, and these are the trials that it gave.
    pub fn ask(&mut self, search: u32, limit: u32, trials: &[TrialRecord], seconds: f64) -> Result<(), StudyError> {
        self.commit(seconds, |transaction| {
            event(transaction, search, "ask", limit, trials.iter().map(|trial| trial.trial))?;
            trials.iter().try_for_each(|trial| insert(transaction, trial))
        })
    }

    /// The strategy is about to be told of this trial.
    pub fn tell(&mut self, search: u32, trial: u32, seconds: f64) -> Result<(), StudyError> {
        self.commit(seconds, |transaction| event(transaction, search, "tell", 1, [trial].into_iter()))
    }

    /// The state, or the learning curve, of these trials has changed.
    pub fn update<'a>(
        &mut self,
        trials: impl IntoIterator<Item = &'a TrialRecord>,
        seconds: f64,
    ) -> Result<(), StudyError> {
        self.commit(seconds, |transaction| trials.into_iter().try_for_each(|trial| update(transaction, trial)))
    }

    /// This trial is measured again, from its start: what it reported before is deleted.
    pub fn restart(&mut self, trial: &TrialRecord, seconds: f64) -> Result<(), StudyError> {
        self.commit(seconds, |transaction| {
            transaction.prepare_cached("DELETE FROM curve WHERE trial = ?1")?.execute([trial.trial])?;
            update(transaction, trial)
        })
    }

    /// A new search begins, whose strategy is first told of these earlier trials.
    pub fn warm_start(&mut self, header: &Header, told: &[u32], stopped: &[TrialRecord]) -> Result<(), StudyError> {
        let text = header.to_text()?;
        let session = self.session;
        self.commit(0.0, |transaction| {
            insert_search(transaction, header.search, &text)?;
            let moved = "UPDATE sessions SET search = ?1 WHERE session = ?2";
            transaction.execute(moved, params![header.search, session])?;
            stopped.iter().try_for_each(|trial| update(transaction, trial))?;
            event(transaction, header.search, "warm", 0, told.iter().copied())
        })
    }

    /// This run is over.
    pub fn end(&mut self, end: End, seconds: f64) -> Result<(), StudyError> {
        let session = self.session;
        self.commit(seconds, |transaction| {
            let ended = "UPDATE sessions SET ended = ?1 WHERE session = ?2";
            transaction.execute(ended, params![end.name(), session]).map(drop)
        })?;
        self.move_into_file();
        Ok(())
    }
}

pub(super) fn insert_budget(db: &Connection, extended: &ExtendedBudget) -> rusqlite::Result<()> {
    let ExtendedBudget { search, after, budget: Budget { trials, total_fidelity, seconds } } = extended;
    let insert = "INSERT INTO budgets (search, after, trials, total_fidelity, seconds) VALUES (?1, ?2, ?3, ?4, ?5)";
    db.execute(insert, params![search, after, trials, total_fidelity, seconds]).map(drop)
}

/// A call of a search's strategy.
pub(super) fn insert_call(db: &Connection, search: u32, call: &StrategyCall) -> rusqlite::Result<()> {
    let (kind, amount, trials) = match call {
        StrategyCall::Ask { limit, trials } => ("ask", *limit, trials),
        StrategyCall::Tell(trials) => ("tell", u32::try_from(trials.len()).unwrap_or(u32::MAX), trials),
        StrategyCall::Warm(trials) => ("warm", 0, trials),
    };
    event(db, search, kind, amount, trials.iter().copied())
}

/// A run of the program that is over.
pub(super) fn insert_run(db: &Connection, search: u32, seconds: f64, ended: Option<&str>) -> rusqlite::Result<()> {
    let insert = "INSERT INTO sessions (search, started, seconds, ended) VALUES (?1, ?2, ?3, ?4)";
    db.execute(insert, params![search, wall_clock(), seconds, ended]).map(drop)
}

fn event(
    db: &Connection,
    search: u32,
    kind: &str,
    amount: u32,
    trials: impl Iterator<Item = u32>,
) -> rusqlite::Result<()> {
    let trials: Vec<String> = trials.map(|trial| trial.to_string()).collect();
    let insert = "INSERT INTO events (search, kind, amount, trials) VALUES (?1, ?2, ?3, ?4)";
    db.prepare_cached(insert)?.execute(params![search, kind, amount, trials.join(" ")]).map(drop)
}

pub(super) fn insert(db: &Connection, trial: &TrialRecord) -> rusqlite::Result<()> {
    let insert = "INSERT INTO trials (trial, search, proposal, key, text, fidelity, resume, state, reason, violation, \
                  gradient, cost, simulated, trained, duplicate_of, started) \
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'running', '', 0, '', 0, 0, ?8, ?9, ?10)";
    db.prepare_cached(insert)?.execute(params![
        trial.trial,
        trial.search,
        proposal_text(&trial.proposal),
        trial.key,
        trial.text,
        trial.fidelity,
        trial.resume,
        trial.trained,
        trial.duplicate_of,
        trial.started,
    ])?;
    update(db, trial)
}

fn update(db: &Connection, trial: &TrialRecord) -> rusqlite::Result<()> {
    let update = "UPDATE trials SET state = ?2, reason = ?3, violation = ?4, gradient = ?5, cost = ?6, simulated = ?7, \
                  started = ?8, finished = ?9, pruned_at = ?10 WHERE trial = ?1";
    db.prepare_cached(update)?.execute(params![
        trial.trial,
        trial.state.name(),
        trial.reason,
        trial.violation,
        gradient_text(&trial.gradient),
        trial.cost,
        trial.simulated,
        trial.started,
        trial.finished,
        trial.pruned_at,
    ])?;
    db.prepare_cached("DELETE FROM metrics WHERE trial = ?1")?.execute([trial.trial])?;
    let mut metrics = db.prepare_cached("INSERT INTO metrics VALUES (?1, ?2, ?3, ?4)")?;
    for (position, metric) in (0_u32..).zip(&trial.metrics) {
        metrics.execute(params![trial.trial, position, metric.name, metric.value])?;
    }
    if trial.curve.is_empty() { Ok(()) } else { append_curve(db, trial) }
}

/// Writes the points of the learning curve that the file does not have yet.
fn append_curve(db: &Connection, trial: &TrialRecord) -> rusqlite::Result<()> {
    let mut count = db.prepare_cached("SELECT coalesce(max(point) + 1, 0) FROM curve WHERE trial = ?1")?;
    let known: u32 = count.query_row([trial.trial], |row| row.get(0))?;
    let mut points = db.prepare_cached("INSERT INTO curve VALUES (?1, ?2, ?3)")?;
    let mut metrics = db.prepare_cached("INSERT INTO curve_metrics VALUES (?1, ?2, ?3, ?4, ?5)")?;
    for (number, point) in (0_u32..).zip(&trial.curve).skip(known as usize) {
        points.execute(params![trial.trial, number, point.fidelity])?;
        for (position, metric) in (0_u32..).zip(&point.metrics) {
            metrics.execute(params![trial.trial, number, position, metric.name, metric.value])?;
        }
    }
    Ok(())
}

/// One row per decision, separated by `;`. Rust writes and reads doubles exactly; `-` stands for no number.
fn gradient_text(gradient: &Weights) -> String {
    let number = |value: &Option<f64>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
    let row = |row: &Vec<Option<f64>>| row.iter().map(number).collect::<Vec<_>>().join(" ");
    gradient.iter().map(row).collect::<Vec<_>>().join(";")
}

/// Reads [`gradient_text`] back.
pub(super) fn parse_gradient(text: &str) -> Option<Weights> {
    if text.is_empty() {
        return Some(Weights::new());
    }
    let number = |text: &str| if text == "-" { Some(None) } else { text.parse().ok().map(Some) };
    text.split(';').map(|row| row.split_whitespace().map(number).collect::<Option<Vec<_>>>()).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn gradients_are_read_back_exactly() {
        let gradient = vec![vec![Some(0.1 + 0.2), None, Some(-1e-300)], vec![Some(f64::INFINITY)]];
        assert_eq!(parse_gradient(&gradient_text(&gradient)).unwrap(), gradient);
        assert_eq!(parse_gradient("").unwrap(), Weights::new());
        assert_eq!(parse_gradient("1 x"), None);
    }
}
