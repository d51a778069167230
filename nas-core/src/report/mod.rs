//! The content of a benchmark's report, as numbers that are recomputed from the records; nothing is drawn here. Equal
//! records give equal reports, except for the measured times of ask and tell, which differ between runs.

mod checklist;
mod fronts;
mod overall;
mod paths;
mod winners;

use std::collections::BTreeMap;

use nas_api::{Goal, Objective};

pub use checklist::{Item, Standing as ItemStanding};
pub use fronts::Fronts;
pub use overall::Wins;
pub use paths::Spent;
pub use winners::{Winner, winners};

use crate::benchmark::{Comparison, Measure, Results, Row, Skipped, Store, compare, measures};
pub use crate::statistics::{Band, Friedman, FriedmanTest, MIN_BLOCKS, MIN_VALUES, Point, RESAMPLES, Ranks};
use crate::statistics::{Bootstrap, ranks};
use crate::study::{Header, StudyError};
use overall::{block, covered, profile, wins};
use paths::{Paths, Run};

/// The maximum number of points of a curve.
const CURVE_POINTS: usize = 160;

/// One strategy's curve, with a band over its seeds at each point.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The strategy's label.
    pub strategy: String,
    /// Trials or seconds, each with the band at that point.
    pub points: Vec<(f64, Band)>,
}

/// How one strategy ended on one problem.
#[derive(Clone, Debug, PartialEq)]
pub struct Ending {
    /// Means, deviations, regret and broken studies.
    pub row: Row,
    /// The median of the final values over all finished studies, where one without a value is worse than all; infinite
    /// if at least half have none, and NaN if there is no study.
    pub median: f64,
    /// The band of the final values over all finished studies, where one without a value is worse than all; `None` if
    /// more than a quarter have none.
    pub band: Option<Band>,
    /// The area under the regret curve divided by the budget, which is the mean simple regret over the budget, in the
    /// metric's unit. It is averaged over all finished studies. As long as a study has no value, it has the largest
    /// regret that any study on the problem reached.
    pub area: f64,
    /// The median over all trials of the real microseconds that asking for a trial took.
    pub ask_micros: f64,
    /// The median over all trials of the real microseconds that telling the result took.
    pub tell_micros: f64,
    /// The real seconds that all asks and tells of a study took, averaged over studies.
    pub strategy_seconds: f64,
}

/// The results on one problem.
#[derive(Clone, Debug, PartialEq)]
pub struct ProblemReport {
    /// The problem's name.
    pub name: String,
    /// The metric that is reported.
    pub metric: String,
    /// Whether the metric is maximized or minimized.
    pub goal: Goal,
    /// The value that regret is measured from.
    pub best: f64,
    /// Whether `best` is a property of the problem; otherwise it is the best value that any study found.
    pub best_known: bool,
    /// The objectives of its studies.
    pub objectives: Vec<Objective>,
    /// Whether seconds are simulated.
    pub simulated: bool,
    /// The unit of the budget, over which areas are taken.
    pub spent: Spent,
    /// How each strategy ended, in order of the strategies.
    pub endings: Vec<Ending>,
    /// The comparisons of all pairs of strategies.
    pub comparisons: Vec<Comparison>,
    /// The strategies that were ranked: those with the largest number of finished seeds.
    pub ranked: Vec<String>,
    /// Their ranks over those seeds.
    pub ranks: Option<Ranks>,
    /// The value that is compared, over trials.
    pub by_trials: Vec<Line>,
    /// The value that is compared, over the seconds of the study's clock.
    pub by_seconds: Vec<Line>,
    /// The fronts, where there are several objectives.
    pub fronts: Option<Fronts>,
}

/// A benchmark's report.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The strategies' labels.
    pub strategies: Vec<String>,
    /// The configuration of each strategy on each problem: (problem, strategy, header).
    pub setups: Vec<(String, String, Header)>,
    /// The problems, ordered by name.
    pub problems: Vec<ProblemReport>,
    /// Wins of the row's strategy against the column's, both in the order of `strategies`.
    pub wins: Vec<Vec<Wins>>,
    /// The problems that `ranks` and `profile` cover: those on which at least half as many strategies were ranked as on
    /// the problem with the most.
    pub covered: Vec<String>,
    /// The strategies that were ranked over the covered problems: those that were ranked on all of them.
    pub ranked: Vec<String>,
    /// The ranks over the covered problems, from the mean ranks on each; `None` for a single problem.
    pub ranks: Option<Ranks>,
    /// For each ranked strategy, the share of its studies whose final normalized regret is at most τ, as (τ, share),
    /// averaged over the problems. A regret of 0 is the best value and 1 is the worst value that any study on the
    /// problem ended with; a study without a value never gets there (Dolan & Moré 2002; Agarwal et al. 2021).
    pub profile: Vec<(String, Vec<(f64, f64)>)>,
    /// The pairs of strategy and problem that could not run.
    pub skipped: Vec<Skipped>,
    /// The best-practice checklist.
    pub checklist: Vec<Item>,
}

impl Report {
    /// Recomputes the report from the records.
    ///
    /// # Errors
    /// The benchmark has no finished study, or its file cannot be read.
    pub fn of(store: &Store) -> Result<Self, StudyError> {
        let measures = measures(store)?;
        let results = Results::with(store, &measures)?;
        if results.rows.is_empty() {
            let remedy = "run `nas bench` first; the same command continues a stopped one";
            return Err(StudyError::file(store.path(), "holds no finished study", remedy));
        }
        let comparisons = compare(&results);
        let mut bootstrap = Bootstrap::default();
        let paths = Paths::read(store, &measures)?;
        let mut fronts = fronts::read(store, &measures, &mut bootstrap)?;
        let mut by_problem: BTreeMap<String, Vec<Row>> = BTreeMap::new();
        for row in results.rows {
            by_problem.entry(row.problem.clone()).or_default().push(row);
        }
        let problems = by_problem.into_iter().map(|(name, rows)| {
            let compared = comparisons.iter().filter(|comparison| comparison.problem == name).cloned().collect();
            let front = fronts.remove(&name);
            problem(&measures[&name], name, rows, compared, front, &paths, &mut bootstrap)
        });
        let problems: Vec<ProblemReport> = problems.collect();
        let setups = store.headers()?;
        let mut strategies: Vec<String> = setups.iter().map(|(_, strategy, _)| strategy.clone()).collect();
        strategies.sort();
        strategies.dedup();
        let covered = covered(&problems);
        let everywhere = |strategy: &&String| {
            let there = |problem: &&ProblemReport| problem.ranked.contains(strategy);
            covered.iter().all(there)
        };
        let ranked: Vec<String> = strategies.iter().filter(everywhere).cloned().collect();
        let blocks: Option<Vec<Vec<f64>>> = covered.iter().map(|problem| block(problem, &ranked)).collect();
        let over_problems = blocks.filter(|blocks| blocks.len() > 1).and_then(|blocks| ranks(&blocks));
        let mut report = Self {
            wins: wins(&strategies, &comparisons),
            profile: ranked.iter().map(|strategy| (strategy.clone(), profile(strategy, &covered))).collect(),
            covered: covered.iter().map(|problem| problem.name.clone()).collect(),
            strategies,
            setups,
            problems,
            ranked,
            ranks: over_problems,
            skipped: store.skipped()?,
            checklist: Vec::new(),
        };
        report.checklist = checklist::of(&report);
        Ok(report)
    }
}

/// The results on one problem.
fn problem(
    measure: &Measure,
    name: String,
    rows: Vec<Row>,
    comparisons: Vec<Comparison>,
    fronts: Option<Fronts>,
    paths: &Paths,
    bootstrap: &mut Bootstrap,
) -> ProblemReport {
    let runs = |strategy: &str| paths.runs.get(&(name.clone(), strategy.to_owned())).map_or(&[][..], Vec::as_slice);
    let trials: Vec<f64> =
        paths::sample_positions(rows.iter().flat_map(|row| runs(&row.strategy)).map(|run| run.by_trials.end));
    let seconds =
        paths::sample_positions(rows.iter().flat_map(|row| runs(&row.strategy)).map(|run| run.by_seconds.end));
    let mut line = |row: &Row, positions: &[f64], path: fn(&Run) -> &paths::Path| {
        // A study without a value counts as worst, so that a curve begins where most have one.
        let worst = row.goal.score(f64::NEG_INFINITY);
        let at = |&position: &f64| {
            let values = runs(&row.strategy).iter().map(|run| path(run).at(position).unwrap_or(worst));
            let values: Vec<f64> = values.chain(std::iter::repeat_n(worst, row.broken)).collect();
            Some((position, bootstrap.band(&values)?))
        };
        Line { strategy: row.strategy.clone(), points: positions.iter().filter_map(at).collect() }
    };
    let by_trials: Vec<Line> = rows.iter().map(|row| line(row, &trials, |run| &run.by_trials)).collect();
    let by_seconds: Vec<Line> = rows.iter().map(|row| line(row, &seconds, |run| &run.by_seconds)).collect();
    let (ranked, over_seeds) = rank_seeds(&rows);
    let first = rows.first();
    // The largest regret of anything that a study reported, which stands for having nothing.
    let regrets = rows.iter().flat_map(|row| {
        runs(&row.strategy).iter().flat_map(|run| run.by_trials.values()).map(|value| row.regret(value))
    });
    let largest = regrets.filter(|regret| regret.is_finite()).fold(0.0, f64::max);
    ProblemReport {
        metric: measure.metric.clone(),
        goal: measure.goal,
        best: first.map_or(f64::NAN, |row| row.best),
        best_known: first.is_some_and(|row| row.best_known),
        objectives: measure.objectives.clone(),
        simulated: measure.simulated,
        spent: paths.spent.get(&name).copied().unwrap_or(Spent::Trials),
        endings: rows.iter().map(|row| ending(row, runs(&row.strategy), largest, bootstrap)).collect(),
        comparisons,
        ranked,
        ranks: over_seeds,
        by_trials,
        by_seconds,
        fronts,
        name,
    }
}

fn ending(row: &Row, runs: &[Run], largest: f64, bootstrap: &mut Bootstrap) -> Ending {
    let finals = row.all_finals();
    let asks: Vec<f64> = runs.iter().flat_map(|run| run.times.iter().map(|(ask, _)| ask * 1e6)).collect();
    let tells: Vec<f64> = runs.iter().flat_map(|run| run.times.iter().map(|(_, tell)| tell * 1e6)).collect();
    let seconds: f64 = runs.iter().flat_map(|run| run.times.iter().map(|(ask, tell)| ask + tell)).sum();
    let areas = runs.iter().map(|run| run.mean_over_budget(largest, |value| row.regret(value)));
    let areas: Vec<f64> = areas.chain(std::iter::repeat_n(largest, row.broken)).collect();
    Ending {
        row: row.clone(),
        median: median(finals.clone()),
        band: bootstrap.band(&finals),
        area: areas.iter().sum::<f64>() / areas.len() as f64,
        ask_micros: median(asks),
        tell_micros: median(tells),
        strategy_seconds: seconds / runs.len() as f64,
    }
}

/// The median; NaN if there is no value.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match (values.len(), values.len() / 2) {
        (0, _) => f64::NAN,
        (count, middle) if count % 2 == 1 => values[middle],
        (_, middle) => f64::midpoint(values[middle - 1], values[middle]),
    }
}

/// The strategies with the largest number of finished studies, and their ranks with each seed as a block. A study
/// without a final value has the last rank.
fn rank_seeds(rows: &[Row]) -> (Vec<String>, Option<Ranks>) {
    let most = rows.iter().map(Row::studies).max().unwrap_or(0);
    let full: Vec<&Row> = rows.iter().filter(|row| row.studies() == most && most > 0).collect();
    let seeds = full.first().map(|row| row.all_seeds()).unwrap_or_default();
    let block = |&seed: &u32| -> Option<Vec<f64>> { full.iter().map(|row| row.score(seed)).collect() };
    let blocks: Vec<Vec<f64>> = seeds.iter().filter_map(block).collect();
    (full.iter().map(|row| row.strategy.clone()).collect(), ranks(&blocks))
}

#[cfg(test)]
mod tests;
