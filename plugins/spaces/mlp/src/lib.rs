//! The space mlp as a component
