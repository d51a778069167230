//! Convolutions as sums of shifted lines, forward and backward, fused with a rectifier before them and the statistics
//! after them.

use pulp::{Simd, WithSimd};

use super::correlate::{Lines, correlate, pack, slide, sums, total};
use super::moments::{Moments, moments};
use super::padded_layout::{Flat, SLACK, Tap, Window};

/// The operands of a convolution: images, `[batch, channels, height, width]`, and weights, `[out, in / groups, height,
/// width]`.
#[derive(Clone, Copy)]
pub struct Operands<'o> {
    pub window: &'o Window,
    pub batch: usize,
    pub input: &'o [f32],
    pub weight: &'o [f32],
    /// Applied to the input first.
    pub rectifier: Option<Rectifier>,
}

impl Operands<'_> {
    fn area(&self) -> usize {
        self.window.size.iter().product()
    }

    /// The input channels and output channels of one group.
    fn group(&self) -> [usize; 2] {
        self.window.channels.map(|channels| channels / self.window.groups)
    }

    /// The index at which the weights between an output channel and an input channel begin.
    fn place(&self, output: usize, input: usize) -> usize {
        (output * self.group()[0] + input) * self.window.kernel[0] * self.window.kernel[1]
    }

    /// Lays out the channels of `images` images, beginning with image `first`.
    #[inline(always)]
    fn spread(&self, flat: &Flat, first: usize, images: usize, lines: &mut [f32]) {
        let (area, channels, stride) = (self.area(), self.window.channels[0], flat.input_stride());
        for image in 0..images {
            for channel in 0..channels {
                let pixels = &self.input[((first + image) * channels + channel) * area..][..area];
                let lines = &mut lines[channel * stride..][..stride];
                match self.rectifier {
                    Some(rectifier) => flat.spread(image, pixels, lines, |x| rectifier.apply(x)),
                    None => flat.spread(image, pixels, lines, |x| x),
                }
            }
        }
    }
}

/// The function min(max(0, x), limit); the limit may be infinite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rectifier(pub f32);

impl Rectifier {
    /// NaN stays NaN, so that a diverged training is not mistaken for a good one.
    #[inline(always)]
    pub fn apply(self, x: f32) -> f32 {
        let x = if x <= 0.0 { 0.0 } else { x };
        if x >= self.0 { self.0 } else { x }
    }

    /// The part of a gradient that passes at `x`: all or nothing.
    #[inline(always)]
    pub fn passed(self, x: f32, gradient: f32) -> f32 {
        if x <= 0.0 || x >= self.0 { 0.0 } else { gradient }
    }
}

/// Computes the output, `[batch, out, height, width]`, and the moments of each of its channels.
pub struct Forward<'o> {
    pub operands: Operands<'o>,
    /// Added to each channel of the output.
    pub bias: Option<&'o [f32]>,
    /// Whether the moments are wanted.
    pub moments: bool,
}

impl WithSimd for Forward<'_> {
    type Output = (Vec<f32>, Vec<Moments>);

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        let Self { operands, bias, moments: wanted } = self;
        let window = operands.window;
        let flat = Flat::new(window, operands.batch);
        let (taps, [inputs, outputs]) = (flat.taps.len(), operands.group());
        let mut weights = vec![Vec::new(); window.groups];
        for (group, packed) in weights.iter_mut().enumerate() {
            let weight = |output, input, tap: usize| {
                operands.weight[operands.place(group * outputs + output, input) + flat.taps[tap].number]
            };
            pack::<S>(outputs, inputs, taps, packed, weight);
        }
        let (offsets, stride) = (flat.offsets(), flat.input_stride());
        let mut lines = vec![0.0; window.channels[0] * stride];
        let mut results = vec![0.0; window.channels[1] * flat.output_stride()];
        let area = window.out().iter().product::<usize>();
        let mut all = Vec::with_capacity(operands.batch * window.channels[1] * area);
        let mut found = vec![Moments::default(); if wanted { window.channels[1] } else { 0 }];
        for first in (0..operands.batch).step_by(flat.images) {
            let images = flat.images.min(operands.batch - first);
            operands.spread(&flat, first, images, &mut lines);
            for (group, weights) in weights.iter().enumerate() {
                let input = Lines { numbers: &lines[group * inputs * stride..], stride, count: inputs };
                let out = &mut results[group * outputs * flat.output_stride()..];
                let length = flat.length(images);
                slide(simd, input, &offsets, weights, length, out, (flat.output_stride(), outputs));
            }
            for image in 0..images {
                for channel in 0..window.channels[1] {
                    let line = &results[channel * flat.output_stride()..];
                    let start = all.len();
                    for row in flat.output_rows(image) {
                        all.extend_from_slice(&line[row..row + flat.output_width()]);
                    }
                    if let Some(bias) = bias {
                        for number in &mut all[start..] {
                            *number += bias[channel];
                        }
                    }
                    if let Some(found) = found.get_mut(channel) {
                        found.add(moments(&all[start..]));
                    }
                }
            }
        }
        (all, found)
    }
}

/// A gradient of a convolution's output that is computed plane by plane when it is needed.
pub trait Gradient {
    /// Writes the gradient of one channel of one image, `[height, width]`, to `to`.
    fn plane(&self, image: usize, channel: usize, to: &mut [f32]);
}

/// Computes the gradients of the input and of the weights; one that is not wanted is empty.
pub struct Backward<'o, G> {
    pub operands: Operands<'o>,
    pub gradient: G,
    /// Whether the gradient of the input is wanted.
    pub input: bool,
    /// Whether the gradient of the weights is wanted.
    pub weight: bool,
}

/// The taps of one phase, with the weights arranged for the way from the gradient of the outputs to that of the inputs.
struct Phase {
    phase: usize,
    offsets: Vec<usize>,
    /// One list for each group.
    weights: Vec<Vec<f32>>,
}

impl Phase {
    #[inline(always)]
    fn all<S: Simd>(operands: &Operands<'_>, flat: &Flat) -> Vec<Self> {
        let [inputs, outputs] = operands.group();
        let of = |phase: usize| {
            let own: Vec<Tap> = flat.taps.iter().copied().filter(|tap| tap.phase == phase).collect();
            let groups = 0..operands.window.groups;
            let weights = groups.map(|group| {
                let mut packed = Vec::new();
                let weight = |input, output, tap: usize| {
                    operands.weight[operands.place(group * outputs + output, input) + own[tap].number]
                };
                pack::<S>(inputs, outputs, own.len(), &mut packed, weight);
                packed
            });
            let offsets = own.iter().map(|tap| flat.reach() - tap.shift).collect();
            Self { phase, offsets, weights: weights.collect() }
        };
        (0..flat.phases()).map(of).collect()
    }
}

impl<G: Gradient> WithSimd for Backward<'_, G> {
    type Output = (Vec<f32>, Vec<f32>);

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        let Self { operands, gradient, input: for_input, weight: for_weight } = self;
        let window = operands.window;
        let flat = Flat::new(window, operands.batch);
        let ([inputs, outputs], groups) = (operands.group(), window.groups);
        let phases = if for_input { Phase::all::<S>(&operands, &flat) } else { Vec::new() };
        let (offsets, stride) = (flat.offsets(), flat.input_stride());
        let places: Vec<usize> =
            (0..inputs).flat_map(|input| offsets.iter().map(move |offset| input * stride + offset)).collect();
        let mut lines = vec![0.0; window.channels[0] * stride];
        let mut gradients = vec![0.0; window.channels[1] * flat.output_stride()];
        let mut results = vec![0.0; if for_input { window.channels[0] * stride } else { 0 }];
        let size = sums::<S>(outputs, places.len());
        let mut all_sums = vec![0.0; if for_weight { groups * size } else { 0 }];
        let area = operands.area();
        let mut of_input = Vec::with_capacity(if for_input { operands.input.len() } else { 0 });
        let mut plane = vec![0.0; window.out().iter().product::<usize>()];
        for first in (0..operands.batch).step_by(flat.images) {
            let images = flat.images.min(operands.batch - first);
            let length = flat.length(images);
            for channel in 0..window.channels[1] {
                let line = &mut gradients[channel * flat.output_stride() + flat.reach()..];
                for image in 0..images {
                    gradient.plane(first + image, channel, &mut plane);
                    for (row, numbers) in flat.output_rows(image).zip(plane.chunks_exact(flat.output_width())) {
                        line[row..row + flat.output_width()].copy_from_slice(numbers);
                    }
                }
                // A smaller last part would leave numbers of the part before it here.
                line[length..length + SLACK].fill(0.0);
            }
            if for_weight {
                operands.spread(&flat, first, images, &mut lines);
                for group in 0..groups {
                    let numbers = &gradients[group * outputs * flat.output_stride() + flat.reach()..];
                    let of_group = Lines { numbers, stride: flat.output_stride(), count: outputs };
                    let lines = &lines[group * inputs * stride..];
                    correlate(simd, of_group, lines, &places, length, &mut all_sums[group * size..][..size]);
                }
            }
            if !for_input {
                continue;
            }
            for Phase { phase, offsets, weights } in &phases {
                if offsets.is_empty() {
                    // Pixels that no tap reads have no gradient. The phase before this one may have written a little
                    // beyond its end.
                    results.chunks_exact_mut(stride).for_each(|lines| lines[phase * flat.line()..][..SLACK].fill(0.0));
                    continue;
                }
                for (group, weights) in weights.iter().enumerate() {
                    let numbers = &gradients[group * outputs * flat.output_stride()..];
                    let of_group = Lines { numbers, stride: flat.output_stride(), count: outputs };
                    let out = &mut results[group * inputs * stride + phase * flat.line()..];
                    slide(simd, of_group, offsets, weights, flat.phase_length(images), out, (stride, inputs));
                }
            }
            for image in first..first + images {
                for channel in 0..window.channels[0] {
                    let start = (image * window.channels[0] + channel) * area;
                    let results = &results[channel * stride..];
                    // The input's own numbers say where the rectifier let the gradient pass.
                    of_input.extend_from_slice(&operands.input[start..start + area]);
                    let pixels = &mut of_input[start..];
                    match operands.rectifier {
                        Some(rectifier) => {
                            let masked = |from: f32, to: &mut f32| *to = rectifier.passed(*to, from);
                            flat.gather(image - first, results, pixels, masked);
                        }
                        None => flat.gather(image - first, results, pixels, |from, to| *to = from),
                    }
                }
            }
        }
        let mut of_weight = vec![0.0; if for_weight { operands.weight.len() } else { 0 }];
        for (group, sums) in all_sums.chunks_exact(size.max(1)).enumerate() {
            total::<S>(outputs, places.len(), sums, |output, place, sum| {
                let (input, tap) = (place / flat.taps.len(), place % flat.taps.len());
                of_weight[operands.place(group * outputs + output, input) + flat.taps[tap].number] = sum;
            });
        }
        (of_input, of_weight)
    }
}
