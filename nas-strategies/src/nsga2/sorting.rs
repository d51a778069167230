//! Constraint domination, fast non-dominated sorting and crowding distance.

use std::cmp::Ordering;

use nas_api::{Observation, Study};

use crate::Rank;

/// The result of a candidate in all objectives.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Fitness {
    /// The trial failed without violating a constraint, or one of its objectives is missing or not finite.
    Failed,
    /// The sum of constraint violations, relative to their limits.
    Infeasible(f64),
    /// All objectives, negated where they are minimized, so that more is better; finite.
    Feasible(Vec<f64>),
}

impl Fitness {
    /// The fitness of an observation.
    pub(super) fn of(study: &Study, observation: &Observation) -> Self {
        match Rank::of(study, observation) {
            Rank::Failed => Self::Failed,
            Rank::Infeasible(violation) => Self::Infeasible(violation),
            Rank::Measured(_) => {
                let value = |objective: &nas_api::Objective| {
                    let value = study.metric(observation, &objective.metric)?;
                    value.is_finite().then(|| objective.goal.score(value))
                };
                study.objectives.iter().map(value).collect::<Option<_>>().map_or(Self::Failed, Self::Feasible)
            }
        }
    }

    /// Whether this fitness dominates the other one by constraint domination (Definition 1 of the paper).
    pub(super) fn dominates(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Feasible(a), Self::Feasible(b)) => {
                a.iter().zip(b).all(|(a, b)| a >= b) && a.iter().zip(b).any(|(a, b)| a > b)
            }
            (Self::Infeasible(a), Self::Infeasible(b)) => a < b,
            (a, b) => a.tier() > b.tier(),
        }
    }

    /// An order in which no candidate dominates an earlier one.
    fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Feasible(a), Self::Feasible(b)) => {
                // As in `dominates`, 0.0 and -0.0 are equal.
                let objective = |(a, b): (&f64, &f64)| (b + 0.0).total_cmp(&(a + 0.0));
                a.iter().zip(b).map(objective).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
            }
            (Self::Infeasible(a), Self::Infeasible(b)) => a.total_cmp(b),
            (a, b) => b.tier().cmp(&a.tier()),
        }
    }

    fn tier(&self) -> u8 {
        match self {
            Self::Failed => 0,
            Self::Infeasible(_) => 1,
            Self::Feasible(_) => 2,
        }
    }
}

/// The indices of each front in ascending order, the best front first: the result of the paper's
/// fast-non-dominated-sort.
///
/// The algorithm is the efficient non-dominated sort with binary search: X. Zhang, Y. Tian, R. Cheng and Y. Jin (2015),
/// "An efficient approach to nondominated sorting for evolutionary multiobjective optimization", IEEE TEC 19(2).
/// Candidates are sorted so that none dominates an earlier one. Each joins the first front without a member that
/// dominates it; no later front has such a member either. With one or two objectives, in this order, a front's last
/// member dominates every candidate that any of its members dominates, so only the last one is compared.
pub(super) fn fronts(fitnesses: &[&Fitness]) -> Vec<Vec<usize>> {
    let objectives = |fitness: &&Fitness| match fitness {
        Fitness::Feasible(values) => values.len(),
        Fitness::Failed | Fitness::Infeasible(_) => 0,
    };
    let compared = if fitnesses.iter().map(objectives).max().unwrap_or(0) <= 2 { 1 } else { usize::MAX };
    let mut order: Vec<usize> = (0..fitnesses.len()).collect();
    order.sort_by(|&a, &b| fitnesses[a].order(fitnesses[b]));
    let mut fronts: Vec<Vec<usize>> = Vec::new();
    for candidate in order {
        // The members added last are the likeliest to dominate.
        let dominates = |&member: &usize| fitnesses[member].dominates(fitnesses[candidate]);
        let index = fronts.partition_point(|front| front.iter().rev().take(compared).any(dominates));
        match fronts.get_mut(index) {
            Some(front) => front.push(candidate),
            None => fronts.push(vec![candidate]),
        }
    }
    fronts.iter_mut().for_each(|front| front.sort_unstable());
    fronts
}

/// The crowding distance of each member of a front (the paper's crowding-distance-assignment): infinite at the ends of
/// every objective, and 0 for all members of a front without objective values.
pub(super) fn crowding(fitnesses: &[&Fitness], front: &[usize]) -> Vec<f64> {
    let values: Vec<&[f64]> = front
        .iter()
        .filter_map(|&index| match fitnesses[index] {
            Fitness::Feasible(values) => Some(values.as_slice()),
            Fitness::Failed | Fitness::Infeasible(_) => None,
        })
        .collect();
    let mut distances = vec![0.0; front.len()];
    if values.len() != front.len() {
        return distances;
    }
    for objective in 0..values.first().map_or(0, |first| first.len()) {
        // Values are halved, so that the difference of huge values does not overflow.
        let halves: Vec<f64> = values.iter().map(|values| values[objective] / 2.0).collect();
        let mut order: Vec<usize> = (0..front.len()).collect();
        order.sort_by(|&a, &b| halves[a].total_cmp(&halves[b]));
        let (Some(&least), Some(&greatest)) = (order.first(), order.last()) else { continue };
        let range = halves[greatest] - halves[least];
        for around in order.windows(3) {
            if range > 0.0 {
                distances[around[1]] += (halves[around[2]] - halves[around[0]]) / range;
            }
        }
        distances[least] = f64::INFINITY;
        distances[greatest] = f64::INFINITY;
    }
    distances
}

#[cfg(test)]
mod tests {
    use nas_api::rng::{RngExt, seeded};

    use super::*;

    fn feasible(values: &[[f64; 2]]) -> Vec<Fitness> {
        values.iter().map(|values| Fitness::Feasible(values.to_vec())).collect()
    }

    #[test]
    fn fronts_of_a_small_example_agree_with_hand_computed_ones() {
        let fitnesses = feasible(&[[1.0, 5.0], [2.0, 3.0], [4.0, 1.0], [1.0, 3.0], [2.0, 1.0], [0.0, 0.0], [4.0, 1.0]]);
        let all: Vec<&Fitness> = fitnesses.iter().collect();
        assert_eq!(fronts(&all), [vec![0, 1, 2, 6], vec![3, 4], vec![5]]);
    }

    /// By definition, a front has the remaining candidates that no remaining candidate dominates.
    #[test]
    fn fronts_are_peeled_off_one_by_one() {
        let mut rng = seeded(5);
        for size in 0..180_u32 {
            let objectives = size % 3 + 1;
            let mut fitness = || match rng.random_range(0..8_u32) {
                0 => Fitness::Failed,
                1 => Fitness::Infeasible(f64::from(rng.random_range(1..4_u32))),
                // These include ties and both zeros.
                _ => Fitness::Feasible((0..objectives).map(|_| -f64::from(rng.random_range(0..5_u32))).collect()),
            };
            let fitnesses: Vec<Fitness> = (0..size).map(|_| fitness()).collect();
            let all: Vec<&Fitness> = fitnesses.iter().collect();
            let mut left: Vec<usize> = (0..all.len()).collect();
            for front in fronts(&all) {
                let free = |&p: &usize| !left.iter().any(|&q| all[q].dominates(all[p]));
                let expected: Vec<usize> = left.iter().copied().filter(free).collect();
                assert_eq!(front, expected);
                left.retain(|p| !front.contains(p));
            }
            assert!(left.is_empty());
        }
    }

    #[test]
    fn constraints_come_before_objectives() {
        let fitnesses = [
            Fitness::Failed,
            Fitness::Infeasible(2.0),
            Fitness::Feasible(vec![0.0, 0.0]),
            Fitness::Infeasible(0.5),
            Fitness::Feasible(vec![-1.0, 1.0]),
            Fitness::Infeasible(f64::INFINITY),
            Fitness::Failed,
            Fitness::Infeasible(2.0),
        ];
        let all: Vec<&Fitness> = fitnesses.iter().collect();
        assert_eq!(fronts(&all), [vec![2, 4], vec![3], vec![1, 7], vec![5], vec![0, 6]]);
    }

    #[test]
    fn crowding_is_the_sum_of_relative_distances_between_the_neighbours() {
        // The values of the first objective are 0, 1, 3 and 4; those of the second are 8, 4, 2 and 0.
        let fitnesses = feasible(&[[0.0, 8.0], [3.0, 2.0], [4.0, 0.0], [1.0, 4.0]]);
        let all: Vec<&Fitness> = fitnesses.iter().collect();
        let distances = crowding(&all, &[0, 1, 2, 3]);
        assert_eq!(distances, [f64::INFINITY, 3.0 / 4.0 + 4.0 / 8.0, f64::INFINITY, 3.0 / 4.0 + 6.0 / 8.0]);
        let huge = feasible(&[[f64::MIN, f64::MAX], [0.0, 0.0], [f64::MAX, f64::MIN]]);
        let all: Vec<&Fitness> = huge.iter().collect();
        assert_eq!(crowding(&all, &[0, 1, 2])[1], 2.0);
    }

    #[test]
    fn without_values_or_without_a_range_inner_members_have_distance_0() {
        let failed = [Fitness::Failed, Fitness::Failed, Fitness::Failed];
        assert_eq!(crowding(&failed.iter().collect::<Vec<_>>(), &[0, 1, 2]), [0.0; 3]);
        let equal = feasible(&[[1.0, 1.0]; 4]);
        let distances = crowding(&equal.iter().collect::<Vec<_>>(), &[0, 1, 2, 3]);
        assert_eq!(distances, [f64::INFINITY, 0.0, 0.0, f64::INFINITY]);
    }
}
