//! Convolutions by windows of 3×3 that move by single steps, with 4 products for each number of the output instead of 9: the
//! minimal filtering F(2×2, 3×3) of Lavin & Gray 2016 ("Fast Algorithms for Convolutional Neural Networks", section 4.1).
//!
//! The output is made of tiles of 2×2 numbers Y, each of which depends on 4×4 numbers d of the input. With the window g,
//!
//! ```text
//! Y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A
//! ```
//!
//! so that the sums over the channels are taken of 16 independent products. The gradients are those of this formula, Y being
//! the gradient of the output: of d, B [(G g Gᵀ) ⊙ (A Y Aᵀ)] Bᵀ, and of g, Gᵀ [(Bᵀ d B) ⊙ (A Y Aᵀ)] G.

mod backward;
mod field;
mod forward;
mod transform;

use std::ops::Range;

use pulp::Simd;

use super::conv_direct::Operands;
use super::correlate::{pack, slide};
use super::lanes::are_full;
use super::padded_layout::Window;
use field::{Field, Transformed};
use transform::{of_window, turn};

pub use backward::Backward;
pub use forward::Forward;

/// Products of a tile.
const PRODUCTS: usize = 16;
/// Numbers of the images of one vector in all channels, at most: 8 MiB.
const NUMBERS: usize = 1 << 21;
/// Windows, at most, whose products are kept in some tens of MiB.
const WEIGHTS: usize = 1 << 18;
/// With fewer channels, transforming takes longer than what it saves.
const CHANNELS: usize = 24;
/// Over few pixels lines are less full, and it takes fewer channels.
const FEW: (usize, usize) = (100, 16);

/// Whether this is such a convolution, and one that gets faster.
pub fn fits(operands: &Operands<'_>) -> bool {
    let Window { channels, size, kernel, strides, dilations, groups, .. } = operands.window;
    let steps = [kernel, strides, dilations] == [&[3, 3], &[1, 1], &[1, 1]] && *groups == 1;
    let (pixels, least) = (size.iter().product::<usize>(), channels[0].min(channels[1]));
    let few = if pixels <= FEW.0 { FEW.1 } else { CHANNELS };
    let numbers = channels[0].max(channels[1]).saturating_mul(pixels).saturating_mul(16);
    let weights = channels[0].saturating_mul(channels[1]);
    steps && least >= few && are_full(operands.batch) && numbers <= NUMBERS && weights <= WEIGHTS
}

/// G g Gᵀ of all windows, one list for each product, in the order of [`pack`]; `transposed`: the outputs are the channels that
/// are summed over.
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

/// The sums over the channels of each product of so many tiles.
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

/// The tiles of the input (side 0) or of the output's gradient (side 1), `N` numbers high and wide, times a matrix of
/// [`transform`](self::transform) from both sides.
#[inline(always)]
fn transform<S: Simd, const N: usize>(
    simd: S,
    field: &Field,
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

/// Some numbers of a field.
#[inline(always)]
fn cut<S: Simd, const N: usize>(simd: S, field: &[S::f32s], pitch: usize) -> [[S::f32s; N]; N] {
    let mut cut = [[simd.splat_f32s(0.0); N]; N];
    for (row, numbers) in cut.iter_mut().enumerate() {
        numbers.copy_from_slice(&field[row * pitch..][..N]);
    }
    cut
}
