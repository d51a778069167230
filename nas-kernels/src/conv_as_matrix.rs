//! Convolutions of images of a few pixels, where most of what a window covers is padding. Each number of the output
//! then depends on nearly all of the input, so the convolution is computed as one matrix product, `[batch, in ·
//! pixels]` by `[in · pixels, out · pixels]`. A row of the first matrix is an image as it lies in memory.

use std::borrow::Cow;

use super::conv_direct::{Gradient, Operands};
use super::matmul::multiply;
use super::moments::{Moments, moments};
use super::padded_layout::Window;

/// The most pixels of the input times pixels of the output.
const PAIRS: usize = 64;
/// The most numbers in the matrix (16 MiB).
const NUMBERS: usize = 1 << 22;
/// The fewest images for which laying out the weights pays off.
const IMAGES: usize = 8;

/// A pixel of the input and a pixel of the output that one weight connects.
struct Pair {
    from: usize,
    to: usize,
    /// The index of the weight in the window.
    tap: usize,
}

/// A convolution that is computed with one dense matrix.
pub struct ConvMatrix<'o> {
    operands: Operands<'o>,
    /// The number of pixels of the input, and of the output.
    pixels: [usize; 2],
    pairs: Vec<Pair>,
}

impl<'o> ConvMatrix<'o> {
    /// Returns `None` if the images or the matrix would be too large, if there are too few images, or if there are
    /// groups, between which the matrix would hold zeros only.
    pub fn of(operands: Operands<'o>) -> Option<Self> {
        let window = operands.window;
        let pixels = [window.size, window.out()].map(|size| size.iter().product::<usize>());
        let each = pixels[0] * pixels[1];
        let numbers = window.channels.iter().product::<usize>().saturating_mul(each);
        let fits = window.groups == 1 && each <= PAIRS && numbers <= NUMBERS && operands.batch >= IMAGES;
        fits.then(|| Self { operands, pixels, pairs: pairs(window) })
    }

    /// The matrix, `[out, pixels, in, pixels]`.
    fn matrix(&self) -> Vec<f32> {
        let ([inputs, outputs], [from, to]) = (self.operands.window.channels, self.pixels);
        let (taps, row) = (self.taps(), inputs * from);
        let mut matrix = vec![0.0; outputs * to * row];
        for (output, weights) in self.operands.weight.chunks_exact(inputs * taps).enumerate() {
            for pair in &self.pairs {
                let row = &mut matrix[(output * to + pair.to) * row..][..row];
                let places = row[pair.from..].iter_mut().step_by(from);
                places.zip(weights[pair.tap..].iter().step_by(taps)).for_each(|(place, weight)| *place = *weight);
            }
        }
        matrix
    }

    /// The gradient of the weights, given the gradient of the matrix.
    fn of_weights(&self, matrix: &[f32]) -> Vec<f32> {
        let ([inputs, _], [from, to]) = (self.operands.window.channels, self.pixels);
        let (taps, row) = (self.taps(), inputs * from);
        let mut sums = vec![0.0; self.operands.weight.len()];
        for (output, sums) in sums.chunks_exact_mut(inputs * taps).enumerate() {
            for pair in &self.pairs {
                let row = &matrix[(output * to + pair.to) * row..][..row];
                let numbers = row[pair.from..].iter().step_by(from);
                sums[pair.tap..].iter_mut().step_by(taps).zip(numbers).for_each(|(sum, number)| *sum += *number);
            }
        }
        sums
    }

    fn taps(&self) -> usize {
        self.operands.window.kernel.iter().product()
    }

    /// The input, rectified where there is a rectifier.
    fn seen(&self) -> Cow<'o, [f32]> {
        match self.operands.rectifier {
            Some(rectifier) => self.operands.input.iter().map(|&x| rectifier.apply(x)).collect(),
            None => self.operands.input.into(),
        }
    }

    /// The output and, if `wanted`, the moments of each of its channels.
    pub fn forward(&self, bias: Option<&[f32]>, wanted: bool) -> (Vec<f32>, Vec<Moments>) {
        let ([inputs, outputs], [from, to]) = (self.operands.window.channels, self.pixels);
        let seen = self.seen();
        let shift: Vec<f32> = bias.unwrap_or_default().iter().flat_map(|&bias| std::iter::repeat_n(bias, to)).collect();
        let sizes = [self.operands.batch, inputs * from, outputs * to];
        let all = multiply(sizes, (&seen, [inputs * from, 1]), (&self.matrix(), [1, inputs * from]), &shift);
        let mut channel = Vec::with_capacity(self.operands.batch * to);
        let found = (0..if wanted { outputs } else { 0 }).map(|output| {
            channel.clear();
            for image in all.chunks_exact(outputs * to) {
                channel.extend_from_slice(&image[output * to..][..to]);
            }
            moments(&channel)
        });
        let found = found.collect();
        (all, found)
    }

    /// The gradients of the input and of the weights. One that is not wanted is empty.
    pub fn backward(&self, gradient: &impl Gradient, input: bool, weight: bool) -> (Vec<f32>, Vec<f32>) {
        let ([inputs, outputs], [from, to]) = (self.operands.window.channels, self.pixels);
        let (batch, rows, columns) = (self.operands.batch, inputs * from, outputs * to);
        let mut gradients = vec![0.0; batch * columns];
        for (at, plane) in gradients.chunks_exact_mut(to).enumerate() {
            gradient.plane(at / outputs, at % outputs, plane);
        }
        let mut of_input = Vec::new();
        if input {
            of_input = multiply([batch, columns, rows], (&gradients, [columns, 1]), (&self.matrix(), [rows, 1]), &[]);
            if let Some(rectifier) = self.operands.rectifier {
                let numbers = of_input.iter_mut().zip(self.operands.input);
                numbers.for_each(|(gradient, &x)| *gradient = rectifier.passed(x, *gradient));
            }
        }
        let mut of_weight = Vec::new();
        if weight {
            let seen = self.seen();
            let of_matrix = multiply([columns, batch, rows], (&gradients, [1, columns]), (&seen, [rows, 1]), &[]);
            of_weight = self.of_weights(&of_matrix);
        }
        (of_input, of_weight)
    }
}

/// All pairs of pixels that a weight of the window connects.
fn pairs(window: &Window) -> Vec<Pair> {
    let ([height, width], [rows, columns]) = (window.size, window.out());
    // The coordinate that a tap reads along one side, if it lies within the image.
    let place = |side: usize, out: usize, tap: usize, size: usize| {
        let at = (out * window.strides[side] + tap * window.dilations[side]).checked_sub(window.pads[side][0])?;
        (at < size).then_some(at)
    };
    let mut pairs = Vec::new();
    for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
        for down in 0..window.kernel[0] {
            let Some(y) = place(0, row, down, height) else { continue };
            for right in 0..window.kernel[1] {
                let Some(x) = place(1, column, right, width) else { continue };
                let (from, to) = (y * width + x, row * columns + column);
                pairs.push(Pair { from, to, tap: down * window.kernel[1] + right });
            }
        }
    }
    pairs
}
