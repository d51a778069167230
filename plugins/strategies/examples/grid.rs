//! The strategy `grid` as a component.

nas_api::export_strategy!(nas_strategies::Grid);
