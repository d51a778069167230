//! The strategy `nsga2` as a component.

nas_api::export_strategy!(nas_strategies::Nsga2);
