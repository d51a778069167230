//! The space nas-bench-201 as a component
