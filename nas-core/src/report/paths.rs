//! The incumbent of every study as a step function.

use std::collections::BTreeMap;

use nas_api::Objective;

use super::CURVE_POINTS;
use crate::benchmark::{Columns, KeptStudy, KeptTrial, Store, incumbents};
use crate::study::StudyError;

/// The reported value of a study's incumbent as a step function over trials or seconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Path {
    /// Each position where the value changes, ascending, with the new value.
    steps: Vec<(f64, f64)>,
    /// The position where the study ended.
    pub(super) end: f64,
}

impl Path {
    fn of(incumbents: impl Iterator<Item = (f64, Option<(f64, f64)>)>) -> Self {
        let mut path = Self::default();
        for (position, incumbent) in incumbents {
            path.end = position;
            let Some((_, value)) = incumbent else { continue };
            match path.steps.last_mut() {
                Some((_, known)) if known.to_bits() == value.to_bits() => {}
                // Results at the same moment count as one step.
                Some((at, known)) if *at == position => *known = value,
                _ => path.steps.push((position, value)),
            }
        }
        path
    }

    /// The value at this position; `None` before the first incumbent. A study that has ended keeps its last value.
    pub(super) fn at(&self, position: f64) -> Option<f64> {
        let after = self.steps.partition_point(|(step, _)| *step <= position);
        self.steps[..after].last().map(|(_, value)| *value)
    }

    /// The mean of a function of the value over all trials from the first incumbent to the end.
    pub(super) fn mean(&self, of: impl Fn(f64) -> f64) -> Option<f64> {
        let (first, _) = self.steps.first()?;
        let ends = self.steps.iter().skip(1).map(|(position, _)| *position).chain([self.end + 1.0]);
        let sum: f64 = self.steps.iter().zip(ends).map(|((from, value), to)| (to - from) * of(*value)).sum();
        Some(sum / (self.end + 1.0 - first))
    }
}

/// The incumbents and times of one study.
pub(super) struct Run {
    pub(super) by_trials: Path,
    pub(super) by_seconds: Path,
    /// The real seconds of ask and of tell for each trial.
    pub(super) times: Vec<(f64, f64)>,
}

/// The runs of all studies of a benchmark.
#[derive(Default)]
pub(super) struct Paths {
    /// The runs by problem and strategy, in order of the seeds; broken studies are left out.
    pub(super) runs: BTreeMap<(String, String), Vec<Run>>,
    /// The objectives of each problem.
    pub(super) objectives: BTreeMap<String, Vec<Objective>>,
    /// Whether the seconds of each problem are simulated.
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
    let seconds: Vec<f64> = in_time.iter().map(|trial| trial.told).collect();
    let by_seconds = Path::of(seconds.into_iter().zip(incumbents(in_time, &columns)));
    let times = study.trials.iter().map(|trial| (trial.ask_seconds, trial.tell_seconds)).collect();
    Some(Run { by_trials, by_seconds, times })
}

/// The positions at which curves are sampled: evenly spaced on a logarithmic scale up to the last end, or all whole
/// numbers where they are few.
pub(super) fn sample_positions(ends: impl Iterator<Item = f64>) -> Vec<f64> {
    let end = ends.filter(|end| end.is_finite()).fold(0.0, f64::max);
    if end <= 0.0 {
        return Vec::new();
    }
    if end <= CURVE_POINTS as f64 && end.fract() == 0.0 {
        return (1..=end as u32).map(f64::from).collect();
    }
    // Three decades suffice: the first thousandth is a single point on most screens.
    let first = end / 1000.0;
    let position = |step: usize| first * 1000_f64.powf(step as f64 / (CURVE_POINTS - 1) as f64);
    let mut positions: Vec<f64> = (0..CURVE_POINTS - 1).map(position).chain([end]).collect();
    if end.fract() == 0.0 {
        positions.iter_mut().for_each(|position| *position = position.ceil());
        positions.dedup();
    }
    positions
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
    fn a_path_follows_the_incumbent() {
        let at: Vec<Option<f64>> = (0..6).map(|position| path().at(f64::from(position))).collect();
        assert_eq!(at, [None, None, Some(3.0), Some(3.0), Some(5.0), Some(5.0)]);
        // Trials 2 and 3 have the value 3, trial 4 has the value 5.
        assert_eq!(path().mean(|value| value), Some(11.0 / 3.0));
        assert_eq!(Path::of(std::iter::empty()).mean(|value| value), None);
    }

    #[test]
    fn positions_end_where_the_studies_end() {
        assert_eq!(sample_positions([3.0, 5.0].into_iter()), [1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(sample_positions(std::iter::empty()), Vec::<f64>::new());
        for end in [200.0, 1000.0, 12_000.5, 0.25] {
            let positions = sample_positions(std::iter::once(end));
            assert!(positions.len() <= CURVE_POINTS && positions.is_sorted_by(|a, b| a < b));
            assert_eq!(positions.last(), Some(&end));
        }
    }
}
