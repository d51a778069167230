//! `nas bench`: runs a grid of studies and compares the strategies.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::thread::available_parallelism;

use nas_api::{Parameter, Role};
use nas_core::benchmark::{
    Comparison, Done, Grid, PairedTest, ProblemSpec, Results, Skipped, Store, Watch, compare, mean_std, run,
};
use nas_core::plugin::Registry;
use nas_core::study::{PluginSpec, UnresolvedSetting};
use serde_json::{Value, json};

use crate::args::{Args, Bench};
use crate::failure::{Failure, STOPPED};
use crate::progress::Steps;
use crate::search::stop_on_interrupt;
use crate::{plugins, print};

/// The baseline that is added to every benchmark.
const BASELINE: &str = "random-search";

/// Runs the studies of a grid that are not in the store yet, and prints the results of all.
///
/// # Errors
/// The grid is invalid, the folder of `--out` cannot be written, or the benchmark cannot be run.
pub fn bench(args: &Args, bench: &Bench) -> Result<ExitCode, Failure> {
    let registry = plugins::registry_of_studies(args, &bench.isolation.limits())?;
    let grid = grid(bench, &registry)?;
    grid.check()?;
    fs::create_dir_all(&bench.out)
        .map_err(|error| Failure::input(format!("--out {}: cannot be created: {error}", bench.out.display())))?;
    let mut store = Store::open(&bench.out.join("benchmark.db"))?;
    let jobs = bench.jobs.unwrap_or_else(|| available_parallelism().map_or(1, |cores| cores.get() as u32));
    for (name, problem) in grid.problems.iter().filter(|_| jobs > 1) {
        for reference in &problem.meters {
            if registry.meter(reference)?.about().timed {
                let problem =
                    format!("'{reference}' measures time on this machine, and {jobs} studies would disturb it");
                let help = "give --jobs 1, or a cost table, which `nas latency cost-table` makes";
                return Err(Failure::input(format!("{name}, meters: {problem}")).help(help));
            }
        }
    }
    let stop = stop_on_interrupt()?;
    let template = "{elapsed_precise} {wide_bar} {pos}/{len} studies, {eta} left";
    let mut progress = Progress { steps: Steps::new(args, None, "studies", template) };
    let (skipped, complete) = run(&grid, &registry, &mut store, jobs, &stop, &mut progress)?;
    progress.steps.finish();
    let results = Results::of(&store)?;
    if bench.json {
        print::json(&to_json(&results, &skipped, complete))?;
    } else {
        out!("{}", to_text(&results, &skipped));
    }
    if complete {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("stopped; run the same command again to continue");
    Ok(ExitCode::from(STOPPED))
}

/// Returns the grid that the file and the flags describe together.
fn grid(bench: &Bench, registry: &Registry) -> Result<Grid, Failure> {
    let mut grid = match &bench.file {
        Some(path) => Grid::from_file(path)?,
        None => Grid::default(),
    };
    if !bench.strategies.is_empty() {
        grid.strategies = labelled(&bench.strategies, registry)?;
        // A pruner of the file belongs to one of the file's strategies.
        grid.pruners.retain(|label, _| grid.strategies.contains_key(label));
    }
    let is_baseline = |spec: &PluginSpec| spec.reference.as_deref() == Some(BASELINE);
    if !bench.no_random_search && !grid.strategies.is_empty() && !grid.strategies.values().any(is_baseline) {
        grid.strategies.insert(BASELINE.to_owned(), PluginSpec::named(BASELINE));
    }
    if !bench.problems.is_empty() {
        grid.problems = bench.problems.iter().map(|name| (name.clone(), ProblemSpec::default())).collect();
    }
    for (name, problem) in &mut grid.problems {
        if problem.evaluator.reference.is_none() {
            // The name is EVALUATOR/DATA, or else the name of a tabular benchmark with its problem.
            let evaluator = name.split_once('/').filter(|(evaluator, _)| registry.evaluator(evaluator).is_ok());
            let is_mapping = Path::new(name).extension().is_some_and(|ending| ending == "toml");
            if evaluator.is_none() && !is_mapping && (name == "digits" || Path::new(name).exists()) {
                let help = format!("write burn/{name} to train networks on these data");
                return Err(Failure::input(format!("problem '{name}': is not a published table")).help(help));
            }
            let (evaluator, data) = evaluator.unwrap_or(("table", name));
            problem.evaluator.reference = Some(evaluator.to_owned());
            let info = registry.evaluator(evaluator).ok().and_then(|source| source.info().ok());
            let parameters = info.map(|info| info.parameters).unwrap_or_default();
            let for_data = Parameter::find(Role::Data, &parameters);
            if !for_data.is_some_and(|parameter| problem.evaluator.settings.contains_key(&parameter.name)) {
                problem.data.get_or_insert_with(|| UnresolvedSetting::Raw(data.to_owned()));
            }
        }
    }
    grid.seeds = bench.seeds.or(grid.seeds);
    grid.workers = bench.workers.or(grid.workers);
    grid.duplicates = bench.duplicates.or(grid.duplicates);
    if let Some(pruner) = bench.pruner.as_ref().filter(|pruner| grid.pruner.reference.as_ref() != Some(pruner)) {
        grid.pruner = PluginSpec::named(pruner);
    }
    grid.count_strategy |= bench.count_strategy;
    grid.budget.trials = bench.trials.or(grid.budget.trials);
    grid.budget.seconds = bench.seconds.or(grid.budget.seconds);
    Ok(grid)
}

/// Labels each strategy with its name. The strategy of a file is labelled with the name that it gives itself, or with
/// the whole reference if another one has the same name.
fn labelled(references: &[String], registry: &Registry) -> Result<BTreeMap<String, PluginSpec>, Failure> {
    let name = |reference: &String| match Path::new(reference).extension() {
        Some(_) => {
            registry.strategy(reference).map_or_else(|_| reference.clone(), |source| source.identity().name.clone())
        }
        None => reference.clone(),
    };
    let names: Vec<String> = references.iter().map(name).collect();
    let mut strategies = BTreeMap::new();
    for (reference, name) in references.iter().zip(&names) {
        let alone = names.iter().filter(|other| *other == name).count() == 1;
        let label = if alone { name } else { reference };
        if strategies.insert(label.clone(), PluginSpec::named(reference)).is_some() {
            let help = "to compare a strategy under two settings, write a file with two tables [strategies.LABEL]";
            return Err(Failure::input(format!("--strategies: {reference} is given twice")).help(help));
        }
    }
    Ok(strategies)
}

/// Returns `None` for NaN and infinities, which JSON does not have.
fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

fn to_json(results: &Results, skipped: &[Skipped], complete: bool) -> Value {
    let rows = results.rows.iter().map(|row| {
        let last = row.curve.last();
        let curve = row.curve.iter().map(|point| {
            json!({"trials": point.trials, "objective_mean": finite(point.objective_mean),
                   "test_mean": finite(point.mean), "test_std": finite(point.std)})
        });
        json!({
            "problem": row.problem, "strategy": row.strategy, "metric": row.metric, "seeds": row.seeds,
            "without_value": row.without_value.len(),
            "test_mean": last.and_then(|point| finite(point.mean)), "test_std": last.and_then(|point| finite(point.std)),
            "igd_plus_mean": finite(mean_std(row.igd_plus.values().copied()).0),
            "regret_mean": finite(row.regret_mean()), "best": finite(row.best), "best_known": row.best_known,
            "seconds_mean": row.seconds_mean, "broken": row.broken, "reason": row.reason,
            "curve": curve.collect::<Vec<_>>(),
        })
    });
    let comparisons = compare(results).into_iter().map(|comparison| {
        let better = comparison.winner().map(|(winner, _)| winner.to_owned());
        let Comparison { problem, a, b, seeds, difference, wins, ties, p, p_holm, rank_biserial, a12, igd_plus } =
            comparison;
        let second = |PairedTest { p, p_holm, rank_biserial }: PairedTest| {
            json!({"p": p, "p_holm": p_holm, "rank_biserial": rank_biserial})
        };
        json!({
            "problem": problem, "a": a, "b": b, "seeds": seeds, "difference": finite(difference), "wins": wins,
            "ties": ties, "p": p, "p_holm": p_holm, "rank_biserial": rank_biserial, "a12": a12,
            "significantly_better": better, "igd_plus": igd_plus.map(second),
        })
    });
    let skipped = skipped
        .iter()
        .map(|skipped| json!({"problem": skipped.problem, "strategy": skipped.strategy, "reason": skipped.reason}));
    // Times are kept apart, because everything else is equal in two runs.
    let times = results.rows.iter().map(|row| {
        json!({
            "problem": row.problem, "strategy": row.strategy, "ask_tell_micros": row.ask_tell_micros,
            "trial_micros": row.trial_micros,
        })
    });
    json!({
        "times": times.collect::<Vec<_>>(),
        "results": rows.collect::<Vec<_>>(), "comparisons": comparisons.collect::<Vec<_>>(),
        "skipped": skipped.collect::<Vec<_>>(), "complete": complete,
    })
}

fn to_text(results: &Results, skipped: &[Skipped]) -> String {
    let comparisons = compare(results);
    let against_baseline = |problem: &str, strategy: &str| {
        let pairs = comparisons.iter().filter(|pair| pair.problem == problem);
        pairs.filter_map(|pair| pair.seen_from(strategy)).find(|pair| pair.b == BASELINE)
    };
    let several = results.rows.iter().any(|row| !row.igd_plus.is_empty());
    let rows = results.rows.iter().map(|row| {
        let last = row.curve.last();
        let shown = |value: Option<f64>| {
            value.filter(|value| value.is_finite()).map_or_else(String::new, |value| format!("{value:.3}"))
        };
        let seeds = match row.without_value.len() {
            0 => row.seeds.to_string(),
            _ => format!("{} of {}", row.seeds, row.studies()),
        };
        let mut broken = String::new();
        if row.broken > 0 {
            broken = format!("{} broken: {}", row.broken, row.reason.as_deref().unwrap_or_default());
        }
        let pair = against_baseline(&row.problem, &row.strategy);
        let mut cells = vec![
            row.problem.clone(),
            row.strategy.clone(),
            seeds,
            row.metric.clone(),
            shown(last.map(|point| point.mean)),
            shown(last.map(|point| point.std)),
            shown(pair.as_ref().map(|pair| pair.rank_biserial)),
            pair.as_ref().map_or_else(String::new, |pair| print::probability(pair.p_holm)),
            shown(pair.as_ref().map(|pair| pair.a12)),
        ];
        if several {
            let second = pair.as_ref().and_then(|pair| pair.igd_plus);
            cells.push(shown(Some(mean_std(row.igd_plus.values().copied()).0)));
            cells.push(second.map_or_else(String::new, |test| print::probability(test.p_holm)));
        }
        cells.extend([print::number(row.seconds_mean.round()), broken]);
        cells
    });
    let mut header = vec!["problem", "strategy", "seeds", "metric", "mean", "std", "rank-biserial", "p (Holm)", "A12"];
    if several {
        header.extend(["IGD+", "its p"]);
    }
    header.extend(["seconds", ""]);
    let mut text = print::table(&header, rows.collect());
    if !skipped.is_empty() {
        text.push_str(&format!("\n{} pairs of strategy and problem were skipped", skipped.len()));
    }
    text
}

/// Shows how many studies are complete.
struct Progress {
    steps: Steps,
}

impl Watch for Progress {
    fn begin(&mut self, kept: u64, all: u64) {
        self.steps.begin(kept, Some(all));
    }

    fn done(&mut self, _study: &Done) {
        self.steps.step();
    }

    fn skipped(&mut self, skipped: &Skipped) {
        let Skipped { problem, strategy, reason } = skipped;
        self.steps.print(&format!("skipped: {strategy} on {problem}: {reason}"));
    }
}
