//! The space `decoder-lm` as a component.

nas_api::export_space!(nas_spaces::DecoderLm);
