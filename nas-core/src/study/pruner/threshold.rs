//! Ends a trial whose metric is beyond a limit, or is not a number at all.

use nas_api::{Goal, Parameter};

use super::{Point, Rule, short};

/// The rule.
pub struct Threshold {
    /// In the metric's unit.
    pub limit: f64,
}

pub fn parameter() -> Parameter {
    Parameter::number("limit", 0.0, -1e300, 1e300, "The metric must not be worse than this, in its unit; required.")
}

impl Rule for Threshold {
    fn compares(&self) -> bool {
        false
    }

    fn fault(&self, metric: &str, goal: Goal, curve: &[Point], _earlier: &[Vec<Point>]) -> Option<String> {
        let last = curve.last().filter(|last| last.score < goal.score(self.limit))?;
        let limit = short(self.limit);
        if !last.score.is_finite() {
            return Some(format!("its {metric} is not a finite number (the threshold is {limit})"));
        }
        Some(format!("its {metric}, {}, is worse than the threshold {limit}", short(goal.score(last.score))))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::tests::curve;
    use super::*;

    #[test]
    fn the_last_value_counts() {
        let fault = |goal, scores: &[f64]| Threshold { limit: 2.0 }.fault("m", goal, &curve(scores), &[]);
        assert_eq!(fault(Goal::Maximize, &[1.0, 2.0]), None);
        assert_eq!(fault(Goal::Maximize, &[3.0, 1.5]).unwrap(), "its m, 1.5000, is worse than the threshold 2.0000");
        assert_eq!(fault(Goal::Minimize, &[-2.0]), None);
        assert!(fault(Goal::Minimize, &[-2.5]).unwrap().contains("2.5000"));
        assert!(fault(Goal::Minimize, &[f64::NEG_INFINITY]).unwrap().contains("is not a finite number"));
    }
}
