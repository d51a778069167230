//! The decisions of a space by number, so that what is learnt of one can be kept in a list.

use std::collections::BTreeMap;

use nas_api::rng::{Random, RngExt};
use nas_api::{Decision, Error, Result, Space};

/// What a strategy needs to know of one decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// How many choices there are.
    pub count: u32,
    /// Neighbouring choices are similar.
    pub ordered: bool,
}

/// One choice that was made, as (number of the decision, choice).
pub type Step = (usize, u32);

/// All decisions of a space. Equal names have equal numbers, whatever came before them.
#[derive(Clone, Debug)]
pub struct Decisions {
    shapes: Vec<Shape>,
    by_name: BTreeMap<String, usize>,
    /// The decisions of every genotype in order are those from 0 on.
    flat: bool,
}

impl Decisions {
    /// Numbers the decisions in the order in which the space lists them.
    pub fn of(space: &mut dyn Space) -> Result<Self> {
        let info = space.info()?;
        let mut decisions = Self { shapes: Vec::new(), by_name: BTreeMap::new(), flat: !info.conditional };
        for decision in &info.decisions {
            decisions.number(decision)?;
        }
        Ok(decisions)
    }

    /// How many decisions are known.
    pub fn len(&self) -> usize {
        self.shapes.len()
    }

    /// The shape of a decision that has this number.
    pub fn shape(&self, number: usize) -> Shape {
        self.shapes[number]
    }

    fn number(&mut self, decision: &Decision) -> Result<usize> {
        let shape = Shape { count: decision.len(), ordered: decision.ordered };
        let Some(&number) = self.by_name.get(&decision.name) else {
            self.shapes.push(shape);
            self.by_name.insert(decision.name.clone(), self.shapes.len() - 1);
            return Ok(self.shapes.len() - 1);
        };
        let known = self.shapes[number].count;
        if known != shape.count {
            return Err(Error::new(format!(
                "the space gives decision '{}' {} choices here and {known} elsewhere; one name must be one decision",
                decision.name, shape.count
            )));
        }
        Ok(number)
    }

    /// The decision that follows a prefix of valid choices; `None`: complete.
    pub fn next(&mut self, prefix: &[u32], space: &mut dyn Space) -> Result<Option<usize>> {
        if self.flat {
            return Ok((prefix.len() < self.shapes.len()).then_some(prefix.len()));
        }
        space.next(prefix)?.map(|decision| self.number(&decision)).transpose()
    }

    /// The steps of a valid genotype.
    pub fn path(&mut self, genotype: &[u32], space: &mut dyn Space) -> Result<Vec<Step>> {
        let mut path = Vec::with_capacity(genotype.len());
        for (position, &choice) in genotype.iter().enumerate() {
            let Some(number) = self.next(&genotype[..position], space)? else { break };
            path.push((number, choice));
        }
        Ok(path)
    }
}

/// A choice with a probability that is proportional to its weight; the last that has any where rounding leaves none.
pub fn choose(weights: &[f64], rng: &mut Random) -> u32 {
    let mut rest = rng.random::<f64>() * weights.iter().sum::<f64>();
    let mut chosen = 0;
    for (choice, &weight) in (0..).zip(weights) {
        if weight > 0.0 {
            chosen = choice;
            if rest < weight {
                break;
            }
        }
        rest -= weight;
    }
    chosen
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use nas_api::rng::seeded;

    use super::*;
    use crate::conformance::Additive;

    #[test]
    fn one_name_is_one_number_wherever_it_stands() {
        let mut space = Additive::conditional(1);
        let mut decisions = Decisions::of(&mut space).unwrap();
        assert_eq!(decisions.len(), 7);
        // Two layers: a pooling, which has no kernel, and a convolution, which has one.
        assert_eq!(decisions.path(&[1, 1, 0, 2], &mut space).unwrap(), [(0, 1), (1, 1), (3, 0), (4, 2)]);
        assert_eq!(decisions.path(&[1, 0, 2, 1], &mut space).unwrap(), [(0, 1), (1, 0), (2, 2), (3, 1)]);
        assert!(decisions.shape(4).ordered && !decisions.shape(3).ordered);
    }

    #[test]
    fn choices_come_as_often_as_their_weights_say() {
        let mut rng = seeded(1);
        let mut counts = [0; 4];
        for _ in 0..8000 {
            counts[choose(&[1.0, 0.0, 2.0, 5.0], &mut rng) as usize] += 1;
        }
        assert_eq!(counts[1], 0);
        assert!((900..1100).contains(&counts[0]) && (4850..5150).contains(&counts[3]), "{counts:?}");
    }
}
