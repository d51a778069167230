//! CPU kernels for training small networks, as custom operators of burn with a backward pass of their own.
//!
//! Burn's CPU backend computes a convolution as a matrix product, which is small where there are few channels, and
//! reads and writes memory once for each normalisation and rectifier. Here a convolution is computed while its input is
//! in the cache, fused with the rectifier before it and with the normalisation and the rectifier after it. The crate
//! also has activations, row normalisations, softmax, matrix products, and Adam's step in place.
//! `docs/benchmarks/training.md` has the measured times.
//!
//! Images are `[batch, channels, height, width]`, kernels `[out, in / groups, height, width]`, matrices `[rows,
//! columns]`. Every operator computes single precision on the CPU. It returns `None` for any other tensor; the caller
//! then uses burn's own operator. Equal inputs give equal bits on one machine.
//!
//! ```
//! use burn::tensor::{Device, Tensor};
//! use nas_kernels::Curve;
//!
//! let x = Tensor::<1>::from_floats([-1.0, 0.5, 9.0], &Device::flex().autodiff()).require_grad();
//! let y = Curve::Clip { min: 0.0, max: 6.0 }.apply(&x).ok_or("another device or precision")?;
//! assert_eq!(y.clone().into_data().try_to_vec::<f32>().ok(), Some(vec![0.0, 0.5, 6.0]));
//!
//! let slope = x.grad(&y.sum().backward()).ok_or("no gradient")?;
//! assert_eq!(slope.into_data().try_to_vec::<f32>().ok(), Some(vec![0.0, 1.0, 0.0]));
//! # Ok::<(), &str>(())
//! ```

mod activation;
mod adam;
mod autodiff;
mod conv_as_matrix;
mod conv_direct;
mod conv_strided;
mod correlate;
mod exp;
mod images;
mod lanes;
mod matmul;
mod moments;
mod norm;
mod padded_layout;
mod row_norm;
mod tensor;
#[cfg(test)]
mod tests;
mod winograd;

pub use activation::Curve;
pub use adam::InPlace;
pub use autodiff::{Norm, Normalized, convolve, convolve_normalized, normalize};
pub use conv_direct::Rectifier;
pub use matmul::{linear, products};
pub use padded_layout::Window;
pub use row_norm::{Seen, normalize_rows, softmax};
