//! The space `conv-1d` as a component.

nas_api::export_space!(nas_spaces::Conv1d);
