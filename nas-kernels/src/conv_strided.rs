//! Convolutions with strided windows, with images side by side in [`lanes`](super::lanes). What each tap of the window
//! sees is copied vector by vector, and the convolution is one matrix product, `[out, in · taps]` by `[in · taps,
//! pixels · lanes]` (Chellapilla, Puri & Simard 2006, "High performance convolutional neural networks for document
//! processing", section 2.1).

use pulp::{Simd, WithSimd};

use super::conv_direct::{self, Gradient, Operands};
use super::images::{gather, gather_gradients, of_lanes, passed, scatter};
use super::lanes::are_full;
use super::matmul::{add_product, multiply};
use super::moments::Moments;
use super::padded_layout::Window;

/// The most pixels of the input. For larger images, lines ([`padded_layout`](super::padded_layout)) are as fast.
const PIXELS: usize = 256;
/// The most numbers that the taps see in the images of one vector, and the most in these images with their borders.
/// Both have to fit into the cache.
const NUMBERS: usize = 1 << 17;
/// The most pixels of the input for 1×1 windows with stride 1.
const FEW: usize = 25;

/// Whether the convolution is of this kind and is faster this way.
pub fn fits(operands: &Operands<'_>) -> bool {
    let window = operands.window;
    let pixels = window.size.iter().product::<usize>();
    let strided = window.strides != [1, 1] && pixels <= PIXELS;
    let point = window.kernel == [1, 1] && pixels <= FEW;
    let sides = sides(window);
    let numbers = |sizes: [usize; 4]| sizes.into_iter().fold(16 * window.channels[0], usize::saturating_mul);
    let most = numbers([window.kernel[0], window.kernel[1], window.out()[0], window.out()[1]]);
    // Large dilations and paddings make a large border.
    let most = most.max(numbers([sides[0], sides[1], 1, 1]));
    (strided || point) && window.groups == 1 && are_full(operands.batch) && most <= NUMBERS
}

/// Rows and columns of the input, including the padding that the window covers.
fn sides(window: &Window) -> [usize; 2] {
    [0, 1].map(|side| {
        let reach = (window.kernel[side] - 1).saturating_mul(window.dilations[side]);
        let reach = reach.saturating_add((window.out()[side] - 1) * window.strides[side] + 1);
        reach.max(window.size[side] + window.pads[side][0])
    })
}

/// Indices into the vectors of one channel.
struct Places {
    /// The input's pixels, within a border of zeros.
    inside: Vec<usize>,
    /// What each tap sees at the first position of the window, tap by tap.
    taps: Vec<usize>,
    /// The positions of the window on the input, one for each pixel of the output.
    corners: Vec<usize>,
    /// The output's pixels, one after the other.
    outside: Vec<usize>,
    /// The number of vectors in a channel of the input.
    size: usize,
}

impl Places {
    fn new(window: &Window) -> Self {
        let out = window.out();
        let [height, pitch] = sides(window);
        let grid = |[rows, columns]: [usize; 2], steps: [usize; 2], [above, left]: [usize; 2]| {
            let row = |row| (0..columns).map(move |column| (row * steps[0] + above) * pitch + column * steps[1] + left);
            (0..rows).flat_map(row).collect()
        };
        Self {
            inside: grid(window.size, [1, 1], window.pads.map(|pads| pads[0])),
            taps: grid(window.kernel, window.dilations, [0, 0]),
            corners: grid(out, window.strides, [0, 0]),
            outside: (0..out[0] * out[1]).collect(),
            size: height * pitch,
        }
    }

    /// Writes what all taps see, channel by channel, to `seen`: `[channel, tap, pixel]`.
    #[inline(always)]
    fn unfold<V: Copy>(&self, channels: &[V], seen: &mut Vec<V>) {
        seen.clear();
        for channel in channels.chunks_exact(self.size) {
            for &tap in &self.taps {
                let from = &channel[tap..];
                for &corner in &self.corners {
                    seen.push(from[corner]);
                }
            }
        }
    }

    /// The transpose of [`Places::unfold`]: adds the numbers of all taps to the pixels that they see.
    #[inline(always)]
    fn fold<S: Simd>(&self, simd: S, seen: &[S::f32s], channels: &mut [S::f32s]) {
        let mut seen = seen.chunks_exact(self.corners.len());
        for channel in channels.chunks_exact_mut(self.size) {
            for (&tap, seen) in self.taps.iter().zip(seen.by_ref()) {
                let to = &mut channel[tap..];
                for (&corner, &number) in self.corners.iter().zip(seen) {
                    to[corner] = simd.add_f32s(to[corner], number);
                }
            }
        }
    }
}

/// Computes the output, `[batch, out, height, width]`, and, if they are wanted, the moments of each of its channels.
pub struct Forward<'o>(pub conv_direct::Forward<'o>);

impl WithSimd for Forward<'_> {
    type Output = (Vec<f32>, Vec<Moments>);

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        let conv_direct::Forward { operands, bias, moments } = self.0;
        let ([inputs, outputs], places) = (operands.window.channels, Places::new(operands.window));
        let (pixels, row) = (places.outside.len(), inputs * places.taps.len());
        let mut input = vec![simd.splat_f32s(0.0); inputs * places.size];
        let mut seen = Vec::with_capacity(row * pixels);
        let mut all = Vec::with_capacity(operands.batch * outputs * pixels);
        let mut found = vec![Moments::default(); if moments { outputs } else { 0 }];
        for first in (0..operands.batch).step_by(S::F32_LANES) {
            let images = S::F32_LANES.min(operands.batch - first);
            gather::<S>(&operands, [first, images], &places.inside, (&mut input, places.size));
            places.unfold(&input, &mut seen);
            let width = pixels * S::F32_LANES;
            let numbers = bytemuck::cast_slice(&seen);
            let mut output = multiply([outputs, row, width], (operands.weight, [row, 1]), (numbers, [width, 1]), &[]);
            for (channel, numbers) in output.chunks_exact_mut(width).enumerate() {
                if let Some(bias) = bias {
                    numbers.iter_mut().for_each(|number| *number += bias[channel]);
                }
                if let Some(found) = found.get_mut(channel) {
                    found.add(of_lanes(simd, images, S::as_simd_f32s(numbers).0, &places.outside));
                }
            }
            scatter::<S>(images, S::as_simd_f32s(&output).0, pixels, &places.outside, &mut all);
        }
        (all, found)
    }
}

/// Computes the gradients that a backward pass wants.
pub struct Backward<'o, G>(pub conv_direct::Backward<'o, G>);

impl<G: Gradient> WithSimd for Backward<'_, G> {
    type Output = (Vec<f32>, Vec<f32>);

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        let conv_direct::Backward { operands, gradient, input: for_input, weight: for_weight } = self.0;
        let ([inputs, outputs], places) = (operands.window.channels, Places::new(operands.window));
        let (pixels, row, zero) = (places.outside.len(), inputs * places.taps.len(), simd.splat_f32s(0.0));
        let width = pixels * S::F32_LANES;
        let mut input = vec![zero; if for_weight { inputs * places.size } else { 0 }];
        let mut found = vec![zero; if for_input { inputs * places.size } else { 0 }];
        let mut gradients = vec![zero; outputs * pixels];
        let mut seen = Vec::new();
        let mut of_input = Vec::with_capacity(if for_input { operands.input.len() } else { 0 });
        let mut of_weight = vec![0.0; if for_weight { operands.weight.len() } else { 0 }];
        for first in (0..operands.batch).step_by(S::F32_LANES) {
            let images = S::F32_LANES.min(operands.batch - first);
            gather_gradients::<S>(&gradient, [first, images], &places.outside, (&mut gradients, pixels));
            let numbers: &[f32] = bytemuck::cast_slice(&gradients);
            if for_weight {
                gather::<S>(&operands, [first, images], &places.inside, (&mut input, places.size));
                places.unfold(&input, &mut seen);
                let seen = bytemuck::cast_slice(&seen);
                add_product([outputs, width, row], (numbers, [width, 1]), (seen, [1, width]), &mut of_weight);
            }
            if for_input {
                let of_seen = multiply([row, outputs, width], (operands.weight, [1, row]), (numbers, [width, 1]), &[]);
                found.fill(zero);
                places.fold(simd, S::as_simd_f32s(&of_seen).0, &mut found);
                scatter::<S>(images, &found, places.size, &places.inside, &mut of_input);
            }
        }
        (passed(&operands, of_input), of_weight)
    }
}
