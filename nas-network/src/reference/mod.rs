//! A second implementation of the operators in double precision and in the plainest way, as a reference for tests, also
//! for those of crates that build on networks. Only tests use it, so it panics where a graph has not been checked. It is
//! not behind a feature: tests would then compile this crate and everything above it a second time.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod activation;
mod arrange;
mod norm;
mod sequence;
mod window;

use std::collections::BTreeMap;

use nas_api::{Graph, Node};

use crate::array::Array;

/// A batch of values.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The shape of one example.
    pub shape: Vec<usize>,
    /// The numbers, one example after the other.
    pub values: Vec<f64>,
}

/// Weights by their names.
pub type Weights = BTreeMap<String, Vec<f64>>;

/// The weights in the arrays of a network.
pub fn weights(arrays: &[Array]) -> Weights {
    let values = |array: &Array| array.values.iter().map(|&value| f64::from(value)).collect();
    arrays.iter().map(|array| (array.name.clone(), values(array))).collect()
}

impl Batch {
    /// The number of examples; constants and weights have one value for all.
    fn count(&self) -> usize {
        self.values.len() / self.shape.iter().product::<usize>()
    }

    /// Builds a batch; `of` returns the number at a place, which consists of the example and an index on each axis.
    fn build(count: usize, shape: &[usize], mut of: impl FnMut(&[usize]) -> f64) -> Self {
        let dims = [&[count], shape].concat();
        let mut place = vec![0; dims.len()];
        let mut values = Vec::new();
        for _ in 0..dims.iter().product() {
            values.push(of(&place));
            for (at, &size) in place.iter_mut().zip(&dims).rev() {
                *at = (*at + 1) % size;
                if *at > 0 {
                    break;
                }
            }
        }
        Self { shape: shape.to_vec(), values }
    }

    /// The number at a place of a value that has at least as many axes, broadcast as in numpy.
    fn at(&self, place: &[usize]) -> f64 {
        let skipped = place.len() - 1 - self.shape.len();
        let mut at = place[0] % self.count();
        for (&size, &place) in self.shape.iter().zip(&place[1 + skipped..]) {
            at = at * size + if size == 1 { 0 } else { place };
        }
        self.values[at]
    }

    fn map(&self, function: impl Fn(f64) -> f64) -> Self {
        Self { shape: self.shape.clone(), values: self.values.iter().map(|&x| function(x)).collect() }
    }

    fn zip(&self, other: &Self, function: impl Fn(f64, f64) -> f64) -> Self {
        let shape = broadcast(&self.shape, &other.shape);
        Self::build(self.count().max(other.count()), &shape, |at| function(self.at(at), other.at(at)))
    }
}

fn broadcast(a: &[usize], b: &[usize]) -> Vec<usize> {
    let axes = a.len().max(b.len());
    let size = |shape: &[usize], axis: usize| (axis + shape.len()).checked_sub(axes).map_or(1, |at| shape[at]);
    (0..axes).map(|axis| size(a, axis).max(size(b, axis))).collect()
}

/// The network's first output in training (batch statistics, no dropout) or at inference.
pub fn run(graph: &Graph, input: &Batch, weights: &Weights, training: bool) -> Batch {
    let mut values: Vec<Batch> = Vec::new();
    for node in &graph.nodes {
        let inputs: Vec<&Batch> = node.inputs.iter().map(|&at| &values[at as usize]).collect();
        let value = match node.op.as_str() {
            "Input" => input.clone(),
            "Constant" => Batch { shape: vec![], values: vec![node.float("value_float", 0.0).unwrap()] },
            "Weight" => Batch { shape: list(node, "shape"), values: array(node, weights, "weight").unwrap().clone() },
            _ => apply(node, &inputs, weights, training),
        };
        values.push(value);
    }
    values[graph.outputs[0] as usize].clone()
}

/// The value of an attribute with non-negative integers.
fn list(node: &Node, name: &str) -> Vec<usize> {
    signed(node, name).into_iter().map(|number| usize::try_from(number).unwrap()).collect()
}

fn signed(node: &Node, name: &str) -> Vec<i64> {
    match node.attribute(name) {
        Some(nas_api::Attribute::Ints(numbers)) => numbers.clone(),
        other => panic!("{name}: {other:?}"),
    }
}

fn int(node: &Node, name: &str, default: i64) -> usize {
    node.int(name, Some(default)).unwrap() as usize
}

/// A weight of a node or of the node that it is tied to.
fn array<'w>(node: &Node, weights: &'w Weights, what: &str) -> Option<&'w Vec<f64>> {
    let owner = node.text("tied", "").unwrap();
    let own = owner.is_empty() || (node.op == "Gemm" && what == "bias");
    weights.get(&format!("{}.{what}", if own { &node.name } else { owner }))
}

fn apply(node: &Node, inputs: &[&Batch], weights: &Weights, training: bool) -> Batch {
    let x = inputs[0];
    let two = |function: fn(f64, f64) -> f64| x.zip(inputs[1], function);
    match node.op.as_str() {
        "Dropout" => x.clone(),
        "Add" | "Sum" => inputs[1..].iter().fold(x.clone(), |sum, other| sum.zip(other, |a, b| a + b)),
        "Sub" => two(|a, b| a - b),
        "Mul" => two(|a, b| a * b),
        "Div" => two(|a, b| a / b),
        "Pow" => two(f64::powf),
        "Max" => two(f64::max),
        "Min" => two(f64::min),
        "Concat" => arrange::concat(node, inputs),
        "Flatten" | "Reshape" | "Transpose" | "Slice" | "Pad" | "ReduceMean" | "ReduceSum" | "ReduceMax"
        | "ReduceMin" | "Resize" | "DepthToSpace" | "SpaceToDepth" => arrange::apply(node, x),
        "Gemm" => gemm(node, x, weights),
        "MatMul" => mat_mul(x, inputs[1]),
        "Conv" | "ConvTranspose" | "MaxPool" | "AveragePool" | "GlobalAveragePool" | "GlobalMaxPool" => {
            window::apply(node, x, weights)
        }
        "BatchNormalization" => norm::batch(node, x, weights, training),
        "LayerNormalization" | "RMSNormalization" | "GroupNormalization" | "InstanceNormalization" => {
            norm::of_example(node, x, weights)
        }
        "Gather" => sequence::gather(node, x, weights),
        "Attention" => sequence::attention(node, inputs),
        "RotaryEmbedding" => sequence::rotary(node, x),
        "Routing" => sequence::routing(node, x),
        _ => activation::apply(node, x),
    }
}

fn gemm(node: &Node, x: &Batch, weights: &Weights) -> Batch {
    let (mut shape, to) = (x.shape.clone(), int(node, "out_features", 0));
    let from = shape.pop().unwrap();
    shape.push(to);
    let (weight, bias) = (array(node, weights, "weight").unwrap(), array(node, weights, "bias"));
    let mut values = Vec::new();
    for row in x.values.chunks(from) {
        for out in 0..to {
            let sum: f64 = row.iter().zip(&weight[out * from..]).map(|(x, w)| x * w).sum();
            values.push(sum + bias.map_or(0.0, |bias| bias[out]));
        }
    }
    Batch { shape, values }
}

fn mat_mul(a: &Batch, b: &Batch) -> Batch {
    let (rows, shared) = (a.shape[a.shape.len() - 2], a.shape[a.shape.len() - 1]);
    let leading = broadcast(&a.shape[..a.shape.len() - 2], &b.shape[..b.shape.len() - 2]);
    let shape = [&leading[..], &[rows, b.shape[b.shape.len() - 1]]].concat();
    Batch::build(a.count().max(b.count()), &shape, |at| {
        let (leading, [row, column]) = (&at[..at.len() - 2], [at[at.len() - 2], at[at.len() - 1]]);
        let place = |row, column| [leading, &[row, column]].concat();
        (0..shared).map(|k| a.at(&place(row, k)) * b.at(&place(k, column))).sum()
    })
}
