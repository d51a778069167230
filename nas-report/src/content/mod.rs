//! What a report says, block by block, whatever the format.

mod problem;

use nas_core::plugin::Origin;
use nas_core::report::{Band, Ending, ItemStanding, Line, RESAMPLES, Ranks, Report};
use nas_core::study::Plugged;

use crate::chart::{Axes, Series, critical_difference, lines};
use crate::text::{number, probability};
use crate::{Block, Picture, ReportError};

struct Writer<'r> {
    report: &'r Report,
    pictures: &'r [Picture],
    blocks: Vec<Block>,
}

/// Everything that the report says.
pub(crate) fn blocks(report: &Report, pictures: &[Picture]) -> Result<Vec<Block>, ReportError> {
    let mut writer = Writer { report, pictures, blocks: Vec::new() };
    writer.overview();
    writer.over_problems()?;
    for problem in &report.problems {
        writer.problem(problem)?;
    }
    writer.checklist();
    writer.setup();
    Ok(writer.blocks)
}

fn cells<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

impl Writer<'_> {
    fn heading(&mut self, level: u8, title: &str) {
        self.blocks.push(Block::Heading(level, title.to_owned()));
    }

    fn say(&mut self, words: impl Into<String>) {
        self.blocks.push(Block::Text(words.into()));
    }

    fn table(&mut self, words: usize, header: Vec<String>, rows: Vec<Vec<String>>) {
        if !rows.is_empty() {
            self.blocks.push(Block::Table { header, rows, words });
        }
    }

    fn place(&self, strategy: &str) -> usize {
        self.report.strategies.iter().position(|name| name == strategy).unwrap_or(0)
    }

    fn curves(
        &mut self,
        name: String,
        caption: &str,
        axes: &Axes<'_>,
        curves: &[Line],
        value: impl Fn(&Band) -> [f64; 3],
    ) -> Result<(), ReportError> {
        let series = curves.iter().map(|line| Series {
            name: line.strategy.clone(),
            place: self.place(&line.strategy),
            points: line
                .points
                .iter()
                .map(|(place, band)| {
                    let [middle, low, high] = value(band);
                    [*place, middle, low, high]
                })
                .collect(),
            steps: false,
        });
        let series: Vec<Series> = series.filter(|series| !series.points.is_empty()).collect();
        if let Some(chart) = lines(axes, series)? {
            self.blocks.push(Block::Chart { name, caption: caption.to_owned(), chart });
        }
        Ok(())
    }

    fn overview(&mut self) {
        let report = self.report;
        self.heading(1, "Benchmark report");
        let seeds = report.problems.iter().flat_map(|problem| problem.endings.iter().map(|ending| ending.row.seeds));
        let (least, most) = seeds.fold((usize::MAX, 0), |(least, most), seeds| (least.min(seeds), most.max(seeds)));
        let seeds = if least == most { most.to_string() } else { format!("{least} to {most}") };
        let count = |count: usize, one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
        self.say(format!(
            "{} on {}, {seeds} paired seeds each. Bands are 95 % percentile bootstrap intervals of the interquartile mean \
             over seeds ({RESAMPLES} resamples; Agarwal et al. 2021). Pairs are tested by Wilcoxon's signed-rank test over \
             seeds, with Holm's correction over all pairs of a problem; A12 is the probability to be better on two seeds \
             drawn apart (Vargha & Delaney 2000).",
            count(report.strategies.len(), "strategy", "strategies"),
            count(report.problems.len(), "problem", "problems"),
        ));
        let rows = report.problems.iter().map(|problem| {
            let best = problem.endings.iter().filter(|ending| ending.band.is_some()).max_by(|a, b| {
                let score = |ending: &Ending| problem.goal.score(ending.band.map_or(f64::NAN, |band| band.iqm));
                score(a).total_cmp(&score(b))
            });
            let broken: usize = problem.endings.iter().map(|ending| ending.row.broken).sum();
            vec![
                problem.name.clone(),
                problem.metric.clone(),
                best.map(|ending| ending.row.strategy.clone()).unwrap_or_default(),
                best.and_then(|ending| ending.band).map(|band| number(band.iqm)).unwrap_or_default(),
                number(problem.best),
                if problem.best_known { "known" } else { "found" }.to_owned(),
                problem.endings.len().to_string(),
                broken.to_string(),
            ]
        });
        let header = cells([
            "problem",
            "reported",
            "best strategy",
            "its IQM",
            "best value",
            "",
            "strategies",
            "broken studies",
        ]);
        self.table(3, header, rows.collect());
        let broken =
            report.problems.iter().flat_map(|problem| problem.endings.iter().map(move |ending| (problem, ending)));
        let broken = broken.filter(|(_, ending)| ending.row.broken > 0).map(|(problem, ending)| {
            let reason = ending.row.reason.clone().unwrap_or_default();
            vec![ending.row.strategy.clone(), problem.name.clone(), reason, ending.row.broken.to_string()]
        });
        let broken: Vec<Vec<String>> = broken.collect();
        if !broken.is_empty() {
            self.say("Studies that broke down; they count in no figure:");
            self.table(3, cells(["strategy", "problem", "reason of the first", "studies"]), broken);
        }
        let skipped = report.skipped.iter().map(|skipped| {
            let reason = skipped.reason.lines().next().unwrap_or_default().to_owned();
            vec![skipped.strategy.clone(), skipped.problem.clone(), reason]
        });
        let skipped: Vec<Vec<String>> = skipped.collect();
        if !skipped.is_empty() {
            self.say("Strategies that cannot serve a problem; the statistics do not cover them there:");
            self.table(3, cells(["strategy", "problem", "reason"]), skipped);
        }
    }

    fn ranking(&mut self, name: String, caption: &str, ranked: &[String], ranks: &Ranks) -> Result<(), ReportError> {
        let names: Vec<(String, usize)> = ranked.iter().map(|name| (name.clone(), self.place(name))).collect();
        let chart = critical_difference(&names, &ranks.mean, &ranks.cliques, ranks.critical_difference)?;
        let mut caption = caption.to_owned();
        if let Some(friedman) = ranks.friedman {
            caption.push_str(&format!(
                " Friedman's test over {} blocks: χ² = {}, p {}; Iman and Davenport's F = {}, p {}.",
                ranks.blocks,
                number(friedman.chi_squared),
                equals(friedman.p),
                if friedman.f.is_finite() { number(friedman.f) } else { "∞".into() },
                equals(friedman.f_p),
            ));
        }
        self.blocks.push(Block::Chart { name, caption, chart });
        Ok(())
    }

    fn over_problems(&mut self) -> Result<(), ReportError> {
        let report = self.report;
        if report.problems.len() < 2 {
            return Ok(());
        }
        self.heading(1, "Over all problems");
        let names = report.problems.iter().map(|problem| problem.name.as_str());
        let left_out: Vec<&str> = names.filter(|name| !report.covered.iter().any(|covered| covered == name)).collect();
        if !left_out.is_empty() {
            self.say(format!("Ranks and profile leave out {}, which few strategies can serve.", left_out.join(", ")));
        }
        if let Some(ranks) = &report.ranks {
            let caption = "Mean ranks over problems (by the mean rank over the seeds of each); strategies joined by a bar \
                           are closer than the critical difference at 5 % (Nemenyi's test, Demšar 2006).";
            self.ranking("ranks".into(), caption, &report.ranked, ranks)?;
        }
        let profile = report.profile.iter().map(|(strategy, shares)| Series {
            name: strategy.clone(),
            place: self.place(strategy),
            points: shares.iter().map(|(limit, share)| [*limit, *share, *share, *share]).collect(),
            steps: false,
        });
        let axes =
            Axes {
                x: "normalised regret τ", y: "share of runs ≤ τ", log_x: false, log_y: false, settled_after: 0.0
            };
        if let Some(chart) = lines(&axes, profile.collect())? {
            let caption = "Performance profile: the share of all runs that end with a normalised regret of at most τ. 0 is \
                           the best value of a problem, 1 the worst that any run on it ended with. Higher is better.";
            self.blocks.push(Block::Chart { name: "profile".into(), caption: caption.into(), chart });
        }
        let mut header = vec!["wins – losses".to_owned()];
        header.extend(report.strategies.iter().cloned());
        let rows = report.strategies.iter().zip(&report.wins).map(|(strategy, row)| {
            let cell = |wins: &nas_core::report::Wins| match wins.of {
                0 => String::new(),
                _ if wins.won + wins.lost == 0 => "·".to_owned(),
                _ => format!("{}–{}", wins.won, wins.lost),
            };
            std::iter::once(strategy.clone()).chain(row.iter().map(cell)).collect()
        });
        self.say(
            "Problems on which the strategy of the row is significantly better – worse than the one of the column:",
        );
        self.table(1, header, rows.collect());
        Ok(())
    }

    fn checklist(&mut self) {
        self.heading(1, "Best practices");
        self.say(
            "The checklist of M. Lindauer and F. Hutter, Best practices for scientific research on neural architecture search, \
             JMLR 21(243), 2020, as far as the records can answer it.",
        );
        let rows = self.report.checklist.iter().map(|item| {
            let standing = match item.standing {
                ItemStanding::Met => "yes",
                ItemStanding::Lacking => "no",
                ItemStanding::Open => "open",
            };
            vec![item.part.to_owned(), item.question.to_owned(), standing.to_owned(), item.answer.clone()]
        });
        let rows = rows.collect();
        self.table(4, cells(["", "", "", ""]), rows);
    }

    fn setup(&mut self) {
        self.heading(1, "Setup");
        let plugin = |plugged: &Plugged| {
            let identity = &plugged.identity;
            let digest = match (&identity.origin, &identity.digest) {
                (Origin::BuiltIn, _) | (_, None) => "built in".to_owned(),
                (_, Some(digest)) => digest.chars().take(16).collect(),
            };
            format!("{} {} ({digest})", identity.name, identity.version)
        };
        let settings = |plugged: &Plugged| {
            let shown = plugged.settings.0.iter().map(|setting| {
                let value = setting.value.to_string();
                let short: String = value.chars().take(60).collect();
                format!("{}={short}{}", setting.name, if short.len() < value.len() { "…" } else { "" })
            });
            shown.collect::<Vec<_>>().join(", ")
        };
        let mut strategies: Vec<Vec<String>> = Vec::new();
        let mut problems: Vec<Vec<String>> = Vec::new();
        for (problem, strategy, header) in &self.report.setups {
            let row = vec![strategy.clone(), plugin(&header.strategy), settings(&header.strategy)];
            if !strategies.contains(&row) {
                strategies.push(row);
            }
            let budget = &header.budget;
            let limits = [
                budget.trials.map(|trials| format!("{trials} trials")),
                budget.epochs.map(|epochs| format!("{} {}", number(epochs), header.fidelity_unit)),
                budget.seconds.map(|seconds| format!("{} s", number(seconds))),
            ];
            let limits: Vec<String> = limits.into_iter().flatten().collect();
            let row = vec![
                problem.clone(),
                plugin(&header.space),
                settings(&header.space),
                plugin(&header.evaluator),
                settings(&header.evaluator),
                limits.join(", "),
                header.workers.to_string(),
            ];
            if !problems.contains(&row) {
                problems.push(row);
            }
        }
        self.table(3, cells(["strategy", "plugin", "settings"]), strategies);
        let header = cells(["problem", "space", "settings", "evaluator", "settings", "budget", "workers"]);
        self.table(6, header, problems);
    }
}

fn equals(p: f64) -> String {
    let text = probability(p);
    if text.starts_with('<') { text.replacen('<', "< ", 1) } else { format!("= {text}") }
}
