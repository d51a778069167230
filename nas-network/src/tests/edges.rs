//! Edge cases: outputs at every position, invalid tokens, equal maxima, and refused graphs.

use burn::tensor::Device;
use nas_api::graph::builder::{int, text};
use nas_api::{Graph, GraphBuilder};

use super::networks::{flat_network, image_network};
use super::{IMAGE, OUTPUTS, batch, close, inputs, network, run};
use crate::reference::weights;
use crate::{Network, first, plan};

/// The outputs of a network with fresh weights for examples of this shape.
fn outputs(graph: &Graph, shape: &[usize], outputs: usize, inputs: Vec<f32>) -> Vec<f32> {
    let network = Network::new(plan(graph, shape, outputs).unwrap(), 1, &Device::flex().autodiff());
    first(network.inference()(inputs)).into_data().try_to_vec::<f32>().unwrap()
}

#[test]
fn a_network_may_return_its_outputs_at_every_position() {
    let mut graph = GraphBuilder::new();
    let input = graph.input();
    let head = graph.gemm("head", input, OUTPUTS as i64);
    let graph = graph.finish(&[head]);
    let made = plan(&graph, &IMAGE, OUTPUTS).unwrap();
    assert_eq!((made.first().rows, made.first().numbers), (12, OUTPUTS));
    // If the task has as many outputs as there are numbers, they form one row.
    assert_eq!(plan(&graph, &IMAGE, 36).unwrap().first().rows, 1);

    let mut network = network(&graph, &Device::flex().autodiff());
    let known = weights(&network.arrays().unwrap());
    let output = first(network.forward_training(inputs(), 0));
    assert_eq!(output.dims(), [super::BATCH * 12, OUTPUTS]);
    close("rows", &output.into_data().try_to_vec::<f32>().unwrap(), &run(&graph, &batch(), &known, true).values);
}

#[test]
fn invalid_tokens_give_nan() {
    let mut graph = GraphBuilder::new();
    let input = graph.input();
    let tokens = graph.embedding("tokens", input, 4, 2);
    let graph = graph.finish(&[tokens]);
    assert!(outputs(&graph, &[3], 6, vec![0.0, 3.0, 1.0]).iter().all(|number| number.is_finite()));
    for wrong in [-1.0, 4.0, 0.5, f32::NAN, f32::INFINITY, -1e30] {
        assert!(outputs(&graph, &[3], 6, vec![0.0, wrong, 1.0])[2].is_nan(), "{wrong}");
    }
}

#[test]
fn routing_chooses_k_of_equal_numbers() {
    let mut graph = GraphBuilder::new();
    let input = graph.input();
    let routed = graph.node("routed", "Routing", &[input], vec![int("k", 2)]);
    let graph = graph.finish(&[routed]);
    let found = outputs(&graph, &[2, 4], 8, vec![0.0, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0]);
    assert_eq!(found, [0.0, 0.5, 0.5, 0.0, 0.5, 0.5, 0.0, 0.0]);
}

#[test]
fn networks_that_cannot_be_trained_are_refused() {
    let refused = |graph: &Graph| plan(graph, &IMAGE, OUTPUTS).unwrap_err().to_string();
    let unknown = refused(&flat_network(|graph, x| graph.op("body", "Attention", &[x])));
    assert!(unknown.contains("body") && unknown.contains("Attention"), "{unknown}");
    let open = refused(&flat_network(|graph, x| graph.node("body", "Choice", &[x, x], vec![text("decision", "d")])));
    assert!(open.contains("'body' (Choice)") && open.contains("supernets"), "{open}");
    let mut graph = GraphBuilder::new();
    let input = graph.input();
    let flat = graph.op("flatten", "Flatten", &[input]);
    let wrong = refused(&graph.finish(&[flat]));
    assert!(wrong.contains("60 numbers") && wrong.contains("task has 3"), "{wrong}");
    let mut two = image_network(|_, x| x);
    two.outputs.push(0);
    assert!(refused(&two).contains("has 2 outputs, but the task wants 1"));
}
