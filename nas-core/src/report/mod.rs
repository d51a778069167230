//! The content of a benchmark's report, as numbers that are recomputed from the records; nothing is drawn here. Equal
//! records give equal reports, except for the measured times of ask and tell, which differ between runs.

mod checklist;
mod fronts;
mod paths;
mod winners;

use std::collections::BTreeMap;

use nas_api::{Goal, Objective};

pub use checklist::{Item, Standing as ItemStanding};
pub use fronts::Fronts;
pub use winners::{Winner, winners};

use crate::benchmark::{Comparison, Results, Row, Skipped, Store, compare};
pub use crate::statistics::{Band, Friedman, Point, RESAMPLES, Ranks};
use crate::statistics::{Bootstrap, ranks};
use crate::study::{Header, StudyError};
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
    /// The median of the final values; NaN if there is none.
    pub median: f64,
    /// The band of the final values.
    pub band: Option<Band>,
    /// The area under the regret curve divided by its length, which is the mean simple regret over all trials from a
    /// study's first incumbent on, in the metric's unit. It is averaged over seeds.
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
    /// How each strategy ended, in order of the strategies.
    pub endings: Vec<Ending>,
    /// The comparisons of all pairs of strategies.
    pub comparisons: Vec<Comparison>,
    /// The strategies that were ranked: those with the largest number of finished seeds.
    pub ranked: Vec<String>,
    /// Their ranks over those seeds.
    pub ranks: Option<Ranks>,
    /// The incumbent's value over trials.
    pub by_trials: Vec<Line>,
    /// The incumbent's value over the seconds of the study's clock.
    pub by_seconds: Vec<Line>,
    /// The fronts, where there are several objectives.
    pub fronts: Option<Fronts>,
}

/// The number of problems on which a strategy wins and loses against another one (p < 0.05 after Holm's correction).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wins {
    /// Problems on which it is significantly better.
    pub won: u32,
    /// Problems on which it is significantly worse.
    pub lost: u32,
    /// Problems on which the two were compared.
    pub of: u32,
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
    /// For each ranked strategy, the share of its final values whose normalized regret is at most τ, as (τ, share). A
    /// regret of 0 is the best value and 1 is the worst value that any study on the problem ended with (Dolan & Moré
    /// 2002; Agarwal et al. 2021).
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
        let results = Results::of(store)?;
        if results.rows.is_empty() {
            let remedy = "run `nas bench` first; the same command continues a stopped one";
            return Err(StudyError::file(store.path(), "holds no finished study", remedy));
        }
        let comparisons = compare(&results);
        let mut bootstrap = Bootstrap::default();
        let mut paths = Paths::read(store)?;
        let mut fronts = fronts::read(store, &mut bootstrap)?;
        let mut by_problem: BTreeMap<String, Vec<Row>> = BTreeMap::new();
        for row in results.rows {
            by_problem.entry(row.problem.clone()).or_default().push(row);
        }
        let problems = by_problem.into_iter().map(|(name, rows)| {
            let compared = comparisons.iter().filter(|comparison| comparison.problem == name).cloned().collect();
            let front = fronts.remove(&name);
            problem(name, rows, compared, front, &mut paths, &mut bootstrap)
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
    name: String,
    rows: Vec<Row>,
    comparisons: Vec<Comparison>,
    fronts: Option<Fronts>,
    paths: &mut Paths,
    bootstrap: &mut Bootstrap,
) -> ProblemReport {
    let runs = |strategy: &str| paths.runs.get(&(name.clone(), strategy.to_owned())).map_or(&[][..], Vec::as_slice);
    let trials: Vec<f64> =
        paths::sample_positions(rows.iter().flat_map(|row| runs(&row.strategy)).map(|run| run.by_trials.end));
    let seconds =
        paths::sample_positions(rows.iter().flat_map(|row| runs(&row.strategy)).map(|run| run.by_seconds.end));
    let mut line = |row: &Row, positions: &[f64], path: fn(&Run) -> &paths::Path| {
        let at = |&position: &f64| {
            let values: Option<Vec<f64>> = runs(&row.strategy).iter().map(|run| path(run).at(position)).collect();
            // A curve begins where every seed has an incumbent.
            Some((position, bootstrap.band(&values?)?))
        };
        Line { strategy: row.strategy.clone(), points: positions.iter().filter_map(at).collect() }
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
        endings: rows.iter().map(|row| ending(row, runs(&row.strategy), bootstrap)).collect(),
        comparisons,
        ranked,
        ranks: over_seeds,
        by_trials,
        by_seconds,
        fronts,
        name,
    }
}

fn ending(row: &Row, runs: &[Run], bootstrap: &mut Bootstrap) -> Ending {
    let finals: Vec<f64> = row.finals.values().copied().collect();
    let asks: Vec<f64> = runs.iter().flat_map(|run| run.times.iter().map(|(ask, _)| ask * 1e6)).collect();
    let tells: Vec<f64> = runs.iter().flat_map(|run| run.times.iter().map(|(_, tell)| tell * 1e6)).collect();
    let seconds: f64 = runs.iter().flat_map(|run| run.times.iter().map(|(ask, tell)| ask + tell)).sum();
    let areas: Vec<f64> = runs.iter().filter_map(|run| run.by_trials.mean(|value| row.regret(value))).collect();
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

/// The strategies with the largest number of finished seeds, and their ranks with each seed as a block.
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

/// The scores of one problem for the ranking over problems: the negated mean ranks of the strategies over its seeds.
fn block(problem: &ProblemReport, ranked: &[String]) -> Option<Vec<f64>> {
    let ranks = problem.ranks.as_ref()?;
    let place = |strategy: &String| problem.ranked.iter().position(|name| name == strategy);
    ranked.iter().map(|strategy| Some(-ranks.mean[place(strategy)?])).collect()
}

/// The problems that are ranked over. A problem that only a few strategies can serve would exclude all others.
fn covered(problems: &[ProblemReport]) -> Vec<&ProblemReport> {
    let most = problems.iter().map(|problem| problem.ranked.len()).max().unwrap_or(0);
    problems.iter().filter(|problem| 2 * problem.ranked.len() >= most).collect()
}

/// Counts the significant wins of every strategy against every other one.
fn wins(strategies: &[String], comparisons: &[Comparison]) -> Vec<Vec<Wins>> {
    let mut wins = vec![vec![Wins::default(); strategies.len()]; strategies.len()];
    let place = |name: &String| strategies.iter().position(|strategy| strategy == name);
    for comparison in comparisons {
        let (Some(a), Some(b)) = (place(&comparison.a), place(&comparison.b)) else { continue };
        // The effect size decides who won, because the means may point the other way.
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

/// The performance profile of a strategy, see [`Report::profile`].
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
