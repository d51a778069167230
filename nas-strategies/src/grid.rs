//! Exhaustive search: every architecture of the space once, one after the other, then it ends.
//!
//! Requires a space that is small enough for the budget; results are not used, so any number of trials runs side by
//! side, and several objectives and constraints make no difference.
//!
//! Reference: J. Bergstra and Y. Bengio (2012), "Random search for hyper-parameter optimization", JMLR 13, Section 1,
//! for grid search as it is compared with random search; X. Dong and Y. Yang (2020), "NAS-Bench-201: extending the scope
//! of reproducible neural architecture search", ICLR, Section 2, for a space of architectures measured as a whole.
//!
//! Differences: a grid over architectures needs no choice of levels, since decisions have finitely many choices. What
//! the search remembers is its position, whatever the size of the space; so genotypes are not repeated, but two of them
//! may build the same network, and what is known from elsewhere is proposed all the same. Either costs a trial and no
//! training: the host takes over the known outcome.

use nas_api::rng::{Random, seeded, seq::SliceRandom};
use nas_api::{
    Genotype, Needs, Observation, Parameter, Proposal, Result, Serves, Space, Strategy, StrategyInfo, StrategyPlugin,
    Study,
};

use crate::decisions::Decisions;
use crate::trials::batch;

/// A walk through the whole space in progress.
pub struct Grid {
    rng: Option<Random>,
    decisions: Decisions,
    /// By number of the decision: its choices in the order in which they are tried; empty until it is first met.
    orders: Vec<Vec<u32>>,
    /// Where the walk stands: for every decision of the next genotype its number and the place in its order.
    position: Vec<(usize, usize)>,
    /// The next genotype.
    genotype: Genotype,
    finished: bool,
}

impl Grid {
    /// Makes the next genotype complete with the first choices.
    fn complete(&mut self, space: &mut dyn Space) -> Result<()> {
        while let Some(decision) = self.decisions.next(&self.genotype, space)? {
            if self.orders.len() <= decision {
                self.orders.resize(decision + 1, Vec::new());
            }
            if self.orders[decision].is_empty() {
                self.orders[decision] = (0..self.decisions.shape(decision).count).collect();
                if let Some(rng) = &mut self.rng {
                    self.orders[decision].shuffle(rng);
                }
            }
            self.position.push((decision, 0));
            self.genotype.push(self.orders[decision][0]);
        }
        Ok(())
    }

    /// Goes on to the genotype that follows: the last decision that can takes its next choice, as an odometer turns.
    fn advance(&mut self, space: &mut dyn Space) -> Result<()> {
        while let Some((decision, place)) = self.position.pop() {
            self.genotype.pop();
            if let Some(&choice) = self.orders[decision].get(place + 1) {
                self.position.push((decision, place + 1));
                self.genotype.push(choice);
                return self.complete(space);
            }
        }
        self.finished = true;
        Ok(())
    }
}

impl StrategyPlugin for Grid {
    fn info() -> StrategyInfo {
        StrategyInfo {
            name: "grid".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            description: "Walks through the whole space without repetition and then ends.".into(),
            reference: "Bergstra & Bengio 2012, Random search for hyper-parameter optimization, JMLR 13, Section 1"
                .into(),
            needs: Needs::default(),
            serves: Serves { several_objectives: true, ahead: true, ..Serves::default() },
            parameters: vec![Parameter::one_of(
                "order",
                "lexicographic",
                &["lexicographic", "shuffled"],
                "Try the choices of each decision as the space lists them, or in an order drawn once for each decision.",
            )],
        }
    }

    fn open(study: &Study, space: &mut dyn Space) -> Result<Self> {
        let shuffled = study.settings.text("order")? == "shuffled";
        let mut grid = Self {
            rng: shuffled.then(|| seeded(study.seed)),
            decisions: Decisions::of(space)?,
            orders: Vec::new(),
            position: Vec::new(),
            genotype: Genotype::new(),
            finished: false,
        };
        grid.complete(space)?;
        Ok(grid)
    }
}

impl Strategy for Grid {
    fn ask(&mut self, limit: u32, space: &mut dyn Space) -> Result<Vec<Proposal>> {
        let mut proposals = Vec::new();
        while !self.finished && proposals.len() < batch(limit) as usize {
            proposals.push(Proposal::discrete(self.genotype.clone()));
            self.advance(space)?;
        }
        Ok(proposals)
    }

    fn tell(&mut self, _observations: &[Observation], _space: &mut dyn Space) -> Result<()> {
        Ok(())
    }

    fn finished(&self) -> bool {
        self.finished
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;

    use nas_api::{SearchSpace, Setting, Value};

    use super::*;
    use crate::conformance::{Additive, study_of};

    fn walk(order: &str, seed: u32, limit: u32, space: &mut Additive) -> Vec<Genotype> {
        let setting = Setting { name: "order".into(), value: Value::Text(order.into()) };
        let mut search = Grid::open(&study_of::<Grid>(seed, &[setting]).unwrap(), space).unwrap();
        let mut walked = Vec::new();
        while !search.finished() {
            let proposals = search.ask(limit, space).unwrap();
            walked.extend(proposals.iter().map(|proposal| proposal.candidate.genotype().unwrap().clone()));
        }
        assert!(search.ask(limit, space).unwrap().is_empty());
        walked
    }

    #[test]
    fn lexicographic_order_counts_like_an_odometer() {
        let walked = walk("lexicographic", 0, 1, &mut Additive::flat(2, 3, 1));
        let expected = [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2], [2, 0], [2, 1], [2, 2]];
        assert_eq!(walked, expected);
    }

    #[test]
    fn a_conditional_space_is_walked_to_its_end_without_repetition() {
        let mut space = Additive::conditional(1);
        for (order, limit) in [("lexicographic", 1), ("shuffled", 7)] {
            let walked = walk(order, 3, limit, &mut space);
            // A layer is one of three kernels, a pooling or nothing: 5 + 5² + 5³ genotypes.
            assert_eq!(walked.len(), 155);
            assert_eq!(walked.iter().collect::<BTreeSet<_>>().len(), 155);
            assert!(walked.iter().all(|genotype| SearchSpace::validate(&space, genotype).is_ok()));
            assert_eq!(walked.is_sorted(), order == "lexicographic");
        }
    }

    #[test]
    fn the_empty_genotype_is_proposed_once() {
        assert_eq!(walk("lexicographic", 0, 5, &mut Additive::flat(0, 1, 1)), [Vec::<u32>::new()]);
    }

    #[test]
    fn another_seed_shuffles_in_another_way() {
        let mut space = Additive::flat(3, 5, 1);
        assert_ne!(walk("shuffled", 1, 9, &mut space), walk("shuffled", 2, 9, &mut space));
        assert_eq!(walk("lexicographic", 1, 9, &mut space), walk("lexicographic", 2, 9, &mut space));
    }
}
