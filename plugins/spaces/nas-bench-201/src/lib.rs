//! The space `nas-bench-201` as a component.

#[cfg(target_arch = "wasm32")]
nas_api::export_space!(nas_spaces::NasBench201);
