//! Random numbers that are the same on every machine and in every component.
//!
//! The generator is xoshiro256++ (Blackman & Vigna 2021, ACM TOMS 47(4)), seeded through SplitMix64 by `rand`. Draw
//! `u32` and not `usize`, whose width differs between a native build and a component.

pub use rand::{Rng, RngExt, SeedableRng, seq};

/// The random number generator that every plugin of `nas` uses.
pub type Random = rand_xoshiro::Xoshiro256PlusPlus;

/// Returns a generator that is seeded with `seed`.
pub fn seeded(seed: u32) -> Random {
    Random::seed_from_u64(u64::from(seed))
}

/// Derives the seed of an independent stream of random numbers from a study's seed.
///
/// `purpose` and `index` name the stream: draws from one stream never change another. The three arguments are hashed
/// by FNV-1a, and SplitMix64's finalizer mixes the hash.
///
/// # Examples
///
/// ```
/// use nas_api::rng::derive;
///
/// assert_eq!(derive(1, "trial", 0), derive(1, "trial", 0));
/// assert_ne!(derive(1, "trial", 0), derive(1, "trial", 1));
/// ```
pub fn derive(seed: u32, purpose: &str, index: u32) -> u32 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let bytes = seed.to_le_bytes().into_iter().chain(purpose.bytes()).chain(index.to_le_bytes());
    for byte in bytes {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((hash ^ (hash >> 31)) >> 32) as u32
}
