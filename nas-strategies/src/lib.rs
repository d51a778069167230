//! The search strategies that come with `nas`, one file or folder each. They are pure state machines without I/O, and
//! the same code runs natively and as a component.

pub mod asha;
pub mod bananas;
pub mod bohb;
mod common;
pub mod conformance;
pub mod dehb;
pub mod gaussian_process;
pub mod genetic;
pub mod grid;
pub mod hyperband;
pub mod local_search;
pub mod mcts;
pub mod npenas;
pub mod nsga2;
pub mod ppo;
pub mod random_forest;
pub mod random_search;
pub mod regularized_evolution;
pub mod reinforce;
pub mod simulated_annealing;
pub mod successive_halving;
pub mod tpe;

pub use asha::Asha;
pub use bananas::Bananas;
pub use bohb::Bohb;
pub use common::rank::Rank;
pub use dehb::Dehb;
pub use gaussian_process::GaussianProcess;
pub use genetic::Genetic;
pub use grid::Grid;
pub use hyperband::Hyperband;
pub use local_search::LocalSearch;
pub use mcts::Mcts;
pub use npenas::Npenas;
pub use nsga2::Nsga2;
pub use ppo::Ppo;
pub use random_forest::RandomForest;
pub use random_search::RandomSearch;
pub use regularized_evolution::RegularizedEvolution;
pub use reinforce::Reinforce;
pub use simulated_annealing::SimulatedAnnealing;
pub use successive_halving::SuccessiveHalving;
pub use tpe::Tpe;

use nas_api::StrategyPlugin;

/// Receives strategy types one by one; a registry or a list of names implements it.
pub trait Take {
    /// Receives one strategy.
    fn take<S: StrategyPlugin>(&mut self);
}

/// Passes every strategy of this crate to `into`. A new strategy is added here, and everything that goes over all
/// strategies follows.
pub fn all(into: &mut impl Take) {
    into.take::<RandomSearch>();
    into.take::<Grid>();
    into.take::<LocalSearch>();
    into.take::<SimulatedAnnealing>();
    into.take::<Mcts>();
    into.take::<Genetic>();
    into.take::<RegularizedEvolution>();
    into.take::<Nsga2>();
    into.take::<Reinforce>();
    into.take::<Ppo>();
    into.take::<Tpe>();
    into.take::<GaussianProcess>();
    into.take::<RandomForest>();
    into.take::<Bananas>();
    into.take::<Npenas>();
    into.take::<SuccessiveHalving>();
    into.take::<Hyperband>();
    into.take::<Asha>();
    into.take::<Dehb>();
    into.take::<Bohb>();
}

/// The names of all strategies.
pub fn names() -> Vec<String> {
    struct Names(Vec<String>);
    impl Take for Names {
        fn take<S: StrategyPlugin>(&mut self) {
            self.0.push(S::info().name);
        }
    }
    let mut names = Names(Vec::new());
    all(&mut names);
    names.0
}
