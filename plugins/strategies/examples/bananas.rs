//! The strategy `bananas` as a component.

nas_api::export_strategy!(nas_strategies::Bananas);
