use nas_api::{CurvePoint, Metric};
use rusqlite::Row;

use super::Log;
use super::write::parse_gradient;
use crate::study::StudyError;
use crate::study::header::Header;
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

impl Log {
    /// Everything except the events.
    pub fn record(&self) -> Result<StudyRecord, StudyError> {
        // One consistent view of the file, even if another process is writing to it.
        let view = self.sql(self.db.unchecked_transaction())?;
        let mut headers = self.headers()?;
        let header = headers.pop().ok_or_else(|| self.damaged("holds no search"))?;
        let trials = self.trials()?;
        let seconds =
            "SELECT coalesce(sum(seconds), 0.0) FROM sessions WHERE search = (SELECT max(search) FROM searches)";
        let seconds = self.sql(self.db.query_row(seconds, [], |row| row.get(0)))?;
        self.sql(view.finish())?;
        Ok(StudyRecord { earlier: headers, header, trials, seconds })
    }

    fn headers(&self) -> Result<Vec<Header>, StudyError> {
        let texts = || {
            let mut statement = self.db.prepare("SELECT header FROM searches ORDER BY search")?;
            statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()
        };
        self.sql(texts())?.iter().map(|text| Header::from_text(text, &self.path)).collect()
    }

    fn trials(&self) -> Result<Vec<TrialRecord>, StudyError> {
        let rows = || {
            let columns = "SELECT trial, search, proposal, key, text, fidelity, resume, state, reason, violation, \
                           gradient, cost, simulated, trained, duplicate_of, started, finished, pruned_at FROM trials ORDER BY trial";
            let mut statement = self.db.prepare(columns)?;
            statement.query_map([], trial)?.collect::<rusqlite::Result<Vec<_>>>()
        };
        let mut trials = Vec::new();
        for (number, (record, texts)) in self.sql(rows())?.into_iter().enumerate() {
            let broken = || self.damaged(format!("the record of trial {} cannot be read", record.trial));
            if record.trial as usize != number {
                return Err(self.damaged(format!("trial {number} is missing")));
            }
            let proposal = serde_json::from_str(&texts.proposal).map_err(|_| broken())?;
            let state = State::from_name(&texts.state).ok_or_else(broken)?;
            let gradient = parse_gradient(&texts.gradient).ok_or_else(broken)?;
            trials.push(TrialRecord { proposal, state, gradient, ..record });
        }
        let metrics = || {
            let mut statement = self.db.prepare("SELECT trial, name, value FROM metrics ORDER BY trial, position")?;
            let row = |row: &Row<'_>| {
                let value = row.get::<_, Option<f64>>(2)?.unwrap_or(f64::NAN);
                Ok((row.get::<_, u32>(0)?, Metric { name: row.get(1)?, value }))
            };
            statement.query_map([], row)?.collect::<rusqlite::Result<Vec<_>>>()
        };
        for (number, metric) in self.sql(metrics())? {
            let owner = trials.get_mut(number as usize);
            owner.ok_or_else(|| self.damaged(format!("trial {number} is missing")))?.metrics.push(metric);
        }
        self.add_curves(&mut trials)?;
        Ok(trials)
    }

    /// The learning curves.
    fn add_curves(&self, trials: &mut [TrialRecord]) -> Result<(), StudyError> {
        let missing = |number: u32| self.damaged(format!("trial {number} is missing"));
        let points = || {
            let mut statement = self.db.prepare("SELECT trial, fidelity FROM curve ORDER BY trial, point")?;
            let row = |row: &Row<'_>| Ok((row.get::<_, u32>(0)?, row.get::<_, f64>(1)?));
            statement.query_map([], row)?.collect::<rusqlite::Result<Vec<_>>>()
        };
        for (number, fidelity) in self.sql(points())? {
            let trial = trials.get_mut(number as usize).ok_or_else(|| missing(number))?;
            trial.curve.push(CurvePoint { fidelity, metrics: Vec::new() });
        }
        let metrics = || {
            let columns = "SELECT trial, point, name, value FROM curve_metrics ORDER BY trial, point, position";
            let mut statement = self.db.prepare(columns)?;
            let row = |row: &Row<'_>| {
                let value = row.get::<_, Option<f64>>(3)?.unwrap_or(f64::NAN);
                Ok((row.get::<_, u32>(0)?, row.get::<_, u32>(1)?, Metric { name: row.get(2)?, value }))
            };
            statement.query_map([], row)?.collect::<rusqlite::Result<Vec<_>>>()
        };
        for (number, point, metric) in self.sql(metrics())? {
            let trial = trials.get_mut(number as usize).ok_or_else(|| missing(number))?;
            let point = trial.curve.get_mut(point as usize);
            point
                .ok_or_else(|| self.damaged(format!("a curve point of trial {number} is missing")))?
                .metrics
                .push(metric);
        }
        Ok(())
    }

    /// The calls of one search's strategy, in order.
    pub fn strategy_calls(&self, search: u32) -> Result<Vec<StrategyCall>, StudyError> {
        let rows = || {
            let columns = "SELECT kind, amount, trials FROM events WHERE search = ?1 ORDER BY event";
            let mut statement = self.db.prepare(columns)?;
            let row = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
            statement.query_map([search], row)?.collect::<rusqlite::Result<Vec<(String, u32, String)>>>()
        };
        let call = |(kind, limit, trials): (String, u32, String)| {
            let trials: Result<Vec<u32>, _> = trials.split_whitespace().map(str::parse).collect();
            let trials = trials.map_err(|_| self.damaged("an event names no trials"))?;
            Ok(match kind.as_str() {
                "ask" => StrategyCall::Ask { limit, trials },
                "tell" => StrategyCall::Tell(trials),
                _ => StrategyCall::Warm(trials),
            })
        };
        self.sql(rows())?.into_iter().map(call).collect()
    }
}

/// Columns that are parsed later, where the error can say which trial it was.
struct Texts {
    proposal: String,
    state: String,
    gradient: String,
}

fn trial(row: &Row<'_>) -> rusqlite::Result<(TrialRecord, Texts)> {
    let texts = Texts { proposal: row.get(2)?, state: row.get(7)?, gradient: row.get(10)? };
    let record = TrialRecord {
        trial: row.get(0)?,
        search: row.get(1)?,
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
