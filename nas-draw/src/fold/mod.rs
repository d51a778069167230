//! What of a network is drawn once: groups that the nodes' names tell, and what repeats within them.

mod repeat;
mod signature;
mod tree;

pub(crate) use repeat::{Segment, Unit, segments, units};
pub(crate) use signature::Signatures;
pub(crate) use tree::{Item, Tree};
