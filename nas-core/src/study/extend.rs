//! A study that goes on after its budget: the limits are raised, and everything else stays as it was.

use super::StudyError;
use super::header::Budget;
use super::spec::BudgetSpec;

/// One limit of a budget, as it is given for a study that exists.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum NewLimit<T> {
    /// The limit is this from now on; giving it again changes nothing.
    To(T),
    /// The limit is raised by this.
    By(T),
}

/// The limits that are given for a study that exists.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct BudgetChange {
    /// The number of trials.
    pub trials: Option<NewLimit<u32>>,
    /// The fidelity of all trials together.
    pub total_fidelity: Option<NewLimit<f64>>,
    /// The seconds on the study's clock.
    pub seconds: Option<NewLimit<f64>>,
}

impl BudgetChange {
    /// The budget with its limits raised.
    ///
    /// # Errors
    ///
    /// A limit would be lowered, does not exist, or is no number.
    pub fn extend(&self, budget: Budget) -> Result<Budget, StudyError> {
        let sum = |old: u32, more: u32| if more == 0 { None } else { old.checked_add(more) };
        let trials = raised("trials", budget.trials, self.trials, sum)?;
        let sum = |old: f64, more: f64| Some(old + more).filter(|sum| sum.is_finite() && more > 0.0);
        let total_fidelity = raised("total_fidelity", budget.total_fidelity, self.total_fidelity, sum)?;
        let seconds = raised("seconds", budget.seconds, self.seconds, sum)?;
        Ok(Budget { trials, total_fidelity, seconds })
    }

    /// The same as the budget of a new search.
    ///
    /// # Errors
    ///
    /// A limit is relative: a new search has nothing that could be raised.
    pub fn of_new_search(&self) -> Result<BudgetSpec, StudyError> {
        let given = |key: &str| {
            let remedy = "give the number of the new search alone, without '+'";
            StudyError::spec(format!("budget.{key}"), "a new search has a budget of its own", remedy)
        };
        fn absolute<T>(limit: Option<NewLimit<T>>, error: impl Fn() -> StudyError) -> Result<Option<T>, StudyError> {
            match limit {
                None => Ok(None),
                Some(NewLimit::To(limit)) => Ok(Some(limit)),
                Some(NewLimit::By(_)) => Err(error()),
            }
        }
        Ok(BudgetSpec {
            trials: absolute(self.trials, || given("trials"))?,
            total_fidelity: absolute(self.total_fidelity, || given("total_fidelity"))?,
            seconds: absolute(self.seconds, || given("seconds"))?,
        })
    }
}

fn raised<T: Copy + PartialOrd + std::fmt::Display>(
    key: &str,
    old: Option<T>,
    new: Option<NewLimit<T>>,
    sum: impl Fn(T, T) -> Option<T>,
) -> Result<Option<T>, StudyError> {
    let Some(new) = new else { return Ok(old) };
    let place = format!("budget.{key}");
    let words = key.replace('_', " ");
    let Some(old) = old else {
        let remedy = "raise the limit that ended the study, or give --warm-start to begin a new search";
        return Err(StudyError::spec(place, format!("the study has no limit of {words} that could be raised"), remedy));
    };
    match new {
        NewLimit::To(limit) if limit >= old && sum(limit, old).is_some() => Ok(Some(limit)),
        NewLimit::To(limit) => {
            let problem =
                format!("{limit} is not more than the {old} {words} of the study: a budget can only be raised");
            Err(StudyError::spec(place, problem, "give a larger number, or +N for N more"))
        }
        NewLimit::By(more) => {
            let problem = format!("{old} {words} cannot be raised by {more}");
            sum(old, more).map(Some).ok_or_else(|| StudyError::spec(place, problem, "give a number above 0"))
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const BUDGET: Budget = Budget { trials: Some(30), total_fidelity: None, seconds: Some(60.0) };

    fn trials(limit: NewLimit<u32>) -> BudgetChange {
        BudgetChange { trials: Some(limit), ..BudgetChange::default() }
    }

    #[test]
    fn limits_are_raised() {
        let extended = |change: BudgetChange| change.extend(BUDGET).unwrap();
        assert_eq!(extended(BudgetChange::default()), BUDGET);
        assert_eq!(extended(trials(NewLimit::By(30))).trials, Some(60));
        assert_eq!(extended(trials(NewLimit::To(50))).trials, Some(50));
        assert_eq!(extended(trials(NewLimit::To(30))), BUDGET);
        let seconds = BudgetChange { seconds: Some(NewLimit::By(0.5)), ..BudgetChange::default() };
        assert_eq!(extended(seconds).seconds, Some(60.5));
    }

    #[test]
    fn what_is_no_extension_is_refused() {
        let refused = |change: BudgetChange, part: &str| {
            let error = change.extend(BUDGET).unwrap_err().to_string();
            assert!(error.contains(part) && error.contains("help"), "{error}");
        };
        refused(trials(NewLimit::To(20)), "20 is not more than the 30 trials");
        refused(trials(NewLimit::By(0)), "30 trials cannot be raised by 0");
        refused(trials(NewLimit::By(u32::MAX)), "cannot be raised");
        let fidelity = |limit| BudgetChange { total_fidelity: Some(limit), ..BudgetChange::default() };
        refused(fidelity(NewLimit::By(3.0)), "no limit of total fidelity");
        let seconds = |limit| BudgetChange { seconds: Some(limit), ..BudgetChange::default() };
        for wrong in [f64::NAN, f64::INFINITY, -1.0, 0.0] {
            refused(seconds(NewLimit::By(wrong)), "cannot be raised");
            refused(seconds(NewLimit::To(wrong)), "a budget can only be raised");
        }
    }

    #[test]
    fn a_new_search_has_a_budget_of_its_own() {
        assert_eq!(trials(NewLimit::To(7)).of_new_search().unwrap().trials, Some(7));
        let error = trials(NewLimit::By(7)).of_new_search().unwrap_err().to_string();
        assert!(error.contains("budget.trials") && error.contains("without '+'"), "{error}");
    }
}
