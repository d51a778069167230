//! The strategy regularized-evolution as a component
