//! Operators of the CPU that burn's own backend is slow at, as custom operators with a backward pass of their own.
//!
//! Burn's CPU backend computes convolutions as matrix products, which few channels make small, and goes through memory once for
//! each normalisation and rectifier. Here a convolution is computed where its input lies in the cache, together with the
//! rectifier before it and the normalisation and the rectifier behind it. What is here is for single precision on the CPU;
//! everything else goes on to burn. `docs/benchmarks/training.md` has the figures.

mod adam;
mod conv;
mod convolution;
mod curve;
mod dense;
mod flat;
mod images;
mod lanes;
mod norm;
mod number;
mod plane;
mod product;
mod rows;
mod slide;
mod tensor;
#[cfg(test)]
mod tests;
mod unfold;
mod winograd;

pub use adam::InPlace;
pub use conv::Rectifier;
pub use convolution::{Norm, convolve, convolve_normalized, normalize};
pub use curve::Curve;
pub use flat::Window;
pub use product::{linear, products};
pub use rows::{Seen, normalize_rows, softmax};
