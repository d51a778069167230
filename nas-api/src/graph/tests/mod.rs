//! Tests of every operator's rules, and of properties over arbitrary graphs.

#![allow(clippy::unwrap_used)]

mod properties;
mod sequences;
mod tied;
mod values;
mod windows;

use super::builder::{float, int};
use super::shape::infer;
use super::{Attribute, Counts, Graph, Node, Shape, Symbol, count};

/// Returns the output shape of an operator that reads the input `copies` times.
pub fn one(
    op: &'static str,
    copies: usize,
    attributes: Vec<(Symbol, Attribute)>,
    input: &[i64],
) -> Result<Shape, String> {
    let nodes = vec![
        Node { name: "input".into(), op: "Input".into(), inputs: vec![], attributes: vec![] },
        Node { name: "it".into(), op: op.into(), inputs: vec![0; copies], attributes },
    ];
    let shapes = infer(&Graph { nodes, outputs: vec![1] }, input);
    shapes.map(|shapes| shapes[1].clone()).map_err(|error| error.to_string())
}

#[track_caller]
pub fn refused(op: &'static str, copies: usize, attributes: Vec<(Symbol, Attribute)>, input: &[i64], words: &str) {
    let error = one(op, copies, attributes, input).unwrap_err();
    assert!(error.starts_with(&format!("node 'it' ({op})")) && error.contains(words), "{error}");
}

/// Returns the parameters, multiply-accumulates and bias additions of an operator that reads the input `copies` times.
pub fn cost(op: &'static str, copies: usize, attributes: Vec<(Symbol, Attribute)>, input: &[i64]) -> [u64; 3] {
    let nodes = vec![
        Node { name: "input".into(), op: "Input".into(), inputs: vec![], attributes: vec![] },
        Node { name: "it".into(), op: op.into(), inputs: vec![0; copies], attributes },
    ];
    let graph = Graph { nodes, outputs: vec![1] };
    let Counts { params, macs, flops, .. } = count::count(&graph, &infer(&graph, input).unwrap()).unwrap();
    [params, macs, flops - macs]
}

#[test]
fn activations_keep_the_shape() {
    for op in ["Identity", "Relu", "Sigmoid", "Tanh", "Gelu", "Elu", "Selu", "LeakyRelu", "HardSigmoid", "HardSwish"] {
        assert_eq!(one(op, 1, vec![], &[3, 4, 5]).unwrap(), [3, 4, 5]);
        refused(op, 2, vec![], &[3], "takes 1 inputs, not 2");
    }
    for op in ["Mish", "Softplus", "Softmax", "Dropout", "BatchNormalization"] {
        assert_eq!(one(op, 1, vec![], &[7]).unwrap(), [7]);
    }
    refused("Gelu", 1, vec![("approximate".into(), Attribute::Text("erf".into()))], &[3], "'none' or 'tanh'");
    refused("Elu", 1, vec![float("alpha", f64::NAN)], &[3], "finite");
    refused("Softmax", 1, vec![int("axis", 0)], &[3], "0 is the batch");
    refused("Dropout", 1, vec![float("ratio", 1.0)], &[3], "below 1");
    refused("BatchNormalization", 1, vec![float("epsilon", 0.0)], &[3], "above 0");
    refused("BatchNormalization", 1, vec![], &[3, 4, 5, 6], "1 or 2 or 3 axes");
}

#[test]
fn unknown_operators_and_attributes_are_refused_by_name() {
    refused("Conv3d", 1, vec![], &[3], "not known (known: Abs, Add, Attention");
    refused("Relu", 1, vec![int("slope", 1)], &[3], "attribute 'slope' is not known (known: none)");
    refused("Gemm", 1, vec![int("out_features", 1), int("out_features", 2)], &[3], "set twice");
}

#[test]
fn gemm_acts_on_the_last_axis() {
    assert_eq!(one("Gemm", 1, vec![int("out_features", 5)], &[3]).unwrap(), [5]);
    refused("Gemm", 1, vec![], &[3], "'out_features' is missing");
    refused("Gemm", 1, vec![int("out_features", 0)], &[3], "between 1 and");
    refused("Gemm", 1, vec![int("out_features", i64::MAX)], &[3], "between 1 and");
    refused("Gemm", 1, vec![int("out_features", 1 << 20)], &[1 << 20], "its weights");
    refused("Gemm", 1, vec![int("out_features", 5), int("bias", 2)], &[3], "0 or 1");
    refused("Gemm", 1, vec![float("out_features", 5.0)], &[3], "whole number");
    assert_eq!(one("Gemm", 1, vec![int("out_features", 5)], &[3, 4, 6]).unwrap(), [3, 4, 5]);
}

#[test]
fn operators_that_join_values_compare_shapes() {
    assert_eq!(one("Concat", 3, vec![int("axis", 2)], &[3, 4]).unwrap(), [3, 12]);
    assert_eq!(one("Concat", 2, vec![int("axis", -2)], &[3, 4]).unwrap(), [6, 4]);
    refused("Concat", 2, vec![int("axis", 3)], &[3, 4], "1 to 2");
    refused("Concat", 2, vec![int("axis", i64::MIN)], &[3, 4], "axis");
    refused("Concat", 2, vec![], &[3, 4], "missing");
    refused("Sum", 0, vec![], &[3], "at least one input");
    assert_eq!(one("Choice", 2, vec![("decision".into(), Attribute::Text("op".into()))], &[3]).unwrap(), [3]);
    refused("Choice", 2, vec![], &[3], "must name a decision");

    let two = |op: &'static str, attributes: Vec<(Symbol, Attribute)>| {
        let node = |name: &str, op: &'static str, inputs: &[u32], attributes| Node {
            name: name.into(),
            op: op.into(),
            inputs: inputs.to_vec(),
            attributes,
        };
        let nodes = [
            node("input", "Input", &[], vec![]),
            node("squeeze", "GlobalAveragePool", &[0], vec![]),
            node("flat", "Flatten", &[1], vec![]),
            node("it", op, &[0, 1], attributes.clone()),
            node("bad", op, &[0, 2], attributes),
        ];
        let infer = |count: usize| {
            let graph = Graph { nodes: nodes[..count].to_vec(), outputs: vec![count as u32 - 1] };
            infer(&graph, &[3, 4, 5]).map_err(|error| error.to_string())
        };
        (infer(4).map(|shapes| shapes[3].clone()), infer(5).map(|shapes| shapes[4].clone()))
    };
    let (fits, does_not) = two("Mul", vec![]);
    assert_eq!(fits.unwrap(), [3, 4, 5]);
    assert!(does_not.unwrap_err().contains("[3, 4, 5] and [3] cannot be broadcast"));
    let (alike, _) = two("Sum", vec![]);
    assert!(alike.unwrap_err().contains("must all be alike"));
    let (joined, _) = two("Concat", vec![int("axis", 1)]);
    assert!(joined.unwrap_err().contains("differ in more than axis 1"));
}

#[test]
fn constants_are_inputs_only_beside_other_values() {
    let node = |name: &str, op: &'static str, inputs: &[u32], attributes| Node {
        name: name.into(),
        op: op.into(),
        inputs: inputs.to_vec(),
        attributes,
    };
    let graph = |last: Node| {
        let constant = node("two", "Constant", &[], vec![float("value_float", 2.0)]);
        Graph { nodes: vec![node("input", "Input", &[], vec![]), constant, last], outputs: vec![2] }
    };
    let shapes = infer(&graph(node("twice", "Mul", &[1, 0], vec![])), &[4]).unwrap();
    assert_eq!(shapes[2], [4]);
    for bad in [node("n", "Relu", &[1], vec![]), node("n", "Add", &[1, 1], vec![]), node("n", "Sum", &[0, 1], vec![])] {
        assert!(infer(&graph(bad), &[4]).unwrap_err().to_string().contains("constant"));
    }
}
