//! Combines the files of single studies into a benchmark.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::Done;
use super::store::{KeptStudy, Store, pack, setup};
use crate::study::{Header, StudyError, StudyRecord, Times, TrialRecord};

impl Store {
    /// Combines the files of studies into one benchmark in memory. Strategies have their own names, and problems are
    /// named by space, evaluator and data.
    ///
    /// # Errors
    /// A file cannot be read, or two have the same strategy, problem and seed.
    pub fn of_studies(files: &[PathBuf]) -> Result<Self, StudyError> {
        let mut store = Self::in_memory()?;
        store.of_studies = true;
        let mut seen: BTreeMap<(String, String, u32), &Path> = BTreeMap::new();
        for file in files {
            if !file.exists() {
                let remedy = "name a benchmark's folder, or studies' files";
                return Err(StudyError::file(file, "is not there", remedy));
            }
            let mut record = StudyRecord::read(file)?;
            // What was spent, not what the strategy planned with.
            record.header.budget = record.budget;
            let header = &record.header;
            let (problem, strategy) = (problem(header), header.strategy.identity.name.clone());
            let key = (problem.clone(), strategy.clone(), header.seed);
            if let Some(other) = seen.insert(key, file) {
                let problem = format!("has the strategy, the problem and the seed of {}", other.display());
                return Err(StudyError::file(
                    file,
                    problem,
                    "leave one of them out, or compare settings by `nas bench`",
                ));
            }
            let bytes = pack(&KeptStudy::of(&record, &times(&record)))
                .map_err(|error| StudyError::file(file, error.to_string(), ""))?;
            let (setup, seed) = (setup(header, false)?, header.seed);
            store.keep(&[Done { problem, strategy, seed, setup, ended: "read", seconds: record.seconds, bytes }])?;
        }
        Ok(store)
    }
}

/// The problem's name: `SPACE/EVALUATOR`, followed by the data if the evaluator has a setting for it.
fn problem(header: &Header) -> String {
    let data = header.evaluator.settings.0.iter().find(|setting| setting.name == "data");
    let mut parts = vec![header.space.identity.name.clone(), header.evaluator.identity.name.clone()];
    parts.extend(data.map(|data| data.value.to_string()).filter(|data| !data.is_empty()));
    parts.join("/")
}

/// When each trial ended on the study's clock. The times of ask and tell are not recorded. Simulated trials start on
/// the worker that is free first.
fn times(record: &StudyRecord) -> Vec<Times> {
    let began = record.trials.iter().map(|trial| trial.started).fold(f64::INFINITY, f64::min);
    let mut workers = vec![0.0_f64; record.header.workers.max(1) as usize];
    let told = |trial: &TrialRecord| {
        if !record.header.simulated {
            return trial.finished.map_or(0.0, |finished| (finished - began).max(0.0));
        }
        let free = workers.iter_mut().min_by(|a, b| a.total_cmp(b));
        free.map_or(0.0, |free| {
            *free += trial.cost;
            *free
        })
    };
    record.trials.iter().map(told).map(|told| Times { told, ..Times::default() }).collect()
}
