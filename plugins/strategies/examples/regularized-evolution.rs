//! The strategy `regularized-evolution` as a component.

nas_api::export_strategy!(nas_strategies::RegularizedEvolution);
