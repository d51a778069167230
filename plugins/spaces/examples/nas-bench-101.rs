//! The space `nas-bench-101` as a component.

nas_api::export_space!(nas_spaces::NasBench101);
