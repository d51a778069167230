//! The section of one problem.

use nas_core::benchmark::Comparison;
use nas_core::report::{Band, Ending, Fronts, Line, ProblemReport};

use super::{Writer, cells};
use crate::chart::{Axes, Chart, Series, lines};
use crate::text::{fixed, number, places, probability};
use crate::{Block, ReportError};

/// Curves are high enough for what comes after this share of the longest one.
const SETTLED: f64 = 0.05;
/// More objectives than this are not drawn as fronts.
const DRAWN_OBJECTIVES: usize = 2;

impl Writer<'_> {
    pub(super) fn problem(&mut self, problem: &ProblemReport) -> Result<(), ReportError> {
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
        for picture in self.pictures.iter().filter(|picture| picture.problem == problem.name) {
            let chart = Chart { svg: picture.svg.clone(), points: serde_json::Value::Null };
            let (name, caption) = (format!("{slug}-network"), picture.caption.clone());
            self.blocks.push(Block::Chart { name, caption, chart });
        }
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
}

/// A name that a file can have.
fn slug(name: &str) -> String {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' };
    name.chars().map(plain).collect()
}
