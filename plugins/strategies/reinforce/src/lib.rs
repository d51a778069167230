//! The strategy reinforce as a component
