//! The search strategies that come with `nas`, one file each: pure state machines without I/O, the same code natively
//! and as a component.

pub mod bohb;
pub mod conformance;
mod decisions;
mod fresh;
pub mod genetic;
pub mod grid;
pub mod local_search;
pub mod mcts;
mod parzen;
pub mod random_search;
pub mod rank;
pub mod regularized_evolution;
pub mod reinforce;
pub mod simulated_annealing;
pub mod tpe;
mod trials;

pub use bohb::Bohb;
pub use genetic::Genetic;
pub use grid::Grid;
pub use local_search::LocalSearch;
pub use mcts::Mcts;
pub use random_search::RandomSearch;
pub use rank::Rank;
pub use regularized_evolution::RegularizedEvolution;
pub use reinforce::Reinforce;
pub use simulated_annealing::SimulatedAnnealing;
pub use tpe::Tpe;
