//! What a report says, block by block, whatever the format.

use nas_core::benchmark::Comparison;
use nas_core::plugin::Origin;
use nas_core::report::{Band, Ending, Fronts, ItemStanding, Line, ProblemReport, RESAMPLES, Ranks, Report};
use nas_core::study::Plugged;

use crate::chart::{Axes, Series, critical_difference, lines};
use crate::text::{fixed, number, places, probability};
use crate::{Block, ReportError};

/// Curves are high enough for what comes after this share of the longest one.
const SETTLED: f64 = 0.05;
/// More objectives than this are not drawn as fronts.
const DRAWN_OBJECTIVES: usize = 2;

struct Writer<'r> {
    report: &'r Report,
    blocks: Vec<Block>,
}

/// Everything that the report says.
pub(crate) fn blocks(report: &Report) -> Result<Vec<Block>, ReportError> {
    let mut writer = Writer { report, blocks: Vec::new() };
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

    fn problem(&mut self, problem: &ProblemReport) -> Result<(), ReportError> {
        self.heading(1, &problem.name);
        let best = match (problem.best.is_finite(), problem.best_known) {
            (false, _) => String::new(),
            (true, true) => format!(" Regret is counted from the best value there is, {}.", number(problem.best)),
            (true, false) => {
                format!(
                    " The best value is not known: regret is counted from the best that was found, {}.",
                    number(problem.best)
                )
            }
        };
        let objectives: Vec<&str> = problem.objectives.iter().map(|objective| objective.metric.as_str()).collect();
        self.say(format!(
            "Searched by {}; reported is the incumbent's {} ({} is better).{best}",
            objectives.join(", "),
            problem.metric,
            match problem.goal {
                nas_api::Goal::Maximize => "more",
                nas_api::Goal::Minimize => "less",
            },
        ));
        let slug = slug(&problem.name);
        let regret = |band: &Band| {
            let (a, b) = ((problem.best - band.low).abs(), (problem.best - band.high).abs());
            [(problem.best - band.iqm).abs(), a.min(b), a.max(b)]
        };
        let value = |band: &Band| [band.iqm, band.low, band.high];
        let seconds = if problem.simulated { "simulated seconds" } else { "seconds" };
        let axes = |x, y, log_x, log_y| Axes { x, y, log_x, log_y, settled_after: SETTLED };
        let metric = problem.metric.as_str();
        self.curves(
            format!("{slug}-value"),
            "Best so far: the incumbent's value over trials, interquartile mean and 95 % band over seeds.",
            &axes("trials", metric, false, false),
            &problem.by_trials,
            value,
        )?;
        if problem.best.is_finite() {
            self.curves(
                format!("{slug}-regret"),
                "Simple regret over trials, on logarithmic axes.",
                &axes("trials", "regret", true, true),
                &problem.by_trials,
                regret,
            )?;
            self.curves(
                format!("{slug}-seconds"),
                "Simple regret over the study's clock, on logarithmic axes.",
                &axes(seconds, "regret", true, true),
                &problem.by_seconds,
                regret,
            )?;
        }
        if let Some(fronts) = &problem.fronts {
            self.fronts(&slug, fronts)?;
        }
        self.endings(problem);
        if let Some(ranks) = &problem.ranks {
            let caption =
                "Mean ranks over seeds; strategies joined by a bar are closer than the critical difference at 5 %.";
            self.ranking(format!("{slug}-ranks"), caption, &problem.ranked, ranks)?;
        }
        self.comparisons(problem);
        Ok(())
    }

    fn endings(&mut self, problem: &ProblemReport) {
        let mut endings: Vec<&Ending> = problem.endings.iter().collect();
        let score = |ending: &Ending| problem.goal.score(ending.band.map_or(f64::NAN, |band| band.iqm));
        endings.sort_by(|a, b| score(b).total_cmp(&score(a)));
        let all = endings.iter().flat_map(|ending| ending.row.finals.values().copied());
        let digits = places(all);
        let mean = |ending: &Ending| ending.row.curve.last().map_or(f64::NAN, |point| point.mean);
        let std = |ending: &Ending| ending.row.curve.last().map_or(f64::NAN, |point| point.std);
        let rows = endings.iter().map(|ending| {
            let band = ending.band.unwrap_or(Band { iqm: f64::NAN, low: f64::NAN, high: f64::NAN });
            vec![
                ending.row.strategy.clone(),
                ending.row.seeds.to_string(),
                fixed(band.iqm, digits),
                format!("{} – {}", fixed(band.low, digits), fixed(band.high, digits)),
                fixed(mean(ending), digits),
                fixed(std(ending), digits),
                fixed(ending.median, digits),
                number(ending.row.regret_mean()),
                number(ending.area),
                number(ending.row.seconds_mean),
                number(ending.ask_micros),
                number(ending.tell_micros),
                number(ending.strategy_seconds),
            ]
        });
        self.say(
            "How the studies ended. *Regret* is the mean over seeds at the end, *area* the mean over all trials. *Cost* is \
             what a study's trials took on its clock; ask and tell are real microseconds of a trial (medians) and real \
             seconds of a study in the strategy.",
        );
        let header = cells([
            "strategy",
            "seeds",
            "IQM",
            "95 % band",
            "mean",
            "std",
            "median",
            "regret",
            "area",
            "cost (s)",
            "ask (µs)",
            "tell (µs)",
            "strategy (s)",
        ]);
        self.table(1, header, rows.collect());
    }

    fn comparisons(&mut self, problem: &ProblemReport) {
        let row = |comparison: &Comparison| {
            let Comparison { a, b, seeds, difference, wins, ties, p, p_holm, a12, .. } = comparison;
            vec![
                a.clone(),
                b.clone(),
                seeds.to_string(),
                number(*difference),
                format!("{wins}–{ties}–{}", seeds - wins - ties),
                fixed(*a12, 3),
                probability(*p),
                probability(*p_holm),
            ]
        };
        let rows: Vec<Vec<String>> = problem.comparisons.iter().map(row).collect();
        self.say("Paired comparisons: mean difference a − b, seeds won–tied–lost by a.");
        let header = cells(["a", "b", "seeds", "difference", "won–tied–lost", "A12", "p", "p (Holm)"]);
        self.table(2, header, rows);
    }

    fn fronts(&mut self, slug: &str, fronts: &Fronts) -> Result<(), ReportError> {
        self.heading(2, "Several objectives");
        let bounds = fronts.objectives.iter().zip(&fronts.bounds);
        let bounds: Vec<String> = bounds
            .map(|(objective, (best, worst))| {
                format!("{} from {} to {}", objective.metric, number(*best), number(*worst))
            })
            .collect();
        self.say(format!(
            "Objectives are scaled by the best and worst values of all studies ({}); the reference point of the \
             hypervolume is the worst of each. IGD+ is measured against the front of all studies together, {} points.",
            bounds.join(", "),
            fronts.reference.len(),
        ));
        let value = |band: &Band| [band.iqm, band.low, band.high];
        let axes = |y| Axes { x: "trials", y, log_x: false, log_y: false, settled_after: SETTLED };
        let caption = "Hypervolume over trials; more is better.";
        self.curves(format!("{slug}-hypervolume"), caption, &axes("hypervolume"), &fronts.volume, value)?;
        let caption = "IGD+ over trials; less is better.";
        self.curves(format!("{slug}-igd"), caption, &axes("IGD+"), &fronts.distance, value)?;
        if fronts.objectives.len() == DRAWN_OBJECTIVES {
            let (x, y) = (&fronts.objectives[0].metric, &fronts.objectives[1].metric);
            let series = fronts.attained.iter().map(|(strategy, points)| Series {
                name: strategy.clone(),
                place: self.place(strategy),
                points: points.iter().map(|point| [point[0], point[1], point[1], point[1]]).collect(),
                steps: true,
            });
            let axes = Axes { x, y, log_x: false, log_y: false, settled_after: 0.0 };
            if let Some(chart) = lines(&axes, series.collect())? {
                let caption = "Attained fronts: what no measured architecture of any seed beats in both objectives.";
                self.blocks.push(Block::Chart { name: format!("{slug}-front"), caption: caption.into(), chart });
            }
        }
        let rows = fronts.finals.iter().map(|(strategy, volumes)| {
            let count = volumes.len() as f64;
            let mean = volumes.values().sum::<f64>() / count;
            let std =
                (volumes.values().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0).max(1.0)).sqrt();
            let line = fronts.volume.iter().find(|line| line.strategy == *strategy);
            let band = line.and_then(|line| line.points.last()).map(|(_, band)| *band);
            let last = |lines: &[Line]| {
                lines.iter().find(|line| line.strategy == *strategy)?.points.last().map(|(_, band)| band.iqm)
            };
            vec![
                strategy.clone(),
                volumes.len().to_string(),
                fixed(mean, 4),
                fixed(std, 4),
                band.map_or_else(String::new, |band| format!("{} – {}", fixed(band.low, 4), fixed(band.high, 4))),
                fixed(last(&fronts.distance).unwrap_or(f64::NAN), 4),
            ]
        });
        let rows: Vec<Vec<String>> = rows.collect();
        self.table(1, cells(["strategy", "seeds", "hypervolume", "std", "95 % band of the IQM", "IGD+ (IQM)"]), rows);
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

/// A name that a file can have.
fn slug(name: &str) -> String {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' };
    name.chars().map(plain).collect()
}
