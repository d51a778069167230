//! Compares every operator in networks with narrow products, forward and backward, with the same network in 32 bits.

use burn::tensor::Device;
use nas_api::graph::builder::{float, int, ints, text};
use nas_api::{Graph, GraphBuilder, NodeId};

use super::networks::{Case, image_network, networks};
use super::{BATCH, IMAGE, OUTPUTS, inputs_of, moved};
use crate::precision::Precision;
use crate::{Network, first, plan};

/// The network of a graph with the same weights in every precision.
fn network(graph: &Graph, precision: Precision) -> Network {
    let device = Device::flex().autodiff();
    let fresh = Network::new(plan(graph, &IMAGE, OUTPUTS).unwrap(), 1, &device);
    let plan = plan(graph, &IMAGE, OUTPUTS).unwrap().in_precision(precision);
    Network::with_arrays(plan, &moved(fresh.arrays().unwrap()), &device).unwrap()
}

/// The outputs of inference, the outputs of training, and the gradients by weights and inputs.
fn results(case: &Case, precision: Precision) -> [Vec<f32>; 3] {
    results_of(&case.graph, &inputs_of(case.tokens), precision)
}

fn results_of(graph: &Graph, inputs: &[f32], precision: Precision) -> [Vec<f32>; 3] {
    let mut network = network(graph, precision);
    let inputs = || inputs.to_vec();
    let inference = first(network.inference()(inputs())).into_data().try_to_vec::<f32>().unwrap();
    let training = first(network.forward_training(inputs(), 0)).into_data().try_to_vec::<f32>().unwrap();
    let directions = (0..BATCH * OUTPUTS).map(|at| [1.0, -0.5, 0.25][at % 3]).collect();
    let gradients = network.gradients(inputs(), directions).unwrap();
    [inference, training, gradients.into_iter().flat_map(|array| array.values).collect()]
}

/// The distance of two vectors, relative to the second's length.
fn apart(found: &[f32], expected: &[f32]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let length = |numbers: &mut dyn Iterator<Item = f64>| numbers.map(|number| number * number).sum::<f64>().sqrt();
    let pairs = found.iter().zip(expected);
    let error = length(&mut pairs.map(|(&found, &expected)| f64::from(found) - f64::from(expected)));
    error / length(&mut expected.iter().map(|&number| f64::from(number))).max(1e-6)
}

/// The greatest distances of outputs and gradients over all networks, and the number of networks whose bits differ.
fn compare(precision: Precision) -> ([f64; 3], usize) {
    let (mut greatest, mut others) = ([0.0; 3], 0);
    for case in networks() {
        let (found, expected) = (results(&case, precision), results(&case, Precision::F32));
        others += usize::from(found != expected);
        for ((greatest, found), expected) in greatest.iter_mut().zip(&found).zip(&expected) {
            *greatest = f64::max(*greatest, apart(found, expected));
        }
    }
    (greatest, others)
}

#[test]
fn every_operator_is_accurate_in_bf16() {
    let (greatest, others) = compare(Precision::Bf16);
    assert!(greatest.iter().all(|&apart| apart < 0.04), "{greatest:?}");
    assert!(others > 100, "{others} networks have products, which are narrow");
}

#[test]
fn every_operator_is_accurate_in_f16() {
    let (greatest, others) = compare(Precision::F16);
    // Rounding may change which of two nearly equal numbers is the maximum, which moves its gradient.
    let [inference, training, gradients] = greatest;
    assert!(inference < 0.004 && training < 0.004 && gradients < 0.04, "{greatest:?}");
    assert!(others > 100, "{others} networks have products, which are narrow");
}

/// The results for inputs that are `times` as large as in the other tests, in f16, where they must be finite, and in 32
/// bits.
fn of_large(times: f32, body: impl Fn(&mut GraphBuilder, NodeId) -> NodeId) -> [[Vec<f32>; 3]; 2] {
    let graph = image_network(body);
    let inputs: Vec<f32> = inputs_of(None).into_iter().map(|input| input * times).collect();
    [Precision::F16, Precision::F32].map(|precision| {
        let found = results_of(&graph, &inputs, precision);
        assert!(found.iter().flatten().all(|number| number.is_finite()), "{precision:?}: {found:?}");
        found
    })
}

#[test]
fn activations_of_large_numbers_have_gradients_in_f16() {
    for (op, times, set) in [
        ("Elu", 20.0, vec![]),
        ("Selu", 20.0, vec![]),
        ("Gelu", 300.0, vec![]),
        ("Gelu", 300.0, vec![text("approximate", "tanh")]),
    ] {
        let [found, expected] = of_large(times, |graph, input| {
            let flat = graph.op("first.flatten", "Flatten", &[input]);
            let hidden = graph.gemm("hidden", flat, 5);
            graph.node("body", op, &[hidden], set.clone())
        });
        let apart: Vec<f64> = found.iter().zip(&expected).map(|(found, expected)| apart(found, expected)).collect();
        assert!(apart.iter().all(|&apart| apart < 0.01), "{op}: {apart:?}");
    }
}

#[test]
fn sums_too_large_for_f16_are_computed_in_32_bits() {
    let [found, expected] = of_large(6_000.0, |graph, input| {
        let rows = graph.reshape("rows", input, &[5, 12]);
        let hidden = graph.gemm("hidden", rows, 8);
        let sizes = graph.op("sizes", "Abs", &[hidden]);
        let sum = graph.node("sum", "ReduceSum", &[sizes], vec![ints("axes", &[1, 2])]);
        graph.op("log", "Log", &[sum])
    });
    assert!(apart(&found[0], &expected[0]) < 0.01, "{:?}, not {:?}", found[0], expected[0]);
}

#[test]
fn attention_scores_are_scaled_before_they_overflow_f16() {
    let heads = || vec![int("q_num_heads", 1), int("kv_num_heads", 1)];
    for more in [vec![], vec![float("softcap", 30_000.0)]] {
        let [found, expected] = of_large(80.0, |graph, input| {
            let rows = graph.reshape("rows", input, &[5, 12]);
            graph.node("body", "Attention", &[rows, rows, rows], [heads(), more.clone()].concat())
        });
        assert!(apart(&found[0], &expected[0]) < 0.01, "{:?}, not {:?}", found[0], expected[0]);
    }
}
