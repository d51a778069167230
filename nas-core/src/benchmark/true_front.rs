//! The true fronts of a benchmark's problems, as far as evaluators know them.

use nas_api::Objective;
use nas_api::codec::{decode, encode};
use rusqlite::{OptionalExtension, params};

use super::store::Store;
use crate::statistics::Point;
use crate::study::{Plan, StudyError};

/// The table of fronts, so that results can be recomputed without the evaluators.
pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS true_fronts (
    problem TEXT PRIMARY KEY,
    -- The objectives and the points, in the objectives' units.
    front   BLOB NOT NULL
) STRICT;
";

impl Store {
    /// Keeps the true front of a problem with several objectives, if its evaluator knows it. Where constraints exclude
    /// architectures, the evaluator's front is not the problem's.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn keep_true_front(&self, problem: &str, plan: &Plan) -> Result<(), StudyError> {
        let header = &plan.header;
        if header.objectives.len() < 2 || !header.constraints.is_empty() {
            return Ok(());
        }
        let Some(front) = plan.problem.evaluator.true_front(&header.objectives) else { return Ok(()) };
        let bytes = encode(&(&header.objectives, front))
            .map_err(|error| StudyError::file(self.path(), error.to_string(), "report this defect of nas"))?;
        let insert = "INSERT OR REPLACE INTO true_fronts VALUES (?1, ?2)";
        self.sql(self.db.execute(insert, params![problem, bytes]).map(|_| ()))
    }

    /// The true front of a problem in minimized objectives; `None` if it is not known for these objectives.
    ///
    /// # Errors
    /// The file cannot be read or is damaged.
    pub(super) fn true_front(&self, problem: &str, objectives: &[Objective]) -> Result<Option<Vec<Point>>, StudyError> {
        let query = "SELECT front FROM true_fronts WHERE problem = ?1";
        let bytes: Option<Vec<u8>> = self.sql(self.db.query_row(query, [problem], |row| row.get(0)).optional())?;
        let Some(bytes) = bytes else { return Ok(None) };
        let (known, front): (Vec<Objective>, Vec<Point>) = decode(&bytes).map_err(|reason| {
            let problem = format!("the true front of {problem}: {reason}");
            StudyError::file(self.path(), problem, "the file is damaged: go back to a copy of it")
        })?;
        let minimized = |point: Point| -> Point {
            point.iter().zip(objectives).map(|(value, objective)| -objective.goal.score(*value)).collect()
        };
        Ok((known == objectives).then(|| front.into_iter().map(minimized).collect()))
    }
}
