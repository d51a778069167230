//! Fused steps compute the same as single steps.

use burn::tensor::{Device, Tensor};
use nas_api::graph::builder::{float, int, ints, text};
use nas_api::{Graph, GraphBuilder, NodeId};

use super::networks::{Case, image_network, networks};
use super::{Network, first, inputs_of, network};

/// A convolution to three channels with a 3×3 window.
pub fn conv(graph: &mut GraphBuilder, name: &str, input: NodeId, more: &[(&'static str, i64)]) -> NodeId {
    let mut attributes = vec![int("out_channels", 3), ints("kernel_shape", &[3, 3]), ints("pads", &[1; 4])];
    attributes.extend(more.iter().map(|&(name, value)| int(name, value)));
    graph.node(name, "Conv", &[input], attributes)
}

pub fn norm(graph: &mut GraphBuilder, name: &str, input: NodeId) -> NodeId {
    graph.op(name, "BatchNormalization", &[input])
}

pub fn relu(graph: &mut GraphBuilder, name: &str, input: NodeId) -> NodeId {
    graph.op(name, "Relu", &[input])
}

/// Graphs that can be fused, and some that only look like it.
fn cases() -> Vec<(&'static str, Graph)> {
    let chain = |graph: &mut GraphBuilder, input| {
        let x = relu(graph, "before", input);
        let x = conv(graph, "conv", x, &[("bias", 0)]);
        let x = norm(graph, "norm", x);
        relu(graph, "after", x)
    };
    vec![
        ("all four", image_network(chain)),
        (
            "a limit",
            image_network(|graph, input| {
                let x = conv(graph, "conv", input, &[("bias", 0)]);
                let x = norm(graph, "norm", x);
                graph.node("after", "Clip", &[x], vec![float("min", 0.0), float("max", 0.7)])
            }),
        ),
        (
            "a bias before the normalisation",
            image_network(|graph, input| {
                let x = conv(graph, "conv", input, &[("bias", 1)]);
                norm(graph, "norm", x)
            }),
        ),
        (
            "a rectifier with two readers",
            image_network(|graph, input| {
                let x = relu(graph, "before", input);
                let a = conv(graph, "a", x, &[("bias", 0)]);
                let b = conv(graph, "b", x, &[("bias", 1)]);
                graph.op("sum", "Add", &[a, b])
            }),
        ),
        (
            "a convolution with two readers",
            image_network(|graph, input| {
                let x = conv(graph, "conv", input, &[("bias", 0)]);
                let y = norm(graph, "norm", x);
                graph.op("sum", "Add", &[x, y])
            }),
        ),
        (
            "a normalisation with two readers",
            image_network(|graph, input| {
                let x = conv(graph, "conv", input, &[("bias", 0)]);
                let x = norm(graph, "norm", x);
                let y = relu(graph, "after", x);
                graph.op("sum", "Add", &[x, y])
            }),
        ),
        (
            "chains in another order than their normalisations",
            image_network(|graph, input| {
                let a = conv(graph, "a", input, &[("bias", 0)]);
                let b = conv(graph, "b", input, &[("bias", 0)]);
                let b = norm(graph, "b.norm", b);
                let a = norm(graph, "a.norm", a);
                let a = relu(graph, "a.relu", a);
                let b = conv(graph, "c", b, &[("bias", 0)]);
                graph.op("sum", "Add", &[a, b])
            }),
        ),
        (
            "tied convolutions",
            image_network(|graph, input| {
                let x = conv(graph, "first", input, &[("bias", 0)]);
                let x = relu(graph, "between", x);
                let owner = conv(graph, "owner", x, &[("bias", 0)]);
                let owner = norm(graph, "norm", owner);
                let mut attributes = vec![int("out_channels", 3), ints("kernel_shape", &[3, 3]), ints("pads", &[1; 4])];
                attributes.extend([int("bias", 0), text("tied", "owner")]);
                graph.node("tied", "Conv", &[owner], attributes)
            }),
        ),
    ]
}

/// The output, the running statistics and the gradients of all weights.
fn results(network: &mut Network, output: Tensor<2>) -> Vec<Vec<f32>> {
    let numbers = |data: burn::tensor::TensorData| data.try_into_vec::<f32>().unwrap();
    let mut all = vec![numbers(output.clone().into_data())];
    let statistics = network.arrays().unwrap().into_iter().filter(|array| array.name.contains("running"));
    all.extend(statistics.map(|array| array.values));
    let gradients = output.square().sum().backward();
    let weights = &network.weights;
    let of = |gradient: Option<burn::tensor::TensorData>| gradient.map_or(Vec::new(), numbers);
    all.extend(weights.kernels.iter().map(|weight| of(weight.val().grad(&gradients).map(|grad| grad.into_data()))));
    all.extend(weights.vectors.iter().map(|weight| of(weight.val().grad(&gradients).map(|grad| grad.into_data()))));
    all.extend(weights.matrices.iter().map(|weight| of(weight.val().grad(&gradients).map(|grad| grad.into_data()))));
    all
}

#[test]
fn fused_steps_are_the_same_network() {
    let device = Device::flex().autodiff();
    let others = networks().into_iter().map(|Case { name, graph, tokens }| (name, graph, tokens));
    let own = cases().into_iter().map(|(name, graph)| (name.to_owned(), graph, None));
    for (name, graph, tokens) in own.chain(others) {
        let [mut joined, mut single] = [network(&graph, &device), network(&graph, &device)];
        let output = first(joined.forward_training(inputs_of(tokens), 3));
        let found = results(&mut joined, output);
        let output = single.forward_watched(inputs_of(tokens), 3, &mut |_, value| value);
        let expected = results(&mut single, output);
        assert_eq!(found.len(), expected.len(), "{name}");
        for (at, (found, expected)) in found.iter().zip(&expected).enumerate() {
            assert_eq!(found.len(), expected.len(), "{name}, {at}");
            let most = expected.iter().copied().map(f32::abs).fold(0.1, f32::max);
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() <= 2e-4 * most, "{name}, {at}: {found}, not {expected}");
            }
        }
    }
}

#[test]
fn steps_are_fused_where_possible() {
    let steps = |name: &str| {
        let graph = cases().into_iter().find(|(known, _)| *known == name).map(|(_, graph)| graph);
        let plan = super::plan(&graph.unwrap(), &super::IMAGE, super::OUTPUTS).unwrap();
        (plan.steps.list.len(), plan.joined.list.len())
    };
    assert_eq!(steps("all four"), (7, 4));
    assert_eq!(steps("a limit"), (6, 4));
    assert_eq!(steps("a bias before the normalisation"), (5, 5));
    assert_eq!(steps("a convolution with two readers"), (6, 6));
    assert_eq!(steps("a rectifier with two readers"), (7, 6));
}
