//! The C ABI of native evaluators.
