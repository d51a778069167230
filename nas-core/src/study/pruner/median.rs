//! The median stopping rule of Golovin et al., "Google Vizier: A Service for Black-Box Optimization", KDD 2017, section
//! 3.2.2 ("Automated early stopping").
//!
//! A trial ends at step *s* if its best value up to step *s* is strictly worse than the median of the running averages
//! of other trials, each taken over what that trial reported up to step *s*. There is one difference: the paper
//! compares with *completed* trials, this rule with all *earlier* ones that came as far as *s*, including those that
//! were ended. Which trials are completed depends on the clock; which are earlier does not.

use nas_api::{Goal, Parameter};

use super::{Point, Rule, best, short};

/// The rule.
pub struct Median {
    /// A trial is compared with at least this number of others, or with none.
    pub startup: usize,
}

pub fn parameter() -> Parameter {
    Parameter::integer("startup", 5, 1, 1_000_000, "No trial is ended before this many earlier ones have come as far.")
}

impl Rule for Median {
    fn compares(&self) -> bool {
        true
    }

    fn fault(&self, metric: &str, goal: Goal, curve: &[Point], earlier: &[Vec<Point>]) -> Option<String> {
        if earlier.len() < self.startup.max(1) {
            return None;
        }
        let averages = earlier.iter().map(|curve| mean(curve)).collect();
        let (mine, median) = (best(curve), median(averages));
        (mine < median).then(|| {
            let (mine, median, count) = (short(goal.score(mine)), short(goal.score(median)), earlier.len());
            format!("its best {metric} so far, {mine}, is worse than the median {median} of {count} earlier trials")
        })
    }
}

fn mean(curve: &[Point]) -> f64 {
    curve.iter().map(|point| point.score).sum::<f64>() / curve.len() as f64
}

/// The median; for an even number of values, the mean of the two in the middle.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match (values.len() % 2, values.get(middle.wrapping_sub(1)), values.get(middle)) {
        (0, Some(low), Some(high)) => low + (high - low) / 2.0,
        (_, _, Some(value)) => *value,
        _ => f64::NEG_INFINITY,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::tests::curve;
    use super::*;

    fn fault(startup: usize, mine: &[f64], earlier: &[&[f64]]) -> Option<String> {
        let earlier: Vec<_> = earlier.iter().map(|scores| curve(scores)).collect();
        Median { startup }.fault("val_accuracy", Goal::Maximize, &curve(mine), &earlier)
    }

    #[test]
    fn medians_by_hand() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median(vec![7.0]), 7.0);
        assert_eq!(median(vec![f64::NEG_INFINITY, 1.0, f64::NEG_INFINITY]), f64::NEG_INFINITY);
    }

    #[test]
    fn the_best_so_far_is_held_against_running_averages() {
        // Running averages after two steps: 0.3, 0.5, 0.4; their median is 0.4.
        let earlier: [&[f64]; 3] = [&[0.2, 0.4], &[0.4, 0.6], &[0.3, 0.5]];
        let words = fault(3, &[0.35, 0.1], &earlier).unwrap();
        assert!(words.contains("val_accuracy so far, 0.3500, is worse than the median 0.4000 of 3 "), "{words}");
        assert_eq!(fault(3, &[0.4, 0.1], &earlier), None, "as good as the median is not worse");
        assert_eq!(fault(3, &[0.41, 0.0], &earlier), None, "its best counts, not its last");
        assert_eq!(fault(4, &[0.0, 0.0], &earlier), None, "too few to compare with");
        // Four values: the median lies between 0.4 and 0.5.
        let four: [&[f64]; 4] = [&[0.2, 0.4], &[0.4, 0.6], &[0.3, 0.5], &[0.9, 0.9]];
        assert!(fault(3, &[0.44, 0.44], &four).is_some() && fault(3, &[0.46, 0.4], &four).is_none());
    }

    #[test]
    fn what_is_no_number_is_worse_than_every_number_and_no_worse_than_its_like() {
        let none = f64::NEG_INFINITY;
        assert!(fault(1, &[none], &[&[0.1]]).is_some());
        assert_eq!(fault(1, &[none], &[&[none]]), None);
        assert_eq!(fault(1, &[0.1], &[&[none], &[none]]), None);
    }

    #[test]
    fn what_is_minimised_is_told_as_it_was_measured() {
        let earlier = vec![curve(&[-1.0]), curve(&[-2.0]), curve(&[-3.0])];
        let rule = Median { startup: 2 };
        let words = rule.fault("val_loss", Goal::Minimize, &curve(&[-2.5]), &earlier).unwrap();
        assert!(words.contains("val_loss so far, 2.5000, is worse than the median 2.0000"), "{words}");
    }
}
