//! The strategy local-search as a component
