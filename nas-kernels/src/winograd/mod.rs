//! Convolutions with 3×3 windows and stride 1, which take 4 multiplications per number of the output instead of 9: the
//! minimal filtering algorithm F(2×2, 3×3) of Lavin & Gray 2016 ("Fast Algorithms for Convolutional Neural Networks",
//! section 4.1).
//!
//! The output consists of 2×2 tiles Y, each of which depends on a 4×4 tile d of the input. With the window g,
//!
//! ```text
//! Y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A
//! ```
//!
//! so that the sums over the channels are taken of 16 independent products. The gradients are those of this formula,
//! where Y is the gradient of the output: the gradient of d is B [(G g Gᵀ) ⊙ (A Y Aᵀ)] Bᵀ, and that of g is Gᵀ [(Bᵀ d
//! B) ⊙ (A Y Aᵀ)] G.

mod backward;
mod forward;
mod tile_grid;
mod transform;

use std::ops::Range;

use pulp::Simd;

use super::conv_direct::Operands;
use super::correlate::{pack, slide};
use super::lanes::are_full;
use super::padded_layout::Window;
use tile_grid::{TileGrid, Transformed};
use transform::{of_window, turn};

pub use backward::Backward;
pub use forward::Forward;

/// The products of one tile.
const PRODUCTS: usize = 16;
/// The most numbers in the images of one vector, over all channels (8 MiB).
const NUMBERS: usize = 1 << 21;
/// The most windows; their transforms take some tens of MiB.
const WEIGHTS: usize = 1 << 18;
/// With fewer channels, the transformations take longer than they save.
const CHANNELS: usize = 24;
/// Up to this number of pixels, this number of channels is enough: the alternative, lines, fills vectors less well
/// there.
const FEW: (usize, usize) = (100, 16);

/// Whether the convolution has a 3×3 window and stride 1 and is faster this way.
pub fn fits(operands: &Operands<'_>) -> bool {
    let Window { channels, size, kernel, strides, dilations, groups, .. } = operands.window;
    let steps = [kernel, strides, dilations] == [&[3, 3], &[1, 1], &[1, 1]] && *groups == 1;
    let (pixels, least) = (size.iter().product::<usize>(), channels[0].min(channels[1]));
    let few = if pixels <= FEW.0 { FEW.1 } else { CHANNELS };
    let numbers = channels[0].max(channels[1]).saturating_mul(pixels).saturating_mul(16);
    let weights = channels[0].saturating_mul(channels[1]);
    steps && least >= few && are_full(operands.batch) && numbers <= NUMBERS && weights <= WEIGHTS
}

/// G g Gᵀ for all windows, one list for each of the 16 products, in the order of [`pack`]. If `transposed`, inputs and
/// outputs are exchanged, so that the sums run over the output channels.
#[inline(always)]
fn of_windows<S: Simd>(operands: &Operands<'_>, transposed: bool) -> Vec<Vec<f32>> {
    let [inputs, outputs] = operands.window.channels;
    let mut windows = Vec::with_capacity(inputs * outputs);
    for window in operands.weight.as_chunks::<9>().0 {
        let [first, second, third] = [0, 3, 6].map(|at| [window[at], window[at + 1], window[at + 2]]);
        windows.push(turn(&[first, second, third], 0.0, of_window));
    }
    let of = |product: usize| {
        let mut packed = Vec::with_capacity(inputs * outputs);
        let weight = |output: usize, input: usize| windows[output * inputs + input].as_flattened()[product];
        if transposed {
            pack::<S>(inputs, outputs, 1, &mut packed, |input, output, _| weight(output, input));
        } else {
            pack::<S>(outputs, inputs, 1, &mut packed, |output, input, _| weight(output, input));
        }
        packed
    };
    (0..PRODUCTS).map(of).collect()
}

/// Sums each product over the channels, for the first `tiles` tiles.
#[inline(always)]
fn multiply<S: Simd>(
    simd: S,
    from: &Transformed<S::f32s>,
    weights: &[Vec<f32>],
    tiles: usize,
    to: &mut Transformed<S::f32s>,
) {
    let (stride, line, channels) = (to.stride(), to.together * S::F32_LANES, to.channels);
    for (product, (weights, vectors)) in weights.iter().zip(to.vectors.chunks_exact_mut(stride)).enumerate() {
        let out = bytemuck::cast_slice_mut(vectors);
        slide(simd, from.lines(simd, product), &[0], weights, tiles * S::F32_LANES, out, (line, channels));
    }
}

/// Transforms tiles of the input (side 0) or of the output's gradient (side 1), `N` numbers high and wide, with a
/// matrix of [`transform`](self::transform) from both sides.
#[inline(always)]
fn transform<S: Simd, const N: usize>(
    simd: S,
    field: &TileGrid,
    side: usize,
    tiles: Range<usize>,
    from: &[S::f32s],
    to: &mut Transformed<S::f32s>,
    by: impl Fn(S, [S::f32s; N]) -> [S::f32s; 4],
) {
    for (channel, from) in from.chunks_exact(field.sizes[side]).enumerate() {
        for (number, tile) in tiles.clone().enumerate() {
            let cut = cut::<S, N>(simd, &from[field.corners(tile)[side]..], field.pitches[side]);
            to.put(channel, number, &turn(&cut, simd.splat_f32s(0.0), |line| by(simd, line)));
        }
    }
}

/// A tile of `N` by `N` vectors, copied out of a field.
#[inline(always)]
fn cut<S: Simd, const N: usize>(simd: S, field: &[S::f32s], pitch: usize) -> [[S::f32s; N]; N] {
    let mut cut = [[simd.splat_f32s(0.0); N]; N];
    for (row, numbers) in cut.iter_mut().enumerate() {
        numbers.copy_from_slice(&field[row * pitch..][..N]);
    }
    cut
}
