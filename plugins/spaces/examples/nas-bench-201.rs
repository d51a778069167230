//! The space `nas-bench-201` as a component.

nas_api::export_space!(nas_spaces::NasBench201);
