//! The results of a benchmark, recomputed from its studies.

use std::collections::{BTreeMap, BTreeSet};

use super::incumbent::Reached;
use super::measure::{Measure, measures};
use super::row::{Curve, Point, Row, checkpoints, mean_std};
use super::store::{KeptStudy, Store};
use crate::study::StudyError;

/// All results of a benchmark.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Results {
    /// One row for each strategy on each problem, ordered by problem and strategy.
    pub rows: Vec<Row>,
}

/// The sums and lists over seeds from which a row is computed.
#[derive(Default)]
struct RowBuilder {
    finals: BTreeMap<u32, f64>,
    igd_plus: BTreeMap<u32, f64>,
    without_value: BTreeSet<u32>,
    paths: Vec<Vec<Reached>>,
    seconds: f64,
    strategy_seconds: f64,
    trials: usize,
    studies: usize,
    broken: usize,
    reason: Option<String>,
}

impl RowBuilder {
    fn add(&mut self, seed: u32, study: KeptStudy, measure: &Measure) {
        if let Some(reason) = study.broken {
            self.broken += 1;
            self.reason.get_or_insert(reason);
            self.without_value.insert(seed);
            return;
        }
        let path = measure.reached(&study, &study.trials);
        match path.last().and_then(|reached| reached.value) {
            Some(value) => drop(self.finals.insert(seed, value)),
            None => drop(self.without_value.insert(seed)),
        }
        if let Some(distance) = measure.final_igd_plus(&study) {
            self.igd_plus.insert(seed, distance);
        }
        self.paths.push(path);
        self.seconds += study.trials.iter().map(|trial| trial.cost).sum::<f64>();
        self.strategy_seconds += study.trials.iter().map(|trial| trial.ask_seconds + trial.tell_seconds).sum::<f64>();
        self.trials += study.trials.len();
        self.studies += 1;
    }
}

impl Results {
    /// Recomputes the results from the records.
    ///
    /// # Errors
    /// The benchmark's file cannot be read.
    pub fn of(store: &Store) -> Result<Self, StudyError> {
        Self::with(store, &measures(store)?)
    }

    /// As [`Results::of`], if it is known already what is compared on each problem.
    pub(crate) fn with(store: &Store, measures: &BTreeMap<String, Measure>) -> Result<Self, StudyError> {
        let mut builders: BTreeMap<(String, String), RowBuilder> = BTreeMap::new();
        store.each_in_time(|problem, strategy, seed, study| {
            if let Some(measure) = measures.get(problem) {
                builders.entry((problem.to_owned(), strategy.to_owned())).or_default().add(seed, study, measure);
            }
            Ok(())
        })?;
        finish(builders, measures, |problem, strategy| store.host_seconds(problem, strategy))
    }
}

/// The rows of these studies. `host_seconds` gives the mean real seconds of a study of a strategy on a problem.
fn finish(
    builders: BTreeMap<(String, String), RowBuilder>,
    measures: &BTreeMap<String, Measure>,
    host_seconds: impl Fn(&str, &str) -> Result<f64, StudyError>,
) -> Result<Results, StudyError> {
    let mut found: BTreeMap<String, f64> = BTreeMap::new();
    for ((problem, _), row) in &builders {
        let goal = measures[problem].goal;
        let best = found.entry(problem.clone()).or_insert(f64::NAN);
        for value in row.paths.iter().flatten().filter_map(|reached| reached.value) {
            if best.is_nan() || goal.score(value) > goal.score(*best) {
                *best = value;
            }
        }
    }
    let rows = builders.into_iter().map(|((problem, strategy), row)| {
        let measure = &measures[&problem];
        let trials = row.trials.max(1) as f64;
        let host_seconds = host_seconds(&problem, &strategy)? * row.studies as f64;
        let best_known = measure.best.is_finite();
        Ok(Row {
            best: if best_known { measure.best } else { found.get(&problem).copied().unwrap_or(f64::NAN) },
            best_known,
            ask_tell_micros: row.strategy_seconds * 1e6 / trials,
            trial_micros: host_seconds * 1e6 / trials,
            problem,
            strategy,
            metric: measure.metric.clone(),
            goal: measure.goal,
            seeds: row.finals.len(),
            without_value: row.without_value,
            broken: row.broken,
            reason: row.reason,
            curve: curve(&row.paths),
            seconds_mean: row.seconds / row.studies.max(1) as f64,
            finals: row.finals,
            igd_plus: row.igd_plus,
        })
    });
    Ok(Results { rows: rows.collect::<Result<_, StudyError>>()? })
}

/// The curve over the studies that have a value. A study that ended early keeps its last one.
fn curve(paths: &[Vec<Reached>]) -> Curve {
    let longest = paths.iter().map(Vec::len).max().unwrap_or(0);
    let at = |trials: usize| {
        let last = |path: &Vec<Reached>| path.get(trials - 1).or(path.last()).copied().unwrap_or_default();
        let reached: Vec<Reached> = paths.iter().map(last).collect();
        let (objective_mean, _) = mean_std(reached.iter().filter_map(|reached| reached.objective));
        let (mean, std) = mean_std(reached.iter().filter_map(|reached| reached.value));
        Point { trials, objective_mean, mean, std }
    };
    checkpoints(longest).into_iter().map(at).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::compare;
    use super::super::incumbent::tests::study;
    use super::super::measure::tests::measure_of;
    use super::*;
    use crate::statistics::Point as FrontPoint;

    /// The results of studies of several strategies on one problem, with the seeds 0, 1, … for each strategy.
    fn results(strategies: &[(&str, Vec<KeptStudy>)], true_front: Option<Vec<FrontPoint>>) -> Results {
        let all: Vec<KeptStudy> = strategies.iter().flat_map(|(_, studies)| studies.clone()).collect();
        let measures = BTreeMap::from([("p".to_owned(), measure_of(&all, true_front))]);
        let mut builders: BTreeMap<(String, String), RowBuilder> = BTreeMap::new();
        for (strategy, studies) in strategies {
            let builder = builders.entry(("p".to_owned(), (*strategy).to_owned())).or_default();
            (0..).zip(studies).for_each(|(seed, study)| builder.add(seed, study.clone(), &measures["p"]));
        }
        finish(builders, &measures, |_, _| Ok(0.0)).unwrap()
    }

    const COSTS: [(&str, bool); 2] = [("cost", false), ("size", false)];

    /// A study of trials with two objectives, which are minimized.
    fn of_two(points: &[[f64; 2]]) -> KeptStudy {
        let trials: Vec<(&[f64], bool)> = points.iter().map(|point| (&point[..], true)).collect();
        study(&["cost", "size"], &COSTS, &trials)
    }

    fn broken() -> KeptStudy {
        KeptStudy { trials: Vec::new(), broken: Some("it looped".into()), ..of_two(&[]) }
    }

    /// Both reach the same first objective, so that a comparison by it alone would see 30 ties.
    #[test]
    fn several_objectives_are_compared_by_their_hypervolume() {
        let one = |size: f64| -> Vec<KeptStudy> {
            let studies = (0..30).map(|seed| {
                let cost = f64::from(seed) / 100.0;
                of_two(&[[cost, size + 1.0], [cost + 1.0, size]])
            });
            studies.collect()
        };
        let results = results(&[("a", one(1.0)), ("b", one(3.0))], None);
        let [comparison] = &compare(&results)[..] else { panic!("one pair") };
        assert!(comparison.p < 1e-5 && comparison.ties == 0, "{comparison:?}");
        assert_eq!(comparison.winner(), Some(("a", "b")));
        let second = comparison.igd_plus.unwrap();
        assert!(second.p < 1e-5 && second.rank_biserial == 1.0, "{second:?}");
        assert_eq!((results.rows[0].metric.as_str(), results.rows[0].goal), ("hypervolume", nas_api::Goal::Maximize));
    }

    #[test]
    fn a_terrible_point_changes_no_other_value() {
        let good = || vec![of_two(&[[1.0, 4.0], [3.0, 3.0]]), of_two(&[[2.0, 3.5], [4.0, 1.0]])];
        let without = results(&[("a", good())], None);
        let with = results(&[("a", good()), ("b", vec![of_two(&[[1e6, 1e9]])])], None);
        assert_eq!(with.rows[0].finals, without.rows[0].finals);
        assert_eq!(with.rows[0].igd_plus, without.rows[0].igd_plus);
        assert_eq!(with.rows[1].finals[&0], 0.0);
    }

    #[test]
    fn the_true_front_makes_values_independent_of_the_other_studies() {
        let front = || Some(vec![vec![0.0, 1.0], vec![1.0, 0.0]]);
        let alone = results(&[("a", vec![of_two(&[[0.5, 0.5]])])], front());
        let both = results(&[("a", vec![of_two(&[[0.5, 0.5]])]), ("b", vec![of_two(&[[0.1, 0.9]])])], front());
        assert_eq!(alone.rows[0].finals, both.rows[0].finals);
        assert!((alone.rows[0].finals[&0] - 0.36).abs() < 1e-12);
        assert_eq!((alone.rows[0].best_known, (alone.rows[0].best - 0.21).abs() < 1e-12), (true, true));
    }

    #[test]
    fn a_broken_study_has_no_hypervolume_and_counts_as_worst() {
        let mut studies: Vec<KeptStudy> = (0..9).map(|seed| of_two(&[[f64::from(seed), 1.0]])).collect();
        studies.push(broken());
        let results = results(&[("a", studies.clone()), ("b", studies[..9].to_vec())], None);
        let row = &results.rows[0];
        assert_eq!((row.finals.len(), row.igd_plus.len(), row.broken), (9, 9, 1));
        assert_eq!((row.score(9), row.igd_plus_score(9)), (Some(f64::NEG_INFINITY), Some(f64::NEG_INFINITY)));
    }

    #[test]
    fn a_strategy_whose_studies_all_broke_is_compared_by_the_metric_of_the_others() {
        let results = results(&[("a", vec![broken(); 9]), ("b", vec![of_two(&[[1.0, 1.0]]); 9])], None);
        assert_eq!(results.rows[0].metric, results.rows[1].metric);
        let [comparison] = &compare(&results)[..] else { panic!("one pair") };
        assert_eq!(comparison.winner(), Some(("b", "a")));
    }

    #[test]
    fn a_hidden_metric_that_is_not_a_number_is_counted_and_spoils_no_mean() {
        let metrics = [("val_accuracy", false), ("test_accuracy", true)];
        let of = |test: f64| study(&["val_accuracy"], &metrics, &[(&[0.5, test], true)]);
        let results = results(&[("a", vec![of(0.4), of(f64::NAN), of(0.6)])], None);
        let row = &results.rows[0];
        assert_eq!((row.metric.as_str(), row.seeds, row.without_value.contains(&1)), ("test_accuracy", 2, true));
        assert!((row.curve[0].mean - 0.5).abs() < 1e-12 && row.regret_mean().is_finite(), "{row:?}");
    }

    #[test]
    fn curves_are_means_over_seeds() {
        let reached = |objective: f64, value: f64| Reached { objective: Some(objective), value: Some(value) };
        let paths = [vec![Reached::default(), reached(1.0, 10.0)], vec![reached(2.0, 20.0)]];
        let curve = curve(&paths);
        assert_eq!(curve.iter().map(|point| point.trials).collect::<Vec<_>>(), [1, 2]);
        assert_eq!((curve[0].mean, curve[0].std), (20.0, 0.0));
        assert_eq!((curve[1].mean, curve[1].objective_mean), (15.0, 1.5));
        assert!((curve[1].std - 50.0_f64.sqrt()).abs() < 1e-12);
    }
}
