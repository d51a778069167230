//! Compares every operator with [`reference`](super::reference), forward and backward.

#![allow(clippy::unwrap_used, clippy::panic)]

mod edges;
mod joined;
mod narrow;
mod networks;
mod outputs;

use burn::tensor::Device;
use nas_api::rng::{RngExt, seeded};
use nas_api::{Attribute, Graph, GraphBuilder};

use self::networks::{Case, flat_network, image_network, map_network, networks};
use super::reference::{Batch, Weights, run, weights};
use super::{Array, Network, first, plan};
use crate::loss::{Loss, penalty};

const IMAGE: [usize; 3] = [2, 6, 5];
const BATCH: usize = 4;
const OUTPUTS: usize = 3;

/// Random inputs, all different so that maxima are unique; or, for an embedding, rows of a table with `tokens` rows.
fn inputs_of(tokens: Option<u32>) -> Vec<f32> {
    let mut rng = seeded(5);
    let mut draw = |_| rng.random::<f32>();
    let numbers = (0..BATCH * IMAGE.iter().product::<usize>()).map(&mut draw);
    match tokens {
        Some(rows) => numbers.map(|number| (number * rows as f32).floor()).collect(),
        None => numbers.map(|number| number * 4.0 - 2.0).collect(),
    }
}

fn inputs() -> Vec<f32> {
    inputs_of(None)
}

fn batch_of(tokens: Option<u32>) -> Batch {
    Batch { shape: IMAGE.to_vec(), values: inputs_of(tokens).into_iter().map(f64::from).collect() }
}

fn batch() -> Batch {
    batch_of(None)
}

/// Weights moved away from their initial values, so that shifts are not all 0 and scales not all 1. None is so close to
/// 0 that a finite difference would step over it, where its absolute value has no gradient.
fn moved(mut arrays: Vec<Array>) -> Vec<Array> {
    let mut rng = seeded(6);
    for array in &mut arrays {
        let least = if array.name.ends_with("var") { 0.3 } else { -9.0 };
        for value in &mut array.values {
            *value = (*value + 0.4 * (rng.random::<f32>() - 0.5)).max(least);
            if value.abs() < 1e-3 {
                *value = 1e-3;
            }
        }
    }
    arrays
}

fn network(graph: &Graph, device: &Device) -> Network {
    let fresh = Network::new(plan(graph, &IMAGE, OUTPUTS).unwrap(), 1, device);
    Network::with_arrays(plan(graph, &IMAGE, OUTPUTS).unwrap(), &moved(fresh.arrays().unwrap()), device).unwrap()
}

fn close(name: &str, found: &[f32], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{name}");
    for (at, (&found, &expected)) in found.iter().zip(expected).enumerate() {
        let error = (f64::from(found) - expected).abs();
        assert!(error <= 2e-5 + 1e-4 * expected.abs(), "{name}, output {at}: {found}, not {expected}");
    }
}

#[test]
fn every_operator_agrees_with_the_reference() {
    let device = Device::flex().autodiff();
    for Case { name, graph, tokens } in networks() {
        let (mut network, inputs, batch) = (network(&graph, &device), inputs_of(tokens), batch_of(tokens));
        let known = weights(&network.arrays().unwrap());
        let inference = first(network.inference()(inputs.clone())).into_data().try_to_vec::<f32>().unwrap();
        close(&name, &inference, &run(&graph, &batch, &known, false).values);
        let training = first(network.forward_training(inputs, 0)).into_data().try_to_vec::<f32>().unwrap();
        close(&name, &training, &run(&graph, &batch, &known, true).values);
    }
}

fn cross_entropy(output: &Batch, labels: &[u32]) -> f64 {
    let rows = output.values.chunks(OUTPUTS).zip(labels);
    let losses = rows.map(|(row, &label)| row.iter().map(|x| x.exp()).sum::<f64>().ln() - row[label as usize]);
    losses.sum::<f64>() / labels.len() as f64
}

fn squared_error(output: &Batch, labels: &[u32]) -> f64 {
    let target = |at: usize| if labels[at / OUTPUTS] as usize == at % OUTPUTS { 1.0 } else { 0.0 };
    let errors = output.values.iter().enumerate().map(|(at, value)| (value - target(at)).powi(2));
    errors.sum::<f64>() / output.values.len() as f64
}

#[test]
fn gradients_of_every_operator_agree_with_finite_differences() {
    compare_gradients(Loss::CrossEntropy, 0.0, 0.0, networks());
}

#[test]
fn gradients_of_squared_errors_and_penalties_agree_with_finite_differences() {
    let some = networks().into_iter().enumerate().filter(|(at, _)| at % 5 == 0).map(|(_, case)| case);
    let names = ["Gather", "Conv", "ConvTranspose", "MatMul"];
    let learned = networks().into_iter().filter(|case| names.iter().any(|name| case.name.starts_with(name)));
    compare_gradients(Loss::MeanSquaredError, 0.01, 0.02, some.chain(learned).collect());
}

/// Compares the gradients of the loss and its penalties, by every weight, with finite differences.
fn compare_gradients(loss: Loss, l1: f64, l2: f64, cases: Vec<Case>) {
    let device = Device::flex().autodiff();
    let labels = vec![0, 2, 1, 2];
    let targets: Vec<f32> =
        labels.iter().flat_map(|&label| (0..OUTPUTS as u32).map(move |class| f32::from(class == label))).collect();
    for Case { name, graph, tokens } in cases {
        let (mut network, batch) = (network(&graph, &device), batch_of(tokens));
        let before = network.arrays().unwrap();
        let output = first(network.forward_training(inputs_of(tokens), 0));
        let mut total = loss.batch(output, network.tensor(targets.clone(), [BATCH, OUTPUTS]));
        if let Some(penalty) = penalty(&network.weights, l1, l2) {
            total = total + penalty;
        }
        let found = f64::from(total.clone().into_scalar::<f32>());
        let gradients = total.is_tracked().then(|| total.backward());
        let (slots, input) = (&network.plan.slots, network.input(inputs_of(tokens)));
        let gradients = super::weights::gradients(slots, &network.weights, &input, gradients.as_ref()).unwrap();

        let value = |weights: &Weights| {
            let output = run(&graph, &batch, weights, true);
            let kernels = weights.iter().filter(|(name, _)| penalised(name, &graph)).flat_map(|(_, values)| values);
            let penalty: f64 = kernels.map(|w| l1 * w.abs() + l2 * w * w).sum();
            match loss {
                Loss::CrossEntropy => cross_entropy(&output, &labels),
                Loss::MeanSquaredError => squared_error(&output, &labels) + penalty,
            }
        };
        let mut known = weights(&before);
        let expected = value(&known);
        assert!((found - expected).abs() < 1e-4 * expected.max(1.0), "{name}: the loss is {found}, not {expected}");
        let learned = before.iter().filter(|array| !array.name.contains("running"));
        for (before, gradient) in learned.zip(&gradients) {
            assert_eq!(before.name, gradient.name);
            for at in 0..before.values.len() {
                let step = 1e-5;
                let mut shifted = |by: f64| {
                    known.get_mut(&before.name).unwrap()[at] = f64::from(before.values[at]) + by;
                    value(&known)
                };
                let expected = (shifted(step) - shifted(-step)) / (2.0 * step);
                shifted(0.0);
                let found = f64::from(gradient.values[at]);
                let error = (found - expected).abs();
                assert!(
                    error <= 1e-5 + 1e-3 * expected.abs(),
                    "{name}, {loss:?}, {} [{at}]: {found}, not {expected}",
                    before.name
                );
            }
        }
    }
}

/// Whether an array is penalised, as the weights of `Gemm`, `Conv` and `ConvTranspose` are.
fn penalised(array: &str, graph: &Graph) -> bool {
    let Some(node) = array.strip_suffix(".weight") else { return false };
    let with_kernels = |op: &str| matches!(op, "Gemm" | "Conv" | "ConvTranspose");
    graph.nodes.iter().any(|known| known.name == node && with_kernels(&known.op))
}

#[test]
fn dropout_keeps_the_mean_and_is_off_at_inference() {
    let graph =
        flat_network(|graph, x| graph.node("body", "Dropout", &[x], vec![("ratio".into(), Attribute::Float(0.4))]));
    let mut network = network(&graph, &Device::flex().autodiff());
    let known = weights(&network.arrays().unwrap());
    let plain = run(&graph, &batch(), &known, false).values;
    let inference = first(network.inference()(inputs())).into_data().try_to_vec::<f32>().unwrap();
    close("inference", &inference, &plain);
    let draws = 10_000;
    let (mut sum, mut squares) = (vec![0.0; plain.len()], vec![0.0; plain.len()]);
    for seed in 0..draws {
        let output = first(network.forward_training(inputs(), seed)).into_data().try_to_vec::<f32>().unwrap();
        for (at, value) in output.into_iter().map(f64::from).enumerate() {
            sum[at] += value;
            squares[at] += value * value;
        }
    }
    let draws = f64::from(draws);
    for (at, plain) in plain.iter().enumerate() {
        let mean = sum[at] / draws;
        let error = ((squares[at] / draws - mean * mean) / draws).sqrt();
        assert!((mean - plain).abs() < 4.5 * error, "{mean} on average, not {plain} ± {error}");
    }
    let once = first(network.forward_training(inputs(), 1)).into_data();
    assert_eq!(once, first(network.forward_training(inputs(), 1)).into_data(), "equal seeds");
    assert_ne!(once, first(network.forward_training(inputs(), 2)).into_data(), "other seeds");
}

#[test]
fn dropped_paths_drop_whole_examples_and_keep_the_mean() {
    let graph = map_network(|graph, x| {
        let path = graph.drop_path("body", x);
        graph.op("pool", "GlobalAveragePool", &[path])
    });
    let mut network = network(&graph, &Device::flex().autodiff());
    let plain = first(network.inference()(inputs())).into_data().try_to_vec::<f32>().unwrap();
    let train = |network: &mut Network, seed| {
        first(network.forward_training(inputs(), seed)).into_data().try_to_vec::<f32>().unwrap()
    };
    assert_eq!(train(&mut network, 0), plain, "no path is dropped by default");
    network.drop_path = 0.25;
    // The rest of the network is affine, so each example is either that of a zero input or the plain one, moved away
    // from it by a third of their distance.
    let zeros = first(network.inference()(vec![0.0; inputs().len()])).into_data().try_to_vec::<f32>().unwrap();
    let (mut left_out, draws) = (0, 4_000);
    for seed in 0..draws {
        let found = train(&mut network, seed);
        for ((found, plain), zero) in found.chunks(OUTPUTS).zip(plain.chunks(OUTPUTS)).zip(zeros.chunks(OUTPUTS)) {
            let scaled: Vec<f32> = plain.iter().zip(zero).map(|(plain, zero)| zero + (plain - zero) / 0.75).collect();
            let near = |to: &[f32]| found.iter().zip(to).all(|(found, to)| (found - to).abs() < 1e-4);
            assert!(near(zero) || near(&scaled), "{found:?} is neither {zero:?} nor {scaled:?}");
            left_out += usize::from(near(zero));
        }
    }
    let share = left_out as f64 / (draws as usize * BATCH) as f64;
    assert!((share - 0.25).abs() < 0.015, "{share}");
    assert_eq!(train(&mut network, 5), train(&mut network, 5), "equal seeds");
}

#[test]
fn running_statistics_follow_the_batches() {
    let graph = image_network(|graph, x| {
        graph.node("body", "BatchNormalization", &[x], vec![("momentum".into(), Attribute::Float(0.8))])
    });
    let mut network = Network::new(plan(&graph, &IMAGE, OUTPUTS).unwrap(), 1, &Device::flex().autodiff());
    network.forward_training(inputs(), 0);
    let arrays = network.arrays().unwrap();
    let array = |name: &str| &arrays.iter().find(|array| array.name == name).unwrap().values;
    let area = IMAGE[1] * IMAGE[2];
    for channel in 0..IMAGE[0] {
        let values: Vec<f64> = (0..BATCH)
            .flat_map(|example| {
                let from = (example * IMAGE[0] + channel) * area;
                inputs()[from..from + area].iter().map(|&x| f64::from(x)).collect::<Vec<_>>()
            })
            .collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / values.len() as f64;
        assert!((f64::from(array("body.running_mean")[channel]) - 0.2 * mean).abs() < 1e-5);
        assert!((f64::from(array("body.running_var")[channel]) - (0.8 + 0.2 * variance)).abs() < 1e-5);
    }
}

#[test]
fn nodes_that_no_output_needs_have_no_weights() {
    let mut graph = GraphBuilder::new();
    let input = graph.input();
    let flat = graph.op("flatten", "Flatten", &[input]);
    graph.gemm("unused", flat, 100);
    let head = graph.gemm("head", flat, OUTPUTS as i64);
    let plan = plan(&graph.finish(&[head]), &IMAGE, OUTPUTS).unwrap();
    let names: Vec<_> = plan.slots.iter().map(|slot| slot.tensor.name.as_str()).collect();
    assert_eq!(names, ["head.weight", "head.bias"]);
}

#[test]
fn weights_of_another_network_are_refused() {
    let device = Device::flex().autodiff();
    let small = network(&flat_network(|graph, x| graph.gemm("body", x, 4)), &device);
    let arrays = small.arrays().unwrap();
    let other = flat_network(|graph, x| graph.gemm("body", x, 6));
    let error = Network::with_arrays(plan(&other, &IMAGE, OUTPUTS).unwrap(), &arrays, &device).unwrap_err();
    assert!(error.to_string().contains("'body.weight' has the shape [4, 5], not [6, 5]"), "{error}");
    let error = Network::with_arrays(plan(&other, &IMAGE, OUTPUTS).unwrap(), &[], &device).unwrap_err();
    assert!(error.to_string().contains("there is no array"), "{error}");
}
