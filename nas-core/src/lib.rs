//! The runtime of `nas`: the plugin host and the studies. It names no concrete strategy or space; the command line
//! registers those that are built in.

mod names;
pub mod plugin;
pub mod study;
