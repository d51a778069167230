//! The strategy `ppo` as a component.

nas_api::export_strategy!(nas_strategies::Ppo);
