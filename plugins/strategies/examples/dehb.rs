//! The strategy `dehb` as a component.

nas_api::export_strategy!(nas_strategies::Dehb);
