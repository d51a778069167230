//! The two sums that convolutions consist of, over lines as [`Flat`](super::padded_layout::Flat) lays them out.

use pulp::Simd;

/// The number of outputs that are computed together; their sums fit into the registers.
#[inline(always)]
fn block<S: Simd>(left: usize) -> usize {
    let most = if S::REGISTER_COUNT >= 32 { 8 } else { 4 };
    match left {
        left if left >= most => most,
        4.. => 4,
        2.. => 2,
        _ => 1,
    }
}

/// Arranges weights in the order in which [`slide`] reads them: block by block of outputs, input by input, tap by tap.
/// `weight(output, input, tap)` gives one weight.
#[inline(always)]
pub fn pack<S: Simd>(
    outputs: usize,
    inputs: usize,
    taps: usize,
    packed: &mut Vec<f32>,
    weight: impl Fn(usize, usize, usize) -> f32,
) {
    packed.clear();
    let mut output = 0;
    while output < outputs {
        let count = block::<S>(outputs - output);
        for input in 0..inputs {
            for tap in 0..taps {
                packed.extend((output..output + count).map(|output| weight(output, input, tap)));
            }
        }
        output += count;
    }
}

/// Lines at equal distances.
#[derive(Clone, Copy)]
pub struct Lines<'l> {
    pub numbers: &'l [f32],
    pub stride: usize,
    pub count: usize,
}

/// Computes `out[o][p] = Σᵢ Σₜ weight[o][i][t] · input[i][p + offset[t]]` for `p` below `length`, rounded up to whole
/// vectors.
#[inline(always)]
pub fn slide<S: Simd>(
    simd: S,
    input: Lines<'_>,
    offsets: &[usize],
    weights: &[f32],
    length: usize,
    out: &mut [f32],
    (stride, outputs): (usize, usize),
) {
    let mut weights = weights;
    let mut output = 0;
    while output < outputs {
        let count = block::<S>(outputs - output);
        let (these, rest) = weights.split_at(count * input.count * offsets.len());
        let out = &mut out[output * stride..];
        match count {
            8 => line::<S, 8>(simd, input, offsets, these, length, out, stride),
            4 => line::<S, 4>(simd, input, offsets, these, length, out, stride),
            2 => line::<S, 2>(simd, input, offsets, these, length, out, stride),
            _ => line::<S, 1>(simd, input, offsets, these, length, out, stride),
        }
        weights = rest;
        output += count;
    }
}

#[inline(always)]
fn line<S: Simd, const O: usize>(
    simd: S,
    input: Lines<'_>,
    offsets: &[usize],
    weights: &[f32],
    length: usize,
    out: &mut [f32],
    stride: usize,
) {
    let vectors = length.div_ceil(S::F32_LANES);
    let mut vector = 0;
    if O == 1 {
        while vector + 8 <= vectors {
            tile::<S, O, 8>(simd, input, offsets, weights, vector * S::F32_LANES, out, stride);
            vector += 8;
        }
    }
    while vector + 3 <= vectors {
        tile::<S, O, 3>(simd, input, offsets, weights, vector * S::F32_LANES, out, stride);
        vector += 3;
    }
    match vectors - vector {
        2 => tile::<S, O, 2>(simd, input, offsets, weights, vector * S::F32_LANES, out, stride),
        1 => tile::<S, O, 1>(simd, input, offsets, weights, vector * S::F32_LANES, out, stride),
        _ => {}
    }
}

/// Computes `O` outputs at `V` vectors of positions, whose sums stay in registers.
#[inline(always)]
fn tile<S: Simd, const O: usize, const V: usize>(
    simd: S,
    input: Lines<'_>,
    offsets: &[usize],
    weights: &[f32],
    at: usize,
    out: &mut [f32],
    stride: usize,
) {
    let width = V * S::F32_LANES;
    let mut sums = [[simd.splat_f32s(0.0); V]; O];
    let (weights, _) = weights.as_chunks::<O>();
    for (number, weights) in weights.chunks_exact(offsets.len()).enumerate() {
        let line = &input.numbers[number * input.stride + at..];
        for (weights, &offset) in weights.iter().zip(offsets) {
            let (vectors, _) = S::as_simd_f32s(&line[offset..offset + width]);
            let vectors: [S::f32s; V] = std::array::from_fn(|vector| vectors[vector]);
            for (sums, &weight) in sums.iter_mut().zip(weights) {
                let weight = simd.splat_f32s(weight);
                for (sum, &vector) in sums.iter_mut().zip(&vectors) {
                    *sum = simd.mul_add_f32s(weight, vector, *sum);
                }
            }
        }
    }
    for (output, sums) in sums.iter().enumerate() {
        let (to, _) = S::as_mut_simd_f32s(&mut out[output * stride + at..][..width]);
        to.copy_from_slice(sums);
    }
}

/// The number of partial sums that [`correlate`] needs.
#[inline(always)]
pub fn sums<S: Simd>(outputs: usize, places: usize) -> usize {
    outputs * places * S::F32_LANES
}

/// Computes `sum[o][j] += Σₚ gradient[o][p] · input[place[j] + p]` for `p` below `length`, rounded up to whole vectors.
/// Each sum is kept as one partial sum per lane; [`total`] adds these up.
#[inline(always)]
pub fn correlate<S: Simd>(
    simd: S,
    gradient: Lines<'_>,
    input: &[f32],
    places: &[usize],
    length: usize,
    sums: &mut [f32],
) {
    let vectors = length.div_ceil(S::F32_LANES);
    let mut sums = sums;
    let mut output = 0;
    while output < gradient.count {
        let count = block::<S>(gradient.count - output);
        let numbers = &gradient.numbers[output * gradient.stride..];
        let these = Lines { numbers, stride: gradient.stride, count };
        let (now, rest) = sums.split_at_mut(count * places.len() * S::F32_LANES);
        match count {
            8 => products::<S, 8>(simd, these, input, places, vectors, now),
            4 => products::<S, 4>(simd, these, input, places, vectors, now),
            2 => products::<S, 2>(simd, these, input, places, vectors, now),
            _ => products::<S, 1>(simd, these, input, places, vectors, now),
        }
        sums = rest;
        output += count;
    }
}

/// The number of places whose sums are computed together, for `O` outputs.
#[inline(always)]
fn together<const O: usize>(left: usize) -> usize {
    match left {
        9.. if O == 1 => 9,
        3.. => 3,
        left => left,
    }
}

#[inline(always)]
fn products<S: Simd, const O: usize>(
    simd: S,
    gradient: Lines<'_>,
    input: &[f32],
    places: &[usize],
    vectors: usize,
    sums: &mut [f32],
) {
    let (mut places, mut sums) = (places, sums);
    while !places.is_empty() {
        let count = together::<O>(places.len());
        let (these, rest) = places.split_at(count);
        let (now, later) = sums.split_at_mut(O * count * S::F32_LANES);
        match count {
            9 => product::<S, O, 9>(simd, gradient, input, these, vectors, now),
            3 => product::<S, O, 3>(simd, gradient, input, these, vectors, now),
            2 => product::<S, O, 2>(simd, gradient, input, these, vectors, now),
            _ => product::<S, O, 1>(simd, gradient, input, these, vectors, now),
        }
        (places, sums) = (rest, later);
    }
}

#[inline(always)]
fn product<S: Simd, const O: usize, const J: usize>(
    simd: S,
    gradient: Lines<'_>,
    input: &[f32],
    places: &[usize],
    vectors: usize,
    sums: &mut [f32],
) {
    let length = vectors * S::F32_LANES;
    let (sums, _) = S::as_mut_simd_f32s(sums);
    let (sums, _) = sums.as_chunks_mut::<J>();
    let mut parts: [[S::f32s; J]; O] = std::array::from_fn(|output| sums[output]);
    let lines: [&[S::f32s]; O] =
        std::array::from_fn(|output| S::as_simd_f32s(&gradient.numbers[output * gradient.stride..][..length]).0);
    let seen: [&[S::f32s]; J] = std::array::from_fn(|place| S::as_simd_f32s(&input[places[place]..][..length]).0);
    for vector in 0..vectors {
        // SAFETY: each of these slices has `vectors` vectors: they were cut to `vectors · F32_LANES` numbers.
        let seen: [S::f32s; J] = std::array::from_fn(|place| unsafe { *seen[place].get_unchecked(vector) });
        for (parts, line) in parts.iter_mut().zip(&lines) {
            // SAFETY: as above.
            let gradient = unsafe { *line.get_unchecked(vector) };
            for (part, &seen) in parts.iter_mut().zip(&seen) {
                *part = simd.mul_add_f32s(gradient, seen, *part);
            }
        }
    }
    sums[..O].copy_from_slice(&parts);
}

/// Adds up the partial sums of [`correlate`] and passes on each total: `to(output, place, sum)`.
#[inline(always)]
pub fn total<S: Simd>(outputs: usize, places: usize, sums: &[f32], mut to: impl FnMut(usize, usize, f32)) {
    let mut sums = sums.chunks_exact(S::F32_LANES);
    let mut output = 0;
    while output < outputs {
        let count = block::<S>(outputs - output);
        let mut place = 0;
        while place < places {
            let wide = if count == 1 { together::<1>(places - place) } else { together::<2>(places - place) };
            for row in 0..count {
                for column in 0..wide {
                    if let Some(parts) = sums.next() {
                        to(output + row, place + column, parts.iter().sum());
                    }
                }
            }
            place += wide;
        }
        output += count;
    }
}
