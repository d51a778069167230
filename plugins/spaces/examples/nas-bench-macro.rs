//! The space `nas-bench-macro` as a component.

nas_api::export_space!(nas_spaces::NasBenchMacro);
