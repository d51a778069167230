//! `nas data`: fetches public data sets and checks data.

mod check;
mod fetch;
#[cfg(test)]
mod fetch_tests;
mod get;
mod sets;
mod unpack;

pub use check::check;
pub use get::get;
