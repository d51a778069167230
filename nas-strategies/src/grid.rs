//! Exhaustive search: proposes every architecture of the space once, and then ends.
//!
//! Requires a space that is small enough for the budget. Results are not used, so any number of trials runs side by
//! side, and neither several objectives nor constraints make a difference.
//!
//! Reference: J. Bergstra and Y. Bengio (2012), "Random search for hyper-parameter optimization", JMLR 13, Section 1,
//! for grid search compared with random search; X. Dong and Y. Yang (2020), "NAS-Bench-201: extending the scope
//! of reproducible neural architecture search", ICLR, Section 2, for a space whose architectures were all measured.
//!
//! Differences: decisions have finitely many choices, so a grid needs no choice of levels. The search remembers only
//! its position, whatever the size of the space. So no genotype is repeated, but two of them may build the same graph,
//! and architectures known from a warm start are proposed too. Either costs a trial but no training, since the host
//! reuses the known outcome.

use nas_api::rng::{Random, seeded, seq::SliceRandom};
use nas_api::{
    Genotype, Needs, Observation, Parameter, Proposal, Result, Serves, Space, Strategy, StrategyInfo, StrategyPlugin,
    Study,
};

use crate::common::decisions::Decisions;
use crate::common::trials::batch_size;

/// An enumeration of the space in progress.
pub struct Grid {
    /// `None` if the order is lexicographic.
    rng: Option<Random>,
    decisions: Decisions,
    /// The choices of each decision, by its number, in the order in which they are tried; empty until it is first met.
    orders: Vec<Vec<u32>>,
    /// For every decision of the next genotype, its number and the index in its order.
    position: Vec<(usize, usize)>,
    /// The next genotype.
    genotype: Genotype,
    finished: bool,
}

impl Grid {
    /// Completes the next genotype with the first choices of the remaining decisions.
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

    /// Moves on to the following genotype, like an odometer: the last decision with choices left takes its next one.
    fn advance(&mut self, space: &mut dyn Space) -> Result<()> {
        while let Some((decision, index)) = self.position.pop() {
            self.genotype.pop();
            if let Some(&choice) = self.orders[decision].get(index + 1) {
                self.position.push((decision, index + 1));
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
            description: "Proposes every genotype of the space once, and then ends.".into(),
            reference: "Bergstra & Bengio 2012, Random search for hyper-parameter optimization, JMLR 13, Section 1"
                .into(),
            needs: Needs::default(),
            serves: Serves { several_objectives: true, batched_asks: true, ..Serves::default() },
            parameters: vec![Parameter::one_of(
                "order",
                "lexicographic",
                &["lexicographic", "shuffled"],
                "Order of each decision's choices: as the space lists them, or shuffled once per decision.",
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
        while !self.finished && proposals.len() < batch_size(limit) as usize {
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

    fn enumerate(order: &str, seed: u32, limit: u32, space: &mut Additive) -> Vec<Genotype> {
        let setting = Setting { name: "order".into(), value: Value::Text(order.into()) };
        let mut search = Grid::open(&study_of::<Grid>(seed, &[setting]).unwrap(), space).unwrap();
        let mut proposed = Vec::new();
        while !search.finished() {
            let proposals = search.ask(limit, space).unwrap();
            proposed.extend(proposals.iter().map(|proposal| proposal.candidate.genotype().unwrap().clone()));
        }
        assert!(search.ask(limit, space).unwrap().is_empty());
        proposed
    }

    #[test]
    fn lexicographic_order_counts_like_an_odometer() {
        let proposed = enumerate("lexicographic", 0, 1, &mut Additive::flat(2, 3, 1));
        let expected = [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2], [2, 0], [2, 1], [2, 2]];
        assert_eq!(proposed, expected);
    }

    #[test]
    fn a_conditional_space_is_enumerated_without_repetition() {
        let mut space = Additive::conditional(1);
        for (order, limit) in [("lexicographic", 1), ("shuffled", 7)] {
            let proposed = enumerate(order, 3, limit, &mut space);
            // A layer is one of three convolutions, a pooling or nothing: 5 + 5² + 5³ genotypes.
            assert_eq!(proposed.len(), 155);
            assert_eq!(proposed.iter().collect::<BTreeSet<_>>().len(), 155);
            assert!(proposed.iter().all(|genotype| SearchSpace::validate(&space, genotype).is_ok()));
            assert_eq!(proposed.is_sorted(), order == "lexicographic");
        }
    }

    #[test]
    fn the_empty_genotype_is_proposed_once() {
        assert_eq!(enumerate("lexicographic", 0, 5, &mut Additive::flat(0, 1, 1)), [Vec::<u32>::new()]);
    }

    #[test]
    fn the_seed_determines_the_shuffled_order_only() {
        let mut space = Additive::flat(3, 5, 1);
        assert_ne!(enumerate("shuffled", 1, 9, &mut space), enumerate("shuffled", 2, 9, &mut space));
        assert_eq!(enumerate("lexicographic", 1, 9, &mut space), enumerate("lexicographic", 2, 9, &mut space));
    }
}
