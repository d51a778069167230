//! Pruners: rules that end a trial early because its learning curve is not promising.
//!
//! A decision depends on the trial's own learning curve and on what *earlier* trials of the study reported up to the
//! same fidelity, whatever happened to them afterwards. So it is the same on a fast and on a slow machine, and with any
//! number of workers; the price is that a trial may have to wait for earlier ones (see [`coordinator`]).

mod coordinator;
mod median;
mod threshold;

use nas_api::{Goal, Metric, Objective, Parameter, Setting, Settings, StrategyInfo, Value};
use serde::{Deserialize, Serialize};

use super::StudyError;
use super::settings::check_settings;
use super::spec::PluginSpec;
use crate::names::did_you_mean;
use median::Median;
use threshold::Threshold;

pub(crate) use coordinator::PruningCoordinator;

/// The names of all pruners.
pub const PRUNERS: [&str; 2] = ["median", "threshold"];

/// One number of a learning curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point {
    /// The fidelity spent.
    pub fidelity: f64,
    /// The metric, with the sign that makes greater values better; −∞ if it was not finite.
    pub score: f64,
}

/// A pruner as a study records it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PrunerRecord {
    /// One of [`PRUNERS`].
    pub name: String,
    /// Every parameter.
    pub settings: Settings,
}

/// What an evaluator reports while it measures.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reporting<'a> {
    /// The evaluator's name.
    pub evaluator: &'a str,
    /// The metrics that it can report.
    pub intermediate_metrics: &'a [String],
    /// Its seconds are simulated.
    pub simulated: bool,
}

/// Decides on a trial that neither `grace` nor `patience` spares.
trait Rule: Send + Sync {
    /// Whether it compares with other trials.
    fn compares(&self) -> bool;

    /// Why the trial should end, in words; `None` if it should continue. `earlier`: the curves of the earlier trials
    /// that came as far, up to this trial's fidelity. No curve is empty.
    fn fault(&self, metric: &str, goal: Goal, curve: &[Point], earlier: &[Vec<Point>]) -> Option<String>;
}

/// A pruner at work.
pub(crate) struct Pruner {
    metric: String,
    goal: Goal,
    /// Nothing is judged below this fidelity.
    grace: f64,
    /// Spare a trial that reached a new best within its last `patience` reports; 0 disables this.
    patience: usize,
    rule: Box<dyn Rule>,
}

/// The parameters of the pruner with this name, which a user may set.
pub fn parameters(name: &str) -> Vec<Parameter> {
    let mut all = vec![
        Parameter::text("metric", "", "The metric that is compared; if empty, the objective."),
        Parameter::number("grace", 0.0, 0.0, 1e12, "No trial is ended before it has spent this much fidelity."),
        Parameter::integer(
            "patience",
            0,
            0,
            1_000_000,
            "A trial continues while one of its last N reports is better than all before them; 0: off.",
        ),
    ];
    all.push(match name {
        "median" => median::parameter(),
        _ => threshold::parameter(),
    });
    all
}

impl PrunerRecord {
    /// Checks what the user wants; `None` if there is to be no pruner.
    pub(crate) fn of(
        spec: &PluginSpec,
        objectives: &[Objective],
        strategy: &StrategyInfo,
        reporting: &Reporting<'_>,
    ) -> Result<Option<Self>, StudyError> {
        let Some(name) = &spec.reference else {
            return match spec.settings.keys().next() {
                None => Ok(None),
                Some(key) => {
                    let remedy = format!("name one with --pruner: {}", PRUNERS.join(", "));
                    Err(StudyError::spec(
                        format!("pruner.{key}"),
                        "there is no pruner that it could be set for",
                        remedy,
                    ))
                }
            };
        };
        check_name(name)?;
        if name == "threshold" && !spec.settings.contains_key("limit") {
            let remedy = "give it with --set pruner.limit=VALUE, in the metric's unit";
            return Err(StudyError::spec("pruner.limit", "the threshold is missing", remedy));
        }
        check_strategy(strategy)?;
        let mut settings = check_settings("pruner", &parameters(name), &spec.settings)?;
        let metric = choose_metric(settings.text("metric").unwrap_or_default(), objectives)?;
        check_reported(&metric, reporting)?;
        for Setting { name, value } in &mut settings.0 {
            if name == "metric" {
                *value = Value::Text(metric.clone());
            }
        }
        Ok(Some(Self { name: name.clone(), settings }))
    }

    /// Whether the pruner can also serve this strategy.
    pub(crate) fn check_strategy(&self, strategy: &StrategyInfo) -> Result<(), StudyError> {
        check_strategy(strategy)
    }

    /// Opens the pruner. The goal is that of the objective, or the metric's own.
    pub(crate) fn open(&self, goals: impl Fn(&str) -> Option<Goal>) -> Result<Pruner, StudyError> {
        let broken = |error: nas_api::Error| StudyError::spec("pruner", error.to_string(), "");
        let number = |name| self.settings.number(name).map_err(broken);
        let metric = self.settings.text("metric").map_err(broken)?.to_owned();
        let goal = goals(&metric).ok_or_else(|| {
            let problem = format!("'{metric}' has no direction, so it is not known which trials are worse");
            StudyError::spec("pruner.metric", problem, "name a metric with a direction, or make it an objective")
        })?;
        let rule: Box<dyn Rule> = match self.name.as_str() {
            "median" => Box::new(Median { startup: number("startup")? as usize }),
            _ => Box::new(Threshold { limit: number("limit")? }),
        };
        Ok(Pruner { metric, goal, grace: number("grace")?, patience: number("patience")? as usize, rule })
    }
}

fn check_strategy(strategy: &StrategyInfo) -> Result<(), StudyError> {
    if !strategy.needs.gradients {
        return Ok(());
    }
    let text = format!("'{}' proposes mixtures, whose gradients are known only at their end", strategy.name);
    Err(StudyError::spec("pruner", text, "leave the pruner out, or choose another strategy"))
}

/// Checks that there is a pruner of this name.
pub(crate) fn check_name(name: &str) -> Result<(), StudyError> {
    if PRUNERS.contains(&name) {
        return Ok(());
    }
    let near = did_you_mean(name, PRUNERS);
    let remedy = format!("{near}known: {}", PRUNERS.join(", "));
    Err(StudyError::spec("pruner", format!("no pruner is called '{name}'"), remedy))
}

fn choose_metric(wanted: &str, objectives: &[Objective]) -> Result<String, StudyError> {
    match (wanted, objectives) {
        ("", [only]) => Ok(only.metric.clone()),
        ("", _) => {
            let problem = "the study has several objectives, and a pruner looks at one metric";
            Err(StudyError::spec("pruner.metric", problem, "name it with --set pruner.metric=METRIC"))
        }
        (metric, _) => Ok(metric.to_owned()),
    }
}

/// Checks that the evaluator reports the metric; otherwise the pruner would never end a trial.
fn check_reported(metric: &str, reporting: &Reporting<'_>) -> Result<(), StudyError> {
    let Reporting { evaluator, intermediate_metrics, simulated } = *reporting;
    if intermediate_metrics.iter().any(|reported| reported == metric) {
        return Ok(());
    }
    if intermediate_metrics.is_empty() {
        let text = format!("the evaluator '{evaluator}' reports nothing while it measures, so no trial could be ended");
        let more = if simulated { ", or data with several fidelities" } else { "" };
        let remedy = format!("leave the pruner out, or choose an evaluator that reports{more}");
        return Err(StudyError::spec("pruner", text, remedy));
    }
    let text = format!("the evaluator '{evaluator}' does not report '{metric}' while it measures");
    Err(StudyError::spec("pruner.metric", text, format!("it reports {}", intermediate_metrics.join(", "))))
}

impl Pruner {
    /// The point of a report; `None` if it does not have the metric.
    pub fn point(&self, fidelity: f64, metrics: &[Metric]) -> Option<Point> {
        let value = Metric::find(metrics, &self.metric)?;
        let score = if value.is_finite() { self.goal.score(value) } else { f64::NEG_INFINITY };
        Some(Point { fidelity, score })
    }

    /// Whether it compares with other trials, so that they must have come as far.
    pub fn compares(&self) -> bool {
        self.rule.compares()
    }

    /// Whether a trial can end at this point of its curve at all.
    pub fn may_end(&self, curve: &[Point]) -> bool {
        curve.last().is_some_and(|last| last.fidelity >= self.grace) && !self.improves(curve)
    }

    /// Why the trial ends here; `None`: it continues.
    pub fn fault(&self, curve: &[Point], earlier: &[Vec<Point>]) -> Option<String> {
        self.rule.fault(&self.metric, self.goal, curve, earlier)
    }

    fn improves(&self, curve: &[Point]) -> bool {
        if self.patience == 0 {
            return false;
        }
        let (before, last) = curve.split_at(curve.len().saturating_sub(self.patience));
        before.is_empty() || best(last) > best(before)
    }
}

fn best(curve: &[Point]) -> f64 {
    curve.iter().map(|point| point.score).fold(f64::NEG_INFINITY, f64::max)
}

/// A number for a reason: short, and the same everywhere.
fn short(value: f64) -> String {
    if value == 0.0 || (1e-3..1e6).contains(&value.abs()) { format!("{value:.4}") } else { format!("{value:.3e}") }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    pub fn curve(scores: &[f64]) -> Vec<Point> {
        (1..).zip(scores).map(|(epoch, &score)| Point { fidelity: f64::from(epoch), score }).collect()
    }

    fn pruner(grace: f64, patience: usize) -> Pruner {
        let (metric, rule) = ("val_loss".to_owned(), Box::new(Threshold { limit: 2.0 }));
        Pruner { metric, goal: Goal::Minimize, grace, patience, rule }
    }

    #[test]
    fn a_number_that_is_not_finite_is_the_worst() {
        let pruner = pruner(0.0, 0);
        let point = |value| pruner.point(3.0, &[Metric::new("val_loss", value)]).unwrap().score;
        assert_eq!([1.5, f64::NAN, f64::NEG_INFINITY].map(point), [-1.5, f64::NEG_INFINITY, f64::NEG_INFINITY]);
        assert_eq!(pruner.point(3.0, &[Metric::new("train_loss", 1.0)]), None);
    }

    #[test]
    fn grace_and_patience_spare_a_trial() {
        assert!(!pruner(3.0, 0).may_end(&curve(&[0.1, 0.1])));
        assert!(pruner(3.0, 0).may_end(&curve(&[0.1, 0.1, 0.1])));
        // One of the last two reports must be better than all before.
        let patient = |scores: &[f64]| pruner(0.0, 2).may_end(&curve(scores));
        assert!(!patient(&[0.1]) && !patient(&[0.1, 0.1]), "too early to say");
        assert!(patient(&[0.3, 0.2, 0.3]));
        assert!(!patient(&[0.3, 0.4, 0.2]));
        assert!(patient(&[0.3, 0.4, 0.2, 0.4]));
        assert!(pruner(0.0, 0).may_end(&curve(&[0.1, 0.2])), "patience is off");
    }

    #[test]
    fn numbers_of_reasons_are_short() {
        assert_eq!([0.0, 0.123_456, -2.5, 1e-5].map(short), ["0.0000", "0.1235", "-2.5000", "1.000e-5"]);
    }
}
