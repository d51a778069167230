//! Imports of files that other programs write, and of hostile ones.

#![allow(clippy::unwrap_used)]

use prost::Message;
use prost::bytes::Bytes;

use super::{Imported, import_bytes};
use crate::onnx::proto::{
    Attribute, Dimension, Entry, FLOAT, Graph, INT64, Model, Node, Opset, Tensor, TensorShape, TensorType, Type,
    ValueInfo,
};

fn value(name: &str, sizes: &[i64]) -> ValueInfo {
    ValueInfo::batched(name, FLOAT, sizes)
}

fn node(op: &str, inputs: &[&str], output: &str, attribute: Vec<Attribute>) -> Node {
    Node {
        input: inputs.iter().map(|&input| input.to_owned()).collect(),
        output: vec![output.to_owned()],
        op_type: op.to_owned(),
        attribute,
        ..Node::default()
    }
}

/// Returns a tensor whose numbers are in another file.
fn external(name: &str, dims: &[i64], location: &str) -> Tensor {
    Tensor {
        name: name.into(),
        data_type: FLOAT,
        dims: dims.to_vec(),
        data_location: 1,
        external_data: vec![Entry::new("location", location)],
        ..Tensor::default()
    }
}

fn weights(name: &str, dims: &[i64]) -> Tensor {
    external(name, dims, "weights.bin")
}

fn whole_numbers(name: &str, values: &[i64]) -> Tensor {
    Tensor {
        name: name.into(),
        data_type: INT64,
        dims: vec![values.len() as i64],
        int64_data: values.to_vec(),
        ..Tensor::default()
    }
}

fn graph(input: &[i64], node: Vec<Node>, initializer: Vec<Tensor>) -> Graph {
    Graph { node, name: "g".into(), initializer, input: vec![value("x", input)], output: vec![value("y", &[1])] }
}

fn file(graph: Graph) -> Vec<u8> {
    let opset_import = vec![Opset { domain: String::new(), version: Some(17) }];
    Model { ir_version: Some(8), graph: Some(graph), opset_import, ..Model::default() }.encode_to_vec()
}

fn read(graph: Graph) -> Imported {
    import_bytes(file(graph), "it").unwrap()
}

#[track_caller]
fn refused(graph: Graph, words: &str) {
    let error = import_bytes(file(graph), "it").unwrap_err().to_string();
    assert!(error.contains(words), "{error}");
}

fn ops(imported: &Imported) -> Vec<&str> {
    imported.graph.nodes.iter().map(|node| node.op.as_str()).collect()
}

#[test]
fn layers_as_other_programs_write_them_are_imported() {
    // A matrix product with an addition, a shape computed from the batch, a window that keeps the size.
    let conv = vec![Attribute::text("auto_pad", "SAME_UPPER"), Attribute::ints("strides", vec![2, 2])];
    let nodes = vec![
        node("Conv", &["x", "k"], "a", conv),
        node("ReduceMean", &["a"], "b", vec![Attribute::ints("axes", vec![-1, -2])]),
        node("Shape", &["x"], "s", vec![]),
        node("Gather", &["s", "zero"], "n", vec![]),
        node("Concat", &["n", "open"], "to", vec![Attribute::int("axis", 0)]),
        node("Reshape", &["b", "to"], "c", vec![]),
        node("MatMul", &["c", "w"], "d", vec![]),
        node("Add", &["bias", "d"], "y", vec![]),
    ];
    let tensors = vec![
        weights("k", &[6, 3, 3, 2]),
        whole_numbers("zero", &[0]),
        whole_numbers("open", &[-1]),
        weights("w", &[6, 4]),
        weights("bias", &[4]),
    ];
    let imported = read(graph(&[3, 9, 8], nodes, tensors));
    assert_eq!(ops(&imported), ["Input", "Conv", "GlobalAveragePool", "Flatten", "Gemm"]);
    assert_eq!((imported.outputs, &imported.input_shape[..]), (4, &[3, 9, 8][..]));
    assert_eq!(imported.graph.nodes[1].ints("pads", 4, None).unwrap(), [1, 0, 1, 0]);
    assert_eq!(imported.graph.nodes[4].int("bias", Some(1)).unwrap(), 1);
}

#[test]
fn hostile_sizes_are_refused_without_allocating_for_them() {
    let product = |tensor| graph(&[1_000_000], vec![node("MatMul", &["x", "w"], "y", vec![])], vec![tensor]);
    // 10^12 parameters, which are allegedly in another file, or absent.
    refused(product(weights("w", &[1_000_000, 1_000_000])), "its weights");
    refused(product(Tensor { data_location: 0, ..weights("w", &[1_000_000, 1_000_000]) }), "should have 1000000000000");
    refused(product(weights("w", &[i64::MAX, i64::MAX, 4])), "impossible sizes");
    refused(product(weights("w", &[-1, 4])), "impossible sizes");
    refused(graph(&[i64::MAX, 2], vec![node("Relu", &["x"], "y", vec![])], vec![]), "node 'x' (Input)");
    let sizes = vec![whole_numbers("s", &[0, i64::MAX, i64::MAX])];
    let reshape = graph(&[4], vec![node("Reshape", &["x", "s"], "y", vec![])], sizes);
    assert!(import_bytes(file(reshape), "it").is_err());
}

#[test]
fn files_outside_the_folder_are_refused() {
    for location in ["/etc/passwd", "../w", "a/../../w", "C:\\w", "..\\w", "\\\\host\\w", "", "a\0b"] {
        let gemm = vec![node("Gemm", &["x", "w"], "y", vec![])];
        refused(graph(&[4], gemm, vec![external("w", &[4, 2], location)]), "outside the file's folder");
    }
}

#[test]
fn values_that_are_not_numbers_are_refused() {
    // Texts, booleans, complex numbers.
    for kind in [8, 9, 14] {
        let mut graph = graph(&[4], vec![node("Relu", &["x"], "y", vec![])], vec![]);
        graph.input = vec![ValueInfo::batched("x", kind, &[4])];
        refused(graph, &format!("its input 'x' holds values of type {kind}"));
    }
    for op in ["MatMul", "Gemm"] {
        let tensor = Tensor { data_type: INT64, ..weights("w", &[4, 2]) };
        refused(graph(&[4], vec![node(op, &["x", "w"], "y", vec![])], vec![tensor]), "the weights 'w' are not floats");
    }
}

#[test]
fn cycles_and_gaps_are_refused() {
    let cycle =
        vec![node("Relu", &["b"], "a", vec![]), node("Relu", &["a"], "b", vec![]), node("Relu", &["x"], "y", vec![])];
    refused(graph(&[4], cycle, vec![]), "reads 'b', which no earlier node writes");
    refused(graph(&[4], vec![node("Relu", &["y"], "y", vec![])], vec![]), "cycle");
    refused(graph(&[4], vec![], vec![]), "its output 'y' is computed by no node");
    let twice = vec![node("Relu", &["x"], "y", vec![]), node("Relu", &["x"], "y", vec![])];
    refused(graph(&[4], twice, vec![]), "'y' is written twice");
}

#[test]
fn unsupported_operators_attributes_and_versions_are_named() {
    let one = |op: &str, attributes| graph(&[4], vec![node(op, &["x"], "y", attributes)], vec![]);
    refused(one("LSTM", vec![]), "(LSTM): this operator is not known here");
    refused(one("If", vec![]), "(If)");
    let mut custom = one("Relu", vec![]);
    custom.node[0].domain = "com.example".into();
    refused(custom, "belongs to 'com.example'");
    refused(one("Selu", vec![Attribute::float("alpha", 3.0)]), "attribute 'alpha' is not known here");
    refused(one("Elu", vec![Attribute::int("alpha", 3)]), "has the wrong type");
    refused(one("Flatten", vec![Attribute::int("axis", 0)]), "joins the batch");
    let mut unsized_input = one("Relu", vec![]);
    unsized_input.input[0] = ValueInfo {
        name: "x".into(),
        r#type: Some(Type {
            tensor_type: Some(TensorType {
                elem_type: FLOAT,
                shape: Some(TensorShape { dim: vec![Dimension::default(), Dimension::default()] }),
            }),
        }),
    };
    refused(unsized_input, "axis 1 of its input 'x' has no fixed size");
    let mut two_inputs = one("Relu", vec![]);
    two_inputs.input.push(value("z", &[1]));
    refused(two_inputs, "2 inputs");
    assert!(import_bytes(vec![], "it").unwrap_err().to_string().contains("holds no graph"));
    assert!(import_bytes(b"not a network".to_vec(), "it").unwrap_err().to_string().contains("not an ONNX file"));
    let mut future = Model::decode(Bytes::from(file(one("Relu", vec![])))).unwrap();
    future.opset_import[0].version = Some(99);
    assert!(import_bytes(future.encode_to_vec(), "it").unwrap_err().to_string().contains("version 99"));
}

#[test]
fn a_file_of_empty_nodes_is_refused_before_it_is_decoded() {
    // Each node of two bytes would become a structure of hundreds.
    let nodes: Vec<u8> = [0x0a, 0x00].repeat(3_000_000);
    let mut bytes = vec![0x3a];
    prost::encoding::encode_varint(nodes.len() as u64, &mut bytes);
    bytes.extend(nodes);
    let error = import_bytes(bytes, "it").unwrap_err().to_string();
    assert!(error.contains("more than 2000000 fields"), "{error}");
}

#[test]
fn many_nodes_with_one_name_are_renamed_fast() {
    let nodes = (0..50_000).map(|position| {
        let (from, to) =
            (if position == 0 { "x".into() } else { format!("v{position}") }, format!("v{}", position + 1));
        let to = if position == 49_999 { "y".into() } else { to };
        Node { name: "same".into(), ..node("Relu", &[&from], &to, vec![]) }
    });
    let imported = read(graph(&[4], nodes.collect(), vec![]));
    assert_eq!(imported.graph.nodes.len(), 50_001);
}
