//! The strategy `asha` as a component.

nas_api::export_strategy!(nas_strategies::Asha);
