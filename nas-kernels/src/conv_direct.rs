//! Convolutions of batches of images, forward and backward, with what stands before and after them.

use pulp::{Simd, WithSimd};

use super::correlate::{Lines, correlate, pack, slide, sums, total};
use super::moments::{Moments, moments};
use super::padded_layout::{Flat, SLACK, Tap, Window};

/// What a convolution is given: `[batch, channels, height, width]` and `[out, in / groups, height, width]`.
#[derive(Clone, Copy)]
pub struct Operands<'o> {
    pub window: &'o Window,
    pub batch: usize,
    pub input: &'o [f32],
    pub weight: &'o [f32],
    /// What the input goes through first.
    pub rectifier: Option<Rectifier>,
}

impl Operands<'_> {
    fn area(&self) -> usize {
        self.window.size.iter().product()
    }

    /// Inputs and outputs of one group.
    fn group(&self) -> [usize; 2] {
        self.window.channels.map(|channels| channels / self.window.groups)
    }

    /// Where the weights of an output and an input begin.
    fn place(&self, output: usize, input: usize) -> usize {
        (output * self.group()[0] + input) * self.window.kernel[0] * self.window.kernel[1]
    }

    /// Lays the channels of some images out, from `first` on.
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

/// max(0, x), and no more than this, which may be infinite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rectifier(pub f32);

impl Rectifier {
    /// What is not a number stays so, that nobody takes a diverged training for a good one.
    #[inline(always)]
    pub fn apply(self, x: f32) -> f32 {
        let x = if x <= 0.0 { 0.0 } else { x };
        if x >= self.0 { self.0 } else { x }
    }

    /// What of a gradient passes at `x`.
    #[inline(always)]
    pub fn passed(self, x: f32, gradient: f32) -> f32 {
        if x <= 0.0 || x >= self.0 { 0.0 } else { gradient }
    }
}

/// The output, `[batch, out, height, width]`, and the moments of each of its channels.
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

/// What the gradient of the output is, by position: `(image, channel)` of it, written to a plane of its size.
pub trait Gradient {
    fn plane(&self, image: usize, channel: usize, to: &mut [f32]);
}

/// The gradients of the input, where it is wanted, and of the weights.
pub struct Backward<'o, G> {
    pub operands: Operands<'o>,
    pub gradient: G,
    /// Whether the gradient of the input is wanted.
    pub input: bool,
    /// Whether that of the weights is.
    pub weight: bool,
}

/// The taps of one phase, and the weights that lead from the gradient of the outputs to that of the inputs.
struct Phase {
    phase: usize,
    offsets: Vec<usize>,
    /// One for each group.
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
                // A smaller last part leaves numbers of the part before it behind.
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
                    // What no tap sees has no gradient; the phase before it has written a little too far.
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
                    // The input's own numbers say where it was rectified.
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
