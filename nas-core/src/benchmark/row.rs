//! The results of one strategy on one problem.

use std::collections::{BTreeMap, BTreeSet};

use nas_api::Goal;

/// One point of a curve.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// The number of trials that were told.
    pub trials: usize,
    /// The mean of the incumbent's main objective over the seeds that have an incumbent.
    pub objective_mean: f64,
    /// The mean of the value that is compared over the seeds that have one.
    pub mean: f64,
    /// The sample standard deviation of the value that is compared over the seeds that have one.
    pub std: f64,
}

/// Mean and deviation over seeds at growing numbers of trials.
pub type Curve = Vec<Point>;

/// The results of one strategy on one problem.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The problem.
    pub problem: String,
    /// The strategy's label.
    pub strategy: String,
    /// What is compared. With one objective, it is the reported metric of the incumbent: the hidden counterpart of the
    /// objective if there is one (`test_accuracy` for `val_accuracy`), otherwise the objective itself. With several
    /// objectives, it is the [hypervolume](super::HYPERVOLUME).
    pub metric: String,
    /// Whether it is maximized or minimized.
    pub goal: Goal,
    /// The number of studies with a final value.
    pub seeds: usize,
    /// The seeds of the studies without a final value: they have no incumbent, its reported metric is not a number, or
    /// they broke down. In every comparison they are worse than all values, and tied among themselves.
    pub without_value: BTreeSet<u32>,
    /// The number of studies that broke down.
    pub broken: usize,
    /// Why the first broken study broke down.
    pub reason: Option<String>,
    /// The final value for each seed that has one.
    pub finals: BTreeMap<u32, f64>,
    /// With several objectives, the final IGD+ for each seed that has one; less is better.
    pub igd_plus: BTreeMap<u32, f64>,
    /// The curve at [`checkpoints`].
    pub curve: Curve,
    /// The seconds of all trials of a study, averaged over studies; simulated where the evaluator simulates.
    pub seconds_mean: f64,
    /// The real microseconds per trial that the strategy spent in ask and tell.
    pub ask_tell_micros: f64,
    /// The real microseconds per trial from a study's opening to its last record.
    pub trial_micros: f64,
    /// The value that regret is measured from, in the unit of the finals: the best known value, or if none is known,
    /// the best value that any study on the problem reported. NaN if there is neither.
    pub best: f64,
    /// Whether `best` is a property of the problem rather than a result of the studies.
    pub best_known: bool,
}

impl Row {
    /// The simple regret of a value: how much worse it is than [`Row::best`]. A better value has a regret of 0.
    pub fn regret(&self, value: f64) -> f64 {
        let regret = self.goal.score(self.best) - self.goal.score(value);
        // `max` would turn NaN into 0.
        if regret < 0.0 { 0.0 } else { regret }
    }

    /// The mean simple regret of the final values; NaN if there is none.
    pub fn regret_mean(&self) -> f64 {
        mean_std(self.finals.values().map(|value| self.regret(*value))).0
    }

    /// The final value of a seed, turned so that more is better: −∞ where the study has none, and `None` where no study
    /// with this seed has finished.
    pub fn score(&self, seed: u32) -> Option<f64> {
        self.scored(&self.finals, self.goal, seed)
    }

    /// As [`Row::score`], for IGD+.
    pub(super) fn igd_plus_score(&self, seed: u32) -> Option<f64> {
        self.scored(&self.igd_plus, Goal::Minimize, seed)
    }

    fn scored(&self, values: &BTreeMap<u32, f64>, goal: Goal, seed: u32) -> Option<f64> {
        let found = values.get(&seed).map(|value| goal.score(*value));
        found.or_else(|| self.without_value.contains(&seed).then_some(f64::NEG_INFINITY))
    }

    /// The seeds of all finished studies, in order.
    pub fn all_seeds(&self) -> BTreeSet<u32> {
        self.finals.keys().chain(&self.without_value).copied().collect()
    }

    /// The number of finished studies.
    pub fn studies(&self) -> usize {
        self.finals.len() + self.without_value.len()
    }

    /// The final values of all finished studies; one that is worse than all numbers where a study has none.
    pub fn all_finals(&self) -> Vec<f64> {
        let worst = self.goal.score(f64::NEG_INFINITY);
        self.finals.values().copied().chain(self.without_value.iter().map(|_| worst)).collect()
    }
}

/// The numbers of trials at which curves are sampled: 1, 2, 5, 10, 20, 50, … and the last one.
pub fn checkpoints(trials: usize) -> Vec<usize> {
    let decades = (0..).map(|power| 10_usize.saturating_pow(power)).take_while(|decade| *decade <= trials);
    let mut points: Vec<usize> = decades.flat_map(|decade| [1, 2, 5].map(|step| decade.saturating_mul(step))).collect();
    points.retain(|point| *point < trials);
    if trials > 0 {
        points.push(trials);
    }
    points
}

/// Mean and sample standard deviation. The mean is NaN without values; the deviation is 0 for fewer than two.
pub fn mean_std(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let count = values.clone().count() as f64;
    let mean = values.clone().sum::<f64>() / count;
    let squares: f64 = values.map(|value| (value - mean).powi(2)).sum();
    (mean, if count > 1.0 { (squares / (count - 1.0)).sqrt() } else { 0.0 })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A row whose k-th study has seed k and this final value, or none.
    pub(crate) fn row(problem: &str, strategy: &str, finals: &[Option<f64>]) -> Row {
        let of = |(seed, value): (u32, &Option<f64>)| value.map(|value| (seed, value));
        let missing = |(seed, value): (u32, &Option<f64>)| value.is_none().then_some(seed);
        let finals_by_seed: BTreeMap<u32, f64> = (0..).zip(finals).filter_map(of).collect();
        Row {
            problem: problem.into(),
            strategy: strategy.into(),
            metric: "value".into(),
            goal: Goal::Maximize,
            seeds: finals_by_seed.len(),
            without_value: (0..).zip(finals).filter_map(missing).collect(),
            broken: 0,
            reason: None,
            finals: finals_by_seed,
            igd_plus: BTreeMap::new(),
            curve: Vec::new(),
            seconds_mean: 0.0,
            ask_tell_micros: 0.0,
            trial_micros: 0.0,
            best: 10.0,
            best_known: true,
        }
    }

    /// As [`row`], where every study has a final value.
    pub(crate) fn complete(problem: &str, strategy: &str, finals: &[f64]) -> Row {
        row(problem, strategy, &finals.iter().copied().map(Some).collect::<Vec<_>>())
    }

    #[test]
    fn checkpoints_end_with_the_last_trial() {
        assert_eq!(checkpoints(0), Vec::<usize>::new());
        assert_eq!(checkpoints(1), [1]);
        assert_eq!(checkpoints(200), [1, 2, 5, 10, 20, 50, 100, 200]);
        assert_eq!(checkpoints(7), [1, 2, 5, 7]);
    }

    #[test]
    fn a_value_better_than_the_best_known_is_no_regret() {
        let row = complete("p", "a", &[9.0, 11.0]);
        assert_eq!((row.regret(9.0), row.regret(11.0), row.regret_mean()), (1.0, 0.0, 0.5));
        assert!(row.regret(f64::NAN).is_nan());
        let least = Row { goal: Goal::Minimize, ..row };
        assert_eq!((least.regret(9.0), least.regret(11.0)), (0.0, 1.0));
    }

    #[test]
    fn a_seed_without_a_value_is_worse_than_every_value() {
        let row = row("p", "a", &[Some(-1e300), None]);
        assert_eq!((row.score(0), row.score(1), row.score(2)), (Some(-1e300), Some(f64::NEG_INFINITY), None));
        assert_eq!((row.seeds, row.studies()), (1, 2));
        assert_eq!(Row { goal: Goal::Minimize, ..row }.all_finals(), [-1e300, f64::INFINITY]);
    }
}
