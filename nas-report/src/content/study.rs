//! The report of one study: its trials, what its decisions have to do with the objective, and its learning curves.

use std::collections::BTreeMap;

use nas_api::{Goal, Objective};
use nas_core::study::{FailureGroup, StudyRecord, Summary, TrialRecord};

use super::{Writer, cells};
use crate::chart::{Axes, Chart, Mark, Series, scatter, strips};
use crate::text::{fixed, number};
use crate::{Block, ReportError, Study};

/// How many decisions are drawn, those that explain the most.
const DRAWN_DECISIONS: usize = 6;
/// The most trials of a table.
const LISTED: usize = 10;
/// The most learning curves that are drawn, those of the best trials.
const DRAWN_CURVES: usize = 6;
/// The largest number of objectives of which every pair is drawn.
const DRAWN_OBJECTIVES: usize = 3;

/// What one decision has to do with the objective.
pub(super) struct Explained {
    name: String,
    /// The share of the variance of the objective that lies between the choices (η²).
    share: f64,
    /// Each choice with the objective of its trials.
    by_choice: Vec<(String, Vec<f64>)>,
}

impl Writer<'_> {
    pub(super) fn study(&mut self, study: &Study) -> Result<(), ReportError> {
        let record = &study.record;
        let summary = Summary::of(record);
        self.heading(1, "Study report");
        self.opening(record, &summary);
        self.failures(&summary);
        self.heading(1, "Trials");
        for objective in &record.header.objectives {
            self.all_trials(record, objective)?;
        }
        self.fronts_of_study(record, &summary)?;
        self.best_trials(record, &summary);
        for picture in &self.shown.pictures {
            let chart = Chart { svg: picture.svg.clone(), points: serde_json::Value::Null };
            let (name, caption) = ("network".to_owned(), picture.caption.clone());
            self.blocks.push(Block::Chart { name, caption, chart });
        }
        self.decisions(study);
        self.learning_curves(record)
    }

    fn opening(&mut self, record: &StudyRecord, summary: &Summary) {
        let header = &record.header;
        let (strategy, space, evaluator) =
            (&header.strategy.identity.name, &header.space.identity.name, &header.evaluator.identity.name);
        let mut text = format!(
            "{strategy} on {space}, measured by {evaluator}, with seed {}. {} trials: {} measured, {} pruned, {} failed, {} \
             unfinished; {} were duplicates.",
            header.seed,
            record.trials.len(),
            summary.measured,
            summary.pruned,
            summary.failed,
            summary.unfinished,
            summary.duplicates,
        );
        if let Some(best) = summary.best.and_then(|best| record.trial(best)) {
            let values = header.objectives.iter().filter_map(|objective| {
                Some(format!("{} {}", objective.metric, number(best.metric(&objective.metric)?)))
            });
            text.push_str(&format!(" The best is trial {}: {}.", best.trial, values.collect::<Vec<_>>().join(", ")));
        }
        text.push_str(" One study does not compare strategies; that takes several seeds of each.");
        self.paragraph(text);
    }

    fn failures(&mut self, summary: &Summary) {
        let row = |group: &FailureGroup| {
            let reason = group.reason.lines().next().unwrap_or_default().to_owned();
            vec![reason, group.trials.to_string(), group.first.to_string()]
        };
        let rows = summary.failures.iter().map(row).collect();
        self.table(1, cells(["why trials failed", "trials", "first"]), rows);
    }

    /// Every measured trial, with steps through those that were the best so far.
    fn all_trials(&mut self, record: &StudyRecord, objective: &Objective) -> Result<(), ReportError> {
        let mut best = f64::NEG_INFINITY;
        let marks: Vec<Mark> = measured(record, objective)
            .map(|(trial, value)| {
                let better = objective.goal.score(value) > best;
                best = best.max(objective.goal.score(value));
                Mark { at: [f64::from(trial.trial), value], label: better.then(String::new) }
            })
            .collect();
        let axes = Axes { x: "trial", y: &objective.metric, log_x: false, log_y: false, settled_after: 0.0 };
        let caption = format!(
            "{} of all measured trials ({} is better). The steps join the trials that were the best so far.",
            objective.metric,
            if objective.goal == Goal::Maximize { "more" } else { "less" },
        );
        if let Some(chart) = scatter(&axes, &marks, true)? {
            let name = self.slug(&format!("trials-{}", objective.metric));
            self.blocks.push(Block::Chart { name, caption, chart });
        }
        Ok(())
    }

    /// All trials in every pair of objectives; those on the front have their numbers.
    fn fronts_of_study(&mut self, record: &StudyRecord, summary: &Summary) -> Result<(), ReportError> {
        let objectives = &record.header.objectives;
        if !(2..=DRAWN_OBJECTIVES).contains(&objectives.len()) {
            return Ok(());
        }
        let pairs = (0..objectives.len()).flat_map(|a| (a + 1..objectives.len()).map(move |b| (a, b)));
        for (x, y) in pairs {
            let (first, second) = (&objectives[x], &objectives[y]);
            let mark = |trial: &TrialRecord| {
                let at = [trial.score(first)?, trial.score(second)?];
                let on_front = summary.front.contains(&trial.trial);
                let label = on_front.then(|| trial.trial.to_string());
                Some(Mark { at: [first.goal.score(at[0]), second.goal.score(at[1])], label })
            };
            let mut marks: Vec<Mark> = record.trials.iter().filter_map(mark).collect();
            marks.sort_by(|a, b| a.at[0].total_cmp(&b.at[0]));
            let axes = Axes { x: &first.metric, y: &second.metric, log_x: false, log_y: false, settled_after: 0.0 };
            // In two of three objectives, the points of the front are no staircase.
            if let Some(chart) = scatter(&axes, &marks, objectives.len() == 2)? {
                let name = self.slug(&format!("front-{}-{}", first.metric, second.metric));
                let caption =
                    "All measured trials in two objectives. Those of the front are coloured and have their numbers: no trial \
                     is at least as good in every objective."
                        .to_owned();
                self.blocks.push(Block::Chart { name, caption, chart });
            }
        }
        Ok(())
    }

    fn best_trials(&mut self, record: &StudyRecord, summary: &Summary) {
        let objectives = &record.header.objectives;
        let Some(main) = objectives.first() else { return };
        let mut trials: Vec<&TrialRecord> = match objectives.len() {
            1 => record.trials.iter().filter(|trial| trial.duplicate_of.is_none()).collect(),
            _ => summary.front.iter().filter_map(|&trial| record.trial(trial)).collect(),
        };
        trials.retain(|trial| trial.score(main).is_some());
        let rank =
            |trial: &TrialRecord| (trial.fidelity.unwrap_or(0.0), trial.score(main).unwrap_or(f64::NEG_INFINITY));
        trials.sort_by(|a, b| {
            let (a, b) = (rank(a), rank(b));
            b.0.total_cmp(&a.0).then(b.1.total_cmp(&a.1))
        });
        if objectives.len() == 1 {
            trials.truncate(LISTED);
        }
        let shown = record
            .header
            .metrics
            .iter()
            .filter(|metric| trials.iter().any(|trial| trial.metric(&metric.name).is_some_and(f64::is_finite)));
        let shown: Vec<&str> = shown.map(|metric| metric.name.as_str()).collect();
        let row = |trial: &&TrialRecord| {
            let values = shown.iter().map(|name| number(trial.metric(name).unwrap_or(f64::NAN)));
            [trial.text.clone(), trial.trial.to_string()].into_iter().chain(values).collect()
        };
        let rows: Vec<Vec<String>> = trials.iter().map(row).collect();
        let header = cells(["architecture", "trial"]).into_iter().chain(shown.iter().map(|name| (*name).to_owned()));
        self.paragraph(if objectives.len() == 1 { "The best trials:" } else { "The trials of the front:" });
        self.table(1, header.collect(), rows);
    }

    fn decisions(&mut self, study: &Study) {
        let Some(objective) = study.record.header.objectives.first() else { return };
        let explained = explained(study, objective);
        if explained.is_empty() {
            return;
        }
        self.heading(1, "Decisions");
        self.paragraph(format!(
            "How much of the variance of {} over the measured trials at the highest fidelity lies between the choices of each \
             decision. A strategy chooses what it tries, so this describes the trials and not the space.",
            objective.metric
        ));
        let rows = explained.iter().map(|decision| {
            let best = decision
                .by_choice
                .iter()
                .max_by(|(_, a), (_, b)| objective.goal.score(median(a)).total_cmp(&objective.goal.score(median(b))));
            vec![
                decision.name.clone(),
                best.map(|(name, _)| name.clone()).unwrap_or_default(),
                fixed(decision.share, 3),
                decision.by_choice.len().to_string(),
            ]
        });
        let rows = rows.collect();
        self.table(2, cells(["decision", "choice with the best median", "share of variance", "choices tried"]), rows);
        for decision in explained.iter().take(DRAWN_DECISIONS) {
            let row = |(name, values): &(String, Vec<f64>)| (name.clone(), values.clone(), median(values));
            let rows: Vec<(String, Vec<f64>, f64)> = decision.by_choice.iter().map(row).collect();
            if let Some(chart) = strips(&decision.name, &rows, &objective.metric) {
                let name = self.slug(&format!("decision-{}", decision.name));
                let caption = format!("{} by the choice of {}, with the medians.", objective.metric, decision.name);
                self.blocks.push(Block::Chart { name, caption, chart });
            }
        }
    }

    /// The learning curves of the best trials, in the metric that is closest to the objective.
    fn learning_curves(&mut self, record: &StudyRecord) -> Result<(), ReportError> {
        let Some(objective) = record.header.objectives.first() else { return Ok(()) };
        let mut trials: Vec<&TrialRecord> = record.trials.iter().filter(|trial| trial.curve.len() > 1).collect();
        // Some metrics are reported only once, at the end.
        let reports = |name: &str| {
            let points = |trial: &&TrialRecord| {
                trial.curve.iter().filter(|point| nas_api::Metric::find(&point.metrics, name).is_some()).count()
            };
            trials.iter().any(|trial| points(trial) > 1)
        };
        let first = trials.first().and_then(|trial| trial.curve[0].metrics.first()).map(|metric| metric.name.clone());
        let metric = if reports(&objective.metric) { Some(objective.metric.clone()) } else { first };
        let Some(metric) = metric else { return Ok(()) };
        let score = |trial: &TrialRecord| trial.score(objective).unwrap_or(f64::NEG_INFINITY);
        trials.sort_by(|a, b| score(b).total_cmp(&score(a)));
        let series = trials.iter().take(DRAWN_CURVES).enumerate().map(|(place, trial)| {
            let values = trial.curve.iter().filter_map(|point| {
                let value = nas_api::Metric::find(&point.metrics, &metric)?;
                value.is_finite().then_some([point.fidelity, value, value, value])
            });
            let name = format!("trial {}", trial.trial);
            Series { name, place, points: values.collect(), steps: false, strong: true, banded: false }
        });
        let series: Vec<Series> = series.filter(|series| series.points.len() > 1).collect();
        let unit = if record.header.fidelity_unit.is_empty() { "fidelity" } else { &record.header.fidelity_unit };
        let axes = Axes { x: unit, y: &metric, log_x: false, log_y: false, settled_after: 0.0 };
        if let Some(mut chart) = crate::chart::lines(&axes, series)? {
            self.heading(1, "Learning curves");
            // The page's tooltips name strategies.
            chart.points = serde_json::Value::Null;
            let caption = format!("{metric} over {unit} of the best trials that reported a learning curve.");
            self.blocks.push(Block::Chart { name: "learning-curves".to_owned(), caption, chart });
        }
        Ok(())
    }
}

/// The measured trials with their objective.
fn measured<'r>(record: &'r StudyRecord, objective: &'r Objective) -> impl Iterator<Item = (&'r TrialRecord, f64)> {
    let value = |trial: &'r TrialRecord| Some((trial, objective.goal.score(trial.score(objective)?)));
    record.trials.iter().filter_map(value)
}

/// The median; NaN if there is no value.
fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        count => f64::midpoint(values[(count - 1) / 2], values[count / 2]),
    }
}

/// What each decision explains, those that explain the most first. Decisions with one tried choice explain nothing and
/// are left out, and duplicates count once.
pub(super) fn explained(study: &Study, objective: &Objective) -> Vec<Explained> {
    let record = &study.record;
    let highest = record.trials.iter().filter_map(|trial| trial.fidelity).fold(f64::NEG_INFINITY, f64::max);
    let counts =
        |trial: &TrialRecord| trial.duplicate_of.is_none() && trial.fidelity.is_none_or(|fidelity| fidelity >= highest);
    let mut names: Vec<&str> = Vec::new();
    let mut values: BTreeMap<&str, BTreeMap<&str, Vec<f64>>> = BTreeMap::new();
    for (trial, value) in measured(record, objective).filter(|(trial, _)| counts(trial)) {
        let Some(choices) = study.choices.get(trial.trial as usize) else { continue };
        for (decision, choice) in choices {
            if !values.contains_key(decision.as_str()) {
                names.push(decision);
            }
            values.entry(decision).or_default().entry(choice).or_default().push(value);
        }
    }
    let explain = |name: &str| {
        let by_choice = values.get(name)?;
        let all: Vec<f64> = by_choice.values().flatten().copied().collect();
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let center = mean(&all);
        let total: f64 = all.iter().map(|value| (value - center).powi(2)).sum();
        let between: f64 = by_choice.values().map(|values| values.len() as f64 * (mean(values) - center).powi(2)).sum();
        let by_choice: Vec<(String, Vec<f64>)> =
            by_choice.iter().map(|(choice, values)| ((*choice).to_owned(), values.clone())).collect();
        let share = if total > 0.0 { between / total } else { 0.0 };
        (by_choice.len() > 1).then(|| Explained { name: name.to_owned(), share, by_choice })
    };
    let mut explained: Vec<Explained> = names.into_iter().filter_map(explain).collect();
    explained.sort_by(|a, b| b.share.total_cmp(&a.share));
    explained
}
