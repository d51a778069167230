//! Every operator where products are narrow, forward and backward, against the same network in 32 bits.

use burn::tensor::Device;
use nas_api::Graph;

use super::networks::{Case, networks};
use super::{BATCH, IMAGE, OUTPUTS, inputs_of, moved};
use crate::model::{Network, first, plan};
use crate::precision::Precision;

/// The network of a graph with the same weights in every precision.
fn network(graph: &Graph, precision: Precision) -> Network {
    let device = Device::flex().autodiff();
    let fresh = Network::new(plan(graph, &IMAGE, OUTPUTS).unwrap(), 1, &device);
    let plan = plan(graph, &IMAGE, OUTPUTS).unwrap().in_precision(precision);
    Network::with_arrays(plan, &moved(fresh.arrays().unwrap()), &device).unwrap()
}

/// What inference returns, what training returns, and the gradient by weights and inputs.
fn results(case: &Case, precision: Precision) -> [Vec<f32>; 3] {
    let mut network = network(&case.graph, precision);
    let inputs = || inputs_of(case.tokens);
    let inference = first(network.inference()(inputs())).into_data().try_to_vec::<f32>().unwrap();
    let training = first(network.forward_training(inputs(), 0)).into_data().try_to_vec::<f32>().unwrap();
    let directions = (0..BATCH * OUTPUTS).map(|at| [1.0, -0.5, 0.25][at % 3]).collect();
    let gradients = network.gradients(inputs(), directions).unwrap();
    [inference, training, gradients.into_iter().flat_map(|array| array.values).collect()]
}

/// The distance of two vectors, as a part of the second's length.
fn apart(found: &[f32], expected: &[f32]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let length = |numbers: &mut dyn Iterator<Item = f64>| numbers.map(|number| number * number).sum::<f64>().sqrt();
    let pairs = found.iter().zip(expected);
    let error = length(&mut pairs.map(|(&found, &expected)| f64::from(found) - f64::from(expected)));
    error / length(&mut expected.iter().map(|&number| f64::from(number))).max(1e-6)
}

/// The greatest distances of outputs and gradients over all networks, and how many networks have other bits.
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
fn every_operator_computes_nearly_the_same_in_bf16() {
    let (greatest, others) = compare(Precision::Bf16);
    assert!(greatest.iter().all(|&apart| apart < 0.04), "{greatest:?}");
    assert!(others > 100, "{others} networks have products, which are narrow");
}

#[test]
fn every_operator_computes_nearly_the_same_in_f16() {
    let (greatest, others) = compare(Precision::F16);
    // Of two numbers that are nearly equal another may be the greatest, which moves a gradient of a maximum.
    let [inference, training, gradients] = greatest;
    assert!(inference < 0.004 && training < 0.004 && gradients < 0.04, "{greatest:?}");
    assert!(others > 100, "{others} networks have products, which are narrow");
}
