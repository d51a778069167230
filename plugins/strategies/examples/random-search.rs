//! The strategy `random-search` as a component.

nas_api::export_strategy!(nas_strategies::RandomSearch);
