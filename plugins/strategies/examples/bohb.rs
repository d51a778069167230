//! The strategy `bohb` as a component.

nas_api::export_strategy!(nas_strategies::Bohb);
