//! The incumbent of a study, and what it reports.

use nas_api::{Goal, Objective};

use super::store::{KeptStudy, KeptTrial};

/// The columns of the main objective and of the reported metric in the trials of one study.
pub(crate) struct Columns {
    objective: usize,
    goal: Goal,
    pub(crate) reported: usize,
}

/// The hidden counterpart of an objective, such as `test_accuracy` for `val_accuracy`.
pub(crate) fn hidden_counterpart(study: &KeptStudy, objective: &Objective) -> Option<usize> {
    let bare = objective.metric.strip_prefix("val_").unwrap_or(&objective.metric);
    let name = format!("test_{bare}");
    study.metrics.iter().position(|metric| metric.name == name && metric.hidden)
}

impl Columns {
    /// `reported` is the name of the metric that the problem's studies report.
    pub(crate) fn of(study: &KeptStudy, reported: &str) -> Option<Self> {
        let objective = study.objectives.first()?;
        let column = |name: &str| study.metrics.iter().position(|metric| metric.name == name);
        let at = column(&objective.metric)?;
        Some(Self { objective: at, goal: objective.goal, reported: column(reported).unwrap_or(at) })
    }

    /// Fidelity and score of a trial, which decide about the incumbent; `None` if the trial was not measured.
    fn rank(&self, trial: &KeptTrial) -> Option<(f64, f64)> {
        let value = self.objective(trial);
        (trial.measured && value.is_finite()).then(|| (trial.fidelity.unwrap_or(0.0), self.goal.score(value)))
    }

    /// The value of a trial's main objective.
    pub(crate) fn objective(&self, trial: &KeptTrial) -> f64 {
        trial.values[self.objective]
    }
}

/// Fidelity and score of a trial, and the trial.
type Ranked<'t> = ((f64, f64), &'t KeptTrial);

/// The incumbent after one more trial: the best objective at the highest fidelity so far, and the earlier of equals.
fn better_of<'t>(best: Option<Ranked<'t>>, trial: &'t KeptTrial, columns: &Columns) -> Option<Ranked<'t>> {
    match columns.rank(trial) {
        Some(rank) if best.is_none_or(|(best, _)| rank > best) => Some((rank, trial)),
        _ => best,
    }
}

/// The final incumbent with its fidelity and score.
pub(crate) fn incumbent<'t>(trials: &'t [KeptTrial], columns: &Columns) -> Option<Ranked<'t>> {
    trials.iter().fold(None, |best, trial| better_of(best, trial, columns))
}

/// What a study has reached after a trial.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Reached {
    /// The incumbent's main objective.
    pub(crate) objective: Option<f64>,
    /// The value that is compared; `None` without an incumbent, and where its reported metric is not a number.
    pub(crate) value: Option<f64>,
}

/// The incumbent's objective and reported metric after each trial.
pub(crate) fn incumbents<'t>(trials: impl IntoIterator<Item = &'t KeptTrial>, columns: &Columns) -> Vec<Reached> {
    let mut best = None;
    let next = |trial| {
        best = better_of(best, trial, columns);
        let trial = best.map(|(_, trial)| trial);
        let reported = trial.map(|trial| trial.values[columns.reported]).filter(|value| value.is_finite());
        Reached { objective: trial.map(|trial| columns.objective(trial)), value: reported }
    };
    trials.into_iter().map(next).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) mod tests {
    use nas_api::MetricInfo;

    use super::*;

    /// A study of trials with these objectives; the metrics' directions are those of the objectives.
    pub(crate) fn study(objectives: &[&str], metrics: &[(&str, bool)], trials: &[(&[f64], bool)]) -> KeptStudy {
        let metric = |(name, hidden): &(&str, bool)| MetricInfo {
            name: (*name).into(),
            unit: String::new(),
            better: Some(Goal::Maximize),
            hidden: *hidden,
            description: String::new(),
        };
        let trial = |(values, measured): &(&[f64], bool)| KeptTrial {
            genotype: vec![0],
            measured: *measured,
            duplicate: false,
            fidelity: None,
            cost: 1.0,
            told: 0.0,
            ask_seconds: 0.0,
            tell_seconds: 0.0,
            values: values.to_vec(),
            reason: String::new(),
        };
        let goal = |name: &str| if name.starts_with("val") { Goal::Maximize } else { Goal::Minimize };
        KeptStudy {
            objectives: objectives.iter().map(|name| Objective { metric: (*name).into(), goal: goal(name) }).collect(),
            metrics: metrics.iter().map(metric).collect(),
            best: vec![f64::NAN; metrics.len()],
            simulated: true,
            trials: trials.iter().map(trial).collect(),
            broken: None,
        }
    }

    const METRICS: [(&str, bool); 2] = [("val_accuracy", false), ("test_accuracy", true)];

    #[test]
    fn the_incumbent_is_chosen_by_the_objective_and_reported_by_the_test_metric() {
        let trials: [(&[f64], bool); 5] =
            [(&[0.5, 0.9], true), (&[0.9, 0.1], false), (&[0.6, 0.4], true), (&[0.6, 0.8], true), (&[0.2, 1.0], true)];
        let study = study(&["val_accuracy"], &METRICS, &trials);
        let columns = Columns::of(&study, "test_accuracy").unwrap();
        let reported: Vec<_> = incumbents(&study.trials, &columns).iter().map(|reached| reached.value).collect();
        assert_eq!(reported, [0.9, 0.9, 0.4, 0.4, 0.4].map(Some), "failures do not count, the earlier of equals stays");
        let (_, last) = incumbent(&study.trials, &columns).unwrap();
        assert_eq!(last.values[columns.reported], 0.4);
    }

    #[test]
    fn a_hidden_metric_that_is_not_a_number_is_no_value() {
        let study = study(&["val_accuracy"], &METRICS, &[(&[0.5, 0.9], true), (&[0.6, f64::NAN], true)]);
        let columns = Columns::of(&study, "test_accuracy").unwrap();
        let reached = incumbents(&study.trials, &columns);
        assert_eq!((reached[0].value, reached[1].value, reached[1].objective), (Some(0.9), None, Some(0.6)));
    }
}
