//! The strategy `genetic` as a component.

nas_api::export_strategy!(nas_strategies::Genetic);
