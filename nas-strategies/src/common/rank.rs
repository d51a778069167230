//! How strategies compare results: by feasibility first, then by the main objective.

use std::cmp::Ordering;

use nas_api::{Constraint, Observation, Study};

/// The rank of a result; greater is better, and the order is total.
///
/// These are the feasibility rules of K. Deb (2000), "An efficient constraint handling method for genetic algorithms",
/// Computer Methods in Applied Mechanics and Engineering 186, Section 3: a feasible candidate beats an infeasible one,
/// the better objective wins among feasible candidates, and the smaller violation among infeasible ones. A candidate
/// that failed for any other reason comes last.
#[derive(Clone, Copy, Debug)]
pub enum Rank {
    /// The trial failed without violating a constraint, or its objective is missing or not finite.
    Failed,
    /// The sum of constraint violations, relative to their limits; above 0, possibly infinite.
    Infeasible(f64),
    /// The main objective, negated if it is minimized, so that more is better; finite.
    Measured(f64),
}

impl Rank {
    /// The rank of an observation. Constraints on metrics that only training measures, such as the loss, count too.
    pub fn of(study: &Study, observation: &Observation) -> Self {
        let violation = match &observation.failure {
            Some(failure) if failure.violation.is_nan() => f64::INFINITY,
            Some(failure) => failure.violation,
            None => {
                let known = |constraint: &Constraint| {
                    Some(constraint.violation(study.metric(observation, &constraint.metric)?))
                };
                study.constraints.iter().filter_map(known).sum()
            }
        };
        if violation > 0.0 {
            return Self::Infeasible(violation);
        }
        study.score(observation).map_or(Self::Failed, Self::Measured)
    }

    /// Whether a result of this rank may be measured again at a higher fidelity: it has a rank, and the evaluator has
    /// measured its objective. What breaks a constraint before it is measured would break it again.
    pub fn promotable(self, study: &Study, observation: &Observation) -> bool {
        let main = study.objectives.first();
        let measured = main.and_then(|objective| study.metric(observation, &objective.metric));
        self != Self::Failed && measured.is_some_and(f64::is_finite)
    }

    /// The main objective, more is better; `None` if the candidate is infeasible or failed.
    pub fn score(self) -> Option<f64> {
        match self {
            Self::Measured(score) => Some(score),
            Self::Failed | Self::Infeasible(_) => None,
        }
    }

    fn tier(self) -> u8 {
        match self {
            Self::Failed => 0,
            Self::Infeasible(_) => 1,
            Self::Measured(_) => 2,
        }
    }
}

impl Ord for Rank {
    fn cmp(&self, other: &Self) -> Ordering {
        // 0.0 and -0.0 must be equal, as in IEEE comparison. A score is finite.
        match (*self, *other) {
            (Self::Measured(a), Self::Measured(b)) => a.partial_cmp(&b).unwrap_or_else(|| a.total_cmp(&b)),
            (Self::Infeasible(a), Self::Infeasible(b)) => b.total_cmp(&a),
            (a, b) => a.tier().cmp(&b.tier()),
        }
    }
}

impl PartialOrd for Rank {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Rank {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Rank {}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use nas_api::{Candidate, Failure, Goal, Objective, Settings};

    use super::*;

    fn study(goal: Goal) -> Study {
        Study {
            objectives: vec![Objective { metric: "accuracy".into(), goal }],
            constraints: vec![Constraint { metric: "params".into(), goal: Goal::Minimize, limit: 100.0 }],
            metrics: vec!["accuracy".into(), "params".into()],
            seed: 0,
            trials: None,
            total_fidelity: None,
            workers: 1,
            fidelities: Vec::new(),
            settings: Settings::default(),
        }
    }

    fn rank(goal: Goal, (metrics, failure): (Vec<f64>, Option<Failure>)) -> Rank {
        let candidate = Candidate::Discrete(vec![0]);
        let gradient = None;
        let observation =
            Observation { trial: Some(0), candidate, fidelity: None, metrics, failure, gradient, cost: 0.0 };
        Rank::of(&study(goal), &observation)
    }

    fn measured(accuracy: f64, params: f64) -> (Vec<f64>, Option<Failure>) {
        (vec![accuracy, params], None)
    }

    fn failed(violation: f64) -> (Vec<f64>, Option<Failure>) {
        (vec![0.9, 1.0], Some(Failure { violation, ..Failure::new("test") }))
    }

    #[test]
    fn ranks_follow_debs_rules() {
        let up = Goal::Maximize;
        let worst_to_best = [
            rank(up, failed(0.0)),
            rank(up, failed(f64::NAN)),
            rank(up, failed(2.0)),
            rank(up, failed(0.5)),
            rank(up, measured(0.1, 100.0)),
            rank(up, measured(0.2, 1.0)),
        ];
        assert!(worst_to_best.is_sorted_by(|a, b| a < b), "{worst_to_best:?}");
        assert!(rank(Goal::Minimize, measured(0.1, 1.0)) > rank(Goal::Minimize, measured(0.2, 1.0)));
    }

    #[test]
    fn a_measured_metric_can_violate_a_constraint() {
        let violating = rank(Goal::Maximize, measured(0.9, 150.0));
        assert_eq!(violating, Rank::Infeasible(0.5));
        assert_eq!(violating.score(), None);
    }

    #[test]
    fn a_broken_constraint_on_a_measured_metric_may_be_promoted_and_one_on_the_graph_may_not() {
        let promotable = |metrics: Vec<f64>, failure: Option<Failure>| {
            let study = study(Goal::Maximize);
            let observation = Observation {
                trial: Some(0),
                candidate: Candidate::Discrete(vec![0]),
                fidelity: None,
                metrics,
                failure,
                gradient: None,
                cost: 0.0,
            };
            Rank::of(&study, &observation).promotable(&study, &observation)
        };
        let breaks = || Some(Failure { violation: 0.5, ..Failure::new("test") });
        assert!(promotable(vec![0.9, 1.0], None));
        assert!(promotable(vec![0.9, 150.0], breaks()));
        assert!(!promotable(vec![f64::NAN, 150.0], breaks()), "it was never trained");
        assert!(!promotable(vec![0.9, 1.0], Some(Failure::new("test"))), "it crashed, or was pruned");
        assert!(!promotable(vec![f64::NAN, 1.0], None));
    }

    #[test]
    fn a_non_finite_objective_counts_as_failed_and_both_zeros_are_equal() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(rank(Goal::Maximize, measured(value, 1.0)), Rank::Failed);
        }
        assert_eq!(rank(Goal::Maximize, measured(0.0, 1.0)), rank(Goal::Maximize, measured(-0.0, 1.0)));
    }
}
