//! The space `detector` as a component.

nas_api::export_space!(nas_spaces::Detector);
