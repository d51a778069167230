//! The strategy `random-forest` as a component.

nas_api::export_strategy!(nas_strategies::RandomForest);
