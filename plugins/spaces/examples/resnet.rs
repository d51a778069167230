//! The space `resnet` as a component.

nas_api::export_space!(nas_spaces::ResNet);
