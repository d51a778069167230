//! Spaces written in TOML, as a component.

nas_api::export_space!(nas_spaces::ChoiceSpace);
