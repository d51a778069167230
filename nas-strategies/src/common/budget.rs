//! Sizes that follow the study's budget, so that a search does not spend all of it on its random start.

use nas_api::{Parameter, Result, Study};

/// The number of trials that the study's budget pays for; `None` if it limits neither trials nor total fidelity. A
/// trial is counted at the greatest fidelity.
pub(crate) fn trials(study: &Study) -> Option<u32> {
    let greatest = study.fidelities.last().copied().filter(|&greatest| greatest > 0.0);
    let by_fidelity = study.total_fidelity.zip(greatest).map(|(total, greatest)| (total / greatest) as u32);
    match (study.trials, by_fidelity) {
        (Some(trials), Some(others)) => Some(trials.min(others)),
        (trials, others) => trials.or(others),
    }
}

/// A parameter whose value is the number of random architectures with which a search begins, unless the user sets it a
/// share of the budget.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RandomStart {
    /// The name of the parameter.
    pub(crate) name: &'static str,
    /// One in this many trials belongs to the start.
    pub(crate) one_in: u32,
    /// The least size, except that no start takes more than half of the trials.
    pub(crate) least: u32,
    /// The greatest size.
    pub(crate) most: u32,
    /// The size if the budget says nothing about trials.
    pub(crate) otherwise: u32,
}

impl RandomStart {
    /// For models, which need about ten results to begin with.
    pub(crate) const fn of_model(name: &'static str) -> Self {
        Self { name, one_in: 4, least: 1, most: 10, otherwise: 10 }
    }

    /// The parameter, whose default 0 stands for the share of the budget. `meaning` says what it is.
    pub(crate) fn parameter(&self, meaning: &str) -> Parameter {
        let Self { name, one_in, least, most, otherwise } = self;
        let from = if least == most { String::new() } else { format!(", {least} to {most}") };
        let description = format!("{meaning}; 0: trials/{one_in}{from} ({otherwise} if trials are not limited).");
        Parameter::integer(name, 0, 0, 1_000_000, &description)
    }

    /// The size in this study, at least 1. The user is warned of one that leaves the search no trial.
    ///
    /// # Errors
    /// The setting is missing or no whole number.
    pub(crate) fn size(&self, study: &Study) -> Result<u32> {
        let trials = trials(study);
        let size = match (study.settings.integer(self.name)?, trials) {
            (0, Some(trials)) => (trials / self.one_in).clamp(self.least, self.most).min(trials / 2).max(1),
            (0, None) => self.otherwise,
            (size, _) => size,
        };
        if let Some(trials) = trials.filter(|&trials| size >= trials && trials > 1) {
            nas_api::notice::warn(&format!(
                "its first {size} proposals are random, so with {trials} trials this is random search: set \
                 strategy.{} to {} or less",
                self.name,
                (trials / 2).max(1)
            ));
        }
        Ok(size)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use nas_api::{Setting, Settings, Value};

    use super::*;
    use crate::RandomSearch;
    use crate::conformance::study_of;

    const START: RandomStart = RandomStart { name: "population", one_in: 5, least: 10, most: 100, otherwise: 20 };

    fn study(set: u32, trials: Option<u32>) -> Study {
        let given = [Setting { name: "population".into(), value: Value::Number(f64::from(set)) }];
        let settings = Settings::checked(&[START.parameter("P")], &given).unwrap();
        Study { trials, settings, ..study_of::<RandomSearch>(1, &[]).unwrap() }
    }

    #[test]
    fn the_start_is_a_share_of_the_trials_within_its_limits() {
        let size = |trials| START.size(&study(0, trials)).unwrap();
        assert_eq!([1, 2, 12, 30, 60, 200, 10_000].map(|trials| size(Some(trials))), [1, 1, 6, 10, 12, 40, 100]);
        assert_eq!(size(None), 20);
        assert_eq!(START.size(&study(7, Some(200))).unwrap(), 7);
        assert!(nas_api::notice::take().is_empty());
    }

    #[test]
    fn total_fidelity_counts_as_trials_at_the_greatest_fidelity() {
        let budget =
            |trials, total| Study { total_fidelity: Some(total), fidelities: vec![1.0, 3.0, 9.0], ..study(0, trials) };
        assert_eq!(trials(&budget(None, 500.0)), Some(55));
        assert_eq!(trials(&budget(Some(30), 500.0)), Some(30));
        assert_eq!(trials(&Study { fidelities: Vec::new(), ..budget(None, 500.0) }), None);
    }

    #[test]
    fn a_start_that_is_the_whole_study_is_warned_of() {
        START.size(&study(100, Some(60))).unwrap();
        let [warning]: [String; 1] = nas_api::notice::take().try_into().unwrap();
        assert!(warning.contains("first 100 proposals are random"), "{warning}");
        assert!(warning.contains("strategy.population to 30 or less"), "{warning}");
        START.size(&study(59, Some(60))).unwrap();
        START.size(&study(100, None)).unwrap();
        assert!(nas_api::notice::take().is_empty());
    }
}
