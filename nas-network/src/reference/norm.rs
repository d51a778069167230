//! Normalisations.

use nas_api::Node;

use super::{Batch, Weights, array, int};

pub fn batch(node: &Node, x: &Batch, weights: &Weights, training: bool) -> Batch {
    let array = |what: &str| array(node, weights, what).unwrap();
    let (scale, shift) = (array("weight"), array("bias"));
    let epsilon = node.float("epsilon", 1e-5).unwrap();
    let (channels, area) = (x.shape[0], x.shape[1..].iter().product::<usize>());
    let mut out = x.clone();
    for channel in 0..channels {
        let at = |index: usize| (index / area * channels + channel) * area + index % area;
        let all: Vec<f64> = (0..x.count() * area).map(|index| x.values[at(index)]).collect();
        let (mean, variance) = match training {
            true => moments(&all),
            false => (array("running_mean")[channel], array("running_var")[channel]),
        };
        for (index, x) in all.iter().enumerate() {
            out.values[at(index)] = (x - mean) / (variance + epsilon).sqrt() * scale[channel] + shift[channel];
        }
    }
    out
}

fn moments(all: &[f64]) -> (f64, f64) {
    let mean = all.iter().sum::<f64>() / all.len() as f64;
    (mean, all.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / all.len() as f64)
}

/// Normalisations over consecutive numbers of one example.
pub fn of_example(node: &Node, x: &Batch, weights: &Weights) -> Batch {
    let numbers: usize = x.shape.iter().product();
    let of_channels = matches!(node.op.as_str(), "GroupNormalization" | "InstanceNormalization");
    let run = if of_channels {
        numbers / int(node, "num_groups", x.shape[0] as i64)
    } else {
        x.shape[node.axis("axis", Some(-1), x.shape.len()).unwrap()..].iter().product()
    };
    let area: usize = x.shape[1..].iter().product();
    let (scale, shift) = (array(node, weights, "weight").unwrap(), array(node, weights, "bias"));
    let epsilon = node.float("epsilon", 1e-5).unwrap();
    let mut out = x.clone();
    for (first, values) in out.values.chunks_mut(run).enumerate().map(|(chunk, values)| (chunk * run, values)) {
        let (mean, variance) = match node.op.as_str() {
            "RMSNormalization" => (0.0, values.iter().map(|x| x * x).sum::<f64>() / run as f64),
            _ => moments(values),
        };
        for (at, value) in values.iter_mut().enumerate() {
            let weight = if of_channels { (first + at) % numbers / area } else { at };
            *value = (*value - mean) / (variance + epsilon).sqrt() * scale[weight]
                + shift.map_or(0.0, |shift| shift[weight]);
        }
    }
    out
}
