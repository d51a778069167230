//! The space `residual-mlp` as a component.

nas_api::export_space!(nas_spaces::ResidualMlp);
