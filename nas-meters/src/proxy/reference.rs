//! The reference for the tests of proxies: a network of two linear layers with a ReLU in between, in doubles and plain
//! loops.

use super::probe::{BATCH, ProbedNetwork};

/// A matrix as a list of rows.
pub type Rows = Vec<Vec<f64>>;

/// The network with the values and gradients of one batch.
pub struct Mlp {
    /// The weights of shapes `[hidden, in]` and `[outputs, hidden]`.
    pub weights: [Rows; 2],
    pub inputs: Rows,
    /// The values before the ReLU.
    pub hidden: Rows,
    pub outputs: Rows,
    probabilities: Rows,
    /// The derivatives of the mean cross entropy by `hidden` and `outputs`.
    pub errors: [Rows; 2],
}

pub fn rows<T: Copy + Into<f64>>(values: &[T], width: usize) -> Rows {
    values.chunks(width).map(|row| row.iter().map(|&x| x.into()).collect()).collect()
}

/// x Wᵀ for each row x.
pub fn linear(inputs: &Rows, weight: &Rows) -> Rows {
    inputs.iter().map(|x| weight.iter().map(|w| dot(w, x)).collect()).collect()
}

fn transposed(matrix: &Rows) -> Rows {
    (0..matrix[0].len()).map(|column| matrix.iter().map(|row| row[column]).collect()).collect()
}

pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn zip(a: &Rows, b: &Rows, f: impl Fn(f64, f64) -> f64) -> Rows {
    a.iter().zip(b).map(|(a, b)| a.iter().zip(b).map(|(&a, &b)| f(a, b)).collect()).collect()
}

/// The `values` where `gate` is positive, else 0, as a ReLU of `gate` passes them.
pub fn gated(values: &Rows, gate: &Rows) -> Rows {
    zip(values, gate, |value, gate| if gate > 0.0 { value } else { 0.0 })
}

/// The sum over examples of errors · inputsᵀ.
fn outer(errors: &Rows, inputs: &Rows) -> Rows {
    linear(&transposed(errors), &transposed(inputs))
}

/// The sum of `f` over all numbers of two layers.
pub fn sum(a: &[Rows; 2], b: &[Rows; 2], f: impl Fn(f64, f64) -> f64 + Copy) -> f64 {
    let of = |(a, b): (&Rows, &Rows)| zip(a, b, f).iter().flatten().sum::<f64>();
    a.iter().zip(b).map(of).sum()
}

impl Mlp {
    /// The network of a subject whose layers are called `hidden` and `head`.
    pub fn of(subject: &ProbedNetwork) -> Self {
        let arrays = subject.network.arrays().unwrap();
        let weight = |name: &str| {
            let array = arrays.iter().find(|array| array.name == name).unwrap();
            rows(&array.values, array.shape[1])
        };
        let weights = [weight("hidden.weight"), weight("head.weight")];
        let inputs = rows(&subject.inputs, weights[0][0].len());
        let targets = rows(&subject.targets, weights[1].len());
        let hidden = linear(&inputs, &weights[0]);
        let outputs = linear(&gated(&hidden, &hidden), &weights[1]);
        let softmax = |row: &Vec<f64>| {
            let sum: f64 = row.iter().map(|x| x.exp()).sum();
            row.iter().map(|x| x.exp() / sum).collect()
        };
        let probabilities: Rows = outputs.iter().map(softmax).collect();
        let last = zip(&probabilities, &targets, |p, target| (p - target) / BATCH as f64);
        let first = gated(&linear(&last, &transposed(&weights[1])), &hidden);
        Self { weights, inputs, hidden, outputs, probabilities, errors: [first, last] }
    }

    /// The gradients of the loss by both weights.
    pub fn gradients(&self) -> [Rows; 2] {
        [outer(&self.errors[0], &self.inputs), outer(&self.errors[1], &gated(&self.hidden, &self.hidden))]
    }

    /// The Hessian times a direction, exactly (Pearlmutter 1994, "Fast exact multiplication by the Hessian").
    pub fn hessian_times(&self, direction: &[Rows; 2]) -> [Rows; 2] {
        let activation = gated(&self.hidden, &self.hidden);
        let moved_activation = gated(&linear(&self.inputs, &direction[0]), &self.hidden);
        let moved_outputs =
            zip(&linear(&activation, &direction[1]), &linear(&moved_activation, &self.weights[1]), |a, b| a + b);
        let moved_last: Rows = self
            .probabilities
            .iter()
            .zip(&moved_outputs)
            .map(|(p, moved)| {
                p.iter().zip(moved).map(|(&one, &by)| one * (by - dot(p, moved)) / BATCH as f64).collect()
            })
            .collect();
        let through = zip(
            &linear(&self.errors[1], &transposed(&direction[1])),
            &linear(&moved_last, &transposed(&self.weights[1])),
            |a, b| a + b,
        );
        let last = zip(&outer(&moved_last, &activation), &outer(&self.errors[1], &moved_activation), |a, b| a + b);
        [outer(&gated(&through, &self.hidden), &self.inputs), last]
    }

    /// The derivatives of the sum of each example's outputs by the example.
    pub fn input_gradients(&self) -> Rows {
        let ones: Rows = self.outputs.iter().map(|row| vec![1.0; row.len()]).collect();
        linear(&gated(&linear(&ones, &transposed(&self.weights[1])), &self.hidden), &transposed(&self.weights[0]))
    }
}

/// ln |M| and the trace of M⁻¹ of a matrix, by Gauss and Jordan's elimination.
pub fn log_determinant_and_inverse_trace(mut matrix: Rows) -> (f64, f64) {
    let size = matrix.len();
    for (at, row) in matrix.iter_mut().enumerate() {
        row.extend((0..size).map(|column| if column == at { 1.0 } else { 0.0 }));
    }
    let mut log = 0.0;
    for at in 0..size {
        let best = (at..size).max_by(|&a, &b| matrix[a][at].abs().total_cmp(&matrix[b][at].abs())).unwrap();
        matrix.swap(at, best);
        let pivot = matrix[at][at];
        log += pivot.abs().ln();
        matrix[at].iter_mut().for_each(|x| *x /= pivot);
        let row = matrix[at].clone();
        for (_, other) in matrix.iter_mut().enumerate().filter(|(other, _)| *other != at) {
            let factor = other[at];
            other.iter_mut().zip(&row).for_each(|(x, y)| *x -= factor * y);
        }
    }
    (log, (0..size).map(|at| matrix[at][size + at]).sum())
}
