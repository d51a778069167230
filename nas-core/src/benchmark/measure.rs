//! What is compared on each problem.

use std::collections::BTreeMap;

use nas_api::{Goal, Objective};

use super::incumbent::{Columns, Reached, hidden_counterpart, incumbents};
use super::objective_space::{HYPERVOLUME, ObjectiveSpace, point};
use super::store::{KeptStudy, KeptTrial, Store};
use crate::statistics::{Point, insert};
use crate::study::StudyError;

/// What is compared on one problem. It is the same for all of its studies.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Measure {
    /// The objectives, the main one first.
    pub(crate) objectives: Vec<Objective>,
    /// The reported metric, or [`HYPERVOLUME`].
    pub(crate) metric: String,
    /// Whether it is maximized or minimized.
    pub(crate) goal: Goal,
    /// The best value of any architecture in the space; NaN if unknown.
    pub(crate) best: f64,
    /// How several objectives are scaled.
    pub(crate) space: Option<ObjectiveSpace>,
    /// Whether seconds are simulated.
    pub(crate) simulated: bool,
}

impl Measure {
    /// What a study has reached after each of these trials, in the order in which they are given.
    pub(crate) fn reached<'t>(
        &self,
        study: &KeptStudy,
        trials: impl IntoIterator<Item = &'t KeptTrial>,
    ) -> Vec<Reached> {
        match (&self.space, Columns::of(study, &self.metric)) {
            (Some(space), _) => space.path(study, trials, &[]).reached,
            (None, Some(columns)) => incumbents(trials, &columns),
            (None, None) => Vec::new(),
        }
    }

    /// The final IGD+ of a study with several objectives, if it has found any point.
    pub(super) fn final_igd_plus(&self, study: &KeptStudy) -> Option<f64> {
        let path = self.space.as_ref()?.path(study, &study.trials, &[study.trials.len()]);
        path.igd_plus.first().copied().flatten()
    }
}

/// What the studies on one problem have in common.
#[derive(Default)]
struct Seen {
    objectives: Vec<Objective>,
    /// The hidden counterpart of the objective, if any study reports it.
    hidden: Option<String>,
    best: BTreeMap<String, f64>,
    front: Vec<Point>,
    simulated: bool,
}

/// Reads what is compared on each problem.
///
/// # Errors
/// The benchmark's file cannot be read.
pub(crate) fn measures(store: &Store) -> Result<BTreeMap<String, Measure>, StudyError> {
    let mut highest: BTreeMap<String, f64> = BTreeMap::new();
    for (problem, _, header) in store.headers()? {
        if let Some(last) = header.fidelities.last() {
            highest.entry(problem).and_modify(|high| *high = high.max(*last)).or_insert(*last);
        }
    }
    let mut problems: BTreeMap<String, Seen> = BTreeMap::new();
    store.each_in_time(|problem, _, _, study| {
        let seen = problems.entry(problem.to_owned()).or_default();
        see(seen, &study, highest.get(problem).copied());
        Ok(())
    })?;
    let mut measures = BTreeMap::new();
    for (problem, seen) in problems {
        let known = if seen.objectives.len() > 1 { store.true_front(&problem, &seen.objectives)? } else { None };
        if let Some(measure) = seen.measure(known, highest.get(&problem).copied()) {
            measures.insert(problem, measure);
        }
    }
    Ok(measures)
}

impl Seen {
    /// What is compared, given the true front if it is known, and the highest fidelity that is offered.
    fn measure(self, true_front: Option<Vec<Point>>, highest: Option<f64>) -> Option<Measure> {
        let Self { objectives, hidden, best, front, simulated } = self;
        let main = objectives.first()?;
        if objectives.len() > 1 {
            let known = true_front.is_some();
            let space = ObjectiveSpace::new(objectives.clone(), true_front.unwrap_or(front), known, highest);
            return Some(Measure {
                objectives,
                metric: HYPERVOLUME.to_owned(),
                goal: Goal::Maximize,
                best: if known { space.goal_volume() } else { f64::NAN },
                space: Some(space),
                simulated,
            });
        }
        // Some evaluators report hidden metrics only after a final training, which no benchmark does.
        let metric = hidden.unwrap_or_else(|| main.metric.clone());
        let best = best.get(&metric).copied().unwrap_or(f64::NAN);
        Some(Measure { goal: main.goal, best, metric, space: None, simulated, objectives })
    }
}

fn see(seen: &mut Seen, study: &KeptStudy, highest: Option<f64>) {
    if seen.objectives.is_empty() {
        seen.objectives.clone_from(&study.objectives);
        seen.simulated = study.simulated;
        seen.best = study.metrics.iter().map(|metric| metric.name.clone()).zip(study.best.iter().copied()).collect();
    }
    let hidden = study.objectives.first().and_then(|objective| hidden_counterpart(study, objective));
    let reports = |at: usize| study.trials.iter().any(|trial| trial.measured && trial.values[at].is_finite());
    if let Some(at) = hidden.filter(|&at| seen.hidden.is_none() && reports(at)) {
        seen.hidden = Some(study.metrics[at].name.clone());
    }
    if study.objectives.len() > 1 {
        for point in study.trials.iter().filter_map(|trial| point(study, trial, highest)) {
            insert(&mut seen.front, point);
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// What is compared where these are all studies of a problem.
    pub(in super::super) fn measure_of(studies: &[KeptStudy], true_front: Option<Vec<Point>>) -> Measure {
        let mut seen = Seen::default();
        studies.iter().for_each(|study| see(&mut seen, study, None));
        seen.measure(true_front, None).unwrap_or_else(|| panic!("a study has an objective"))
    }
}
