//! The strategy random-search as a component
