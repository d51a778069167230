//! Normalisations and softmax over the last axis, row by row.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::backend::{Flex, TensorMetadata};
use burn::tensor::Tensor;
use pulp::{Arch, Simd, WithSimd};

use super::exp::exp;
use super::moments::{append, append_pairs, moments, sum, sum_of_pairs};
use super::tensor::{FlexTensor, Plain, contiguous, numbers, output, plain};

/// Normalises every row of `[rows, numbers]`: if `centred`, by its mean and deviation (Ba et al. 2016, "Layer
/// Normalization"), otherwise by its root mean square (Zhang & Sennrich 2019). Each column is then multiplied by its
/// `scale` and, if there is a `shift`, shifted by it (both `[numbers]`). `None` if a tensor is not in single precision
/// on the CPU.
pub fn normalize_rows(
    input: &Tensor<2>,
    scale: &Tensor<1>,
    shift: Option<&Tensor<1>>,
    epsilon: f64,
    centred: bool,
) -> Option<Tensor<2>> {
    let (x, scale, shift) = (FlexTensor::of(input)?, FlexTensor::of(scale)?, FlexTensor::of_optional(shift)?);
    let plainly = x.is_plain() && scale.is_plain() && shift.is_plain();
    let (x, x_node) = x.tracked().into_parts();
    let (scale, scale_node) = scale.tracked().into_parts();
    let (shift, shift_node) = shift.tracked().into_parts();
    let (x, scale, shift) = (contiguous(x), contiguous(scale), contiguous(shift));
    let forward = Forward { x: numbers(&x), scale: numbers(&scale), shift: numbers(&shift), epsilon, centred };
    let (y, rows) = Arch::new().dispatch(forward);
    let y = plain(y, &x.shape());
    let nodes = [x_node, scale_node, shift_node];
    Some(output(RowNorm, nodes, plainly, Normalized { x, scale, rows, centred }, y))
}

/// The statistics by which one row is normalised.
#[derive(Clone, Copy, Debug)]
struct Row {
    mean: f32,
    inverse: f32,
}

struct Forward<'n> {
    x: &'n [f32],
    scale: &'n [f32],
    shift: &'n [f32],
    epsilon: f64,
    centred: bool,
}

impl WithSimd for Forward<'_> {
    type Output = (Vec<f32>, Vec<Row>);

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) -> Self::Output {
        let width = self.scale.len();
        let mut all = Vec::with_capacity(self.x.len());
        let mut rows = Vec::with_capacity(self.x.len() / width.max(1));
        for x in self.x.chunks_exact(width) {
            let (mean, spread) = if self.centred {
                let moments = moments(x);
                (moments.mean, moments.variance())
            } else {
                (0.0, sum(x, |x| x * x) / width as f64)
            };
            let row = Row { mean: mean as f32, inverse: (1.0 / (spread + self.epsilon).sqrt()) as f32 };
            let start = all.len();
            append_pairs(&mut all, x, self.scale, |x, scale| (x - row.mean) * row.inverse * scale);
            for (number, shift) in all[start..].iter_mut().zip(self.shift) {
                *number += shift;
            }
            rows.push(row);
        }
        (all, rows)
    }
}

#[derive(Clone, Debug)]
struct Normalized {
    x: Plain,
    scale: Plain,
    rows: Vec<Row>,
    centred: bool,
}

struct Back<'n> {
    x: &'n [f32],
    scale: &'n [f32],
    rows: &'n [Row],
    gradient: &'n [f32],
    centred: bool,
}

impl WithSimd for Back<'_> {
    /// The gradients of the input, of the scale and of the shift.
    type Output = [Vec<f32>; 3];

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) -> Self::Output {
        let width = self.scale.len();
        let mut of_x = Vec::with_capacity(self.x.len());
        let [mut of_scale, mut of_shift] = [vec![0.0; width], vec![0.0; width]];
        let [mut normal, mut weighted] = [vec![0.0_f32; width], vec![0.0_f32; width]];
        let rows = self.x.chunks_exact(width).zip(self.gradient.chunks_exact(width)).zip(self.rows);
        for ((x, g), row) in rows {
            for (((normal, weighted), (&x, &g)), &scale) in
                normal.iter_mut().zip(&mut weighted).zip(x.iter().zip(g)).zip(self.scale)
            {
                *normal = (x - row.mean) * row.inverse;
                *weighted = g * scale;
            }
            for (((of_scale, of_shift), &g), &normal) in of_scale.iter_mut().zip(&mut of_shift).zip(g).zip(&normal) {
                *of_scale += g * normal;
                *of_shift += g;
            }
            let mean = if self.centred { sum(&weighted, |g| g) / width as f64 } else { 0.0 } as f32;
            let slope = (sum_of_pairs(&weighted, &normal, |g, x| g * x) / width as f64) as f32;
            append_pairs(&mut of_x, &weighted, &normal, |g, x| row.inverse * (g - mean - x * slope));
        }
        [of_x, of_scale, of_shift]
    }
}

#[derive(Debug)]
struct RowNorm;

impl Backward<Flex, 3> for RowNorm {
    type State = Normalized;

    fn backward(self, ops: Ops<Normalized, 3>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let Normalized { x, scale, rows, centred } = ops.state;
        let gradient = contiguous(grads.consume::<Flex>(&ops.node));
        let (x_numbers, factors) = (numbers(&x), numbers(&scale));
        let back = Back { x: x_numbers, scale: factors, rows: &rows, gradient: numbers(&gradient), centred };
        let [of_x, of_scale, of_shift] = Arch::new().dispatch(back);
        let shapes = [x.shape(), scale.shape(), scale.shape()];
        for ((node, gradient), shape) in ops.parents.into_iter().zip([of_x, of_scale, of_shift]).zip(shapes) {
            if let Some(node) = node {
                grads.register::<Flex>(node.id, plain(gradient, &shape));
            }
        }
    }
}

/// Which numbers of a row of attention scores are visible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// All of them.
    All,
    /// Row `i` of every `rows` sees column `i` and those before it (a causal mask).
    Before {
        /// The rows of one sequence, the first of which sees the first column alone.
        rows: usize,
        /// The most columns that a row sees.
        count: usize,
    },
}

impl Seen {
    #[inline(always)]
    fn of(self, row: usize, width: usize) -> std::ops::Range<usize> {
        match self {
            Self::All => 0..width,
            Self::Before { rows, count } => {
                let last = row % rows;
                (last + 1).saturating_sub(count)..(last + 1).min(width)
            }
        }
    }
}

/// The softmax of `scale` times the visible numbers along the last axis; the others become 0. `None` if the tensor is
/// not in single precision on the CPU.
pub fn softmax<const D: usize>(input: &Tensor<D>, scale: f32, seen: Seen) -> Option<Tensor<D>> {
    let width = input.dims()[D - 1];
    let x = FlexTensor::of(input)?;
    let plainly = x.is_plain();
    let (x, node) = x.tracked().into_parts();
    let x = contiguous(x);
    let parts = plain(Arch::new().dispatch(Softmax { x: numbers(&x), width, scale, seen }), &x.shape());
    Some(output(SoftmaxOf, [node], plainly, Parts { parts: parts.clone(), width, scale, seen }, parts))
}

struct Softmax<'n> {
    x: &'n [f32],
    width: usize,
    scale: f32,
    seen: Seen,
}

impl WithSimd for Softmax<'_> {
    type Output = Vec<f32>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) -> Vec<f32> {
        let mut all = Vec::with_capacity(self.x.len());
        for (row, x) in self.x.chunks_exact(self.width).enumerate() {
            let seen = self.seen.of(row, self.width);
            let (before, after) = (seen.start, self.width - seen.end);
            let x = &x[seen];
            all.resize(all.len() + before, 0.0);
            let start = all.len();
            let most = greatest(x) * self.scale;
            append(&mut all, x, |x| exp(x * self.scale - most));
            let factor = (1.0 / sum(&all[start..], |x| x)) as f32;
            for number in &mut all[start..] {
                *number *= factor;
            }
            all.resize(all.len() + after, 0.0);
        }
        all
    }
}

/// The row's maximum. Unspecified if a number is NaN; the sum is then NaN too.
#[inline(always)]
fn greatest(numbers: &[f32]) -> f32 {
    let (chunks, rest) = numbers.as_chunks::<16>();
    let mut most = [f32::NEG_INFINITY; 16];
    for chunk in chunks {
        for (most, &number) in most.iter_mut().zip(chunk) {
            *most = if number > *most { number } else { *most };
        }
    }
    most.iter().chain(rest).copied().fold(f32::NEG_INFINITY, f32::max)
}

#[derive(Clone, Debug)]
struct Parts {
    parts: Plain,
    width: usize,
    scale: f32,
    seen: Seen,
}

struct Slope<'n> {
    parts: &'n [f32],
    gradient: &'n [f32],
    width: usize,
    scale: f32,
    seen: Seen,
}

impl WithSimd for Slope<'_> {
    type Output = Vec<f32>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) -> Vec<f32> {
        let mut all = Vec::with_capacity(self.parts.len());
        let rows = self.parts.chunks_exact(self.width).zip(self.gradient.chunks_exact(self.width));
        for (row, (parts, gradient)) in rows.enumerate() {
            let seen = self.seen.of(row, self.width);
            let (before, after) = (seen.start, self.width - seen.end);
            let (parts, gradient) = (&parts[seen.clone()], &gradient[seen]);
            let mean = sum_of_pairs(parts, gradient, |p, g| p * g) as f32;
            all.resize(all.len() + before, 0.0);
            append_pairs(&mut all, parts, gradient, |p, g| self.scale * p * (g - mean));
            all.resize(all.len() + after, 0.0);
        }
        all
    }
}

#[derive(Debug)]
struct SoftmaxOf;

impl Backward<Flex, 1> for SoftmaxOf {
    type State = Parts;

    fn backward(self, ops: Ops<Parts, 1>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let Parts { parts, width, scale, seen } = ops.state;
        let gradient = contiguous(grads.consume::<Flex>(&ops.node));
        if let [Some(node)] = ops.parents {
            let slope = Slope { parts: numbers(&parts), gradient: numbers(&gradient), width, scale, seen };
            grads.register::<Flex>(node.id, plain(Arch::new().dispatch(slope), &parts.shape()));
        }
    }
}
