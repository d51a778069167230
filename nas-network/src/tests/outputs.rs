//! Networks with several outputs.

use burn::tensor::{Device, Tensor};
use nas_api::Graph;

use super::joined::{conv, norm, relu};
use super::networks::image_network;
use super::{IMAGE, OUTPUTS, batch, close, inputs, moved, run};
use crate::reference::weights;
use crate::{Network, Plan};

/// The widths of the outputs: a convolution that only its normalisation reads, the last value, and the rectified
/// normalisation, which the next convolution reads.
const NUMBERS: [usize; 3] = [5, OUTPUTS, 5];

fn graph() -> Graph {
    let mut graph = image_network(|graph, input| {
        let x = conv(graph, "conv", input, &[("bias", 0)]);
        let x = norm(graph, "norm", x);
        let x = relu(graph, "relu", x);
        let x = conv(graph, "next", x, &[("bias", 0)]);
        norm(graph, "next.norm", x)
    });
    let place = |name: &str| graph.nodes.iter().position(|node| node.name == name).unwrap() as u32;
    let [conv, relu] = ["conv", "relu"].map(place);
    graph.outputs = vec![conv, graph.outputs[0], relu];
    graph
}

fn network() -> Network {
    let device = Device::flex().autodiff();
    let plan = || Plan::of(&graph(), &IMAGE, &NUMBERS).unwrap();
    let fresh = Network::new(plan(), 1, &device);
    Network::with_arrays(plan(), &moved(fresh.arrays().unwrap()), &device).unwrap()
}

fn numbers(tensor: Tensor<2>) -> Vec<f32> {
    tensor.into_data().try_into_vec::<f32>().unwrap()
}

#[test]
fn every_output_is_returned_in_its_place() {
    let mut network = network();
    let known = weights(&network.arrays().unwrap());
    let inference = network.inference()(inputs());
    let trained = network.forward_training(inputs(), 0);
    for (found, training) in [(inference, false), (trained, true)] {
        assert_eq!(found.len(), NUMBERS.len());
        for (at, (found, numbers_of)) in found.into_iter().zip(NUMBERS).enumerate() {
            let mut single = graph();
            single.outputs = vec![single.outputs[at]];
            assert_eq!(found.dims()[1], numbers_of, "output {at}");
            let expected = run(&single, &batch(), &known, training).values;
            close(&format!("output {at}, training {training}"), &numbers(found), &expected);
        }
    }
}

#[test]
fn gradients_flow_from_every_output() {
    let device = Device::flex().autodiff();
    // The kernel of the first convolution, on which all outputs depend.
    let gradient = |network: &Network, loss: Tensor<1>| {
        let gradients = loss.backward();
        let kernel = network.weights.kernels[0].val().grad(&gradients).unwrap();
        kernel.into_data().try_into_vec::<f32>().unwrap()
    };
    let mut all = network();
    let loss = all.forward_training(inputs(), 0).into_iter().map(|output| output.square().sum());
    let loss = loss.reduce(|a, b| a + b).unwrap();
    let together = gradient(&all, loss);
    let mut sum = vec![0.0; together.len()];
    for (at, numbers) in NUMBERS.into_iter().enumerate() {
        let mut single = graph();
        single.outputs = vec![single.outputs[at]];
        let plan = Plan::of(&single, &IMAGE, &[numbers]).unwrap();
        let arrays = network().arrays().unwrap();
        let mut single = Network::with_arrays(plan, &arrays, &device).unwrap();
        let loss = single.forward_training(inputs(), 0).remove(0).square().sum();
        gradient(&single, loss).iter().zip(&mut sum).for_each(|(part, sum)| *sum += part);
    }
    let most = sum.iter().copied().map(f32::abs).fold(0.0, f32::max);
    assert!(most > 1.0, "{most}");
    for (together, sum) in together.iter().zip(&sum) {
        assert!((together - sum).abs() <= 1e-4 * most, "{together}, not {sum}");
    }
}
