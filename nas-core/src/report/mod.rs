//! What a report says of a benchmark, as numbers: recomputed from the records, with nothing drawn. Equal records give
//! equal reports; the times of ask and tell alone are measurements, and differ between runs.

mod bands;
mod checklist;
mod fronts;
mod paths;
mod ranks;
mod volume;
mod winners;

use std::collections::BTreeMap;

use nas_api::{Goal, Objective};

pub use bands::{Band, Bands, RESAMPLES, iqm};
pub use checklist::{Item, Standing as ItemStanding};
pub use fronts::Fronts;
pub(crate) use ranks::ranked;
pub use ranks::{Friedman, Ranks, ranks};
pub use volume::{Point, front, hypervolume, igd_plus};
pub use winners::{Winner, winners};

use crate::benchmark::{Comparison, Results, Row, Skipped, Store, compare};
use crate::study::{Header, StudyError};
use paths::{Paths, Run};

/// A curve is sampled at so many places at most.
const PLACES: usize = 160;

/// One strategy's curve: a band over seeds at each place.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The strategy's label.
    pub strategy: String,
    /// Trials or seconds, with the band there.
    pub points: Vec<(f64, Band)>,
}

/// How one strategy ended on one problem.
#[derive(Clone, Debug, PartialEq)]
pub struct Ending {
    /// Means, deviations, regret, broken studies.
    pub row: Row,
    /// Of the final values; NaN without any.
    pub median: f64,
    /// Of the final values.
    pub band: Option<Band>,
    /// The area under the regret curve, divided by its length: the mean simple regret over all trials from a study's
    /// first incumbent on, in the metric's unit; mean over seeds.
    pub area: f64,
    /// Real microseconds of asking for a trial, the median over all trials.
    pub ask_micros: f64,
    /// Real microseconds of telling of a trial, the median over all trials.
    pub tell_micros: f64,
    /// Real seconds of all asks and tells of a study, mean.
    pub strategy_seconds: f64,
}

/// One problem.
#[derive(Clone, Debug, PartialEq)]
pub struct ProblemReport {
    /// Its name.
    pub name: String,
    /// What is reported, and which way it is better.
    pub metric: String,
    /// Of the metric.
    pub goal: Goal,
    /// What regret is counted from.
    pub best: f64,
    /// That is a property of the problem; else it is the best that any study found.
    pub best_known: bool,
    /// Of its studies.
    pub objectives: Vec<Objective>,
    /// Seconds are simulated.
    pub simulated: bool,
    /// One for each strategy, in order.
    pub endings: Vec<Ending>,
    /// All pairs.
    pub comparisons: Vec<Comparison>,
    /// Who was ranked: the strategies with all common seeds.
    pub ranked: Vec<String>,
    /// Their ranks over those seeds.
    pub ranks: Option<Ranks>,
    /// The incumbent's value after so many trials.
    pub by_trials: Vec<Line>,
    /// The incumbent's value after so many seconds of the study's clock.
    pub by_seconds: Vec<Line>,
    /// Several objectives.
    pub fronts: Option<Fronts>,
}

/// How many problems a strategy wins and loses against another one (p < 0.05 after Holm's correction).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wins {
    /// Significantly better.
    pub won: u32,
    /// Significantly worse.
    pub lost: u32,
    /// Compared.
    pub of: u32,
}

/// A benchmark's report.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The strategies' labels.
    pub strategies: Vec<String>,
    /// What each ran with on each problem: (problem, strategy, header).
    pub setups: Vec<(String, String, Header)>,
    /// In order of their names.
    pub problems: Vec<ProblemReport>,
    /// Row against column, in the order of `strategies`.
    pub wins: Vec<Vec<Wins>>,
    /// The problems that ranks and profile are over: those that at least half as many strategies served as any.
    pub covered: Vec<String>,
    /// Who was ranked over them: those that ran on all of them.
    pub ranked: Vec<String>,
    /// By the mean rank on each problem; `None` for a single problem.
    pub ranks: Option<Ranks>,
    /// For each ranked strategy the share of all final values whose normalised regret is at most τ, as (τ, share). 0 is
    /// the best value, 1 the worst that any study on the problem ended with (Dolan & Moré 2002; Agarwal et al. 2021).
    pub profile: Vec<(String, Vec<(f64, f64)>)>,
    /// Pairs that could not run.
    pub skipped: Vec<Skipped>,
    /// The best-practice checklist.
    pub checklist: Vec<Item>,
}

impl Report {
    /// Recomputed from the records. Refuses a benchmark without a single study.
    pub fn of(store: &Store) -> Result<Self, StudyError> {
        let results = Results::of(store)?;
        if results.rows.is_empty() {
            let remedy = "run `nas bench` first; the same command goes on with one that was stopped";
            return Err(StudyError::file(store.path(), "holds no finished study", remedy));
        }
        let comparisons = compare(&results);
        let mut bands = Bands::default();
        let mut paths = Paths::read(store)?;
        let mut fronts = fronts::read(store, &mut bands)?;
        let mut by_problem: BTreeMap<String, Vec<Row>> = BTreeMap::new();
        for row in results.rows {
            by_problem.entry(row.problem.clone()).or_default().push(row);
        }
        let problems = by_problem.into_iter().map(|(name, rows)| {
            let compared = comparisons.iter().filter(|comparison| comparison.problem == name).cloned().collect();
            let front = fronts.remove(&name);
            problem(name, rows, compared, front, &mut paths, &mut bands)
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

fn problem(
    name: String,
    rows: Vec<Row>,
    comparisons: Vec<Comparison>,
    fronts: Option<Fronts>,
    paths: &mut Paths,
    bands: &mut Bands,
) -> ProblemReport {
    let runs = |strategy: &str| paths.runs.get(&(name.clone(), strategy.to_owned())).map_or(&[][..], Vec::as_slice);
    let trials: Vec<f64> = paths::places(rows.iter().flat_map(|row| runs(&row.strategy)).map(|run| run.by_trials.end));
    let seconds = paths::places(rows.iter().flat_map(|row| runs(&row.strategy)).map(|run| run.by_seconds.end));
    let mut line = |row: &Row, places: &[f64], path: fn(&Run) -> &paths::Path| {
        let at = |&place: &f64| {
            let values: Option<Vec<f64>> = runs(&row.strategy).iter().map(|run| path(run).at(place)).collect();
            // A curve begins where every seed has an incumbent.
            Some((place, bands.of(&values?)?))
        };
        Line { strategy: row.strategy.clone(), points: places.iter().filter_map(at).collect() }
    };
    let by_trials: Vec<Line> = rows.iter().map(|row| line(row, &trials, |run| &run.by_trials)).collect();
    let by_seconds: Vec<Line> = rows.iter().map(|row| line(row, &seconds, |run| &run.by_seconds)).collect();
    let (ranked, over_seeds) = rank_seeds(&rows);
    let first = rows.first();
    ProblemReport {
        metric: first.map(|row| row.metric.clone()).unwrap_or_default(),
        goal: first.map_or(Goal::Maximize, |row| row.goal),
        best: first.map_or(f64::NAN, |row| row.best),
        best_known: first.is_some_and(|row| row.best_known),
        objectives: paths.objectives.get(&name).cloned().unwrap_or_default(),
        simulated: paths.simulated.get(&name).copied().unwrap_or(false),
        endings: rows.iter().map(|row| ending(row, runs(&row.strategy), bands)).collect(),
        comparisons,
        ranked,
        ranks: over_seeds,
        by_trials,
        by_seconds,
        fronts,
        name,
    }
}

fn ending(row: &Row, runs: &[Run], bands: &mut Bands) -> Ending {
    let finals: Vec<f64> = row.finals.values().copied().collect();
    let asks: Vec<f64> = runs.iter().flat_map(|run| run.times.iter().map(|(ask, _)| ask * 1e6)).collect();
    let tells: Vec<f64> = runs.iter().flat_map(|run| run.times.iter().map(|(_, tell)| tell * 1e6)).collect();
    let seconds: f64 = runs.iter().flat_map(|run| run.times.iter().map(|(ask, tell)| ask + tell)).sum();
    let areas: Vec<f64> = runs.iter().filter_map(|run| run.by_trials.mean(|value| row.regret(value))).collect();
    Ending {
        row: row.clone(),
        median: median(finals.clone()),
        band: bands.of(&finals),
        area: areas.iter().sum::<f64>() / areas.len() as f64,
        ask_micros: median(asks),
        tell_micros: median(tells),
        strategy_seconds: seconds / runs.len() as f64,
    }
}

/// NaN for none.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match (values.len(), values.len() / 2) {
        (0, _) => f64::NAN,
        (count, middle) if count % 2 == 1 => values[middle],
        (_, middle) => f64::midpoint(values[middle - 1], values[middle]),
    }
}

/// The strategies with the most seeds in common, and their ranks with each seed as a block.
fn rank_seeds(rows: &[Row]) -> (Vec<String>, Option<Ranks>) {
    let most = rows.iter().map(|row| row.finals.len()).max().unwrap_or(0);
    let full: Vec<&Row> = rows.iter().filter(|row| row.finals.len() == most && most > 0).collect();
    let seeds = full.first().map(|row| row.finals.keys().copied().collect::<Vec<u32>>()).unwrap_or_default();
    let block = |seed: &u32| -> Option<Vec<f64>> {
        full.iter().map(|row| row.finals.get(seed).map(|value| row.goal.score(*value))).collect()
    };
    let blocks: Vec<Vec<f64>> = seeds.iter().filter_map(block).collect();
    (full.iter().map(|row| row.strategy.clone()).collect(), ranks(&blocks))
}

/// One problem as a block of the ranking over problems: the strategies' mean ranks over its seeds, fewer is better.
fn block(problem: &ProblemReport, ranked: &[String]) -> Option<Vec<f64>> {
    let ranks = problem.ranks.as_ref()?;
    let place = |strategy: &String| problem.ranked.iter().position(|name| name == strategy);
    ranked.iter().map(|strategy| Some(-ranks.mean[place(strategy)?])).collect()
}

/// One that only a few strategies can serve would leave nobody else to rank.
fn covered(problems: &[ProblemReport]) -> Vec<&ProblemReport> {
    let most = problems.iter().map(|problem| problem.ranked.len()).max().unwrap_or(0);
    problems.iter().filter(|problem| 2 * problem.ranked.len() >= most).collect()
}

fn wins(strategies: &[String], comparisons: &[Comparison]) -> Vec<Vec<Wins>> {
    let mut wins = vec![vec![Wins::default(); strategies.len()]; strategies.len()];
    let place = |name: &String| strategies.iter().position(|strategy| strategy == name);
    for comparison in comparisons {
        let (Some(a), Some(b)) = (place(&comparison.a), place(&comparison.b)) else { continue };
        // By the effect's direction: the median may agree where the mean does not.
        let (ours, theirs) = match comparison.p_holm < 0.05 {
            true => (u32::from(comparison.a12 > 0.5), u32::from(comparison.a12 < 0.5)),
            false => (0, 0),
        };
        for (row, column, won, lost) in [(a, b, ours, theirs), (b, a, theirs, ours)] {
            let cell = &mut wins[row][column];
            *cell = Wins { won: cell.won + won, lost: cell.lost + lost, of: cell.of + 1 };
        }
    }
    wins
}

fn profile(strategy: &str, problems: &[&ProblemReport]) -> Vec<(f64, f64)> {
    let mut regrets = Vec::new();
    for problem in problems {
        let all =
            || problem.endings.iter().flat_map(|ending| ending.row.finals.values().map(|v| ending.row.regret(*v)));
        let worst = all().filter(|regret| regret.is_finite()).fold(0.0, f64::max);
        let own = problem.endings.iter().filter(|ending| ending.row.strategy == strategy);
        let own = own.flat_map(|ending| ending.row.finals.values().map(|value| ending.row.regret(*value)));
        regrets.extend(own.map(|regret| if worst > 0.0 { regret / worst } else { 0.0 }));
    }
    let share = |limit: f64| regrets.iter().filter(|regret| **regret <= limit + 1e-12).count() as f64;
    (0..=100).map(|step| f64::from(step) / 100.0).map(|limit| (limit, share(limit) / regrets.len() as f64)).collect()
}

#[cfg(test)]
mod tests;
