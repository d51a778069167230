use crate::rng::{RngExt, seeded};
use crate::{Decision, Error, Genotype, Graph, Result, SearchSpace, Settings, SpaceInfo, Task, space_defaults};

/// A local stand-in for a [standard](SpaceInfo::standard) space, which answers a strategy's questions from the space's
/// description alone.
///
/// Every genotype makes the same decisions, so the answers need no look at their names; they equal those of
/// [`space_defaults`] bit for bit. A component asks this space because a call of the host costs more than most answers.
/// It builds no graphs.
#[derive(Clone, Debug)]
pub struct FlatSpace {
    info: SpaceInfo,
    /// The number of choices of each decision.
    choices: Vec<u32>,
    /// Positions of the decisions that have more than one choice.
    open: Vec<usize>,
}

impl FlatSpace {
    /// Returns the stand-in for the space with this description, or `None` if that space is conditional or not
    /// standard.
    pub fn from_info(info: SpaceInfo) -> Option<Self> {
        if !info.standard || info.conditional {
            return None;
        }
        let choices: Vec<u32> = info.decisions.iter().map(Decision::len).collect();
        let open = (0..choices.len()).filter(|&position| choices[position] > 1).collect();
        Some(Self { info, choices, open })
    }
}

impl SearchSpace for FlatSpace {
    fn open(_settings: &Settings) -> Result<Self> {
        Err(Error::new("a flat space is made from the description of another space"))
    }

    fn info(&self) -> SpaceInfo {
        self.info.clone()
    }

    fn next(&self, prefix: &[u32]) -> Option<&Decision> {
        self.info.decisions.get(prefix.len())
    }

    fn build(&self, _genotype: &[u32], _task: &Task) -> Result<Graph> {
        Err(Error::new("a flat space builds no graphs"))
    }

    fn sample(&self, seed: u32) -> Genotype {
        let mut rng = seeded(seed);
        self.choices.iter().map(|&count| rng.random_range(0..count)).collect()
    }

    fn mutate(&self, parent: &[u32], seed: u32) -> Genotype {
        let mut child = parent.to_vec();
        if self.open.is_empty() {
            return child;
        }
        let mut rng = seeded(seed);
        // Decisions are far fewer than 2^32.
        let position = self.open[rng.random_range(0..self.open.len() as u32) as usize];
        let choice = rng.random_range(0..self.choices[position] - 1);
        child[position] = choice + u32::from(choice >= parent[position]);
        child
    }

    fn crossover(&self, a: &[u32], b: &[u32], seed: u32) -> Genotype {
        let mut rng = seeded(seed);
        a.iter().zip(b).map(|(&a, &b)| if rng.random::<bool>() { a } else { b }).collect()
    }

    fn validate(&self, genotype: &[u32]) -> Result<()> {
        let fits = genotype.len() == self.choices.len();
        if fits && genotype.iter().zip(&self.choices).all(|(choice, count)| choice < count) {
            return Ok(());
        }
        // The slower check words the error.
        space_defaults::validate(self, genotype)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn flat(counts: &[u32]) -> FlatSpace {
        let decision = |(position, &count): (usize, &u32)| {
            Decision::new(format!("d{position}"), (0..count).map(|choice| choice.to_string()))
        };
        let info = SpaceInfo {
            name: "test".into(),
            version: "1".into(),
            log10_size: None,
            decisions: counts.iter().enumerate().map(decision).collect(),
            conditional: false,
            standard: true,
            description: String::new(),
            reference: String::new(),
        };
        let conditional = SpaceInfo { conditional: true, ..info.clone() };
        assert!(FlatSpace::from_info(conditional).is_none());
        FlatSpace::from_info(info).unwrap_or_else(|| unreachable!("it is standard"))
    }

    proptest! {
        #[test]
        fn answers_equal_the_defaults(counts in prop::collection::vec(1..6_u32, 0..9), seed: u32) {
            let space = flat(&counts);
            let (a, b) = (space.sample(seed), space.sample(seed ^ 1));
            prop_assert_eq!(&a, &space_defaults::sample(&space, seed));
            prop_assert_eq!(space.mutate(&a, seed), space_defaults::mutate(&space, &a, seed));
            prop_assert_eq!(space.crossover(&a, &b, seed), space_defaults::crossover(&space, &a, &b, seed));
            prop_assert!(space.validate(&a).is_ok());
            let longer = [&a[..], &[0]].concat();
            prop_assert_eq!(
                space.validate(&longer).map_err(|error| error.to_string()),
                space_defaults::validate(&space, &longer).map_err(|error| error.to_string())
            );
        }

        #[test]
        fn the_same_genotypes_are_valid(
            counts in prop::collection::vec(1..4_u32, 1..5),
            any in prop::collection::vec(0..5_u32, 0..6),
        ) {
            let space = flat(&counts);
            prop_assert_eq!(space.validate(&any).is_ok(), space_defaults::validate(&space, &any).is_ok());
        }
    }
}
