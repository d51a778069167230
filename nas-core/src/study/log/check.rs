//! Whether records are what a study can have written. A file may come from anywhere, and what runs on its numbers
//! trusts them.

use super::read::StrategyCall;
use crate::study::header::{Budget, Header};
use crate::study::record::{State, TrialRecord};
use crate::study::resolve::MAX_WORKERS;

/// Checks the numbers of a search's header.
pub(super) fn check_header(header: &Header) -> Result<(), String> {
    let Header { workers, objectives, fidelities, .. } = header;
    if !(1..=MAX_WORKERS).contains(workers) {
        return Err(format!("it has {workers} workers"));
    }
    if objectives.is_empty() {
        return Err("it has no objective".into());
    }
    let positive = fidelities.iter().all(|fidelity| fidelity.is_finite() && *fidelity > 0.0);
    if !positive || !fidelities.windows(2).all(|pair| pair[0] < pair[1]) {
        return Err("its fidelities are not positive and ascending".into());
    }
    check_budget(&header.budget)
}

/// Checks a budget that was recorded.
pub(super) fn check_budget(budget: &Budget) -> Result<(), String> {
    let numbers = [budget.total_fidelity, budget.seconds];
    let wrong = numbers.iter().flatten().any(|limit| !limit.is_finite() || *limit <= 0.0);
    let none = budget.trials.is_none() && numbers == [None, None];
    if wrong || none || budget.trials == Some(0) { Err("its budget is no budget".into()) } else { Ok(()) }
}

/// Checks a trial against the ones before it.
pub(super) fn check_trial(trial: &TrialRecord, earlier: &[TrialRecord], searches: usize) -> Result<(), String> {
    if trial.search as usize >= searches || earlier.last().is_some_and(|last| last.search > trial.search) {
        return Err(format!("there is no search {} at this point", trial.search));
    }
    if let Some(original) = trial.duplicate_of {
        // An original is no duplicate, so that looking for it ends.
        let original = earlier.get(original as usize).filter(|original| original.duplicate_of.is_none());
        original.ok_or_else(|| "the trial whose outcome it took over is missing".to_owned())?;
    }
    if trial.resume.is_some_and(|resume| resume as usize >= earlier.len()) {
        return Err("the trial that it continues is missing".into());
    }
    let wrong = |number: f64| !number.is_finite() || number < 0.0;
    if trial.fidelity.is_some_and(|fidelity| wrong(fidelity) || fidelity == 0.0)
        || trial.pruned_at.is_some_and(wrong)
        || wrong(trial.cost)
        || trial.violation.is_nan()
        || trial.violation < 0.0
        || !trial.started.is_finite()
    {
        return Err("one of its numbers is out of range".into());
    }
    Ok(())
}

/// Checks that the calls of a search's strategy name its trials, each in its turn.
pub(super) fn check_calls(header: &Header, calls: &[StrategyCall], trials: &[TrialRecord]) -> Result<(), String> {
    let of_search = |trial: &TrialRecord| trial.search >= header.search;
    let first = trials.iter().position(of_search).unwrap_or(trials.len());
    let own = trials[first..].iter().take_while(|trial| trial.search == header.search).count();
    let mut told = vec![false; own];
    let mut asked = 0;
    for (position, call) in calls.iter().enumerate() {
        match call {
            StrategyCall::Ask { limit, trials } => {
                if *limit > header.workers {
                    return Err(format!("the strategy was asked for {limit} trials by {} workers", header.workers));
                }
                for &trial in trials {
                    if trial as usize != first + asked || asked == own {
                        return Err(format!("the strategy was asked for trial {trial} out of turn"));
                    }
                    asked += 1;
                }
            }
            StrategyCall::Tell(numbers) => {
                for &number in numbers {
                    let position = (number as usize).checked_sub(first).filter(|position| *position < asked);
                    let position = position.ok_or_else(|| {
                        format!("the strategy was told of trial {number}, which it was not asked for")
                    })?;
                    if !trials[first + position].state.is_final() {
                        return Err(format!("the strategy was told of trial {number}, but it has no outcome"));
                    }
                    if std::mem::replace(&mut told[position], true) {
                        return Err(format!("the strategy was told of trial {number} twice"));
                    }
                }
            }
            StrategyCall::Warm(numbers) => {
                let known =
                    |number: &u32| (*number as usize) < first && trials[*number as usize].state == State::Measured;
                if position > 0 || !numbers.iter().all(known) {
                    return Err(format!("the warm start of search {} names other trials", header.search));
                }
            }
        }
    }
    if asked < own {
        return Err(format!("the call that asked for trial {} is missing", first + asked));
    }
    Ok(())
}
