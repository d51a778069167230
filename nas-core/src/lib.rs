//! The runtime of `nas`: the plugin host, the studies and the benchmarks. It names no concrete strategy or space; the command line
//! registers those that are built in.

pub mod benchmark;
pub mod meter;
mod names;
pub mod plugin;
pub mod report;
pub mod study;

pub use names::did_you_mean;
