//! The section about one problem.

use nas_core::benchmark::{Comparison, HYPERVOLUME, PairedTest, mean_std};
use nas_core::report::{Band, Ending, Fronts, ProblemReport, Spent};

use super::overall::{best_first, rank};
use super::{Writer, cells};
use crate::chart::{Axes, Chart};
use crate::text::{fixed, number, places, probability};
use crate::{Block, ReportError};

/// The share of the longest curve before which points do not count for a chart's vertical range.
const SETTLED: f64 = 0.05;
/// The largest number of objectives of which every pair is drawn.
const DRAWN_OBJECTIVES: usize = 3;

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
        let reported = match problem.metric == HYPERVOLUME {
            true => "strategies are compared by the hypervolume of all points that a study has found".to_owned(),
            false => format!("the report shows the incumbent's {}", problem.metric),
        };
        self.paragraph(format!(
            "The search optimizes {}; {reported} ({} is better).{best}",
            objectives.join(", "),
            match problem.goal {
                nas_api::Goal::Maximize => "more",
                nas_api::Goal::Minimize => "less",
            },
        ));
        let slug = self.slug(&problem.name);
        let best: Vec<&str> = best_first(problem).iter().map(|ending| ending.row.strategy.as_str()).collect();
        let regret_of = |value: f64| (problem.goal.score(problem.best) - problem.goal.score(value)).max(0.0);
        let regret = |band: &Band| {
            let [a, b] = band.ends().map(regret_of);
            [regret_of(band.iqm), a.min(b), a.max(b)]
        };
        let value = |band: &Band| [band.iqm, band.ends()[0], band.ends()[1]];
        let seconds = if problem.simulated { "simulated seconds" } else { "seconds" };
        let axes = |x, y, log_x, log_y| Axes { x, y, log_x, log_y, settled_after: SETTLED };
        let metric = problem.metric.as_str();
        self.curves(
            (
                format!("{slug}-value"),
                "Best so far: the value over trials, as the interquartile mean over seeds, with the 95 % bands of the best \
                 three by mean rank, of random search and of strategies that are not built in. A line begins where three \
                 quarters of the seeds have a value.",
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
            self.fronts(&slug, problem, fronts)?;
        }
        if let Some(ranks) = &problem.ranks {
            let caption =
                "Mean ranks over seeds. Strategies joined by a bar are closer than the critical difference at 5 %.";
            self.ranking(format!("{slug}-ranks"), caption, "seeds", &problem.ranked, ranks);
        }
        self.endings(problem);
        self.times(problem);
        self.comparisons(problem);
        for picture in self.shown.pictures.iter().filter(|picture| picture.problem == problem.name) {
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
        let random = self.baseline(problem);
        let rows = endings.iter().map(|ending| {
            let band = |band: Band| {
                band.interval.map(|[low, high]| format!("{} – {}", fixed(low, digits), fixed(high, digits)))
            };
            let mut row = vec![
                ending.row.strategy.clone(),
                seeds(ending),
                fixed(ending.band.map_or(f64::NAN, |band| band.iqm), digits),
                ending.band.and_then(band).unwrap_or_default(),
                rank(problem, &ending.row.strategy).map(|(rank, _)| fixed(rank, 2)).unwrap_or_default(),
                fixed(mean(ending), digits),
                fixed(std(ending), digits),
                fixed(ending.median, digits),
                number(ending.row.regret_mean()),
                number(ending.area),
            ];
            if let Some(random) = random {
                let pair = against(&problem.comparisons, &ending.row.strategy, random);
                row.push(pair.as_ref().map_or_else(String::new, |pair| fixed(pair.rank_biserial, 3)));
                row.push(pair.as_ref().map_or_else(String::new, |pair| probability(pair.p_holm)));
                row.push(pair.as_ref().map_or_else(String::new, |pair| fixed(pair.a12, 3)));
            }
            row
        });
        let rows = rows.collect();
        let unit = match problem.spent {
            Spent::Trials => "trials",
            Spent::Seconds if problem.simulated => "simulated seconds",
            Spent::Seconds => "seconds",
            Spent::Fidelity => "fidelity",
        };
        let mut explanation = format!(
            "Final values, by mean rank over seeds. *IQM*, *median* and ranks count a study without a value as worse than \
             all; *mean*, *std* and *regret* are over the seeds that have one. *Area* is the mean regret over the budget of \
             {unit}; until a study has a value, it has the largest regret of any."
        );
        let mut header =
            cells(["strategy", "seeds", "IQM", "95 % band", "mean rank", "mean", "std", "median", "regret", "area"]);
        if let Some(random) = random {
            explanation
                .push_str(&format!(" *Rank-biserial*, *p* (Holm) and *A12* compare the strategy with {random}."));
            header.extend(cells(["rank-biserial", "p", "A12"]));
        }
        self.paragraph(explanation);
        self.table(1, header, rows);
    }

    /// The label of random search on this problem; of several, one without a pruner.
    fn baseline<'p>(&self, problem: &'p ProblemReport) -> Option<&'p str> {
        let names = problem.endings.iter().map(|ending| ending.row.strategy.as_str());
        names.filter(|name| self.is_baseline(name)).min_by_key(|name| self.is_pruned(name))
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
            let Comparison { a, b, seeds, difference, wins, ties, p, p_holm, rank_biserial, a12, .. } = comparison;
            vec![
                a.clone(),
                b.clone(),
                seeds.to_string(),
                number(*difference),
                format!("{wins}–{ties}–{}", seeds - wins - ties),
                fixed(*rank_biserial, 3),
                probability(*p),
                probability(*p_holm),
                fixed(*a12, 3),
            ]
        };
        let mut comparisons: Vec<&Comparison> = problem.comparisons.iter().collect();
        comparisons.sort_by(|a, b| a.p.total_cmp(&b.p));
        let rows: Vec<Vec<String>> = comparisons.iter().map(row).collect();
        if !rows.is_empty() {
            let folded = format!("All {} pairs: mean difference a − b, seeds won–tied–lost by a", rows.len());
            let header =
                cells(["a", "b", "seeds", "difference", "won–tied–lost", "rank-biserial", "p", "p (Holm)", "A12"]);
            self.blocks.push(Block::Table { header, rows, text_columns: 2, folded: Some(folded) });
        }
    }

    fn fronts(&mut self, slug: &str, problem: &ProblemReport, fronts: &Fronts) -> Result<(), ReportError> {
        self.heading(2, "Several objectives");
        let bounds = fronts.objectives.iter().zip(&fronts.bounds);
        let bounds: Vec<String> = bounds
            .map(|(objective, (best, worst))| {
                format!("{} from {} to {}", objective.metric, number(*best), number(*worst))
            })
            .collect();
        self.paragraph(format!(
            "Studies are measured against {}, which has {} points. Objectives are scaled so that its best value is 0 and its \
             worst value 1 ({}); the reference point of the hypervolume is {} in each. So points that something else \
             dominates change no other value. IGD+ is the mean distance from that front, and less is better.",
            if fronts.known { "the true front" } else { "the joint front of all studies, as the true one is not known" },
            fronts.reference.len(),
            bounds.join(", "),
            nas_core::benchmark::REFERENCE,
        ));
        let value = |band: &Band| [band.iqm, band.ends()[0], band.ends()[1]];
        let axes = |y| Axes { x: "trials", y, log_x: false, log_y: false, settled_after: SETTLED };
        let best: Vec<&str> = best_first(problem).iter().map(|ending| ending.row.strategy.as_str()).collect();
        let caption = "IGD+ over trials; less is better.";
        self.curves((format!("{slug}-igd"), caption), &axes("IGD+"), &best, &fronts.distance, value)?;
        let count = fronts.objectives.len();
        if count <= DRAWN_OBJECTIVES {
            for (first, second) in (0..count).flat_map(|first| (first + 1..count).map(move |second| (first, second))) {
                self.attained(slug, &best, fronts, first, second)?;
            }
        }
        let random = self.baseline(problem);
        let rows = best_first(problem).into_iter().map(|ending| {
            let (mean, std) = mean_std(ending.row.igd_plus.values().copied());
            let last = fronts.distance.iter().find(|line| line.strategy == ending.row.strategy);
            let iqm = last.and_then(|line| line.points.last()).map_or(f64::NAN, |(_, band)| band.iqm);
            let mut row = vec![
                ending.row.strategy.clone(),
                seeds(ending),
                fixed(iqm, 4),
                fixed(mean, 4),
                fixed(if mean.is_finite() { std } else { f64::NAN }, 4),
            ];
            if let Some(random) = random {
                let test = against(&problem.comparisons, &ending.row.strategy, random).and_then(|pair| pair.igd_plus);
                row.push(test.map_or_else(String::new, |PairedTest { rank_biserial, .. }| fixed(rank_biserial, 3)));
                row.push(test.map_or_else(String::new, |PairedTest { p_holm, .. }| probability(p_holm)));
            }
            row
        });
        let rows: Vec<Vec<String>> = rows.collect();
        let mut header = cells(["strategy", "seeds", "IGD+ (IQM)", "mean", "std"]);
        if let Some(random) = random {
            self.paragraph(format!("Final IGD+. *Rank-biserial* and *p* (Holm) compare the strategy with {random}."));
            header.extend(cells(["rank-biserial", "p"]));
        }
        self.table(1, header, rows);
        Ok(())
    }

    /// Draws what the strategies attain in two of the objectives.
    fn attained(
        &mut self,
        slug: &str,
        best: &[&str],
        fronts: &Fronts,
        first: usize,
        second: usize,
    ) -> Result<(), ReportError> {
        let (x, y) = (&fronts.objectives[first].metric, &fronts.objectives[second].metric);
        let pairs = fronts.pairs(first, second);
        let series = self.series(best, true, |strategy| {
            let (_, points) = pairs.iter().find(|(name, _)| name == strategy)?;
            Some(points.iter().map(|[x, y]| [*x, *y, *y, *y]).collect())
        });
        let axes = Axes { x, y, log_x: false, log_y: false, settled_after: 0.0 };
        let (name, caption) = match fronts.objectives.len() {
            2 => (
                format!("{slug}-front"),
                "Attained fronts: what at least half of a strategy's studies reach or beat in both objectives.",
            ),
            _ => (
                format!("{slug}-front-{first}-{second}"),
                "Attained fronts of two of the objectives: the architectures that no other one of any seed beats in these two.",
            ),
        };
        self.chart(name, caption, &axes, series)
    }
}

/// The number of studies with a final value, out of all where some have none.
pub(crate) fn seeds(ending: &Ending) -> String {
    match ending.row.without_value.len() {
        0 => ending.row.seeds.to_string(),
        _ => format!("{} of {}", ending.row.seeds, ending.row.studies()),
    }
}

/// Returns the comparison of a strategy with another one.
pub(crate) fn against(comparisons: &[Comparison], strategy: &str, other: &str) -> Option<Comparison> {
    comparisons.iter().filter_map(|pair| pair.seen_from(strategy)).find(|pair| pair.b == other)
}
