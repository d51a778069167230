//! The strategy `simulated-annealing` as a component.

nas_api::export_strategy!(nas_strategies::SimulatedAnnealing);
