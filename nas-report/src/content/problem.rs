//! The section about one problem.

use nas_core::benchmark::Comparison;
use nas_core::report::{Band, Ending, Fronts, Line, ProblemReport};

use super::overall::best_first;
use super::{Writer, cells};
use crate::chart::{Axes, Chart};
use crate::text::{fixed, number, places, probability};
use crate::{Block, ReportError};

/// The share of the longest curve before which points do not count for a chart's vertical range.
const SETTLED: f64 = 0.05;
/// The number of objectives with which fronts are drawn.
const DRAWN_OBJECTIVES: usize = 2;

impl Writer<'_> {
    pub(super) fn problem(&mut self, problem: &ProblemReport) -> Result<(), ReportError> {
        self.heading(1, &problem.name);
        let best = match (problem.best.is_finite(), problem.best_known) {
            (false, _) => String::new(),
            (true, true) => format!(" Regret is the distance from the known best value, {}.", number(problem.best)),
            (true, false) => {
                format!(
                    " The best value is not known, so regret is the distance from the best one found, {}.",
                    number(problem.best)
                )
            }
        };
        let objectives: Vec<&str> = problem.objectives.iter().map(|objective| objective.metric.as_str()).collect();
        self.paragraph(format!(
            "The search optimizes {}; the report shows the incumbent's {} ({} is better).{best}",
            objectives.join(", "),
            problem.metric,
            match problem.goal {
                nas_api::Goal::Maximize => "more",
                nas_api::Goal::Minimize => "less",
            },
        ));
        let slug = self.slug(&problem.name);
        let best: Vec<&str> = best_first(problem).iter().map(|ending| ending.row.strategy.as_str()).collect();
        let regret = |band: &Band| {
            let (a, b) = ((problem.best - band.low).abs(), (problem.best - band.high).abs());
            [(problem.best - band.iqm).abs(), a.min(b), a.max(b)]
        };
        let value = |band: &Band| [band.iqm, band.low, band.high];
        let seconds = if problem.simulated { "simulated seconds" } else { "seconds" };
        let axes = |x, y, log_x, log_y| Axes { x, y, log_x, log_y, settled_after: SETTLED };
        let metric = problem.metric.as_str();
        self.curves(
            (
                format!("{slug}-value"),
                "Best so far: the incumbent's value over trials, as the interquartile mean over seeds, with the 95 % \
                 bands of the best three and of random search.",
            ),
            &axes("trials", metric, false, false),
            &best,
            &problem.by_trials,
            value,
        )?;
        if problem.best.is_finite() {
            self.curves(
                (format!("{slug}-regret"), "Simple regret over trials, on logarithmic axes."),
                &axes("trials", "regret", true, true),
                &best,
                &problem.by_trials,
                regret,
            )?;
            self.curves(
                (format!("{slug}-seconds"), "Simple regret over the study's clock, on logarithmic axes."),
                &axes(seconds, "regret", true, true),
                &best,
                &problem.by_seconds,
                regret,
            )?;
        }
        if let Some(fronts) = &problem.fronts {
            self.fronts(&slug, fronts)?;
        }
        if let Some(ranks) = &problem.ranks {
            let caption =
                "Mean ranks over seeds. Strategies joined by a bar are closer than the critical difference at 5 %.";
            self.ranking(format!("{slug}-ranks"), caption, &problem.ranked, ranks);
        }
        self.endings(problem);
        self.times(problem);
        self.comparisons(problem);
        for picture in self.pictures.iter().filter(|picture| picture.problem == problem.name) {
            let chart = Chart { svg: picture.svg.clone(), points: serde_json::Value::Null };
            let (name, caption) = (format!("{slug}-network"), picture.caption.clone());
            self.blocks.push(Block::Chart { name, caption, chart });
        }
        Ok(())
    }

    fn endings(&mut self, problem: &ProblemReport) {
        let endings = best_first(problem);
        let all = endings.iter().flat_map(|ending| ending.row.finals.values().copied());
        let digits = places(all);
        let mean = |ending: &Ending| ending.row.curve.last().map_or(f64::NAN, |point| point.mean);
        let std = |ending: &Ending| ending.row.curve.last().map_or(f64::NAN, |point| point.std);
        let baselines = endings.iter().map(|ending| ending.row.strategy.as_str()).filter(|name| self.is_baseline(name));
        let random = baselines.min_by_key(|name| self.is_pruned(name));
        let rows = endings.iter().map(|ending| {
            let band = ending.band.unwrap_or(Band { iqm: f64::NAN, low: f64::NAN, high: f64::NAN });
            let mut row = vec![
                ending.row.strategy.clone(),
                ending.row.seeds.to_string(),
                fixed(band.iqm, digits),
                format!("{} – {}", fixed(band.low, digits), fixed(band.high, digits)),
                fixed(mean(ending), digits),
                fixed(std(ending), digits),
                fixed(ending.median, digits),
                number(ending.row.regret_mean()),
                number(ending.area),
            ];
            if let Some(random) = random {
                let against = against(&problem.comparisons, &ending.row.strategy, random);
                row.push(against.map_or_else(String::new, |(a12, _)| fixed(a12, 3)));
                row.push(against.map_or_else(String::new, |(_, p)| probability(p)));
            }
            row
        });
        let rows = rows.collect();
        let mut explanation =
            "Final values. *Regret* is the mean over seeds at the end, and *area* is the mean over all \
                         trials."
                .to_owned();
        let mut header = cells(["strategy", "seeds", "IQM", "95 % band", "mean", "std", "median", "regret", "area"]);
        if let Some(random) = random {
            explanation.push_str(&format!(" *A12* and *p* (Holm) compare the strategy with {random}."));
            header.extend(cells(["A12", "p"]));
        }
        self.paragraph(explanation);
        self.table(1, header, rows);
    }

    fn times(&mut self, problem: &ProblemReport) {
        let row = |ending: &&Ending| {
            vec![
                ending.row.strategy.clone(),
                number(ending.row.seconds_mean),
                number(ending.ask_micros),
                number(ending.tell_micros),
                number(ending.strategy_seconds),
            ]
        };
        let rows: Vec<Vec<String>> = best_first(problem).iter().map(row).collect();
        let header = cells(["strategy", "cost (s)", "ask (µs)", "tell (µs)", "strategy (s)"]);
        if !rows.is_empty() {
            let folded = "Times: the cost of a study's trials on its clock, the strategy's real microseconds per trial \
                          (medians), and its real seconds per study";
            self.blocks.push(Block::Table { header, rows, text_columns: 1, folded: Some(folded.to_owned()) });
        }
    }

    fn comparisons(&mut self, problem: &ProblemReport) {
        let row = |comparison: &&Comparison| {
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
        let mut comparisons: Vec<&Comparison> = problem.comparisons.iter().collect();
        comparisons.sort_by(|a, b| a.p.total_cmp(&b.p));
        let rows: Vec<Vec<String>> = comparisons.iter().map(row).collect();
        if !rows.is_empty() {
            let folded = format!("All {} pairs: mean difference a − b, seeds won–tied–lost by a", rows.len());
            let header = cells(["a", "b", "seeds", "difference", "won–tied–lost", "A12", "p", "p (Holm)"]);
            self.blocks.push(Block::Table { header, rows, text_columns: 2, folded: Some(folded) });
        }
    }

    fn fronts(&mut self, slug: &str, fronts: &Fronts) -> Result<(), ReportError> {
        self.heading(2, "Several objectives");
        let bounds = fronts.objectives.iter().zip(&fronts.bounds);
        let bounds: Vec<String> = bounds
            .map(|(objective, (best, worst))| {
                format!("{} from {} to {}", objective.metric, number(*best), number(*worst))
            })
            .collect();
        self.paragraph(format!(
            "Objectives are scaled by the best and worst values of all studies ({}). The reference point of the \
             hypervolume has the worst value of each. IGD+ is measured against the joint front of all studies, which \
             has {} points.",
            bounds.join(", "),
            fronts.reference.len(),
        ));
        let value = |band: &Band| [band.iqm, band.low, band.high];
        let axes = |y| Axes { x: "trials", y, log_x: false, log_y: false, settled_after: SETTLED };
        let caption = "Hypervolume over trials; more is better.";
        let covered = |strategy: &str| {
            let finals = fronts.finals.iter().find(|(name, _)| name == strategy).map(|(_, volumes)| volumes);
            finals.map_or(0.0, |volumes| volumes.values().sum::<f64>() / volumes.len() as f64)
        };
        let mut best: Vec<&str> = fronts.finals.iter().map(|(strategy, _)| strategy.as_str()).collect();
        best.sort_by(|a, b| covered(b).total_cmp(&covered(a)));
        let name = format!("{slug}-hypervolume");
        self.curves((name, caption), &axes("hypervolume"), &best, &fronts.volume, value)?;
        let caption = "IGD+ over trials; less is better.";
        self.curves((format!("{slug}-igd"), caption), &axes("IGD+"), &best, &fronts.distance, value)?;
        if fronts.objectives.len() == DRAWN_OBJECTIVES {
            let (x, y) = (&fronts.objectives[0].metric, &fronts.objectives[1].metric);
            let series = self.series(&best, true, |strategy| {
                let (_, points) = fronts.attained.iter().find(|(name, _)| name == strategy)?;
                Some(points.iter().map(|point| [point[0], point[1], point[1], point[1]]).collect())
            });
            let axes = Axes { x, y, log_x: false, log_y: false, settled_after: 0.0 };
            let caption = "Attained fronts: the architectures that none of any seed beats in both objectives.";
            self.chart(format!("{slug}-front"), caption, &axes, series)?;
        }
        let finals = best.iter().filter_map(|strategy| fronts.finals.iter().find(|(name, _)| name == strategy));
        let rows = finals.map(|(strategy, volumes)| {
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
}

/// Returns A12 and the corrected p of a strategy against another one.
fn against(comparisons: &[Comparison], strategy: &str, other: &str) -> Option<(f64, f64)> {
    comparisons.iter().find_map(|Comparison { a, b, a12, p_holm, .. }| match (a == strategy, b == strategy) {
        (true, _) if b == other => Some((*a12, *p_holm)),
        (_, true) if a == other => Some((1.0 - a12, *p_holm)),
        _ => None,
    })
}
