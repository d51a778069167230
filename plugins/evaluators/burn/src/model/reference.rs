//! The operators once more, in doubles and in the plainest way: what the network must compute.

use std::collections::BTreeMap;

use nas_api::{Graph, Node};

use super::Array;

/// A batch of values.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Of one example.
    pub shape: Vec<usize>,
    /// One example after the other.
    pub values: Vec<f64>,
}

/// Weights by name.
pub type Weights = BTreeMap<String, Vec<f64>>;

/// The arrays of a network.
pub fn weights(arrays: &[Array]) -> Weights {
    let values = |array: &Array| array.values.iter().map(|&value| f64::from(value)).collect();
    arrays.iter().map(|array| (array.name.clone(), values(array))).collect()
}

impl Batch {
    fn count(&self) -> usize {
        self.values.len() / self.shape.iter().product::<usize>()
    }

    fn map(&self, function: impl Fn(f64) -> f64) -> Self {
        Self { shape: self.shape.clone(), values: self.values.iter().map(|&x| function(x)).collect() }
    }

    fn zip(&self, other: &Self, function: impl Fn(f64, f64) -> f64) -> Self {
        // A constant has one value for everything.
        let b = |at: usize| if other.shape.is_empty() { other.values[0] } else { other.values[at] };
        let values = self.values.iter().enumerate().map(|(at, &a)| function(a, b(at))).collect();
        Self { shape: self.shape.clone(), values }
    }

    /// Of one example, or 0 outside the image.
    fn pixel(&self, example: usize, channel: usize, row: i64, column: i64) -> Option<f64> {
        let [channels, height, width] = self.shape[..] else { panic!("not an image") };
        let (row, column) = (usize::try_from(row).ok()?, usize::try_from(column).ok()?);
        (row < height && column < width)
            .then(|| self.values[((example * channels + channel) * height + row) * width + column])
    }
}

/// What the network returns while it is trained (batch statistics, no dropout) or at inference.
pub fn run(graph: &Graph, input: &Batch, weights: &Weights, training: bool) -> Batch {
    let mut values: Vec<Batch> = Vec::new();
    for node in &graph.nodes {
        let inputs: Vec<&Batch> = node.inputs.iter().map(|&at| &values[at as usize]).collect();
        let value = match node.op.as_str() {
            "Input" => input.clone(),
            "Constant" => Batch { shape: vec![], values: vec![node.float("value_float", 0.0).unwrap()] },
            _ => apply(node, &inputs, weights, training),
        };
        values.push(value);
    }
    values[graph.outputs[0] as usize].clone()
}

fn apply(node: &Node, inputs: &[&Batch], weights: &Weights, training: bool) -> Batch {
    let x = inputs[0];
    let float = |name: &str, default: f64| node.float(name, default).unwrap();
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let softplus = |x: f64| (1.0 + x.exp()).ln();
    match node.op.as_str() {
        "Identity" | "Dropout" => x.clone(),
        "Relu" => x.map(|x| x.max(0.0)),
        "Sigmoid" => x.map(sigmoid),
        "Tanh" => x.map(f64::tanh),
        "Gelu" if node.text("approximate", "none").unwrap() == "tanh" => {
            let root = (2.0 / std::f64::consts::PI).sqrt();
            x.map(|x| 0.5 * x * (1.0 + (root * (x + 0.044_715 * x.powi(3))).tanh()))
        }
        "Gelu" => x.map(|x| 0.5 * x * (1.0 + libm::erf(x / 2.0_f64.sqrt()))),
        "Elu" => x.map(|x| if x > 0.0 { x } else { float("alpha", 1.0) * (x.exp() - 1.0) }),
        "Selu" => {
            let (alpha, gamma) = (1.673_263_242_354_377_2, 1.050_700_987_355_480_5);
            x.map(|x| gamma * if x > 0.0 { x } else { alpha * (x.exp() - 1.0) })
        }
        "LeakyRelu" => x.map(|x| if x > 0.0 { x } else { float("alpha", 0.01) * x }),
        "HardSigmoid" => x.map(|x| (float("alpha", 0.2) * x + float("beta", 0.5)).clamp(0.0, 1.0)),
        "HardSwish" => x.map(|x| x * (x / 6.0 + 0.5).clamp(0.0, 1.0)),
        "Mish" => x.map(|x| x * softplus(x).tanh()),
        "Softplus" => x.map(softplus),
        "Flatten" => Batch { shape: vec![x.shape.iter().product()], values: x.values.clone() },
        "Softmax" => softmax(x),
        "Gemm" => gemm(node, x, weights),
        "Conv" => conv(node, x, weights),
        "BatchNormalization" => normalize(node, x, weights, training),
        "MaxPool" => pool(node, x, |window, _| window.iter().copied().fold(f64::NEG_INFINITY, f64::max)),
        "AveragePool" if node.int("count_include_pad", Some(0)).unwrap() == 1 => {
            pool(node, x, |window, size| window.iter().sum::<f64>() / size as f64)
        }
        "AveragePool" => pool(node, x, |window, _| window.iter().sum::<f64>() / window.len() as f64),
        "GlobalAveragePool" => {
            let area = x.shape[1] * x.shape[2];
            let values = x.values.chunks(area).map(|plane| plane.iter().sum::<f64>() / area as f64).collect();
            Batch { shape: vec![x.shape[0], 1, 1], values }
        }
        "Add" | "Sum" => inputs[1..].iter().fold(x.clone(), |sum, other| sum.zip(other, |a, b| a + b)),
        "Mul" => x.zip(inputs[1], |a, b| a * b),
        "Concat" => concat(inputs),
        other => panic!("the reference does not know {other}"),
    }
}

fn softmax(x: &Batch) -> Batch {
    let mut values = Vec::new();
    for row in x.values.chunks(x.shape[x.shape.len() - 1]) {
        let sum: f64 = row.iter().map(|x| x.exp()).sum();
        values.extend(row.iter().map(|x| x.exp() / sum));
    }
    Batch { shape: x.shape.clone(), values }
}

fn gemm(node: &Node, x: &Batch, weights: &Weights) -> Batch {
    let (from, to) = (x.shape[0], node.int("out_features", None).unwrap() as usize);
    let (weight, bias) = (&weights[&format!("{}.weight", node.name)], weights.get(&format!("{}.bias", node.name)));
    let mut values = Vec::new();
    for row in x.values.chunks(from) {
        for out in 0..to {
            let sum: f64 = row.iter().zip(&weight[out * from..]).map(|(x, w)| x * w).sum();
            values.push(sum + bias.map_or(0.0, |bias| bias[out]));
        }
    }
    Batch { shape: vec![to], values }
}

fn sizes(node: &Node, name: &str, count: usize, default: Option<i64>) -> Vec<i64> {
    node.ints(name, count, default).unwrap()
}

fn conv(node: &Node, x: &Batch, weights: &Weights) -> Batch {
    let (kernel, strides) = (sizes(node, "kernel_shape", 2, None), sizes(node, "strides", 2, Some(1)));
    let (dilations, pads) = (sizes(node, "dilations", 2, Some(1)), sizes(node, "pads", 4, Some(0)));
    let (to, group) = (node.int("out_channels", None).unwrap() as usize, node.int("group", Some(1)).unwrap() as usize);
    let (weight, bias) = (&weights[&format!("{}.weight", node.name)], weights.get(&format!("{}.bias", node.name)));
    let from = x.shape[0] / group;
    let side = |axis: usize| {
        let padded = x.shape[1 + axis] as i64 + pads[axis] + pads[axis + 2];
        ((padded - dilations[axis] * (kernel[axis] - 1) - 1) / strides[axis] + 1) as usize
    };
    let (height, width) = (side(0), side(1));
    let mut values = Vec::new();
    for example in 0..x.count() {
        for out in 0..to {
            for (row, column) in (0..height).flat_map(|row| (0..width).map(move |column| (row, column))) {
                let mut sum = bias.map_or(0.0, |bias| bias[out]);
                for channel in 0..from {
                    for (down, right) in (0..kernel[0]).flat_map(|y| (0..kernel[1]).map(move |x| (y, x))) {
                        let at_row = row as i64 * strides[0] + down * dilations[0] - pads[0];
                        let at_column = column as i64 * strides[1] + right * dilations[1] - pads[1];
                        let read = out / (to / group) * from + channel;
                        let at = (out * from + channel) as i64 * kernel[0] * kernel[1] + down * kernel[1] + right;
                        sum += x.pixel(example, read, at_row, at_column).unwrap_or(0.0) * weight[at as usize];
                    }
                }
                values.push(sum);
            }
        }
    }
    Batch { shape: vec![to, height, width], values }
}

/// `of` is given what lies inside the image, and the size of the window within image and padding.
fn pool(node: &Node, x: &Batch, of: impl Fn(&[f64], usize) -> f64) -> Batch {
    let (kernel, strides) = (sizes(node, "kernel_shape", 2, None), sizes(node, "strides", 2, Some(1)));
    let pads = sizes(node, "pads", 4, Some(0));
    let side = |axis: usize| {
        ((x.shape[1 + axis] as i64 + pads[axis] + pads[axis + 2] - kernel[axis]) / strides[axis] + 1) as usize
    };
    let (height, width) = (side(0), side(1));
    let mut values = Vec::new();
    for example in 0..x.count() {
        for channel in 0..x.shape[0] {
            for (row, column) in (0..height).flat_map(|row| (0..width).map(move |column| (row, column))) {
                let window: Vec<f64> = (0..kernel[0])
                    .flat_map(|down| (0..kernel[1]).map(move |right| (down, right)))
                    .filter_map(|(down, right)| {
                        let at_row = row as i64 * strides[0] + down - pads[0];
                        x.pixel(example, channel, at_row, column as i64 * strides[1] + right - pads[1])
                    })
                    .collect();
                values.push(of(&window, (kernel[0] * kernel[1]) as usize));
            }
        }
    }
    Batch { shape: vec![x.shape[0], height, width], values }
}

fn normalize(node: &Node, x: &Batch, weights: &Weights, training: bool) -> Batch {
    let array = |what: &str| &weights[&format!("{}.{what}", node.name)];
    let (scale, shift) = (array("weight"), array("bias"));
    let epsilon = node.float("epsilon", 1e-5).unwrap();
    let (channels, area) = (x.shape[0], x.shape[1..].iter().product::<usize>());
    let mut out = x.clone();
    for channel in 0..channels {
        let at = |index: usize| (index / area * channels + channel) * area + index % area;
        let all: Vec<f64> = (0..x.count() * area).map(|index| x.values[at(index)]).collect();
        let batch_mean = all.iter().sum::<f64>() / all.len() as f64;
        let batch_variance = all.iter().map(|x| (x - batch_mean).powi(2)).sum::<f64>() / all.len() as f64;
        let (mean, variance) = match training {
            true => (batch_mean, batch_variance),
            false => (array("running_mean")[channel], array("running_var")[channel]),
        };
        for (index, x) in all.iter().enumerate() {
            out.values[at(index)] = (x - mean) / (variance + epsilon).sqrt() * scale[channel] + shift[channel];
        }
    }
    out
}

fn concat(inputs: &[&Batch]) -> Batch {
    let mut shape = inputs[0].shape.clone();
    shape[0] = inputs.iter().map(|input| input.shape[0]).sum();
    let mut values = Vec::new();
    for example in 0..inputs[0].count() {
        for input in inputs {
            let size: usize = input.shape.iter().product();
            values.extend_from_slice(&input.values[example * size..(example + 1) * size]);
        }
    }
    Batch { shape, values }
}
