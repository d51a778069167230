//! Samples that are new to a search.

use nas_api::rng::{Random, RngExt};
use nas_api::{Genotype, Result, Space};

/// Draws in a row that find nothing new before the space counts as exhausted, at most.
const MOST_DRAWS: usize = 10_000;

/// A sample whose key is not among the `count` known ones, with its key; `None`: there seems to be none left.
pub fn fresh_sample(
    space: &mut dyn Space,
    rng: &mut Random,
    count: usize,
    known: impl Fn(&str) -> bool,
) -> Result<Option<(Genotype, String)>> {
    // Were one of n + 1 equally likely keys unseen, 10 (n + 1) draws would miss it with probability exp(-10).
    for _ in 0..(10 * (count + 1)).min(MOST_DRAWS) {
        let genotype = space.sample(rng.random())?;
        let key = space.key(&genotype)?;
        if !known(&key) {
            return Ok(Some((genotype, key)));
        }
    }
    Ok(None)
}
