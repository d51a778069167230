//! The results of a benchmark: the incumbent's reported metric over trials, averaged over seeds.

use std::collections::BTreeMap;

use nas_api::Goal;

use super::store::{KeptStudy, KeptTrial, Store};
use crate::study::StudyError;

/// One point of a curve.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// The number of trials that were told.
    pub trials: usize,
    /// The mean of the incumbent's objective over seeds.
    pub objective_mean: f64,
    /// The mean of the incumbent's reported metric over seeds.
    pub mean: f64,
    /// The sample standard deviation of the incumbent's reported metric over seeds.
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
    /// The metric that is reported: the hidden counterpart of the objective if there is one (`test_accuracy` for
    /// `val_accuracy`), otherwise the objective itself.
    pub metric: String,
    /// Whether the metric, like the objective, is maximized or minimized.
    pub goal: Goal,
    /// The number of studies with an incumbent.
    pub seeds: usize,
    /// The number of studies that broke down.
    pub broken: usize,
    /// Why the first broken study broke down.
    pub reason: Option<String>,
    /// The reported metric of the final incumbent for each seed.
    pub finals: BTreeMap<u32, f64>,
    /// The curve at [`checkpoints`].
    pub curve: Curve,
    /// The seconds of all trials of a study, averaged over studies; simulated where the evaluator simulates.
    pub seconds_mean: f64,
    /// The real microseconds per trial that the strategy spent in ask and tell.
    pub ask_tell_micros: f64,
    /// The real microseconds per trial from a study's opening to its last record.
    pub trial_micros: f64,
    /// The value that regret is measured from, in the reported metric's unit: the best known value, or if none is
    /// known, the best value that any study on the problem reported. NaN if there is neither.
    pub best: f64,
    /// Whether `best` is a property of the problem rather than a result of the studies.
    pub best_known: bool,
}

impl Row {
    /// The simple regret of a reported value, which is its distance from [`Row::best`].
    pub fn regret(&self, value: f64) -> f64 {
        (self.best - value).abs()
    }

    /// The mean simple regret of the final incumbents; NaN if there is none.
    pub fn regret_mean(&self) -> f64 {
        mean_std(self.finals.values().map(|value| self.regret(*value))).0
    }
}

/// All results of a benchmark.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Results {
    /// One row for each strategy on each problem, ordered by problem and strategy.
    pub rows: Vec<Row>,
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

/// The columns of the main objective and of the reported metric in the trials of one study.
pub(crate) struct Columns {
    objective: usize,
    goal: Goal,
    pub(crate) reported: usize,
}

impl Columns {
    pub(crate) fn of(study: &KeptStudy) -> Option<Self> {
        let objective = study.objectives.first()?;
        let column = |name: &str| study.metrics.iter().position(|metric| metric.name == name);
        let bare = objective.metric.strip_prefix("val_").unwrap_or(&objective.metric);
        // Some evaluators report hidden metrics only after a final training, which no benchmark does.
        let is_reported = |at: usize| {
            let mut measured = study.trials.iter().filter(|trial| trial.measured).peekable();
            measured.peek().is_none() || measured.any(|trial| !trial.values[at].is_nan())
        };
        let hidden = column(&format!("test_{bare}")).filter(|&at| study.metrics[at].hidden && is_reported(at));
        let at = column(&objective.metric)?;
        Some(Self { objective: at, goal: objective.goal, reported: hidden.unwrap_or(at) })
    }

    /// Fidelity and score of a trial, which decide about the incumbent; `None` if the trial was not measured.
    fn rank(&self, trial: &KeptTrial) -> Option<(f64, f64)> {
        let value = self.objective(trial);
        (trial.measured && value.is_finite()).then(|| (trial.fidelity.unwrap_or(0.0), self.goal.score(value)))
    }

    /// The value of a trial's main objective.
    pub(crate) fn objective(&self, trial: &KeptTrial) -> f64 {
        trial.values[self.objective]
    }
}

/// Fidelity and score of a trial, and the trial.
type Ranked<'t> = ((f64, f64), &'t KeptTrial);

/// The incumbent after one more trial: the best objective at the highest fidelity so far, and the earlier of equals.
fn better_of<'t>(best: Option<Ranked<'t>>, trial: &'t KeptTrial, columns: &Columns) -> Option<Ranked<'t>> {
    match columns.rank(trial) {
        Some(rank) if best.is_none_or(|(best, _)| rank > best) => Some((rank, trial)),
        _ => best,
    }
}

/// The final incumbent with its fidelity and score.
pub(crate) fn incumbent<'t>(trials: &'t [KeptTrial], columns: &Columns) -> Option<Ranked<'t>> {
    trials.iter().fold(None, |best, trial| better_of(best, trial, columns))
}

/// The incumbent's objective and reported metric after each trial.
pub(crate) fn incumbents<'t>(
    trials: impl IntoIterator<Item = &'t KeptTrial>,
    columns: &Columns,
) -> Vec<Option<(f64, f64)>> {
    let mut best = None;
    let next = |trial| {
        best = better_of(best, trial, columns);
        best.map(|(_, trial)| (columns.objective(trial), trial.values[columns.reported]))
    };
    trials.into_iter().map(next).collect()
}

/// The sums and lists over seeds from which a row is computed.
struct RowBuilder {
    metric: String,
    goal: Goal,
    finals: BTreeMap<u32, f64>,
    paths: Vec<Vec<Option<(f64, f64)>>>,
    seconds: f64,
    strategy_seconds: f64,
    trials: usize,
    studies: usize,
    broken: usize,
    reason: Option<String>,
    best: f64,
}

impl Default for RowBuilder {
    fn default() -> Self {
        Self {
            metric: String::new(),
            goal: Goal::Maximize,
            finals: BTreeMap::new(),
            paths: Vec::new(),
            seconds: 0.0,
            strategy_seconds: 0.0,
            trials: 0,
            studies: 0,
            broken: 0,
            reason: None,
            best: f64::NAN,
        }
    }
}

impl Results {
    /// Recomputes the results from the records.
    ///
    /// # Errors
    /// The benchmark's file cannot be read.
    pub fn of(store: &Store) -> Result<Self, StudyError> {
        let mut builders: BTreeMap<(String, String), RowBuilder> = BTreeMap::new();
        store.each(|problem, strategy, seed, study| {
            let row = builders.entry((problem.to_owned(), strategy.to_owned())).or_default();
            if let Some(reason) = study.broken {
                row.broken += 1;
                row.reason.get_or_insert(reason);
                return Ok(());
            }
            let Some(columns) = Columns::of(&study) else { return Ok(()) };
            row.metric.clone_from(&study.metrics[columns.reported].name);
            row.goal = columns.goal;
            row.best = study.best[columns.reported];
            let path = incumbents(&study.trials, &columns);
            if let Some((_, reported)) = path.last().copied().flatten() {
                row.finals.insert(seed, reported);
            }
            row.paths.push(path);
            row.seconds += study.trials.iter().map(|trial| trial.cost).sum::<f64>();
            row.strategy_seconds +=
                study.trials.iter().map(|trial| trial.ask_seconds + trial.tell_seconds).sum::<f64>();
            row.trials += study.trials.len();
            row.studies += 1;
            Ok(())
        })?;
        let mut found: BTreeMap<String, f64> = BTreeMap::new();
        for ((problem, _), row) in &builders {
            let best = found.entry(problem.clone()).or_insert(f64::NAN);
            for (_, value) in row.paths.iter().flatten().flatten().filter(|(_, value)| value.is_finite()) {
                if best.is_nan() || row.goal.score(*value) > row.goal.score(*best) {
                    *best = *value;
                }
            }
        }
        let rows = builders.into_iter().map(|((problem, strategy), row)| {
            let trials = row.trials.max(1) as f64;
            let host_seconds = store.host_seconds(&problem, &strategy)? * row.studies as f64;
            let best_known = row.best.is_finite();
            Ok(Row {
                best: if best_known { row.best } else { found.get(&problem).copied().unwrap_or(f64::NAN) },
                best_known,
                ask_tell_micros: row.strategy_seconds * 1e6 / trials,
                trial_micros: host_seconds * 1e6 / trials,
                problem,
                strategy,
                metric: row.metric,
                goal: row.goal,
                seeds: row.finals.len(),
                broken: row.broken,
                reason: row.reason,
                curve: curve(&row.paths),
                seconds_mean: row.seconds / row.studies.max(1) as f64,
                finals: row.finals,
            })
        });
        Ok(Self { rows: rows.collect::<Result<_, StudyError>>()? })
    }
}

/// The curve over the studies that have an incumbent. A study that ended early keeps its last incumbent.
fn curve(paths: &[Vec<Option<(f64, f64)>>]) -> Curve {
    let longest = paths.iter().map(Vec::len).max().unwrap_or(0);
    let at = |trials: usize| {
        let known: Vec<(f64, f64)> =
            paths.iter().filter_map(|path| path.get(trials - 1).or(path.last()).copied().flatten()).collect();
        let (objective_mean, _) = mean_std(known.iter().map(|(objective, _)| *objective));
        let (mean, std) = mean_std(known.iter().map(|(_, reported)| *reported));
        Point { trials, objective_mean, mean, std }
    };
    checkpoints(longest).into_iter().map(at).collect()
}

/// Mean and sample standard deviation. The mean is NaN without values; the deviation is 0 for fewer than two.
pub(crate) fn mean_std(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let count = values.clone().count() as f64;
    let mean = values.clone().sum::<f64>() / count;
    let squares: f64 = values.map(|value| (value - mean).powi(2)).sum();
    (mean, if count > 1.0 { (squares / (count - 1.0)).sqrt() } else { 0.0 })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use nas_api::{MetricInfo, Objective};

    use super::*;

    fn study(values: &[(f64, f64, bool)]) -> KeptStudy {
        let metric = |name: &str, hidden| MetricInfo {
            name: name.into(),
            unit: String::new(),
            better: Some(Goal::Maximize),
            hidden,
            description: String::new(),
        };
        let trial = |&(objective, test, measured): &(f64, f64, bool)| KeptTrial {
            genotype: vec![],
            measured,
            duplicate: false,
            fidelity: None,
            cost: 1.0,
            told: 0.0,
            ask_seconds: 0.0,
            tell_seconds: 0.0,
            values: vec![objective, test],
            reason: String::new(),
        };
        KeptStudy {
            objectives: vec![Objective { metric: "val_accuracy".into(), goal: Goal::Maximize }],
            metrics: vec![metric("val_accuracy", false), metric("test_accuracy", true)],
            best: vec![1.0, 1.0],
            simulated: true,
            trials: values.iter().map(trial).collect(),
            broken: None,
        }
    }

    #[test]
    fn the_incumbent_is_chosen_by_the_objective_and_reported_by_the_test_metric() {
        let study = study(&[(0.5, 0.9, true), (0.9, 0.1, false), (0.6, 0.4, true), (0.6, 0.8, true), (0.2, 1.0, true)]);
        let columns = Columns::of(&study).unwrap();
        let reported: Vec<_> = incumbents(&study.trials, &columns).into_iter().map(|point| point.unwrap().1).collect();
        assert_eq!(reported, [0.9, 0.9, 0.4, 0.4, 0.4], "failures do not count, the earlier of equals stays");
        let (_, last) = incumbent(&study.trials, &columns).unwrap();
        assert_eq!(last.values[columns.reported], 0.4);
    }

    #[test]
    fn curves_are_means_over_seeds() {
        let paths = [vec![None, Some((1.0, 10.0))], vec![Some((2.0, 20.0))]];
        let curve = curve(&paths);
        assert_eq!(curve.iter().map(|point| point.trials).collect::<Vec<_>>(), [1, 2]);
        assert_eq!((curve[0].mean, curve[0].std), (20.0, 0.0));
        assert_eq!((curve[1].mean, curve[1].objective_mean), (15.0, 1.5));
        assert!((curve[1].std - 50.0_f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn checkpoints_end_with_the_last_trial() {
        assert_eq!(checkpoints(0), Vec::<usize>::new());
        assert_eq!(checkpoints(1), [1]);
        assert_eq!(checkpoints(200), [1, 2, 5, 10, 20, 50, 100, 200]);
        assert_eq!(checkpoints(7), [1, 2, 5, 7]);
    }
}
