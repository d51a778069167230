//! The space `synthetic` as a component.

nas_api::export_space!(nas_spaces::Synthetic);
