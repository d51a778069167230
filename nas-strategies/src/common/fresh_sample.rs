//! Random architectures that a search does not know yet.

use nas_api::rng::{Random, RngExt};
use nas_api::{Genotype, Result, Space};

/// Upper limit of consecutive draws without a new architecture after which the space counts as exhausted.
const MAX_DRAWS: usize = 10_000;

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
    for _ in 0..(10 * (count + 1)).min(MAX_DRAWS) {
        let genotype = space.sample(rng.random())?;
        let key = space.key(&genotype)?;
        if !known(&key) {
            return Ok(Some((genotype, key)));
        }
    }
    Ok(None)
}
