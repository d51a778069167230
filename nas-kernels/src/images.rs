//! Copies batches of images to and from the [`lanes`](super::lanes) of vectors, one image per lane.

use pulp::Simd;

use super::conv_direct::{Gradient, Operands};
use super::lanes::{join, part};
use super::moments::{Moments, append_pairs};

/// Lays out `images` images of the input, beginning with image `first`, rectified where the operands say so. `channels`
/// is the buffer and the number of vectors that it has for each channel.
#[inline(always)]
pub fn gather<S: Simd>(
    operands: &Operands<'_>,
    [first, images]: [usize; 2],
    places: &[usize],
    channels: (&mut [S::f32s], usize),
) {
    let (count, area) = (operands.window.channels[0], places.len());
    for (channel, to) in channels.0.chunks_exact_mut(channels.1).enumerate() {
        let plane = |image: usize| &operands.input[((first + image) * count + channel) * area..][..area];
        match operands.rectifier {
            Some(rectifier) => join::<S>(images, plane, places, to, |x| rectifier.apply(x)),
            None => join::<S>(images, plane, places, to, |x| x),
        }
    }
}

/// Lays out the gradients of some images in the same way.
#[inline(always)]
pub fn gather_gradients<S: Simd>(
    gradient: &impl Gradient,
    [first, images]: [usize; 2],
    places: &[usize],
    channels: (&mut [S::f32s], usize),
) {
    let area = places.len();
    let mut planes = vec![0.0; images * area];
    for (channel, to) in channels.0.chunks_exact_mut(channels.1).enumerate() {
        for (image, plane) in planes.chunks_exact_mut(area).enumerate() {
            gradient.plane(first + image, channel, plane);
        }
        join::<S>(images, |image| &planes[image * area..][..area], places, to, |x| x);
    }
}

/// Appends the channels, which have `size` vectors each, to `all`, image by image.
#[inline(always)]
pub fn scatter<S: Simd>(images: usize, channels: &[S::f32s], size: usize, places: &[usize], all: &mut Vec<f32>) {
    let (area, count) = (places.len(), channels.len() / size);
    let length = all.len() + images * count * area;
    all.reserve(length - all.len());
    let to = &mut all.spare_capacity_mut()[..images * count * area];
    for (channel, from) in channels.chunks_exact(size).enumerate() {
        part::<S>(images, from, places, &mut to[channel * area..], count * area);
    }
    // SAFETY: `part` has written `area` numbers for each channel of each of these images, which is everything up to
    // `length`.
    unsafe { all.set_len(length) };
}

/// The gradients of the input before its rectifier, given those after it.
#[inline(always)]
pub fn passed(operands: &Operands<'_>, gradients: Vec<f32>) -> Vec<f32> {
    let Some(rectifier) = operands.rectifier.filter(|_| !gradients.is_empty()) else { return gradients };
    let mut masked = Vec::with_capacity(gradients.len());
    append_pairs(&mut masked, operands.input, &gradients, |x, gradient| rectifier.passed(x, gradient));
    masked
}

/// The moments of the numbers at `places`, over the first `lanes` lanes.
#[inline(always)]
pub fn of_lanes<S: Simd>(simd: S, lanes: usize, channel: &[S::f32s], places: &[usize]) -> Moments {
    let zero = simd.splat_f32s(0.0);
    let added =
        |sum: S::f32s| bytemuck::cast_slice::<_, f32>(&[sum])[..lanes].iter().copied().map(f64::from).sum::<f64>();
    let mut sums = [zero; 4];
    for places in places.chunks(4) {
        for (sum, &place) in sums.iter_mut().zip(places) {
            *sum = simd.add_f32s(*sum, channel[place]);
        }
    }
    let count = (lanes * places.len()) as f64;
    let mean = sums.into_iter().map(added).sum::<f64>() / count;
    let near = simd.splat_f32s(mean as f32);
    let mut squares = [zero; 4];
    for places in places.chunks(4) {
        for (sum, &place) in squares.iter_mut().zip(places) {
            let off = simd.sub_f32s(channel[place], near);
            *sum = simd.mul_add_f32s(off, off, *sum);
        }
    }
    let squares = squares.into_iter().map(added).sum::<f64>();
    Moments::around(count, mean, squares)
}
