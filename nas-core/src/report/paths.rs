//! What every study has reached, as a step function.

use std::collections::BTreeMap;

use super::CURVE_POINTS;
use crate::benchmark::{KeptStudy, KeptTrial, Measure, Store};
use crate::study::{Budget, StudyError};

/// The value that a study has reached, as a step function over trials, seconds or fidelity.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Path {
    /// Each position where the value changes, ascending, with the new value; `None` where it is not a number.
    steps: Vec<(f64, Option<f64>)>,
    /// The position where the study ended.
    pub(super) end: f64,
}

impl Path {
    fn of(values: impl Iterator<Item = (f64, Option<f64>)>) -> Self {
        let mut path = Self::default();
        for (position, value) in values {
            path.end = position;
            match path.steps.last_mut() {
                None if value.is_none() => {}
                Some((_, known)) if *known == value => {}
                // Results at the same moment count as one step.
                Some((at, known)) if *at == position => *known = value,
                _ => path.steps.push((position, value)),
            }
        }
        path
    }

    /// The value at this position; `None` before the first one. A study that has ended keeps its last value.
    pub(super) fn at(&self, position: f64) -> Option<f64> {
        let after = self.steps.partition_point(|(step, _)| *step <= position);
        self.steps[..after].last().and_then(|(_, value)| *value)
    }

    /// The mean of a function of the value from one position to another. Where there is no value, the function is
    /// `without`.
    pub(super) fn mean(&self, (from, to): (f64, f64), without: f64, of: impl Fn(f64) -> f64) -> f64 {
        let (mut sum, mut reached, mut now) = (0.0, from, without);
        for (position, value) in self.steps.iter().copied().chain([(f64::INFINITY, None)]) {
            let until = position.clamp(reached, to);
            sum += (until - reached) * now;
            reached = until;
            now = value.map_or(without, &of);
        }
        sum / (to - from)
    }

    /// All values that were reached.
    pub(super) fn values(&self) -> impl Iterator<Item = f64> {
        self.steps.iter().filter_map(|(_, value)| *value)
    }
}

/// The unit of a budget, over which the area under the regret is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spent {
    /// Trials.
    Trials,
    /// Seconds of the study's clock.
    Seconds,
    /// Fidelity, summed over the trials that are not duplicates.
    Fidelity,
}

impl Spent {
    /// The unit of this budget. Of several limits, seconds come first and trials last, because trials of different
    /// strategies may differ in what they cost.
    fn of(budget: &Budget) -> Self {
        match (budget.seconds, budget.total_fidelity) {
            (Some(_), _) => Self::Seconds,
            (None, Some(_)) => Self::Fidelity,
            (None, None) => Self::Trials,
        }
    }
}

/// The paths and times of one study.
pub(super) struct Run {
    pub(super) by_trials: Path,
    pub(super) by_seconds: Path,
    by_fidelity: Path,
    /// The unit of the budget, and where it begins and ends.
    budget: (Spent, f64, f64),
    /// The real seconds of ask and of tell for each trial.
    pub(super) times: Vec<(f64, f64)>,
}

impl Run {
    fn of(study: &KeptStudy, measure: &Measure, budget: &Budget) -> Self {
        let values = |trials: &[&KeptTrial]| -> Vec<Option<f64>> {
            measure.reached(study, trials.iter().copied()).iter().map(|reached| reached.value).collect()
        };
        let trials: Vec<&KeptTrial> = study.trials.iter().collect();
        let in_order = values(&trials);
        let by_trials = Path::of((1..).map(f64::from).zip(in_order.iter().copied()));
        let mut total = 0.0;
        let fidelities = trials.iter().map(|trial| {
            total += trial.fidelity.filter(|_| !trial.duplicate).unwrap_or(0.0);
            total
        });
        let by_fidelity = Path::of(fidelities.zip(in_order));
        let mut in_time: Vec<&KeptTrial> = trials.iter().copied().filter(|trial| trial.told.is_finite()).collect();
        in_time.sort_by(|a, b| a.told.total_cmp(&b.told));
        let by_seconds = Path::of(in_time.iter().map(|trial| trial.told).zip(values(&in_time)));
        let spent = Spent::of(budget);
        let budget = match spent {
            // The value after the k-th of n trials holds from k to k + 1.
            Spent::Trials => (spent, 1.0, budget.trials.map_or(by_trials.end, f64::from) + 1.0),
            Spent::Seconds => (spent, 0.0, budget.seconds.unwrap_or(by_seconds.end)),
            Spent::Fidelity => (spent, 0.0, budget.total_fidelity.unwrap_or(by_fidelity.end)),
        };
        let times = study.trials.iter().map(|trial| (trial.ask_seconds, trial.tell_seconds)).collect();
        Self { by_trials, by_seconds, by_fidelity, budget, times }
    }

    /// The mean over the whole budget of a function of the value.
    pub(super) fn mean_over_budget(&self, without: f64, of: impl Fn(f64) -> f64) -> f64 {
        let (spent, from, to) = self.budget;
        let path = match spent {
            Spent::Trials => &self.by_trials,
            Spent::Seconds => &self.by_seconds,
            Spent::Fidelity => &self.by_fidelity,
        };
        path.mean((from, to), without, of)
    }
}

/// The runs of all studies of a benchmark.
#[derive(Default)]
pub(super) struct Paths {
    /// The runs by problem and strategy, in order of the seeds; broken studies are left out.
    pub(super) runs: BTreeMap<(String, String), Vec<Run>>,
    /// The unit of each problem's budget.
    pub(super) spent: BTreeMap<String, Spent>,
}

impl Paths {
    pub(super) fn read(store: &Store, measures: &BTreeMap<String, Measure>) -> Result<Self, StudyError> {
        let mut paths = Self::default();
        let mut budgets: BTreeMap<(String, String), Budget> = BTreeMap::new();
        for (problem, strategy, header) in store.headers()? {
            paths.spent.entry(problem.clone()).or_insert(Spent::of(&header.budget));
            budgets.insert((problem, strategy), header.budget);
        }
        store.each_in_time(|problem, strategy, _, study| {
            let key = (problem.to_owned(), strategy.to_owned());
            if let (None, Some(measure), Some(budget)) = (&study.broken, measures.get(problem), budgets.get(&key)) {
                paths.runs.entry(key).or_default().push(Run::of(&study, measure, budget));
            }
            Ok(())
        })?;
        Ok(paths)
    }
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
mod tests {
    use super::*;

    fn path() -> Path {
        Path::of((1..).map(f64::from).zip([None, Some(3.0), Some(3.0), Some(5.0)]))
    }

    #[test]
    fn a_path_follows_the_value() {
        let at: Vec<Option<f64>> = (0..6).map(|position| path().at(f64::from(position))).collect();
        assert_eq!(at, [None, None, Some(3.0), Some(3.0), Some(5.0), Some(5.0)]);
        // The first trial has no value, trials 2 and 3 have the value 3, trial 4 has the value 5.
        assert_eq!(path().mean((1.0, 5.0), 9.0, |value| value), 20.0 / 4.0);
        // A study that ended early keeps its last value.
        assert_eq!(path().mean((1.0, 9.0), 9.0, |value| value), 40.0 / 8.0);
        assert_eq!(path().mean((0.0, 3.0), 9.0, |value| value), 21.0 / 3.0);
        assert_eq!(Path::of(std::iter::empty()).mean((0.0, 2.0), 9.0, |value| value), 9.0);
    }

    #[test]
    fn a_value_that_is_not_a_number_ends_the_one_before() {
        let path = Path::of((1..).map(f64::from).zip([Some(1.0), None, Some(2.0)]));
        assert_eq!((path.at(1.5), path.at(2.0), path.at(3.0)), (Some(1.0), None, Some(2.0)));
    }

    /// A strategy that asks for ten short trials instead of a long one has the same area over seconds.
    #[test]
    fn the_area_over_seconds_does_not_depend_on_the_number_of_trials() {
        let long = Path::of([(10.0, Some(4.0)), (20.0, Some(2.0)), (30.0, Some(1.0))].into_iter());
        let short = (1..=30).map(|step| {
            let value = [None, Some(4.0), Some(2.0), Some(1.0)][step / 10];
            (step as f64, value)
        });
        let short = Path::of(short);
        let area = |path: &Path| path.mean((0.0, 30.0), 8.0, |value| value);
        assert_eq!(area(&long), area(&short));
        assert_eq!(area(&long), (8.0 + 4.0 + 2.0) / 3.0);
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
