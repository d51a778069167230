//! Properties that hold for arbitrary graphs.

use proptest::prelude::*;

use super::super::builder::{int, ints};
use super::super::memory::memory;
use super::super::shape::{GraphError, infer};
use super::super::{Attribute, Graph, Node, count, operators};
use super::one;

fn any_attribute() -> impl Strategy<Value = Attribute> {
    let edge = prop_oneof![-2..9i64, Just(i64::MAX), Just(i64::MIN), Just(1 << 31), Just(1 << 32), any::<i64>(),];
    prop_oneof![
        edge.clone().prop_map(Attribute::Int),
        prop::collection::vec(edge, 0..5).prop_map(Attribute::Ints),
        any::<f64>().prop_map(Attribute::Float),
        "[a-z]{0,4}".prop_map(Attribute::Text),
    ]
}

/// A node with known operator and attribute names, but arbitrary values and inputs.
fn any_node() -> impl Strategy<Value = Node> {
    let ops: Vec<&'static str> = operators::names().filter(|op| *op != "Input").collect();
    prop::sample::select(ops).prop_flat_map(|op| {
        let names = operators::attributes(op).unwrap_or_default();
        let values = prop::collection::vec(prop::option::weighted(0.7, any_attribute()), names.len());
        (prop::collection::vec(0..6u32, 0..4), values).prop_map(move |(inputs, values)| {
            let set = names.iter().zip(values).filter_map(|(name, value)| Some(((*name).into(), value?)));
            Node { name: String::new(), op: op.into(), inputs, attributes: set.collect() }
        })
    })
}

proptest! {
    /// A graph from a component is either refused or has consistent shapes; nothing overflows or panics.
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
            if let Ok(memory) = memory(&graph, &shapes, 3, 4) {
                prop_assert!(memory.inference <= memory.training);
            }
        }
    }

    /// The size of a window's output is the number of positions where the window fits.
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
        let last = dilation * (kernel - 1);
        let fits = (0..padded).step_by(stride as usize).filter(|start| start + last < padded).count();
        match one("Conv", 1, attributes, &[1, size, 1]) {
            Ok(shape) => prop_assert_eq!(&shape, &[1, fits as i64, 1]),
            Err(error) => prop_assert!(fits == 0, "{}", error),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    /// A single operator with nearly valid attributes reaches the edge cases of its rules far more often than a whole
    /// graph.
    #[test]
    fn one_operator_is_refused_or_counted(
        node in any_node(),
        copies in 0..4usize,
        input in prop::collection::vec(prop_oneof![1..13i64, Just(1 << 20), Just(1 << 31)], 1..4),
    ) {
        let graph = Graph {
            nodes: vec![
                Node { name: "input".into(), op: "Input".into(), inputs: vec![], attributes: vec![] },
                Node { name: "it".into(), inputs: vec![0; copies], ..node },
            ],
            outputs: vec![1],
        };
        match infer(&graph, &input) {
            Ok(shapes) => {
                let counts = count::count(&graph, &shapes);
                prop_assert!(counts.is_ok(), "{:?}", counts);
            }
            Err(error) => prop_assert!(error.problem.len() < 2000, "{}", error),
        }
    }

    /// Counting with shapes that were not inferred is an error or a number, never a panic.
    #[test]
    fn counting_with_arbitrary_shapes_never_panics(
        nodes in prop::collection::vec(any_node(), 1..6),
        shapes in prop::collection::vec(prop::collection::vec(any::<i64>(), 0..5), 6),
        outputs in prop::collection::vec(0..7u32, 0..3),
    ) {
        let mut graph = Graph { nodes, outputs };
        for (position, node) in graph.nodes.iter_mut().enumerate() {
            node.name = format!("n{position}");
        }
        let shapes = &shapes[..graph.nodes.len()];
        // An error must name one of the nodes.
        let named = |error: &GraphError| graph.nodes.iter().any(|node| node.name == error.node && node.op.as_str() == error.op);
        match count::count(&graph, shapes) {
            Ok(counts) => {
                prop_assert!(counts.flops >= counts.macs);
                prop_assert!(counts.depth <= graph.nodes.len() as u64);
            }
            Err(error) => prop_assert!(named(&error), "{}", error),
        }
        match memory(&graph, shapes, u32::MAX, u32::MAX) {
            Ok(memory) => prop_assert!(memory.inference <= memory.training),
            Err(error) => prop_assert!(named(&error), "{}", error),
        }
    }

    /// A slice that is padded by what was cut off on both sides has the original size.
    #[test]
    fn padding_a_slice_restores_its_size(size in 1..40i64, start in 0..40i64, length in 1..40i64) {
        let slice = vec![int("axis", 1), int("start", start), int("end", start + length)];
        match one("Slice", 1, slice, &[size]) {
            Ok(shape) => {
                prop_assert_eq!(&shape, &[length]);
                let back = vec![ints("pads", &[start, size - start - length])];
                prop_assert_eq!(one("Pad", 1, back, &shape).unwrap(), [size]);
            }
            Err(error) => prop_assert!(start + length > size, "{}", error),
        }
    }
}
