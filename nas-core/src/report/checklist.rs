//! The best-practice checklist for research on NAS by M. Lindauer and F. Hutter (2020), "Best practices for scientific
//! research on neural architecture search", JMLR 21(243). Its questions are paraphrased and answered from the records.
//! A question that the records cannot answer stays open, and the answer says what the author has to add.

use std::collections::{BTreeMap, BTreeSet};

use super::{Ending, ProblemReport, Report};
use crate::plugin::Origin;
use crate::study::{Header, PluginRecord};

/// Whether an item is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The records show it.
    Met,
    /// The records show that it is not met, or only partly.
    Lacking,
    /// The records cannot tell, so the author has to.
    Open,
}

/// One item of the checklist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The part of the checklist.
    pub part: &'static str,
    /// The question.
    pub question: &'static str,
    /// Whether it is met.
    pub standing: Standing,
    /// The reason, or what to do.
    pub answer: String,
}

const CODE: &str = "Releasing code";
const COMPARING: &str = "Comparing methods";
const DETAILS: &str = "Reporting details";

/// Fewer seeds than this say little about the spread.
const FEW_SEEDS: usize = 10;

/// The answers for this report.
pub(super) fn of(report: &Report) -> Vec<Item> {
    let item = |part, question, (standing, answer): (Standing, String)| Item { part, question, standing, answer };
    let open = |answer: &str| (Standing::Open, answer.to_owned());
    let met = |answer: String| (Standing::Met, answer);
    vec![
        item(CODE, "Is the code available that trains the final architectures?", training_code(report)),
        item(CODE, "Is the code of the search space available?", plugins(report, |header| &header.space)),
        item(CODE, "Are the hyperparameters and seeds of the final evaluation given?", final_evaluation(report)),
        item(CODE, "Is the code of the method available?", plugins(report, |header| &header.strategy)),
        item(
            CODE,
            "Are the method's hyperparameters and seeds given?",
            met("All settings, defaults included, and all seeds are listed under Setup.".into()),
        ),
        item(COMPARING, "Do all methods use the same data, space and training?", same_problem(report)),
        item(
            COMPARING,
            "Are confounders (hardware, library versions, run time) controlled?",
            if report.problems.iter().all(|problem| problem.simulated) {
                met("Seconds are simulated, and the same program looked up every result.".into())
            } else {
                (
                    Standing::Open,
                    "Measured on one machine by one program; add which machine it was, and what else ran on it.".into(),
                )
            },
        ),
        item(
            COMPARING,
            "Are there ablation studies?",
            open("Run the method with its parts switched off as further strategies of this benchmark."),
        ),
        item(COMPARING, "Is the evaluation protocol the same for all methods?", protocol(report)),
        item(COMPARING, "Is performance compared over time?", over_time(report)),
        item(COMPARING, "Is there a comparison with random search?", baseline(report)),
        item(COMPARING, "Are there several runs, with their seeds?", seeds(report)),
        item(COMPARING, "Are tabular or surrogate benchmarks used for an in-depth evaluation?", tables(report)),
        item(
            DETAILS,
            "Is it reported how hyperparameters of the method were tuned, and at what cost?",
            open("The records hold the settings that were used, not how they were found."),
        ),
        item(
            DETAILS,
            "Is the time of the whole method given, not only of the search?",
            open(
                "The times of ask and tell and the cost of the trials are listed. They are the time of the search: add that \
                 of the final training and of tuning the method.",
            ),
        ),
        item(DETAILS, "Are all details of the experiments given?", details(report)),
    ]
}

/// Whether the source code of plugins is available. Built-in plugins are part of this program; a plugin file does not
/// tell where its source is.
fn plugins(report: &Report, which: fn(&Header) -> &PluginRecord) -> (Standing, String) {
    let built_in = |header: &Header| which(header).identity.origin == Origin::BuiltIn;
    let name = |header: &Header| {
        let identity = &which(header).identity;
        let origin = if built_in(header) {
            "built in, open source"
        } else {
            "a file, whose digest is under Setup: publish its source"
        };
        format!("{} {} ({origin})", identity.name, identity.version)
    };
    let names: BTreeSet<String> = report.setups.iter().map(|(_, _, header)| name(header)).collect();
    let standing =
        if report.setups.iter().all(|(.., header)| built_in(header)) { Standing::Met } else { Standing::Open };
    (standing, names.into_iter().collect::<Vec<_>>().join("; "))
}

fn training_code(report: &Report) -> (Standing, String) {
    let looked_up = report.problems.iter().all(|problem| problem.simulated);
    if looked_up {
        return (Standing::Met, "Nothing is trained: the values are looked up, or functions of the choices.".into());
    }
    plugins(report, |header| &header.evaluator)
}

/// A report holds searches; a final training is a command of its own, whose recipe and seed are in its files.
fn final_evaluation(report: &Report) -> (Standing, String) {
    if report.problems.iter().all(|problem| problem.simulated) {
        return (
            Standing::Met,
            "Nothing is trained: the final values are looked up, or functions of the choices.".into(),
        );
    }
    let answer = "The settings of the search are listed under Setup. If you train winners by `nas train`, add its recipe and \
                  seed, which its metrics.json holds.";
    (Standing::Open, answer.to_owned())
}

/// Curves over time compare something only where several strategies have them.
fn over_time(report: &Report) -> (Standing, String) {
    let lines = |problem: &ProblemReport| problem.by_seconds.iter().filter(|line| !line.points.is_empty()).count();
    let without: Vec<&str> =
        report.problems.iter().filter(|problem| lines(problem) < 2).map(|problem| problem.name.as_str()).collect();
    match without[..] {
        [] => (Standing::Met, "Curves over trials and over the study's clock are in every problem's section.".into()),
        _ => {
            (Standing::Lacking, format!("Fewer than two strategies have a curve over time on {}.", without.join(", ")))
        }
    }
}

fn details(report: &Report) -> (Standing, String) {
    let listed = "Plugins with versions and digests, settings, budgets and seeds are listed under Setup";
    if report.problems.iter().all(|problem| problem.simulated) {
        return (Standing::Met, format!("{listed}."));
    }
    (Standing::Open, format!("{listed}; add the machine, which the records do not contain."))
}

fn same_problem(report: &Report) -> (Standing, String) {
    let differs: Vec<&str> = report
        .problems
        .iter()
        .map(|problem| problem.name.as_str())
        .filter(|name| {
            let of: Vec<&Header> =
                report.setups.iter().filter(|(problem, ..)| problem == name).map(|(.., h)| h).collect();
            of.windows(2).any(|pair| {
                let parts = |header: &'_ Header| {
                    (header.space.clone(), header.evaluator.clone(), header.task.clone(), header.fidelities.clone())
                };
                parts(pair[0]) != parts(pair[1])
            })
        })
        .collect();
    match differs[..] {
        [] => (Standing::Met, "Space, evaluator, data and settings are equal for all on each problem.".into()),
        _ => (Standing::Lacking, format!("They differ between strategies on {}.", differs.join(", "))),
    }
}

fn protocol(report: &Report) -> (Standing, String) {
    let budgets = |name: &str| -> BTreeSet<String> {
        let of = report.setups.iter().filter(|(problem, ..)| problem == name);
        let protocol = |header: &Header| {
            let Header { objectives, budget, workers, duplicates, constraints, .. } = header;
            format!("{objectives:?} {budget:?} {workers} {duplicates:?} {constraints:?}")
        };
        of.map(|(.., header)| protocol(header)).collect()
    };
    let differs: Vec<&str> =
        report.problems.iter().map(|problem| problem.name.as_str()).filter(|name| budgets(name).len() > 1).collect();
    match differs[..] {
        [] => (
            Standing::Met,
            format!(
                "Objectives, constraints, budget, workers and the choice of the incumbent are equal for all. {}",
                pruners(report)
            ),
        ),
        _ => {
            (Standing::Lacking, format!("Objectives, constraints, budget or workers differ on {}.", differs.join(", ")))
        }
    }
}

/// Which pruners ended trials of which strategies.
fn pruners(report: &Report) -> String {
    let mut by_name: BTreeMap<Option<&str>, BTreeSet<&str>> = BTreeMap::new();
    for (_, strategy, header) in &report.setups {
        let pruner = header.pruner.as_ref().map(|pruner| pruner.name.as_str());
        by_name.entry(pruner).or_default().insert(strategy);
    }
    let named = |(name, strategies): (&Option<&str>, &BTreeSet<&str>)| {
        let strategies = strategies.iter().copied().collect::<Vec<_>>().join(", ");
        Some(format!("the pruner {} ended trials of {strategies}", (*name)?))
    };
    match (by_name.len(), by_name.keys().next()) {
        (0 | 1, Some(None) | None) => "No pruner ended trials.".into(),
        (1, Some(Some(only))) => format!("The pruner {only} ended trials of all strategies."),
        _ => {
            let named: Vec<String> = by_name.iter().filter_map(named).collect();
            format!("A strategy and its pruner are compared as one method: {}.", named.join("; "))
        }
    }
}

fn baseline(report: &Report) -> (Standing, String) {
    let random = |name: &str, label: &str| {
        let mut setups = report.setups.iter();
        setups.any(|(problem, strategy, header)| {
            problem == name && strategy == label && header.strategy.identity.name == "random-search"
        })
    };
    let (mut without, mut fewer) = (Vec::new(), Vec::new());
    for problem in &report.problems {
        let seeds = |ending: &Ending| ending.row.studies();
        let most = problem.endings.iter().map(seeds).max().unwrap_or(0);
        match problem.endings.iter().filter(|ending| random(&problem.name, &ending.row.strategy)).map(seeds).max() {
            None | Some(0) => without.push(problem.name.as_str()),
            Some(seeds) if seeds < most => fewer.push(problem.name.as_str()),
            Some(_) => {}
        }
    }
    match (&without[..], &fewer[..]) {
        ([], []) => (Standing::Met, "Random search ran on every problem with as many seeds as any strategy.".into()),
        ([], fewer) => {
            (Standing::Lacking, format!("Random search has fewer seeds than others on {}.", fewer.join(", ")))
        }
        (without, _) => (
            Standing::Lacking,
            format!("Random search did not run on {}: leave out --no-random-search.", without.join(", ")),
        ),
    }
}

fn seeds(report: &Report) -> (Standing, String) {
    let counts = report.problems.iter().flat_map(|problem| problem.endings.iter().map(|ending| ending.row.studies()));
    let (least, most) = counts.fold((usize::MAX, 0), |(least, most), seeds| (least.min(seeds), most.max(seeds)));
    let text = if least == most { format!("{least} seeds.") } else { format!("{least} to {most} seeds.") };
    match least {
        few if few < FEW_SEEDS => (Standing::Lacking, format!("{text} Use at least ten: raise --seeds.")),
        _ => (Standing::Met, text),
    }
}

fn tables(report: &Report) -> (Standing, String) {
    let looked_up = |name: &str| {
        let mut setups = report.setups.iter();
        setups.any(|(problem, _, header)| problem == name && header.evaluator.identity.name == "table")
    };
    let names = report.problems.iter().map(|problem| problem.name.as_str());
    let tables: Vec<&str> = names.filter(|name| looked_up(name)).collect();
    match (tables.len(), report.problems.len()) {
        (0, _) => (
            Standing::Lacking,
            "Add problems of a tabular benchmark, such as nas-bench-201/c10, which take only seconds.".into(),
        ),
        (found, all) if found < all => (
            Standing::Lacking,
            format!("Only {found} of {all} problems: {}. Add others, which take only seconds.", tables.join(", ")),
        ),
        _ => (Standing::Met, format!("Looked up: {}.", tables.join(", "))),
    }
}
