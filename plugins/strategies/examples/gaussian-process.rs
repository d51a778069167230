//! The strategy `gaussian-process` as a component.

nas_api::export_strategy!(nas_strategies::GaussianProcess);
