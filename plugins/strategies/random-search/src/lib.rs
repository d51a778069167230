//! The strategy `random-search` as a component.

#[cfg(target_arch = "wasm32")]
nas_api::export_strategy!(nas_strategies::RandomSearch);
