//! The strategy `reinforce` as a component.

nas_api::export_strategy!(nas_strategies::Reinforce);
