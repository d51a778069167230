//! The space `darts` as a component.

nas_api::export_space!(nas_spaces::Darts);
