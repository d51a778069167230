//! One-point crossover in spaces whose decisions may depend on each other.

use nas_api::rng::{RngExt, seeded};
use nas_api::{Decision, Genotype, Result, Space};

/// A child with the choices of `a` up to a random point, and those of `b` after it. Decisions are matched by name, so
/// that the child is valid if earlier choices determine which decisions follow. Decisions that `b` does not make are
/// made as in `a`; those that neither makes are drawn.
pub(super) fn one_point(space: &mut dyn Space, a: &[u32], b: &[u32], seed: u32) -> Result<Genotype> {
    let mut rng = seeded(seed);
    let length = u32::try_from(a.len()).unwrap_or(u32::MAX);
    if length < 2 {
        return Ok(b.to_vec());
    }
    let point = rng.random_range(1..length) as usize;
    let (from_a, from_b) = (decisions(space, a)?, decisions(space, b)?);
    let mut child = a[..point].to_vec();
    while let Some(decision) = space.next(&child)? {
        let choice_in = |made: &[Decision], parent: &[u32]| {
            // Mostly it is the same decision at the same position; only conditional spaces need the search.
            let at = match made.get(child.len()) {
                Some(same) if same.name == decision.name => Some(child.len()),
                _ => made.iter().position(|other| other.name == decision.name),
            };
            at.and_then(|at| parent.get(at).copied()).filter(|&choice| choice < decision.len())
        };
        let choice = match choice_in(&from_b, b).or_else(|| choice_in(&from_a, a)) {
            Some(choice) => choice,
            None => rng.random_range(0..decision.len()),
        };
        child.push(choice);
    }
    Ok(child)
}

/// The decisions that a genotype makes, in order.
fn decisions(space: &mut dyn Space, genotype: &[u32]) -> Result<Vec<Decision>> {
    let mut made = Vec::with_capacity(genotype.len());
    for length in 0..genotype.len() {
        made.extend(space.next(&genotype[..length])?);
    }
    Ok(made)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use nas_api::SearchSpace;

    use super::*;
    use crate::conformance::Additive;

    #[test]
    fn in_a_flat_space_the_child_is_a_prefix_of_one_and_the_rest_of_the_other() {
        let mut space = Additive::flat(6, 5, 1);
        let (a, b) = (vec![0; 6], vec![4; 6]);
        let mut points = [0; 6];
        for seed in 0..200 {
            let child = one_point(&mut space, &a, &b, seed).unwrap();
            let point = child.iter().position(|&choice| choice == 4).unwrap();
            assert!(child[point..].iter().all(|&choice| choice == 4), "{child:?}");
            points[point] += 1;
        }
        assert_eq!(points[0], 0);
        assert!(points[1..].iter().all(|&count| count > 20), "{points:?}");
    }

    #[test]
    fn in_a_conditional_space_children_are_valid_and_mix_both_parents() {
        let mut space = Additive::conditional(1);
        let mut with_another_length = 0;
        for seed in 0..500 {
            let a = SearchSpace::sample(&space, seed);
            let b = SearchSpace::sample(&space, seed + 1000);
            let child = one_point(&mut space, &a, &b, seed).unwrap();
            SearchSpace::validate(&space, &child).unwrap();
            assert_eq!(child[0], a[0], "the child begins like its first parent");
            with_another_length += u32::from(child.len() != b.len());
        }
        assert!(with_another_length > 50, "few children differ in their conditional decisions");
    }
}
