//! The statistics of comparisons and reports: paired tests, ranks, bootstrap intervals and hypervolumes.
//!
//! Every function takes plain numbers and knows nothing of benchmarks. This is the only module of the crate that uses
//! `stats-claw`. The tests hold each statistic against published figures, SciPy, statsmodels or pymoo; the reference
//! numbers are in `fixtures.rs`, next to the call that made them.

mod bootstrap;
#[cfg(test)]
mod fixtures;
mod hypervolume;
mod paired;
mod permutation;
mod ranks;

pub use bootstrap::{Band, Bootstrap, MIN_VALUES, RESAMPLES, iqm};
pub use hypervolume::{Point, added_volume, front, hypervolume, igd_plus, insert};
pub use paired::{SignedRanks, a12, holm, signed_ranks};
pub use ranks::{Friedman, FriedmanTest, MIN_BLOCKS, Ranks, ranked, ranks};
