//! The layout with images side by side: a vector holds one pixel of as many images as it has lanes. An operation on a
//! pixel is then computed for all of these images at once, and no vector crosses the end of a row.

#[cfg(target_arch = "x86_64")]
use std::any::TypeId;
use std::mem::MaybeUninit;

use pulp::Simd;

/// The number of images that the widest vectors hold, and the number of pixels that are laid out at a time.
const SIDE: usize = 16;

/// Whether this number of images fills at least three quarters of the vectors that it takes.
pub fn are_full(images: usize) -> bool {
    images.next_multiple_of(SIDE) * 3 <= images.saturating_mul(4)
}

/// A row of pixels for each image or, transposed, a row of images for each pixel.
type Square = [[f32; SIDE]; SIDE];

/// Writes pixel `p` of all images to `to[places[p]]`, mapped by `function`. `plane(image)` has the pixels of one image;
/// missing images are 0.
#[inline(always)]
pub fn join<'p, S: Simd>(
    images: usize,
    plane: impl Fn(usize) -> &'p [f32],
    places: &[usize],
    to: &mut [S::f32s],
    function: impl Fn(f32) -> f32,
) {
    let to: &mut [f32] = bytemuck::cast_slice_mut(to);
    for (number, places) in places.chunks(SIDE).enumerate() {
        let mut square = Square::default();
        for (image, row) in square.iter_mut().enumerate().take(images) {
            let pixels = &plane(image)[number * SIDE..][..places.len()];
            match <&[f32; SIDE]>::try_from(pixels) {
                Ok(pixels) => {
                    for (to, &pixel) in row.iter_mut().zip(pixels) {
                        *to = function(pixel);
                    }
                }
                Err(_) => {
                    for (to, &pixel) in row.iter_mut().zip(pixels) {
                        *to = function(pixel);
                    }
                }
            }
        }
        transpose::<S>(&mut square);
        for (row, &place) in square.iter().zip(places) {
            to[place * S::F32_LANES..][..S::F32_LANES].copy_from_slice(&row[..S::F32_LANES]);
        }
    }
}

/// Writes the pixels at `places` back to `to`, image by image, with `stride` numbers from one image to the next.
#[inline(always)]
pub fn part<S: Simd>(images: usize, from: &[S::f32s], places: &[usize], to: &mut [MaybeUninit<f32>], stride: usize) {
    let from: &[f32] = bytemuck::cast_slice(from);
    for (number, places) in places.chunks(SIDE).enumerate() {
        let mut square = Square::default();
        for (row, &place) in square.iter_mut().zip(places) {
            row[..S::F32_LANES].copy_from_slice(&from[place * S::F32_LANES..][..S::F32_LANES]);
        }
        transpose::<S>(&mut square);
        for (image, row) in square.iter().enumerate().take(images) {
            let to = &mut to[image * stride + number * SIDE..][..places.len()];
            match <&mut [MaybeUninit<f32>; SIDE]>::try_from(&mut *to) {
                Ok(to) => {
                    for (to, &number) in to.iter_mut().zip(row) {
                        to.write(number);
                    }
                }
                Err(_) => {
                    for (to, &number) in to.iter_mut().zip(row) {
                        to.write(number);
                    }
                }
            }
        }
    }
}

#[inline(always)]
fn transpose<S: Simd>(square: &mut Square) {
    #[cfg(target_arch = "x86_64")]
    if TypeId::of::<S>() == TypeId::of::<pulp::x86::V4>() {
        // SAFETY: a `V4` exists only where the processor was found to support AVX-512.
        unsafe { avx512::transpose(square) };
        return;
    }
    let from = *square;
    for (column, numbers) in from.iter().enumerate() {
        for (row, &number) in square.iter_mut().zip(numbers) {
            row[column] = number;
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod avx512 {
    use super::{SIDE, Square};
    use std::arch::x86_64::{
        __m512, _mm512_castpd_ps, _mm512_castps_pd, _mm512_shuffle_f32x4, _mm512_unpackhi_pd, _mm512_unpackhi_ps,
        _mm512_unpacklo_pd, _mm512_unpacklo_ps,
    };

    /// Transposes by exchanging single numbers, then pairs of numbers, then quarters of vectors.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub fn transpose(square: &mut Square) {
        // SAFETY: both types are 16 times 16 numbers without padding, `Unaligned` needs no more alignment than `f32`,
        // and every bit pattern is a valid number.
        let square: &mut [Unaligned; SIDE] = unsafe { &mut *std::ptr::from_mut(square).cast() };
        let mut rows = [square[0].0; SIDE];
        for at in 0..SIDE {
            rows[at] = square[at].0;
        }
        let mut twos = rows;
        for at in (0..SIDE).step_by(2) {
            twos[at] = _mm512_unpacklo_ps(rows[at], rows[at + 1]);
            twos[at + 1] = _mm512_unpackhi_ps(rows[at], rows[at + 1]);
        }
        let mut fours = twos;
        for at in [0, 1, 4, 5, 8, 9, 12, 13] {
            let (first, second) = (_mm512_castps_pd(twos[at]), _mm512_castps_pd(twos[at + 2]));
            let to = at + at % 4;
            fours[to] = _mm512_castpd_ps(_mm512_unpacklo_pd(first, second));
            fours[to + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(first, second));
        }
        // Each quarter of `fours[4 g + c]` holds column c of that quarter, for the rows of group g.
        let mut halves = fours;
        for at in [0, 1, 2, 3, 8, 9, 10, 11] {
            halves[at] = _mm512_shuffle_f32x4::<0b10_00_10_00>(fours[at], fours[at + 4]);
            halves[at + 4] = _mm512_shuffle_f32x4::<0b11_01_11_01>(fours[at], fours[at + 4]);
        }
        for at in 0..8 {
            square[at].0 = _mm512_shuffle_f32x4::<0b10_00_10_00>(halves[at], halves[at + 8]);
            square[at + 8].0 = _mm512_shuffle_f32x4::<0b11_01_11_01>(halves[at], halves[at + 8]);
        }
    }

    /// A row of numbers with the alignment of a single number.
    #[derive(Clone, Copy)]
    #[repr(C, packed(4))]
    struct Unaligned(__m512);
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulp::{Arch, WithSimd};

    struct There;

    impl WithSimd for There {
        type Output = ();

        fn with_simd<S: Simd>(self, simd: S) {
            for (images, area) in [(S::F32_LANES, 32), (S::F32_LANES.div_ceil(2), 21), (1, 5)] {
                let pixels: Vec<f32> = (0..images * area).map(|number| number as f32).collect();
                let places: Vec<usize> = (0..area).map(|pixel| 2 * pixel + 1).collect();
                let mut joined = vec![simd.splat_f32s(-1.0); 2 * area];
                join::<S>(images, |image| &pixels[image * area..], &places, &mut joined, |x| x + 0.5);
                let numbers: &[f32] = bytemuck::cast_slice(&joined);
                for (at, lanes) in numbers.chunks_exact(S::F32_LANES).enumerate() {
                    for (image, &number) in lanes.iter().enumerate() {
                        let pixel = if image < images { (image * area + at / 2) as f32 } else { 0.0 };
                        assert_eq!(
                            number,
                            if at % 2 == 0 { -1.0 } else { pixel + if image < images { 0.5 } else { 0.0 } }
                        );
                    }
                }
                let mut back = vec![MaybeUninit::new(0.0); images * area];
                part::<S>(images, &joined, &places, &mut back, area);
                // SAFETY: all elements were initialized above.
                let back: Vec<f32> = back.iter().map(|number| unsafe { number.assume_init() }).collect();
                assert_eq!(back, pixels.iter().map(|pixel| pixel + 0.5).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn images_are_laid_side_by_side_and_back() {
        Arch::new().dispatch(There);
        There.with_simd(pulp::Scalar::new());
        There.with_simd(pulp::Scalar256b);
        There.with_simd(pulp::Scalar512b);
    }
}
