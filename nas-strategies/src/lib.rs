//! The search strategies that come with `nas`, one file each: pure state machines without I/O, the same code natively
//! and as a component.

pub mod bananas;
pub mod conformance;
mod fresh;
pub mod gaussian_process;
pub mod genetic;
pub mod local_search;
pub mod npenas;
pub mod random_forest;
pub mod random_search;
pub mod rank;
pub mod regularized_evolution;
pub mod reinforce;
mod surrogate;
mod trials;

pub use bananas::Bananas;
pub use gaussian_process::GaussianProcess;
pub use genetic::Genetic;
pub use local_search::LocalSearch;
pub use npenas::Npenas;
pub use random_forest::RandomForest;
pub use random_search::RandomSearch;
pub use rank::Rank;
pub use regularized_evolution::RegularizedEvolution;
pub use reinforce::Reinforce;
