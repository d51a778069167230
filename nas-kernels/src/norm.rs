//! Batch normalisation of `[batch, channels, area]` (Ioffe & Szegedy 2015, algorithm 1), forward and backward.

use pulp::{Simd, WithSimd};

use super::conv_direct::{Gradient, Rectifier};
use super::moments::{Moments, append, append_pairs, moments, sum, sum_of_pairs};

/// Planes with fewer numbers do not fill vectors.
const SMALL: usize = 32;
/// The number of images that are summed up in single precision before the sum goes on in double precision.
const IMAGES: usize = 32;

/// The statistics and parameters by which one channel is normalised.
#[derive(Clone, Copy, Debug)]
pub struct Channel {
    /// The mean of the batch.
    pub mean: f32,
    /// 1 / √(variance + ε).
    pub inverse: f32,
    /// The learnt factor.
    pub scale: f32,
    /// The learnt shift.
    pub shift: f32,
}

impl Channel {
    /// A channel's normalisation by the moments of the batch.
    pub fn new(moments: &Moments, epsilon: f64, scale: f32, shift: f32) -> Self {
        let inverse = 1.0 / (moments.variance() + epsilon).sqrt();
        Self { mean: moments.mean as f32, inverse: inverse as f32, scale, shift }
    }

    #[inline(always)]
    fn apply(&self, x: f32) -> f32 {
        (x - self.mean) * (self.inverse * self.scale) + self.shift
    }
}

/// The numbers of a tensor `[batch, channels, area]`.
#[derive(Clone, Copy)]
pub struct Planes<'p> {
    pub numbers: &'p [f32],
    pub channels: usize,
    /// The count of numbers in one channel of one image.
    pub area: usize,
}

impl<'p> Planes<'p> {
    /// The channel and the numbers of each plane, image by image.
    #[inline(always)]
    fn each(&self) -> impl Iterator<Item = (usize, &'p [f32])> + use<'p> {
        let channels = self.channels;
        self.numbers.chunks_exact(self.area).enumerate().map(move |(at, plane)| (at % channels, plane))
    }

    fn plane(&self, image: usize, channel: usize) -> &'p [f32] {
        &self.numbers[(image * self.channels + channel) * self.area..][..self.area]
    }
}

/// Computes the moments of each channel.
pub struct Measure<'p>(pub Planes<'p>);

impl WithSimd for Measure<'_> {
    type Output = Vec<Moments>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) -> Self::Output {
        let mut found = vec![Moments::default(); self.0.channels];
        for (channel, plane) in self.0.each() {
            found[channel].add(moments(plane));
        }
        found
    }
}

/// Computes the sum of each channel.
pub struct Total<'p>(pub Planes<'p>);

impl WithSimd for Total<'_> {
    type Output = Vec<f64>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) -> Self::Output {
        let mut sums = vec![0.0; self.0.channels];
        for (channel, plane) in self.0.each() {
            sums[channel] += sum(plane, |x| x);
        }
        sums
    }
}

/// Normalises every number, and rectifies it if there is a rectifier.
pub struct Apply<'p> {
    pub planes: Planes<'p>,
    pub channels: &'p [Channel],
    pub rectifier: Option<Rectifier>,
}

impl WithSimd for Apply<'_> {
    type Output = Vec<f32>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) -> Self::Output {
        let mut all = Vec::with_capacity(self.planes.numbers.len());
        for (channel, plane) in self.planes.each() {
            let channel = self.channels[channel];
            match self.rectifier {
                Some(rectifier) => append(&mut all, plane, |x| rectifier.apply(channel.apply(x))),
                None => append(&mut all, plane, |x| channel.apply(x)),
            }
        }
        all
    }
}

/// Sums over one channel of the gradient g of the normalised output.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sums {
    /// Σ g: the gradient of the shift.
    pub gradients: f64,
    /// Σ g · (x − mean) / deviation: the gradient of the scale.
    pub products: f64,
}

/// Computes the [`Sums`] of each channel.
pub struct Collect<'p> {
    pub before: Planes<'p>,
    pub gradient: &'p [f32],
    pub channels: &'p [Channel],
    pub rectifier: Option<Rectifier>,
}

impl WithSimd for Collect<'_> {
    type Output = Vec<Sums>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) -> Self::Output {
        match self.rectifier {
            Some(rectifier) if self.before.area < SMALL => self.across(|x, g| rectifier.passed(x, g)),
            None if self.before.area < SMALL => self.across(|_, g| g),
            _ => self.along(),
        }
    }
}

impl Collect<'_> {
    /// Sums plane by plane.
    #[inline(always)]
    fn along(self) -> Vec<Sums> {
        let mut sums = vec![Sums::default(); self.before.channels];
        let mut masked = Vec::with_capacity(self.before.area);
        for ((channel, before), gradient) in self.before.each().zip(self.gradient.chunks_exact(self.before.area)) {
            let (sums, channel) = (&mut sums[channel], self.channels[channel]);
            let gradient = if let Some(rectifier) = self.rectifier {
                masked.clear();
                append_pairs(&mut masked, before, gradient, |x, g| rectifier.passed(channel.apply(x), g));
                &masked[..]
            } else {
                gradient
            };
            sums.gradients += sum(gradient, |g| g);
            let product = sum_of_pairs(before, gradient, |x, g| (x - channel.mean) * g);
            sums.products += product * f64::from(channel.inverse);
        }
        sums
    }

    /// Sums image by image with all channels side by side, because small planes do not fill vectors.
    #[inline(always)]
    fn across(self, passed: impl Fn(f32, f32) -> f32) -> Vec<Sums> {
        let Self { before, gradient, channels, .. } = self;
        let (area, width) = (before.area, before.channels * before.area);
        let all = |number: fn(&Channel) -> f32| -> Vec<f32> {
            channels.iter().flat_map(|channel| std::iter::repeat_n(number(channel), area)).collect()
        };
        let mean = all(|channel| channel.mean);
        let (factor, shift) = (all(|channel| channel.inverse * channel.scale), all(|channel| channel.shift));
        let mut sums = vec![Sums::default(); before.channels];
        let (images, gradients) = (before.numbers.chunks(width * IMAGES), gradient.chunks(width * IMAGES));
        for (images, gradients) in images.zip(gradients) {
            let (mut of_gradients, mut of_products) = (vec![0.0_f32; width], vec![0.0_f32; width]);
            for (x, g) in images.chunks_exact(width).zip(gradients.chunks_exact(width)) {
                let (mean, factor, shift) = (&mean[..width], &factor[..width], &shift[..width]);
                let (of_gradients, of_products) = (&mut of_gradients[..width], &mut of_products[..width]);
                for at in 0..width {
                    let centred = x[at] - mean[at];
                    let g = passed(centred * factor[at] + shift[at], g[at]);
                    of_gradients[at] += g;
                    of_products[at] += centred * g;
                }
            }
            let planes = of_gradients.chunks_exact(area).zip(of_products.chunks_exact(area));
            for ((sums, channel), (gradients, products)) in sums.iter_mut().zip(channels).zip(planes) {
                sums.gradients += gradients.iter().copied().map(f64::from).sum::<f64>();
                sums.products += products.iter().copied().map(f64::from).sum::<f64>() * f64::from(channel.inverse);
            }
        }
        sums
    }
}

/// The gradient of the input of a normalisation, given that of its output.
pub struct Normalized<'p> {
    pub before: Planes<'p>,
    pub gradient: Planes<'p>,
    pub channels: &'p [Channel],
    pub sums: &'p [Sums],
    pub rectifier: Option<Rectifier>,
    /// The count of numbers in one channel of the whole batch.
    pub count: f64,
}

impl Gradient for Normalized<'_> {
    #[inline(always)]
    fn plane(&self, image: usize, channel: usize, to: &mut [f32]) {
        let (before, gradient) = (self.before.plane(image, channel), self.gradient.plane(image, channel));
        let (sums, channel) = (self.sums[channel], self.channels[channel]);
        let mean = (sums.gradients / self.count) as f32;
        let slope = (sums.products / self.count) as f32 * channel.inverse;
        let factor = channel.scale * channel.inverse;
        let back = |x: f32, g: f32| factor * (g - mean - (x - channel.mean) * slope);
        let numbers = to.iter_mut().zip(before).zip(gradient);
        match self.rectifier {
            Some(rectifier) => {
                for ((to, &x), &g) in numbers {
                    *to = back(x, rectifier.passed(channel.apply(x), g));
                }
            }
            None => {
                for ((to, &x), &g) in numbers {
                    *to = back(x, g);
                }
            }
        }
    }
}

/// A gradient that is given as a tensor.
impl Gradient for Planes<'_> {
    #[inline(always)]
    fn plane(&self, image: usize, channel: usize, to: &mut [f32]) {
        to.copy_from_slice(Planes::plane(self, image, channel));
    }
}

/// Computes all planes of a gradient.
pub struct Whole<G> {
    pub gradient: G,
    pub images: usize,
    pub channels: usize,
    pub area: usize,
}

impl<G: Gradient> WithSimd for Whole<G> {
    type Output = Vec<f32>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) -> Self::Output {
        let mut all = vec![0.0; self.images * self.channels * self.area];
        for (at, plane) in all.chunks_exact_mut(self.area).enumerate() {
            self.gradient.plane(at / self.channels, at % self.channels, plane);
        }
        all
    }
}
