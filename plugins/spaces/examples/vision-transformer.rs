//! The space `vision-transformer` as a component.

nas_api::export_space!(nas_spaces::VisionTransformer);
