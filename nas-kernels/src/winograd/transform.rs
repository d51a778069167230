//! The matrices of the filtering algorithm, written out as additions and halvings.

use pulp::Simd;

/// M X Mᵀ for the square X in `from`, where `by` multiplies the matrix M with one column.
#[inline(always)]
pub fn turn<T: Copy, const N: usize, const M: usize>(
    from: &[[T; N]; N],
    zero: T,
    by: impl Fn([T; N]) -> [T; M],
) -> [[T; M]; M] {
    // Plain loops, because the functions behind `map` and `from_fn` would not be compiled for the caller's vector
    // instructions.
    let mut half = [[zero; N]; M];
    for column in 0..N {
        let mut line = [zero; N];
        for row in 0..N {
            line[row] = from[row][column];
        }
        let line = by(line);
        for row in 0..M {
            half[row][column] = line[row];
        }
    }
    let mut whole = [[zero; M]; M];
    for row in 0..M {
        whole[row] = by(half[row]);
    }
    whole
}

/// Bᵀ x.
#[inline(always)]
pub fn of_input<S: Simd>(simd: S, [a, b, c, d]: [S::f32s; 4]) -> [S::f32s; 4] {
    [simd.sub_f32s(a, c), simd.add_f32s(b, c), simd.sub_f32s(c, b), simd.sub_f32s(b, d)]
}

/// B x.
#[inline(always)]
pub fn to_input<S: Simd>(simd: S, [a, b, c, d]: [S::f32s; 4]) -> [S::f32s; 4] {
    let negative = simd.sub_f32s(simd.splat_f32s(0.0), d);
    [a, simd.add_f32s(simd.sub_f32s(b, c), d), simd.sub_f32s(simd.add_f32s(b, c), a), negative]
}

/// Aᵀ x.
#[inline(always)]
pub fn to_output<S: Simd>(simd: S, [a, b, c, d]: [S::f32s; 4]) -> [S::f32s; 2] {
    [simd.add_f32s(simd.add_f32s(a, b), c), simd.sub_f32s(simd.sub_f32s(b, c), d)]
}

/// A x.
#[inline(always)]
pub fn of_output<S: Simd>(simd: S, [a, b]: [S::f32s; 2]) -> [S::f32s; 4] {
    [a, simd.add_f32s(a, b), simd.sub_f32s(a, b), simd.sub_f32s(simd.splat_f32s(0.0), b)]
}

/// G x.
pub fn of_window([a, b, c]: [f32; 3]) -> [f32; 4] {
    [a, 0.5 * (a + b + c), 0.5 * (a - b + c), c]
}

/// Gᵀ x.
pub fn to_window([a, b, c, d]: [f32; 4]) -> [f32; 3] {
    [a + 0.5 * (b + c), 0.5 * (b - c), 0.5 * (b + c) + d]
}
