use pulp::{Simd, WithSimd};

use super::tile_grid::{TileGrid, Transformed};
use super::transform::{of_input, of_output, to_input, to_window, turn};
use super::{PRODUCTS, multiply, of_windows, transform};
use crate::conv_direct::{self, Gradient};
use crate::images::{gather, gather_gradients, passed, scatter};
use crate::matmul::add_product;

/// Computes the gradients that a backward pass wants.
pub struct Backward<'o, G>(pub conv_direct::Backward<'o, G>);

impl<G: Gradient> WithSimd for Backward<'_, G> {
    type Output = (Vec<f32>, Vec<f32>);

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        let conv_direct::Backward { operands, gradient, input: for_input, weight: for_weight } = self.0;
        let ([inputs, outputs], field) = (operands.window.channels, TileGrid::new(operands.window));
        let zero = simd.splat_f32s(0.0);
        let weights = if for_input { of_windows::<S>(&operands, true) } else { Vec::new() };
        let if_wanted = |wanted: bool, size: usize| if wanted { size } else { 0 };
        let mut seen = vec![zero; if_wanted(for_weight, inputs * field.sizes[0])];
        let mut found = vec![zero; if_wanted(for_input, inputs * field.sizes[0])];
        let mut gradients = vec![zero; outputs * field.sizes[1]];
        let mut input = Transformed::new(inputs, &field, zero);
        let mut output = Transformed::new(outputs, &field, zero);
        let mut products = vec![0.0; if_wanted(for_weight, PRODUCTS * outputs * inputs)];
        let mut of_inputs = Vec::with_capacity(if_wanted(for_input, operands.input.len()));
        for first in (0..operands.batch).step_by(S::F32_LANES) {
            let images = S::F32_LANES.min(operands.batch - first);
            gather_gradients::<S>(&gradient, [first, images], &field.outside, (&mut gradients, field.sizes[1]));
            if for_weight {
                gather::<S>(&operands, [first, images], &field.inside, (&mut seen, field.sizes[0]));
            }
            found.fill(zero);
            for tiles in field.blocks() {
                transform(simd, &field, 1, tiles.clone(), &gradients, &mut output, of_output);
                if for_weight {
                    transform(simd, &field, 0, tiles.clone(), &seen, &mut input, of_input);
                    for (product, sums) in products.chunks_exact_mut(outputs * inputs).enumerate() {
                        let (by, of) = (output.lines(simd, product), input.lines(simd, product));
                        let sizes = [outputs, tiles.len() * S::F32_LANES, inputs];
                        add_product(sizes, (by.numbers, [by.stride, 1]), (of.numbers, [1, of.stride]), sums);
                    }
                }
                if for_input {
                    multiply(simd, &output, &weights, tiles.len(), &mut input);
                    for (channel, to) in found.chunks_exact_mut(field.sizes[0]).enumerate() {
                        for (number, tile) in tiles.clone().enumerate() {
                            let to = &mut to[field.corners(tile)[0]..];
                            let rows = turn(&input.get(channel, number), zero, |line| to_input(simd, line));
                            for (row, numbers) in rows.iter().enumerate() {
                                for (to, &number) in to[row * field.pitches[0]..][..4].iter_mut().zip(numbers) {
                                    *to = simd.add_f32s(*to, number);
                                }
                            }
                        }
                    }
                }
            }
            if for_input {
                scatter::<S>(images, &found, field.sizes[0], &field.inside, &mut of_inputs);
            }
        }
        (passed(&operands, of_inputs), of_weights(&products, outputs * inputs))
    }
}

/// The gradients of `count` windows, given those of their transforms.
fn of_weights(products: &[f32], count: usize) -> Vec<f32> {
    let window = |number: usize| {
        let product = |at: usize| products.get(at * count + number).copied().unwrap_or_default();
        let rows = [0, 4, 8, 12].map(|at| [product(at), product(at + 1), product(at + 2), product(at + 3)]);
        turn(&rows, 0.0, to_window)
    };
    let count = if products.is_empty() { 0 } else { count };
    (0..count).flat_map(|number| window(number).into_iter().flatten()).collect()
}
