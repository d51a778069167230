//! The sections about all problems together.

use std::collections::BTreeMap;

use nas_core::benchmark::{Comparison, SIGNIFICANT};
use nas_core::report::{Ending, MIN_VALUES, ProblemReport, RESAMPLES, Ranks, Wins};

use super::{Writer, cells};
use crate::chart::Axes;
use crate::text::{fixed, number, probability, shortened};
use crate::{Block, ReportError};

/// The largest number of strategies that are named as not different from the best.
const MAX_NAMED: usize = 3;
/// The largest number of letters of their names.
const MAX_NAME: usize = 28;

impl Writer<'_> {
    pub(super) fn overview(&mut self) {
        let report = self.report;
        self.heading(1, "Benchmark report");
        let seeds =
            report.problems.iter().flat_map(|problem| problem.endings.iter().map(|ending| ending.row.studies()));
        let (min, max) = seeds.fold((usize::MAX, 0), |(min, max), seeds| (min.min(seeds), max.max(seeds)));
        let seeds = if min == max { max.to_string() } else { format!("{min} to {max}") };
        let count = |count: usize, one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
        self.paragraph(format!(
            "{} on {}, {seeds} paired seeds each. Bands are 95 % percentile bootstrap intervals of the interquartile \
             mean (IQM) over seeds ({RESAMPLES} resamples; Agarwal et al. 2021); with fewer than {MIN_VALUES} seeds there \
             is none. Pairs are tested by Wilcoxon's signed-rank test over seeds, with Holm's correction over all pairs of \
             a problem. Its effect size and direction is the rank-biserial correlation, from 1 (better on every seed) to \
             −1. A12 is the probability that a random run of one beats a random run of the other (Vargha & Delaney 2000); \
             it ignores which seeds belong together. A study that ends without a value is worse than every value.",
            count(report.strategies.len(), "strategy", "strategies"),
            count(report.problems.len(), "problem", "problems"),
        ));
        let rows = report.problems.iter().map(|problem| {
            let best = first_of(problem);
            let names = |strategies: &[&Ending]| match strategies {
                [] => String::new(),
                [one] => one.row.strategy.clone(),
                many => {
                    let names: Vec<&str> = many.iter().map(|ending| ending.row.strategy.as_str()).collect();
                    format!("tie: {}", names.join(", "))
                }
            };
            let broken: usize = problem.endings.iter().map(|ending| ending.row.broken).sum();
            let first = best.first().map(|ending| ending.row.strategy.clone()).unwrap_or_default();
            vec![
                problem.name.clone(),
                problem.metric.clone(),
                names(&best),
                not_different(problem, &first),
                rank(problem, &first).map(|(rank, _)| fixed(rank, 2)).unwrap_or_default(),
                best.first().and_then(|ending| ending.band).map(|band| number(band.iqm)).unwrap_or_default(),
                format!("{} ({})", number(problem.best), if problem.best_known { "known" } else { "found" }),
                problem.endings.len().to_string(),
                broken.to_string(),
            ]
        });
        let header = cells([
            "problem",
            "compared by",
            "best mean rank over seeds",
            "not significantly different",
            "its mean rank",
            "its IQM",
            "best value",
            "strategies",
            "broken studies",
        ]);
        self.table(4, header, rows.collect());
        self.too_few_seeds();
        self.left_out();
    }

    /// Warns about problems on which nothing can be significant. A strategy that wins on all n seeds has p = 2^(1 − n),
    /// which the correction multiplies by the number of pairs.
    fn too_few_seeds(&mut self) {
        let mut hopeless: BTreeMap<(usize, usize), Vec<&str>> = BTreeMap::new();
        for problem in &self.report.problems {
            let pairs = problem.comparisons.len();
            let seeds = problem.comparisons.iter().map(|comparison| comparison.seeds).max().unwrap_or(0);
            if seeds > 0 && smallest_p(seeds) * pairs as f64 >= SIGNIFICANT {
                hopeless.entry((pairs, seeds)).or_default().push(&problem.name);
            }
        }
        for ((pairs, seeds), problems) in hopeless {
            let needed = (1..).find(|&seeds| smallest_p(seeds) * (pairs as f64) < SIGNIFICANT).unwrap_or(usize::MAX);
            self.paragraph(format!(
                "With {seeds} seeds, none of {pairs} pairs can differ significantly on {}: a strategy that wins on \
                 every seed still has a corrected p of {}. Use {needed} seeds or more, or fewer strategies.",
                problems.join(", "),
                probability((smallest_p(seeds) * pairs as f64).min(1.0)),
            ));
        }
    }

    /// Lists studies that broke down, and strategies that cannot serve a problem.
    fn left_out(&mut self) {
        let report = self.report;
        let broken =
            report.problems.iter().flat_map(|problem| problem.endings.iter().map(move |ending| (problem, ending)));
        let broken = broken.filter(|(_, ending)| ending.row.broken > 0).map(|(problem, ending)| {
            let reason = ending.row.reason.clone().unwrap_or_default();
            vec![ending.row.strategy.clone(), problem.name.clone(), reason, ending.row.broken.to_string()]
        });
        let broken: Vec<Vec<String>> = broken.collect();
        if !broken.is_empty() {
            self.paragraph("These studies broke down. In comparisons and ranks, each is worse than every value:");
            self.table(3, cells(["strategy", "problem", "reason of the first", "studies"]), broken);
        }
        self.skipped();
    }

    /// Lists strategies that cannot serve a problem. Strategies with the same reason on the same problems share a row.
    fn skipped(&mut self) {
        let mut by_reason: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
        for pair in &self.report.skipped {
            let reason = pair.reason.lines().next().unwrap_or_default();
            // The table has the strategy's name in a column of its own.
            let reason =
                reason.strip_prefix("strategy '").and_then(|rest| rest.split_once("): ")).map_or(reason, |part| part.1);
            by_reason.entry((reason, &pair.strategy)).or_default().push(&pair.problem);
        }
        let mut together: BTreeMap<(&str, &[&str]), Vec<&str>> = BTreeMap::new();
        for ((reason, strategy), problems) in &by_reason {
            together.entry((reason, problems)).or_default().push(strategy);
        }
        if !together.is_empty() {
            let row = |((reason, problems), strategies): (&(&str, &[&str]), &Vec<&str>)| {
                cells([&strategies.join(", "), reason, &problems.join(", ")])
            };
            let rows: Vec<Vec<String>> = together.iter().map(row).collect();
            self.paragraph("These strategies cannot serve a problem, so its statistics leave them out:");
            self.table(3, cells(["strategies", "reason", "problems"]), rows);
        }
    }

    pub(super) fn over_problems(&mut self) -> Result<(), ReportError> {
        let report = self.report;
        if report.problems.len() < 2 {
            return Ok(());
        }
        self.heading(1, "Over all problems");
        let names = report.problems.iter().map(|problem| problem.name.as_str());
        let left_out: Vec<&str> = names.filter(|name| !report.covered.iter().any(|covered| covered == name)).collect();
        if !left_out.is_empty() {
            self.paragraph(format!(
                "Ranks and profile leave out {}, which only few strategies can serve.",
                left_out.join(", ")
            ));
        }
        if let Some(ranks) = &report.ranks {
            let caption = "Mean ranks over problems (of the mean rank over the seeds of each). Strategies joined by a \
                           bar are closer than the critical difference at 5 % (Nemenyi's test, Demšar 2006).";
            self.ranking("ranks".into(), caption, "problems", &report.ranked, ranks);
        }
        self.profile()?;
        let order = self.by_rank();
        self.ranks_by_problem(&order);
        self.wins(&order);
        Ok(())
    }

    fn profile(&mut self) -> Result<(), ReportError> {
        let mut profile: Vec<&(String, Vec<(f64, f64)>)> = self.report.profile.iter().collect();
        let area = |shares: &[(f64, f64)]| shares.iter().map(|(_, share)| share).sum::<f64>();
        profile.sort_by(|a, b| area(&b.1).total_cmp(&area(&a.1)));
        let best: Vec<&str> = profile.iter().map(|(strategy, _)| strategy.as_str()).collect();
        let series = self.series(&best, false, |strategy| {
            let (_, shares) = profile.iter().find(|(name, _)| name == strategy)?;
            Some(shares.iter().map(|(limit, share)| [*limit, *share, *share, *share]).collect())
        });
        let axes =
            Axes {
                x: "normalised regret τ", y: "share of runs ≤ τ", log_x: false, log_y: false, settled_after: 0.0
            };
        let caption = "Performance profile: the share of runs that end with a normalised regret of at most τ, averaged \
                       over problems. 0 is the best value of a problem, 1 the worst final value of any run on it, which a \
                       run without a value never reaches. Higher is better.";
        self.chart("profile".into(), caption, &axes, series)
    }

    /// Returns the strategies' places, ordered by their mean rank relative to the number of strategies on each problem.
    fn by_rank(&self) -> Vec<usize> {
        let mean = |strategy: &String| {
            let shares =
                self.report.problems.iter().filter_map(|problem| Some(relative_rank(rank(problem, strategy)?)));
            let shares: Vec<f64> = shares.collect();
            // A strategy without a rank comes last.
            if shares.is_empty() { f64::INFINITY } else { shares.iter().sum::<f64>() / shares.len() as f64 }
        };
        let means: Vec<f64> = self.report.strategies.iter().map(mean).collect();
        let mut order: Vec<usize> = (0..means.len()).collect();
        order.sort_by(|&a, &b| means[a].total_cmp(&means[b]));
        order
    }

    fn ranks_by_problem(&mut self, order: &[usize]) {
        let report = self.report;
        let row = |&place: &usize| {
            let strategy = &report.strategies[place];
            let cell = |problem: &ProblemReport| match rank(problem, strategy) {
                Some(found) => (fixed(found.0, 1), 1.0 - 2.0 * relative_rank(found)),
                None => (String::new(), 0.0),
            };
            (strategy.clone(), report.problems.iter().map(cell).collect())
        };
        let columns = report.problems.iter().map(|problem| problem.name.clone()).collect();
        self.paragraph("Mean rank over the seeds of each problem; 1 is the best. Empty where a strategy lacks seeds.");
        let rows = order.iter().map(row).collect();
        self.blocks.push(Block::Matrix { corner: "mean rank".into(), columns, rows });
    }

    fn wins(&mut self, order: &[usize]) {
        let report = self.report;
        let cell = |wins: &Wins| match wins.of {
            0 => (String::new(), 0.0),
            _ if wins.won + wins.lost == 0 => ("·".to_owned(), 0.0),
            of => (format!("{}–{}", wins.won, wins.lost), (f64::from(wins.won) - f64::from(wins.lost)) / f64::from(of)),
        };
        let row = |&place: &usize| {
            let cells = order.iter().map(|&other| cell(&report.wins[place][other]));
            (report.strategies[place].clone(), cells.collect())
        };
        let columns = order.iter().map(|&place| report.strategies[place].clone()).collect();
        if report.wins.iter().flatten().any(|wins| wins.won > 0) {
            self.paragraph(
                "The number of problems on which the row's strategy is significantly better – worse than the column's \
                 (p < 0.05 after Holm's correction). A dot means neither:",
            );
            let rows = order.iter().map(row).collect();
            self.blocks.push(Block::Matrix { corner: "wins – losses".into(), columns, rows });
        } else {
            self.paragraph(
                "No pair of strategies differs significantly on any problem (p < 0.05 after Holm's correction).",
            );
        }
    }
}

/// Returns the strategies of a problem, the best first: by mean rank over the seeds. Those that lack seeds, and so have
/// no rank, come last, by interquartile mean.
pub(crate) fn best_first(problem: &ProblemReport) -> Vec<&Ending> {
    let mut endings: Vec<&Ending> = problem.endings.iter().collect();
    let place = |ending: &Ending| rank(problem, &ending.row.strategy).map_or(f64::INFINITY, |(rank, _)| rank);
    let iqm = |ending: &Ending| ending.band.map_or(f64::NEG_INFINITY, |band| problem.goal.score(band.iqm));
    endings.sort_by(|a, b| place(a).total_cmp(&place(b)).then(iqm(b).total_cmp(&iqm(a))));
    endings
}

/// Returns the strategy with the best mean rank, or all that share it. Without ranks, that is the first one if any
/// study has a value.
fn first_of(problem: &ProblemReport) -> Vec<&Ending> {
    let endings = best_first(problem);
    let Some(first) = endings.first().copied().filter(|first| first.row.seeds > 0) else { return Vec::new() };
    let Some((best, _)) = rank(problem, &first.row.strategy) else { return vec![first] };
    let tied = |ending: &&Ending| rank(problem, &ending.row.strategy).is_some_and(|(rank, _)| rank - best < 1e-9);
    endings.into_iter().filter(tied).collect()
}

/// Returns the smallest p of the exact, two-sided signed-rank test over this number of seeds.
fn smallest_p(seeds: usize) -> f64 {
    2.0 * 0.5_f64.powi(seeds.min(1000) as i32)
}

/// Names the strategies that do not differ significantly from the best one.
fn not_different(problem: &ProblemReport, best: &str) -> String {
    let with = problem.comparisons.iter().filter(|comparison| comparison.a == best || comparison.b == best);
    let (like, unlike): (Vec<_>, Vec<_>) = with.partition(|comparison| comparison.p_holm >= SIGNIFICANT);
    if like.len() > MAX_NAMED {
        return format!("{} of {}", like.len(), like.len() + unlike.len());
    }
    let other = |comparison: &&Comparison| {
        shortened(if comparison.a == best { &comparison.b } else { &comparison.a }, MAX_NAME)
    };
    if like.is_empty() { "–".to_owned() } else { like.iter().map(other).collect::<Vec<_>>().join(", ") }
}

/// Returns a strategy's mean rank, and the number of ranked strategies.
pub(crate) fn rank(problem: &ProblemReport, strategy: &str) -> Option<(f64, usize)> {
    let ranks: &Ranks = problem.ranks.as_ref()?;
    let place = problem.ranked.iter().position(|name| name == strategy)?;
    Some((*ranks.mean.get(place)?, ranks.mean.len()))
}

/// Returns a rank as a number from 0 for the first to 1 for the last.
fn relative_rank((rank, of): (f64, usize)) -> f64 {
    (rank - 1.0) / (of.max(2) - 1) as f64
}
