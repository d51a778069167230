//! Matrix products. Burn's own clear and copy each result once more than necessary, and copy operands into another
//! layout.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::backend::{Flex, TensorMetadata};
use burn::tensor::Tensor;

use super::tensor::{FlexTensor, Plain, contiguous, numbers, output, plain};

/// The product of `[rows, in]` and `[in, out]`, plus `bias` (`[out]`) in every row if there is one. `None` if a tensor
/// is not in single precision on the CPU.
pub fn linear(input: &Tensor<2>, weight: &Tensor<2>, bias: Option<&Tensor<1>>) -> Option<Tensor<2>> {
    let (x, w, b) = (FlexTensor::of(input)?, FlexTensor::of(weight)?, FlexTensor::of_optional(bias)?);
    let plainly = x.is_plain() && w.is_plain() && b.is_plain();
    let (x, x_node) = x.tracked().into_parts();
    let (w, w_node) = w.tracked().into_parts();
    let (b, b_node) = b.tracked().into_parts();
    let (of_x, of_w) = (Matrices::of(&x), Matrices::of(&w));
    let y = plain(of_x.times(&of_w, numbers(&contiguous(b))), &[of_x.rows, of_w.columns]);
    Some(output(Linear, [x_node, w_node, b_node], plainly, (x, w), y))
}

/// The products of `[batch, groups, rows, inner]` and `[batch, groups, inner, columns]`, matrix by matrix. `None` if a
/// tensor is not in single precision on the CPU, or if batch or groups differ.
pub fn products(first: &Tensor<4>, second: &Tensor<4>) -> Option<Tensor<4>> {
    let ([batch, groups, rows, _], [.., columns]) = (first.dims(), second.dims());
    if second.dims()[..2] != [batch, groups] {
        return None;
    }
    let (a, b) = (FlexTensor::of(first)?, FlexTensor::of(second)?);
    let plainly = a.is_plain() && b.is_plain();
    let (a, a_node) = a.tracked().into_parts();
    let (b, b_node) = b.tracked().into_parts();
    let y = plain(Matrices::of(&a).times(&Matrices::of(&b), &[]), &[batch, groups, rows, columns]);
    Some(output(Product, [a_node, b_node], plainly, (a, b), y))
}

/// The matrices in the last two axes of a tensor, in any memory layout.
struct Matrices<'t> {
    numbers: &'t [f32],
    /// The index at which each matrix begins.
    starts: Vec<usize>,
    rows: usize,
    columns: usize,
    /// The distance from row to row, and from column to column.
    steps: [usize; 2],
}

impl<'t> Matrices<'t> {
    fn of(tensor: &'t Plain) -> Self {
        let layout = tensor.layout();
        let (shape, strides) = (layout.shape(), layout.strides());
        // Strides are never negative: burn makes negative ones in `flip` alone, which no network uses.
        let steps: Vec<usize> = strides.iter().map(|&stride| stride.unsigned_abs()).collect();
        let axes = shape.len() - 2;
        let mut starts = vec![layout.start_offset()];
        for axis in 0..axes {
            let (count, step) = (shape[axis], steps[axis]);
            starts = starts.iter().flat_map(|start| (0..count).map(move |at| start + at * step)).collect();
        }
        let (rows, columns) = (shape[axes], shape[axes + 1]);
        Self { numbers: tensor.storage::<f32>(), starts, rows, columns, steps: [steps[axes], steps[axes + 1]] }
    }

    fn transposed(self) -> Self {
        Self { rows: self.columns, columns: self.rows, steps: [self.steps[1], self.steps[0]], ..self }
    }

    /// The products, matrix by matrix, row by row, plus `shift` in every row unless it is empty.
    fn times(&self, other: &Self, shift: &[f32]) -> Vec<f32> {
        let (rows, inner, columns) = (self.rows, self.columns, other.columns);
        assert!(inner == other.rows && self.starts.len() == other.starts.len(), "shape inference has checked this");
        let size = rows * columns;
        let mut all: Vec<f32> = Vec::with_capacity(self.starts.len() * size);
        for (&a, &b) in self.starts.iter().zip(&other.starts) {
            let (a, b) = (&self.numbers[a..], &other.numbers[b..]);
            append([rows, inner, columns], (a, self.steps), (b, other.steps), shift, &mut all);
        }
        all
    }
}

/// The product of `[rows, inner]` and `[inner, columns]` in row-major order, where `sizes` is `[rows, inner, columns]`.
/// Each operand comes with its distances from row to row and from column to column. `shift` has one number per column,
/// or is empty.
pub fn multiply(sizes: [usize; 3], a: (&[f32], [usize; 2]), b: (&[f32], [usize; 2]), shift: &[f32]) -> Vec<f32> {
    let mut all = Vec::with_capacity(sizes[0] * sizes[2]);
    append(sizes, a, b, shift, &mut all);
    all
}

/// Appends what [`multiply`] returns to `all`.
fn append(
    [rows, inner, columns]: [usize; 3],
    (a, a_steps): (&[f32], [usize; 2]),
    (b, b_steps): (&[f32], [usize; 2]),
    shift: &[f32],
    all: &mut Vec<f32>,
) {
    let (size, shifted) = (rows * columns, !shift.is_empty() && shift.len() == columns);
    all.reserve(size);
    let done = all.len();
    if shifted {
        for _ in 0..rows {
            all.extend_from_slice(shift);
        }
    }
    // SAFETY: the `size` places of the result lie within the capacity. They are read only if `shifted`, and then they
    // have been written; `compute` writes all of them.
    unsafe {
        compute([rows, inner, columns], (a, a_steps), (b, b_steps), all.as_mut_ptr().add(done), shifted);
        all.set_len(done + size);
    }
}

/// Adds a product to `to`; operands and result are laid out as in [`multiply`].
pub fn add_product(sizes: [usize; 3], a: (&[f32], [usize; 2]), b: (&[f32], [usize; 2]), to: &mut [f32]) {
    assert!(to.len() == sizes[0] * sizes[2], "the product and its destination have the same size");
    // SAFETY: `to` has as many places as the product has numbers, and they have been written.
    unsafe { compute(sizes, a, b, to.as_mut_ptr(), true) };
}

/// # Safety
///
/// `to` must point to `rows * columns` writable numbers; if `add` is set, they must be initialized.
unsafe fn compute(
    [rows, inner, columns]: [usize; 3],
    (a, a_steps): (&[f32], [usize; 2]),
    (b, b_steps): (&[f32], [usize; 2]),
    to: *mut f32,
    add: bool,
) {
    assert!(
        reach([rows, inner], a_steps) <= a.len() && reach([inner, columns], b_steps) <= b.len(),
        "sizes and steps stay within the operands"
    );
    // SAFETY: the assertion above checks that sizes and steps stay within `a` and `b`; the caller guarantees it for
    // `to`.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            inner,
            to,
            1,
            columns as isize,
            add,
            a.as_ptr(),
            a_steps[1] as isize,
            a_steps[0] as isize,
            b.as_ptr(),
            b_steps[1] as isize,
            b_steps[0] as isize,
            1.0_f32,
            1.0_f32,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

/// The length of the slice that a matrix needs: one more than its largest index.
fn reach([rows, columns]: [usize; 2], steps: [usize; 2]) -> usize {
    match (rows.checked_sub(1), columns.checked_sub(1)) {
        (Some(row), Some(column)) => row * steps[0] + column * steps[1] + 1,
        _ => 0,
    }
}

#[derive(Debug)]
struct Linear;

impl Backward<Flex, 3> for Linear {
    type State = (Plain, Plain);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let ([x_node, w_node, b_node], (x, w)) = (ops.parents, ops.state);
        let gradient = contiguous(grads.consume::<Flex>(&ops.node));
        let of = |tensor| Matrices::of(tensor);
        if let Some(node) = x_node {
            let of_x = of(&gradient).times(&of(&w).transposed(), &[]);
            grads.register::<Flex>(node.id, plain(of_x, &x.shape()));
        }
        if let Some(node) = w_node {
            let of_w = of(&x).transposed().times(&of(&gradient), &[]);
            grads.register::<Flex>(node.id, plain(of_w, &w.shape()));
        }
        if let Some(node) = b_node {
            let mut sums = vec![0.0; gradient.shape()[1]];
            for row in numbers(&gradient).chunks_exact(sums.len().max(1)) {
                sums.iter_mut().zip(row).for_each(|(sum, number)| *sum += number);
            }
            let shape = [sums.len()];
            grads.register::<Flex>(node.id, plain(sums, &shape));
        }
    }
}

#[derive(Debug)]
struct Product;

impl Backward<Flex, 2> for Product {
    type State = (Plain, Plain);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let ([a_node, b_node], (a, b)) = (ops.parents, ops.state);
        let gradient = grads.consume::<Flex>(&ops.node);
        if let Some(node) = a_node {
            let of_a = Matrices::of(&gradient).times(&Matrices::of(&b).transposed(), &[]);
            grads.register::<Flex>(node.id, plain(of_a, &a.shape()));
        }
        if let Some(node) = b_node {
            let of_b = Matrices::of(&a).transposed().times(&Matrices::of(&gradient), &[]);
            grads.register::<Flex>(node.id, plain(of_b, &b.shape()));
        }
    }
}
