//! Random architectures that a search does not know yet.

use nas_api::rng::{Random, RngExt};
use nas_api::{Genotype, Result, Space};

/// The limits of the number of consecutive draws without a new architecture after which the space counts as exhausted.
/// The lower one is for spaces in which one key, such as that of the empty network, has most of the mass: a key with one
/// in a thousand is missed with probability exp(-10).
const DRAWS: (usize, usize) = (10_000, 200_000);

/// Draws a genotype whose key is not among the `count` known keys and returns it with its key, or `None` if the space
/// seems to be exhausted.
///
/// # Errors
/// Returns the error of a space that cannot draw a sample or name its key.
pub fn fresh_sample(
    space: &mut dyn Space,
    rng: &mut Random,
    count: usize,
    known: impl Fn(&str) -> bool,
) -> Result<Option<(Genotype, String)>> {
    // If one of n + 1 equally likely keys is unseen, 10 (n + 1) draws miss it with probability exp(-10).
    for _ in 0..count.saturating_add(1).saturating_mul(10).clamp(DRAWS.0, DRAWS.1) {
        let genotype = space.sample(rng.random())?;
        let key = space.key(&genotype)?;
        if !known(&key) {
            return Ok(Some((genotype, key)));
        }
    }
    Ok(None)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;

    use nas_api::rng::seeded;
    use nas_api::{Decision, Error, Graph, SearchSpace, Settings, SpaceInfo, Task};

    use super::*;

    /// One decision, whose first choice is drawn with probability 0.95.
    struct Lopsided(Decision);

    const KEYS: u32 = 40;

    impl SearchSpace for Lopsided {
        fn open(_settings: &Settings) -> Result<Self> {
            Ok(Self(Decision::new("net", (0..KEYS).map(|choice| choice.to_string()))))
        }

        fn info(&self) -> SpaceInfo {
            let flat = SearchSpace::info(&crate::conformance::Additive::flat(1, KEYS, 0));
            SpaceInfo { decisions: vec![self.0.clone()], ..flat }
        }

        fn next(&self, prefix: &[u32]) -> Option<&Decision> {
            prefix.is_empty().then_some(&self.0)
        }

        fn sample(&self, seed: u32) -> Genotype {
            let mut rng = seeded(seed);
            vec![if rng.random::<f64>() < 0.95 { 0 } else { rng.random_range(0..KEYS) }]
        }

        fn build(&self, _genotype: &[u32], _task: &Task) -> Result<Graph> {
            Err(Error::new("it has no networks"))
        }
    }

    #[test]
    fn a_key_with_most_of_the_mass_does_not_make_the_space_seem_exhausted() {
        for seed in 0..50 {
            let mut space = Lopsided::open(&Settings::default()).unwrap();
            let (mut rng, mut known) = (seeded(seed), BTreeSet::new());
            while let Some((_, key)) =
                fresh_sample(&mut space, &mut rng, known.len(), |key| known.contains(key)).unwrap()
            {
                known.insert(key);
            }
            assert!(known.len() as u32 * 10 >= KEYS * 9, "seed {seed} ends after {} of {KEYS} keys", known.len());
        }
    }
}
