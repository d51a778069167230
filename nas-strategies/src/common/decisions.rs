//! Numbers the decisions of a space, so that a strategy can keep what it learns of each in a list.

use std::collections::BTreeMap;

use nas_api::rng::{Random, RngExt};
use nas_api::{Decision, Error, Result, Space};

/// What a strategy needs to know about one decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// The number of choices.
    pub count: u32,
    /// Whether neighbouring choices are similar.
    pub ordered: bool,
}

/// One choice of a genotype, as (number of the decision, index of the choice).
pub type Step = (usize, u32);

/// All decisions of a space. Decisions of equal names have equal numbers, wherever they occur in a genotype.
#[derive(Clone, Debug)]
pub struct Decisions {
    shapes: Vec<Shape>,
    by_name: BTreeMap<String, usize>,
    /// Whether every genotype makes all decisions, in the order of their numbers.
    flat: bool,
}

impl Decisions {
    /// Numbers the decisions in the order in which the space lists them.
    ///
    /// # Errors
    /// Returns an error if the space gives two decisions of one name different numbers of choices.
    pub fn of(space: &mut dyn Space) -> Result<Self> {
        let info = space.info()?;
        let mut decisions = Self { shapes: Vec::new(), by_name: BTreeMap::new(), flat: !info.conditional };
        for decision in &info.decisions {
            decisions.number(decision)?;
        }
        Ok(decisions)
    }

    /// The number of decisions seen so far.
    pub fn len(&self) -> usize {
        self.shapes.len()
    }

    /// The shape of the decision with this number.
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
                "the space gives decision '{}' {} choices in one place and {known} in another; a name must stand \
                 for one decision",
                decision.name, shape.count
            )));
        }
        Ok(number)
    }

    /// The decision that follows a prefix of valid choices; `None` if the genotype is complete.
    ///
    /// # Errors
    /// Returns the space's error, and an error if it gives two decisions of one name different numbers of choices.
    pub fn next(&mut self, prefix: &[u32], space: &mut dyn Space) -> Result<Option<usize>> {
        if self.flat {
            return Ok((prefix.len() < self.shapes.len()).then_some(prefix.len()));
        }
        space.next(prefix)?.map(|decision| self.number(&decision)).transpose()
    }

    /// The steps of a valid genotype.
    ///
    /// # Errors
    /// Fails as [`Self::next`] does.
    pub fn path(&mut self, genotype: &[u32], space: &mut dyn Space) -> Result<Vec<Step>> {
        let mut path = Vec::with_capacity(genotype.len());
        for (position, &choice) in genotype.iter().enumerate() {
            let Some(number) = self.next(&genotype[..position], space)? else { break };
            path.push((number, choice));
        }
        Ok(path)
    }
}

/// Draws an index with a probability proportional to its weight. If rounding leaves none, it is the last one whose
/// weight is not 0.
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
    fn a_name_has_one_number_wherever_it_occurs() {
        let mut space = Additive::conditional(1);
        let mut decisions = Decisions::of(&mut space).unwrap();
        assert_eq!(decisions.len(), 7);
        // Two layers: a pooling, which has no kernel, and a convolution, which has one.
        assert_eq!(decisions.path(&[1, 1, 0, 2], &mut space).unwrap(), [(0, 1), (1, 1), (3, 0), (4, 2)]);
        assert_eq!(decisions.path(&[1, 0, 2, 1], &mut space).unwrap(), [(0, 1), (1, 0), (2, 2), (3, 1)]);
        assert!(decisions.shape(4).ordered && !decisions.shape(3).ordered);
    }

    #[test]
    fn choices_are_drawn_in_proportion_to_their_weights() {
        let mut rng = seeded(1);
        let mut counts = [0; 4];
        for _ in 0..8000 {
            counts[choose(&[1.0, 0.0, 2.0, 5.0], &mut rng) as usize] += 1;
        }
        assert_eq!(counts[1], 0);
        assert!((900..1100).contains(&counts[0]) && (4850..5150).contains(&counts[3]), "{counts:?}");
    }
}
