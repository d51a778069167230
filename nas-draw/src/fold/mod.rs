//! Finds what is drawn once: groups of nodes by their names, and repetitions within the groups.

mod repeat;
mod signature;
mod tree;

pub(crate) use repeat::{Segment, Unit, segments, units};
pub(crate) use signature::Signatures;
pub(crate) use tree::{Item, Tree};
