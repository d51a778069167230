//! The space table as a component
