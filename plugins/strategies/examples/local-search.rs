//! The strategy `local-search` as a component.

nas_api::export_strategy!(nas_strategies::LocalSearch);
