//! The search strategies that come with `nas`, one file each: pure state machines without I/O, the same code natively
//! and as a component.

pub mod bananas;
pub mod conformance;
mod decisions;
mod fresh;
pub mod genetic;
pub mod grid;
pub mod local_search;
<<<<<<< HEAD
<<<<<<< HEAD
mod parzen;
=======
pub mod nsga2;
>>>>>>> 963e6e19e372ab709953a72c6858bd5ad5ffff0f
=======
pub mod npenas;
>>>>>>> dce6aa3841325d017ee29ee74bd57beb9416ab70
pub mod random_search;
pub mod rank;
pub mod regularized_evolution;
pub mod reinforce;
<<<<<<< HEAD
pub mod simulated_annealing;
pub mod tpe;
=======
mod surrogate;
>>>>>>> dce6aa3841325d017ee29ee74bd57beb9416ab70
mod trials;

pub use bananas::Bananas;
pub use genetic::Genetic;
pub use grid::Grid;
pub use local_search::LocalSearch;
<<<<<<< HEAD
pub use nsga2::Nsga2;
=======
pub use npenas::Npenas;
>>>>>>> dce6aa3841325d017ee29ee74bd57beb9416ab70
pub use random_search::RandomSearch;
pub use rank::Rank;
pub use regularized_evolution::RegularizedEvolution;
pub use reinforce::Reinforce;
pub use simulated_annealing::SimulatedAnnealing;
pub use tpe::Tpe;
