//! Hierarchical spaces written as grammars, as a component.

nas_api::export_space!(nas_spaces::GrammarSpace);
