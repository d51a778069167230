//! The strategy `mcts` as a component.

nas_api::export_strategy!(nas_strategies::Mcts);
