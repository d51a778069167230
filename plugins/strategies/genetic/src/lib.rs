//! The strategy genetic as a component
