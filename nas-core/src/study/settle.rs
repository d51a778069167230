//! From what an evaluator measured to what the study records.

use nas_api::{Candidate, Constraint, Failure, Measurement, Metric, MetricInfo, Observation, Weights};

use super::StudyError;
use super::header::Header;
use super::objective::{constraint_text, readable};
use super::problem::check_metric_names;
use super::record::{Pruned, State, TrialRecord, exact};
use crate::shown::{MAX_MESSAGE, shown_lines};

/// Fills in what was measured. `Err`: the measurement itself is broken, and so is the evaluator.
pub(crate) fn record_measurement(
    trial: &mut TrialRecord,
    measurement: Measurement,
    seconds: f64,
    header: &Header,
) -> Result<(), String> {
    let Measurement { metrics, failure, gradient, cost } = measurement;
    check_metric_names(metrics.iter().map(|metric| metric.name.as_str()))?;
    let cost = checked_cost(trial, cost, header)?;
    trial.simulated = header.simulated;
    trial.cost = exact(cost.unwrap_or(seconds));
    trial.gradient = checked_gradient(trial, gradient.unwrap_or_default())?;
    // Static metrics are the host's own; they have been there since the trial was asked for.
    trial.metrics.retain(|metric| header.counts(&metric.name));
    let reported = metrics.iter().filter(|metric| !header.counts(&metric.name));
    trial.metrics.extend(reported.map(|metric| Metric::new(metric.name.clone(), exact(metric.value))));
    match failure {
        Some(failure) => fail_as_said(trial, failure),
        None => judge(trial, header),
    }
    Ok(())
}

/// The simulated seconds, which are there if, and only if, the evaluator said so.
fn checked_cost(trial: &TrialRecord, cost: Option<f64>, header: &Header) -> Result<Option<f64>, String> {
    if let Some(cost) = cost.filter(|cost| !cost.is_finite() || *cost < 0.0) {
        return Err(format!("it returned a cost of {cost} seconds for trial {}", trial.trial));
    }
    match (header.simulated, cost) {
        (true, None) => Err(format!("its seconds are simulated, but it gave no cost for trial {}", trial.trial)),
        (false, Some(_)) => Err("it gave a simulated cost without having said that its seconds are simulated".into()),
        _ => Ok(cost),
    }
}

/// A measured trial whose constraints are kept and whose objectives are numbers; otherwise it failed, and says why.
fn judge(trial: &mut TrialRecord, header: &Header) {
    let reported = |constraint: &&Constraint| !header.counts(&constraint.metric);
    let (violation, reasons) = violations(&trial.metrics, header.constraints.iter().filter(reported));
    if !reasons.is_empty() {
        return fail(trial, reasons.join("; "), violation);
    }
    let wrong = header.objectives.iter().find_map(|objective| match trial.metric(&objective.metric) {
        None => Some(format!("the evaluator did not report the objective {}", objective.metric)),
        Some(value) if !value.is_finite() => Some(format!("the objective {} is {value}", objective.metric)),
        Some(_) => None,
    });
    match wrong {
        Some(reason) => fail(trial, reason, 0.0),
        None => trial.state = State::Measured,
    }
}

/// The trial has no objective value, as the evaluator says.
pub(crate) fn fail_as_said(trial: &mut TrialRecord, failure: Failure) {
    let violation = if failure.violation.is_nan() { 0.0 } else { failure.violation.max(0.0) };
    fail(trial, failure.reason, violation);
}

/// The trial has no objective value.
pub(crate) fn fail(trial: &mut TrialRecord, reason: String, violation: f64) {
    trial.state = State::Failed;
    trial.reason = shown_lines(&reason, MAX_MESSAGE).into_owned();
    trial.violation = exact(violation);
}

/// A pruner has ended the trial: it has no objective value, and what it reported last is known. From the evaluator's
/// answer, only the simulated seconds up to that report count; everything else depends on how soon it learned that the
/// trial had ended. `Err`: the seconds are missing or broken, and so is the evaluator.
pub(crate) fn record_pruned(
    trial: &mut TrialRecord,
    pruned: Pruned,
    answer: Option<Measurement>,
    header: &Header,
) -> Result<(), String> {
    if header.simulated {
        let cost = checked_cost(trial, answer.and_then(|answer| answer.cost), header)?;
        trial.simulated = true;
        trial.cost = exact(cost.unwrap_or_default());
    }
    prune(trial, pruned, header);
    Ok(())
}

fn prune(trial: &mut TrialRecord, pruned: Pruned, header: &Header) {
    let Pruned { fidelity, reason } = pruned;
    trial.metrics.retain(|metric| header.counts(&metric.name));
    let reports = trial.curve.iter().filter(|report| report.fidelity <= fidelity);
    for metric in reports.flat_map(|report| &report.metrics).filter(|metric| !header.counts(&metric.name)) {
        match trial.metrics.iter_mut().find(|known| known.name == metric.name) {
            Some(known) => known.value = metric.value,
            None => trial.metrics.push(metric.clone()),
        }
    }
    // The singular of `epochs` is `epoch`.
    let unit = header.fidelity_unit.strip_suffix('s').unwrap_or(&header.fidelity_unit);
    let place = if unit.is_empty() { fidelity.to_string() } else { format!("{unit} {fidelity}") };
    trial.state = State::Pruned;
    trial.reason = format!("pruned at {place}: {reason}");
    trial.violation = 0.0;
    trial.pruned_at = Some(fidelity);
}

/// How far these constraints are exceeded, summed, and each broken one in words.
pub(crate) fn violations<'a>(
    metrics: &[Metric],
    constraints: impl Iterator<Item = &'a Constraint>,
) -> (f64, Vec<String>) {
    let mut sum = 0.0;
    let mut reasons = Vec::new();
    for constraint in constraints {
        let value = Metric::find(metrics, &constraint.metric);
        // A missing metric keeps no constraint.
        let violation = constraint.violation(value.unwrap_or(f64::NAN));
        if violation > 0.0 {
            sum += violation;
            let value = value.map_or_else(|| "unknown".to_owned(), readable);
            reasons.push(format!("{} = {value} breaks {}", constraint.metric, constraint_text(constraint)));
        }
    }
    (sum, reasons)
}

fn checked_gradient(trial: &TrialRecord, gradient: Weights) -> Result<Weights, String> {
    let Candidate::Relaxed(weights) = &trial.proposal.candidate else { return Ok(Weights::new()) };
    let lengths = |weights: &Weights| weights.iter().map(Vec::len).collect::<Vec<_>>();
    if !gradient.is_empty() && lengths(&gradient) != lengths(weights) {
        return Err(format!("the gradient of trial {} does not have the shape of its weights", trial.trial));
    }
    Ok(gradient.into_iter().map(|row| row.into_iter().map(|value| value.map(exact)).collect()).collect())
}

/// What a strategy is told about a finished trial; hidden and undeclared metrics are left out. `first`: the search's
/// first trial, where the search asked for this one.
pub(crate) fn observation(
    header: &Header,
    trial: &TrialRecord,
    first: Option<usize>,
) -> Result<Observation, StudyError> {
    if !trial.state.is_final() {
        let problem = format!("the strategy was told of trial {}, but it has no outcome", trial.trial);
        return Err(StudyError::spec("the log", problem, "this is a defect of nas: report it, with the study file"));
    }
    let known = |metric: &MetricInfo| trial.metric(&metric.name).unwrap_or(f64::NAN);
    let failure = || Failure { reason: trial.reason.clone(), violation: trial.violation };
    let position = first.and_then(|first| (trial.trial as usize).checked_sub(first));
    Ok(Observation {
        trial: position.and_then(|position| u32::try_from(position).ok()),
        candidate: trial.proposal.candidate.clone(),
        // What was spent, which is less than what was asked for where a pruner ended the trial.
        fidelity: trial.pruned_at.or(trial.fidelity),
        metrics: header.visible().map(known).collect(),
        failure: (trial.state != State::Measured).then(failure),
        gradient: (!trial.gradient.is_empty()).then(|| trial.gradient.clone()),
        cost: trial.cost,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use nas_api::Goal;

    fn constraint(metric: &str, goal: Goal, limit: f64) -> Constraint {
        Constraint { metric: metric.into(), goal, limit }
    }

    #[test]
    fn broken_bounds_are_summed_and_named() {
        let metrics = [Metric::new("params", 12345.0), Metric::new("val_accuracy", 0.5)];
        let constraints = [
            constraint("params", Goal::Minimize, 5000.0),
            constraint("val_accuracy", Goal::Maximize, 0.4),
            constraint("missing", Goal::Minimize, 1.0),
        ];
        let (violation, reasons) = violations(&metrics, constraints.iter());
        assert_eq!(violation, f64::INFINITY);
        assert_eq!(reasons, ["params = 12,345 breaks params<=5000", "missing = unknown breaks missing<=1"]);
        assert_eq!(violations(&metrics, constraints[..1].iter()).0, 7345.0 / 5000.0);
    }
}
