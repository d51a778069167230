//! The strategy `hyperband` as a component.

nas_api::export_strategy!(nas_strategies::Hyperband);
