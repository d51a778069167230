//! The strategy `successive-halving` as a component.

nas_api::export_strategy!(nas_strategies::SuccessiveHalving);
