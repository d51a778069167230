//! The strategy `npenas` as a component.

nas_api::export_strategy!(nas_strategies::Npenas);
