//! The strategy `tpe` as a component.

nas_api::export_strategy!(nas_strategies::Tpe);
