//! Constraint domination, fast non-dominated sorting and crowding distance.

use std::cmp::Ordering;

use nas_api::{Observation, Study};

use crate::Rank;

/// How one candidate stands in all objectives.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Standing {
    /// It failed without breaking a constraint, or one of its objectives is missing or not finite.
    Failed,
    /// It breaks constraints by this much in sum.
    Infeasible(f64),
    /// All objectives, turned so that more is better; finite.
    Feasible(Vec<f64>),
}

impl Standing {
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

    /// Constraint domination (Definition 1 of the paper).
    pub(super) fn dominates(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Feasible(a), Self::Feasible(b)) => {
                a.iter().zip(b).all(|(a, b)| a >= b) && a.iter().zip(b).any(|(a, b)| a > b)
            }
            (Self::Infeasible(a), Self::Infeasible(b)) => a < b,
            (a, b) => a.tier() > b.tier(),
        }
    }

    /// An order in which none dominates an earlier one.
    fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Feasible(a), Self::Feasible(b)) => {
                // As `dominates` sees it: 0.0 and -0.0 are equal.
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

/// Positions by front, the best front first, each in ascending order: what the paper's fast-non-dominated-sort finds.
///
/// Found by the efficient non-dominated sort with binary search: X. Zhang, Y. Tian, R. Cheng and Y. Jin (2015), "An
/// efficient approach to nondominated sorting for evolutionary multiobjective optimization", IEEE TEC 19(2). Candidates
/// are taken so that none dominates an earlier one; each goes to the first front that holds none that dominates it, and
/// a front after that holds none either. With one objective or two, in this order, a front's last member dominates
/// whatever any of its members does, so that only the last one is looked at.
pub(super) fn fronts(standings: &[&Standing]) -> Vec<Vec<usize>> {
    let objectives = |standing: &&Standing| match standing {
        Standing::Feasible(values) => values.len(),
        Standing::Failed | Standing::Infeasible(_) => 0,
    };
    let looked_at = if standings.iter().map(objectives).max().unwrap_or(0) <= 2 { 1 } else { usize::MAX };
    let mut order: Vec<usize> = (0..standings.len()).collect();
    order.sort_by(|&a, &b| standings[a].order(standings[b]));
    let mut fronts: Vec<Vec<usize>> = Vec::new();
    for candidate in order {
        // Those that were added last are the likeliest to dominate.
        let beats = |&member: &usize| standings[member].dominates(standings[candidate]);
        let place = fronts.partition_point(|front| front.iter().rev().take(looked_at).any(beats));
        match fronts.get_mut(place) {
            Some(front) => front.push(candidate),
            None => fronts.push(vec![candidate]),
        }
    }
    fronts.iter_mut().for_each(|front| front.sort_unstable());
    fronts
}

/// The crowding distance of each member of a front (the paper's crowding-distance-assignment); infinite at the ends of
/// every objective, 0 for all where there are no objective values.
pub(super) fn crowding(standings: &[&Standing], front: &[usize]) -> Vec<f64> {
    let values: Vec<&[f64]> = front
        .iter()
        .filter_map(|&index| match standings[index] {
            Standing::Feasible(values) => Some(values.as_slice()),
            Standing::Failed | Standing::Infeasible(_) => None,
        })
        .collect();
    let mut distances = vec![0.0; front.len()];
    if values.len() != front.len() {
        return distances;
    }
    for objective in 0..values.first().map_or(0, |first| first.len()) {
        // Halves, so that the difference of huge values does not overflow.
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

    fn feasible(values: &[[f64; 2]]) -> Vec<Standing> {
        values.iter().map(|values| Standing::Feasible(values.to_vec())).collect()
    }

    #[test]
    fn fronts_of_a_small_example_worked_out_by_hand() {
        let standings = feasible(&[[1.0, 5.0], [2.0, 3.0], [4.0, 1.0], [1.0, 3.0], [2.0, 1.0], [0.0, 0.0], [4.0, 1.0]]);
        let all: Vec<&Standing> = standings.iter().collect();
        assert_eq!(fronts(&all), [vec![0, 1, 2, 6], vec![3, 4], vec![5]]);
    }

    /// By definition: a front is what nothing that is left dominates.
    #[test]
    fn fronts_are_peeled_off_one_by_one() {
        let mut rng = seeded(5);
        for size in 0..180_u32 {
            let objectives = size % 3 + 1;
            let mut standing = || match rng.random_range(0..8_u32) {
                0 => Standing::Failed,
                1 => Standing::Infeasible(f64::from(rng.random_range(1..4_u32))),
                // Ties, and both zeros.
                _ => Standing::Feasible((0..objectives).map(|_| -f64::from(rng.random_range(0..5_u32))).collect()),
            };
            let standings: Vec<Standing> = (0..size).map(|_| standing()).collect();
            let all: Vec<&Standing> = standings.iter().collect();
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
        let standings = [
            Standing::Failed,
            Standing::Infeasible(2.0),
            Standing::Feasible(vec![0.0, 0.0]),
            Standing::Infeasible(0.5),
            Standing::Feasible(vec![-1.0, 1.0]),
            Standing::Infeasible(f64::INFINITY),
            Standing::Failed,
            Standing::Infeasible(2.0),
        ];
        let all: Vec<&Standing> = standings.iter().collect();
        assert_eq!(fronts(&all), [vec![2, 4], vec![3], vec![1, 7], vec![5], vec![0, 6]]);
    }

    #[test]
    fn crowding_is_the_sum_of_relative_distances_between_the_neighbours() {
        // First objective: 0, 1, 3, 4; second: 8, 4, 2, 0.
        let standings = feasible(&[[0.0, 8.0], [3.0, 2.0], [4.0, 0.0], [1.0, 4.0]]);
        let all: Vec<&Standing> = standings.iter().collect();
        let distances = crowding(&all, &[0, 1, 2, 3]);
        assert_eq!(distances, [f64::INFINITY, 3.0 / 4.0 + 4.0 / 8.0, f64::INFINITY, 3.0 / 4.0 + 6.0 / 8.0]);
        let huge = feasible(&[[f64::MIN, f64::MAX], [0.0, 0.0], [f64::MAX, f64::MIN]]);
        let all: Vec<&Standing> = huge.iter().collect();
        assert_eq!(crowding(&all, &[0, 1, 2])[1], 2.0);
    }

    #[test]
    fn without_values_or_without_a_range_nobody_has_room() {
        let failed = [Standing::Failed, Standing::Failed, Standing::Failed];
        assert_eq!(crowding(&failed.iter().collect::<Vec<_>>(), &[0, 1, 2]), [0.0; 3]);
        let equal = feasible(&[[1.0, 1.0]; 4]);
        let distances = crowding(&equal.iter().collect::<Vec<_>>(), &[0, 1, 2, 3]);
        assert_eq!(distances, [f64::INFINITY, 0.0, 0.0, f64::INFINITY]);
    }
}
