//! The best architecture of each problem.

use std::collections::BTreeMap;

use nas_api::Genotype;

use crate::benchmark::{Columns, Store, incumbent, measures};
use crate::study::StudyError;

/// The best incumbent of all studies on a problem.
#[derive(Clone, Debug, PartialEq)]
pub struct Winner {
    /// The problem.
    pub problem: String,
    /// The strategy that found it.
    pub strategy: String,
    /// The seed of its study.
    pub seed: u32,
    /// The architecture.
    pub genotype: Genotype,
    /// The name of the main objective.
    pub metric: String,
    /// The value of the main objective, at the highest fidelity.
    pub value: f64,
}

/// The winner of each problem whose incumbent is a single architecture, in order of the problems. Winners are chosen by
/// the objective that was searched for, never by a test metric; the first of equals wins.
///
/// # Errors
/// The benchmark's file cannot be read.
pub fn winners(store: &Store) -> Result<Vec<Winner>, StudyError> {
    let mut best: BTreeMap<String, ((f64, f64), Winner)> = BTreeMap::new();
    let measures = measures(store)?;
    store.each_in_time(|problem, strategy, seed, study| {
        let Some(measure) = measures.get(problem) else { return Ok(()) };
        let Some(columns) = Columns::of(&study, &measure.metric) else { return Ok(()) };
        let Some((rank, trial)) = incumbent(&study.trials, &columns) else { return Ok(()) };
        let better = best.get(problem).is_none_or(|(known, _)| rank > *known);
        if better && !trial.genotype.is_empty() {
            let winner = Winner {
                problem: problem.to_owned(),
                strategy: strategy.to_owned(),
                seed,
                genotype: trial.genotype.clone(),
                metric: study.objectives.first().map(|objective| objective.metric.clone()).unwrap_or_default(),
                value: columns.objective(trial),
            };
            best.insert(problem.to_owned(), (rank, winner));
        }
        Ok(())
    })?;
    Ok(best.into_values().map(|(_, winner)| winner).collect())
}
