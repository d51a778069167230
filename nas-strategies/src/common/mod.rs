//! What several strategies share. None of these modules is a strategy of its own.

pub(crate) mod brackets;
pub(crate) mod budget;
pub(crate) mod decisions;
mod delegate;
pub(crate) mod fresh_sample;
pub(crate) mod parzen;
pub(crate) mod policy;
pub(crate) mod rank;
pub(crate) mod rungs;
pub(crate) mod surrogate;
pub(crate) mod trials;

pub(crate) use delegate::delegate_strategy;
