//! The search strategies that come with `nas`, one file each: pure state machines without I/O, the same code natively
//! and as a component.

pub mod asha;
mod brackets;
pub mod conformance;
pub mod dehb;
mod fresh;
pub mod genetic;
pub mod hyperband;
pub mod local_search;
pub mod nsga2;
mod policy;
pub mod ppo;
pub mod random_search;
pub mod rank;
pub mod regularized_evolution;
pub mod reinforce;
mod rungs;
pub mod successive_halving;
mod trials;

pub use asha::Asha;
pub use dehb::Dehb;
pub use genetic::Genetic;
pub use hyperband::Hyperband;
pub use local_search::LocalSearch;
pub use nsga2::Nsga2;
pub use ppo::Ppo;
pub use random_search::RandomSearch;
pub use rank::Rank;
pub use regularized_evolution::RegularizedEvolution;
pub use reinforce::Reinforce;
pub use successive_halving::SuccessiveHalving;
