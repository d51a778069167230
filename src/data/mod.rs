//! `nas data`: what networks are trained on, fetched and looked at.

mod check;
mod fetch;
#[cfg(test)]
mod fetch_tests;
mod get;
mod sets;
mod unpack;

pub use check::check;
pub use get::get;
