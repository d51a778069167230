//! Every operator's rules, and properties over arbitrary graphs.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::shape::infer;
use super::{Attribute, Graph, Node, Shape, count, operators};

fn ints(name: &str, values: &[i64]) -> (String, Attribute) {
    (name.into(), Attribute::Ints(values.to_vec()))
}

fn int(name: &str, value: i64) -> (String, Attribute) {
    (name.into(), Attribute::Int(value))
}

fn float(name: &str, value: f64) -> (String, Attribute) {
    (name.into(), Attribute::Float(value))
}

/// The shape that one operator gives on `copies` of the input.
fn one(op: &str, copies: usize, attributes: Vec<(String, Attribute)>, input: &[i64]) -> Result<Shape, String> {
    let nodes = vec![
        Node { name: "input".into(), op: "Input".into(), inputs: vec![], attributes: vec![] },
        Node { name: "it".into(), op: op.into(), inputs: vec![0; copies], attributes },
    ];
    let shapes = infer(&Graph { nodes, outputs: vec![1] }, input);
    shapes.map(|shapes| shapes[1].clone()).map_err(|error| error.to_string())
}

#[track_caller]
fn refused(op: &str, copies: usize, attributes: Vec<(String, Attribute)>, input: &[i64], words: &str) {
    let error = one(op, copies, attributes, input).unwrap_err();
    assert!(error.starts_with(&format!("node 'it' ({op})")) && error.contains(words), "{error}");
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
fn operators_and_attributes_that_are_not_known_are_refused_by_name() {
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
fn convolutions_follow_onnx() {
    let with = |more: &[(String, Attribute)]| {
        let mut attributes = vec![int("out_channels", 6), ints("kernel_shape", &[3, 5])];
        attributes.extend_from_slice(more);
        attributes
    };
    assert_eq!(one("Conv", 1, with(&[]), &[3, 10, 11]).unwrap(), [6, 8, 7]);
    let padded = [ints("pads", &[1, 2, 0, 3]), ints("strides", &[2, 3]), ints("dilations", &[2, 1])];
    // (10 + 1 + 0 - 5) / 2 + 1 and (11 + 2 + 3 - 5) / 3 + 1
    assert_eq!(one("Conv", 1, with(&padded), &[3, 10, 11]).unwrap(), [6, 4, 4]);
    assert_eq!(one("Conv", 1, with(&[int("group", 3)]), &[3, 10, 11]).unwrap(), [6, 8, 7]);
    refused("Conv", 1, with(&[int("group", 2)]), &[3, 10, 11], "does not divide the 3 input channels");
    refused("Conv", 1, with(&[int("group", 4)]), &[4, 10, 11], "does not divide the 6 output channels");
    refused("Conv", 1, with(&[]), &[3, 10, 4], "window is 5 wide, larger than the padded input of 4");
    refused("Conv", 1, with(&[]), &[30], "takes a value of 2 or 3 axes");
    refused("Conv", 1, with(&[ints("strides", &[0, 1])]), &[3, 10, 11], "'strides' is 0, but");
    refused("Conv", 1, with(&[ints("pads", &[0, 0, -1, 0])]), &[3, 10, 11], "'pads' holds -1");
    refused("Conv", 1, with(&[ints("strides", &[1])]), &[3, 10, 11], "2 whole numbers");
    refused("Conv", 1, with(&[ints("dilations", &[1 << 31, 1])]), &[3, 10, 11], "larger than the padded");
}

#[test]
fn pools_never_look_at_padding_alone() {
    let pool = |pad: i64| vec![ints("kernel_shape", &[2, 2]), ints("strides", &[2, 2]), ints("pads", &[pad; 4])];
    assert_eq!(one("AveragePool", 1, pool(0), &[3, 5, 4]).unwrap(), [3, 2, 2]);
    assert_eq!(one("MaxPool", 1, pool(1), &[3, 5, 4]).unwrap(), [3, 3, 3]);
    refused("AveragePool", 1, pool(2), &[3, 5, 4], "in the padding alone");
    refused("MaxPool", 1, vec![], &[3, 5, 4], "'kernel_shape' is missing");
    assert_eq!(one("GlobalAveragePool", 1, vec![], &[3, 5, 4]).unwrap(), [3, 1, 1]);
}

#[test]
fn joining_operators_compare_shapes() {
    assert_eq!(one("Concat", 3, vec![int("axis", 2)], &[3, 4]).unwrap(), [3, 12]);
    assert_eq!(one("Concat", 2, vec![int("axis", -2)], &[3, 4]).unwrap(), [6, 4]);
    refused("Concat", 2, vec![int("axis", 3)], &[3, 4], "1 to 2");
    refused("Concat", 2, vec![int("axis", i64::MIN)], &[3, 4], "axis");
    refused("Concat", 2, vec![], &[3, 4], "missing");
    refused("Sum", 0, vec![], &[3], "at least one input");
    assert_eq!(one("Choice", 2, vec![("decision".into(), Attribute::Text("op".into()))], &[3]).unwrap(), [3]);
    refused("Choice", 2, vec![], &[3], "must name a decision");

    let two = |op: &str, attributes: Vec<(String, Attribute)>| {
        let node = |name: &str, op: &str, inputs: &[u32], attributes| Node {
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
fn constants_stand_only_beside_other_values() {
    let node = |name: &str, op: &str, inputs: &[u32], attributes| Node {
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

fn any_attribute() -> impl Strategy<Value = Attribute> {
    let edge = prop_oneof![-2..9i64, Just(i64::MAX), Just(i64::MIN), Just(1 << 31), Just(1 << 32), any::<i64>(),];
    prop_oneof![
        edge.clone().prop_map(Attribute::Int),
        prop::collection::vec(edge, 0..5).prop_map(Attribute::Ints),
        any::<f64>().prop_map(Attribute::Float),
        "[a-z]{0,4}".prop_map(Attribute::Text),
    ]
}

/// A node of the right operator and attribute names, but with any values and any inputs.
fn any_node() -> impl Strategy<Value = Node> {
    let ops =
        ["Gemm", "Conv", "MaxPool", "AveragePool", "Concat", "Softmax", "Flatten", "Add", "Sum", "Relu", "Constant"];
    prop::sample::select(ops.to_vec()).prop_flat_map(|op| {
        let names = operators::attributes(op).unwrap_or_default();
        let values = prop::collection::vec(prop::option::weighted(0.7, any_attribute()), names.len());
        (prop::collection::vec(0..6u32, 0..4), values).prop_map(move |(inputs, values)| {
            let set = names.iter().zip(values).filter_map(|(name, value)| Some(((*name).to_owned(), value?)));
            Node { name: String::new(), op: op.into(), inputs, attributes: set.collect() }
        })
    })
}

proptest! {
    /// Whatever a component sends is either refused or has a consistent shape; nothing overflows or panics.
    #[test]
    fn any_graph_is_refused_or_consistent(
        mut nodes in prop::collection::vec(any_node(), 0..6),
        input in prop::collection::vec(prop_oneof![1..40i64, any::<i64>()], 0..4),
        outputs in prop::collection::vec(0..7u32, 0..3),
    ) {
        nodes.insert(0, Node { name: String::new(), op: "Input".into(), inputs: vec![], attributes: vec![] });
        for (position, node) in nodes.iter_mut().enumerate() {
            node.name = format!("n{position}");
        }
        let graph = Graph { nodes, outputs };
        if let Ok(shapes) = infer(&graph, &input) {
            prop_assert_eq!(shapes.len(), graph.nodes.len());
            prop_assert!(shapes.iter().flatten().all(|&size| size > 0));
            if let Ok(counts) = count::count(&graph, &shapes) {
                prop_assert!(counts.flops >= counts.macs);
                prop_assert!(counts.depth <= graph.nodes.len() as u64);
            }
        }
    }

    /// The output of a window counts exactly the positions where it fits.
    #[test]
    fn windows_count_the_positions_where_they_fit(
        size in 1..40i64, kernel in 1..6i64, stride in 1..5i64, pad in 0..4i64, dilation in 1..4i64,
    ) {
        let attributes = vec![
            int("out_channels", 1),
            ints("kernel_shape", &[kernel, 1]),
            ints("strides", &[stride, 1]),
            ints("pads", &[pad, 0, pad, 0]),
            ints("dilations", &[dilation, 1]),
        ];
        let padded = size + 2 * pad;
        let fits = (0..padded).step_by(stride as usize).filter(|start| start + dilation * (kernel - 1) < padded).count();
        match one("Conv", 1, attributes, &[1, size, 1]) {
            Ok(shape) => prop_assert_eq!(&shape, &[1, fits as i64, 1]),
            Err(error) => prop_assert!(fits == 0, "{}", error),
        }
    }
}
