use pulp::{Simd, WithSimd};

use super::tile_grid::{TileGrid, Transformed};
use super::transform::{of_input, to_output, turn};
use super::{multiply, of_windows, transform};
use crate::conv_direct;
use crate::images::{gather, of_lanes, scatter};
use crate::moments::Moments;

/// Computes the output, `[batch, out, height, width]`, and, if they are wanted, the moments of each of its channels.
pub struct Forward<'o>(pub conv_direct::Forward<'o>);

impl WithSimd for Forward<'_> {
    type Output = (Vec<f32>, Vec<Moments>);

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        let conv_direct::Forward { operands, bias, moments: wanted } = self.0;
        let ([inputs, outputs], field) = (operands.window.channels, TileGrid::new(operands.window));
        let zero = simd.splat_f32s(0.0);
        let weights = of_windows::<S>(&operands, false);
        let mut before = vec![zero; inputs * field.sizes[0]];
        let mut after = vec![zero; outputs * field.sizes[1]];
        let mut input = Transformed::new(inputs, &field, zero);
        let mut output = Transformed::new(outputs, &field, zero);
        let area = field.outside.len();
        let mut all = Vec::with_capacity(operands.batch * outputs * area);
        let mut found = vec![Moments::default(); if wanted { outputs } else { 0 }];
        for first in (0..operands.batch).step_by(S::F32_LANES) {
            let images = S::F32_LANES.min(operands.batch - first);
            gather::<S>(&operands, [first, images], &field.inside, (&mut before, field.sizes[0]));
            for tiles in field.blocks() {
                transform(simd, &field, 0, tiles.clone(), &before, &mut input, of_input);
                multiply(simd, &input, &weights, tiles.len(), &mut output);
                for (channel, to) in after.chunks_exact_mut(field.sizes[1]).enumerate() {
                    let bias = simd.splat_f32s(bias.map_or(0.0, |bias| bias[channel]));
                    for (number, tile) in tiles.clone().enumerate() {
                        let to = &mut to[field.corners(tile)[1]..];
                        let rows = turn(&output.get(channel, number), zero, |line| to_output(simd, line));
                        for (row, numbers) in rows.iter().enumerate() {
                            for (to, &number) in to[row * field.pitches[1]..][..2].iter_mut().zip(numbers) {
                                *to = simd.add_f32s(number, bias);
                            }
                        }
                    }
                }
            }
            for (found, channel) in found.iter_mut().zip(after.chunks_exact(field.sizes[1])) {
                found.add(of_lanes(simd, images, channel, &field.outside));
            }
            scatter::<S>(images, &after, field.sizes[1], &field.outside, &mut all);
        }
        (all, found)
    }
}
