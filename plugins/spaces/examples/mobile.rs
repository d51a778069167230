//! The space `mobile` as a component.

nas_api::export_space!(nas_spaces::Mobile);
