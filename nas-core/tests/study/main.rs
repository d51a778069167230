//! Whole studies with real strategies and spaces, and an evaluator that trains nothing, so that thousands of trials
//! take little time.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod budget;
mod common;
mod data;
mod evaluator;
mod extend;
mod fidelity;
mod files;
mod foreign;
mod order;
mod outcomes;
mod pruning;
mod recover;
mod resume;
mod strategy;
mod warm_start;
mod workers;
