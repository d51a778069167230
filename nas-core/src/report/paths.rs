//! The incumbents of every study, as steps.

use std::collections::BTreeMap;

use nas_api::Objective;

use super::PLACES;
use crate::benchmark::{Columns, KeptStudy, KeptTrial, Store, incumbents};
use crate::study::StudyError;

/// The reported value of a study's incumbent as a step function.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Path {
    /// Where the value changes, ascending, and what it is from there on.
    steps: Vec<(f64, f64)>,
    /// Where the study ended.
    pub(super) end: f64,
}

impl Path {
    fn of(places: impl Iterator<Item = (f64, Option<(f64, f64)>)>) -> Self {
        let mut path = Self::default();
        for (place, incumbent) in places {
            path.end = place;
            let Some((_, value)) = incumbent else { continue };
            match path.steps.last_mut() {
                Some((_, known)) if known.to_bits() == value.to_bits() => {}
                // Several results at one moment count together.
                Some((at, known)) if *at == place => *known = value,
                _ => path.steps.push((place, value)),
            }
        }
        path
    }

    /// The value at this place; `None` before the first incumbent. A study that has ended keeps its last one.
    pub(super) fn at(&self, place: f64) -> Option<f64> {
        let after = self.steps.partition_point(|(step, _)| *step <= place);
        self.steps[..after].last().map(|(_, value)| *value)
    }

    /// The mean of a function of the value over whole places (trials) from the first incumbent to the end.
    pub(super) fn mean(&self, of: impl Fn(f64) -> f64) -> Option<f64> {
        let (first, _) = self.steps.first()?;
        let ends = self.steps.iter().skip(1).map(|(place, _)| *place).chain([self.end + 1.0]);
        let sum: f64 = self.steps.iter().zip(ends).map(|((from, value), to)| (to - from) * of(*value)).sum();
        Some(sum / (self.end + 1.0 - first))
    }
}

/// One study.
pub(super) struct Run {
    pub(super) by_trials: Path,
    pub(super) by_seconds: Path,
    /// Real seconds of ask and of tell, by trial.
    pub(super) times: Vec<(f64, f64)>,
}

/// All studies of a benchmark.
#[derive(Default)]
pub(super) struct Paths {
    /// By problem and strategy, in order of the seeds; broken ones left out.
    pub(super) runs: BTreeMap<(String, String), Vec<Run>>,
    /// By problem.
    pub(super) objectives: BTreeMap<String, Vec<Objective>>,
    /// By problem.
    pub(super) simulated: BTreeMap<String, bool>,
}

impl Paths {
    pub(super) fn read(store: &Store) -> Result<Self, StudyError> {
        let mut paths = Self::default();
        store.each(|problem, strategy, _, study| {
            paths.objectives.entry(problem.to_owned()).or_insert_with(|| study.objectives.clone());
            paths.simulated.entry(problem.to_owned()).or_insert(study.simulated);
            if study.broken.is_none()
                && let Some(run) = run(&study)
            {
                paths.runs.entry((problem.to_owned(), strategy.to_owned())).or_default().push(run);
            }
            Ok(())
        })?;
        Ok(paths)
    }
}

fn run(study: &KeptStudy) -> Option<Run> {
    let columns = Columns::of(study)?;
    let trials = incumbents(&study.trials, &columns);
    let by_trials = Path::of(trials.into_iter().enumerate().map(|(at, incumbent)| ((at + 1) as f64, incumbent)));
    let mut in_time: Vec<&KeptTrial> = study.trials.iter().filter(|trial| trial.told.is_finite()).collect();
    in_time.sort_by(|a, b| a.told.total_cmp(&b.told));
    let moments: Vec<f64> = in_time.iter().map(|trial| trial.told).collect();
    let by_seconds = Path::of(moments.into_iter().zip(incumbents(in_time, &columns)));
    let times = study.trials.iter().map(|trial| (trial.ask_seconds, trial.tell_seconds)).collect();
    Some(Run { by_trials, by_seconds, times })
}

/// Where curves are sampled: evenly by ratio up to the last end, whole numbers while there are few.
pub(super) fn places(ends: impl Iterator<Item = f64>) -> Vec<f64> {
    let end = ends.filter(|end| end.is_finite()).fold(0.0, f64::max);
    if end <= 0.0 {
        return Vec::new();
    }
    if end <= PLACES as f64 && end.fract() == 0.0 {
        return (1..=end as u32).map(f64::from).collect();
    }
    // Three decades: what happens in the first thousandth is a single point on most screens.
    let first = end / 1000.0;
    let place = |step: usize| first * 1000_f64.powf(step as f64 / (PLACES - 1) as f64);
    let mut places: Vec<f64> = (0..PLACES - 1).map(place).chain([end]).collect();
    if end.fract() == 0.0 {
        places.iter_mut().for_each(|place| *place = place.ceil());
        places.dedup();
    }
    places
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn path() -> Path {
        let incumbent = |value: f64| Some((0.0, value));
        Path::of(
            [None, incumbent(3.0), incumbent(3.0), incumbent(5.0)]
                .into_iter()
                .enumerate()
                .map(|(i, v)| ((i + 1) as f64, v)),
        )
    }

    #[test]
    fn a_path_is_what_the_incumbent_was() {
        let at: Vec<Option<f64>> = (0..6).map(|place| path().at(f64::from(place))).collect();
        assert_eq!(at, [None, None, Some(3.0), Some(3.0), Some(5.0), Some(5.0)]);
        // Trials 2 and 3 at 3, trial 4 at 5.
        assert_eq!(path().mean(|value| value), Some(11.0 / 3.0));
        assert_eq!(Path::of(std::iter::empty()).mean(|value| value), None);
    }

    #[test]
    fn places_end_where_the_studies_end() {
        assert_eq!(places([3.0, 5.0].into_iter()), [1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(places(std::iter::empty()), Vec::<f64>::new());
        for end in [200.0, 1000.0, 12_000.5, 0.25] {
            let places = places(std::iter::once(end));
            assert!(places.len() <= PLACES && places.is_sorted_by(|a, b| a < b));
            assert_eq!(places.last(), Some(&end));
        }
    }
}
