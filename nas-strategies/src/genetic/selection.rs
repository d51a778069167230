//! The selection of parents.

use nas_api::rng::{Random, RngExt};

use super::Member;
use crate::Rank;

/// How a parent is selected.
#[derive(Clone, Copy, Debug)]
pub(super) enum Selection {
    /// The best of this many members drawn with replacement; the first drawn of several equal ones.
    Tournament(u32),
    /// A member with a probability proportional to its score minus the worst score. Members without a score have no
    /// weight, unless no member has a score; then smaller violations are likelier. If all weights are 0, the
    /// probability is uniform.
    Roulette,
}

impl Selection {
    /// Selects a parent; `None` if the population is empty.
    pub(super) fn select<'m>(self, members: &'m [Member], rng: &mut Random) -> Option<&'m Member> {
        match self {
            Self::Tournament(size) => {
                let mut best = draw(members, rng)?;
                for _ in 1..size {
                    let rival = draw(members, rng)?;
                    if rival.rank > best.rank {
                        best = rival;
                    }
                }
                Some(best)
            }
            Self::Roulette => {
                let weights = weights(members);
                let total: f64 = weights.iter().sum();
                if total <= 0.0 {
                    return draw(members, rng);
                }
                let mut rest = rng.random::<f64>() * total;
                for (member, weight) in members.iter().zip(&weights) {
                    if rest < *weight {
                        return Some(member);
                    }
                    rest -= weight;
                }
                // Rounding may leave a small rest beyond the last weight.
                members.iter().zip(&weights).rfind(|(_, weight)| **weight > 0.0).map(|(member, _)| member)
            }
        }
    }
}

fn draw<'m>(members: &'m [Member], rng: &mut Random) -> Option<&'m Member> {
    let count = u32::try_from(members.len()).ok().filter(|&count| count > 0)?;
    members.get(rng.random_range(0..count) as usize)
}

/// The roulette weights, each between 0 and 2; all 0 if no member is better than another.
fn weights(members: &[Member]) -> Vec<f64> {
    let feasible = members.iter().any(|member| member.rank.score().is_some());
    let value = |member: &Member| match member.rank {
        Rank::Measured(score) => Some(score),
        Rank::Infeasible(violation) if !feasible && violation.is_finite() => Some(-violation),
        Rank::Infeasible(_) | Rank::Failed => None,
    };
    // Scaled before the subtraction, so that huge scores do not overflow.
    let scale = members.iter().filter_map(value).map(f64::abs).fold(0.0, f64::max);
    if scale == 0.0 {
        return vec![0.0; members.len()];
    }
    let worst = members.iter().filter_map(value).map(|value| value / scale).fold(f64::INFINITY, f64::min);
    members.iter().map(|member| value(member).map_or(0.0, |value| value / scale - worst)).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use nas_api::rng::seeded;

    use super::*;

    fn members(ranks: &[Rank]) -> Vec<Member> {
        (0..).zip(ranks).map(|(choice, &rank)| Member { genotype: vec![choice], rank }).collect()
    }

    /// How often each member is selected in 10,000 selections.
    fn selections(selection: Selection, ranks: &[Rank]) -> Vec<u32> {
        let members = members(ranks);
        let mut rng = seeded(11);
        let mut counts = vec![0; members.len()];
        for _ in 0..10_000 {
            counts[selection.select(&members, &mut rng).unwrap().genotype[0] as usize] += 1;
        }
        counts
    }

    #[test]
    fn roulette_weights_are_the_scores_minus_the_worst() {
        let counts = selections(Selection::Roulette, &[-4.0, -3.0, -1.0].map(Rank::Measured));
        assert_eq!(counts[0], 0);
        // Expected 1 : 3, with a standard deviation of 43.
        assert!((2300..2700).contains(&counts[1]), "{counts:?}");
    }

    #[test]
    fn roulette_uses_violations_only_while_nothing_is_feasible() {
        let none_feasible =
            selections(Selection::Roulette, &[Rank::Failed, Rank::Infeasible(3.0), Rank::Infeasible(1.0)]);
        assert_eq!(none_feasible, [0, 0, 10_000]);
        let one_feasible =
            selections(Selection::Roulette, &[Rank::Infeasible(0.1), Rank::Measured(2.0), Rank::Measured(3.0)]);
        assert_eq!(one_feasible, [0, 0, 10_000]);
    }

    #[test]
    fn roulette_is_uniform_among_equals_and_handles_huge_scores() {
        for ranks in [[Rank::Failed; 4], [Rank::Measured(0.0); 4], [Rank::Measured(-7.5); 4]] {
            assert!(selections(Selection::Roulette, &ranks).iter().all(|count| (2300..2700).contains(count)));
        }
        let huge = selections(Selection::Roulette, &[f64::MIN, 0.0, f64::MAX].map(Rank::Measured));
        assert!(huge[0] == 0 && (3100..3600).contains(&huge[1]), "{huge:?}");
    }

    #[test]
    fn a_tournament_of_two_selects_each_rank_with_the_right_frequency() {
        let counts = selections(Selection::Tournament(2), &[Rank::Failed, Rank::Infeasible(1.0), Rank::Measured(0.0)]);
        // Expected 1/9, 3/9 and 5/9.
        assert!((1000..1220).contains(&counts[0]), "{counts:?}");
        assert!((5400..5710).contains(&counts[2]), "{counts:?}");
    }
}
