//! Tests of convolutions and normalisations with tied weights. `sequences` tests `Gemm`.

use super::super::builder::{float, int, ints, text};
use super::super::shape::infer;
use super::super::{Attribute, Convolution, Counts, GraphBuilder, NodeId, Symbol, Window, count};
use super::refused;

fn counted(body: impl Fn(&mut GraphBuilder, NodeId)) -> Result<Counts, String> {
    let mut graph = GraphBuilder::new();
    let x = graph.input();
    body(&mut graph, x);
    let graph = graph.finish(&[x]);
    let shapes = infer(&graph, &[4, 8, 6]).map_err(|error| error.to_string())?;
    count::count(&graph, &shapes).map_err(|error| error.to_string())
}

#[track_caller]
fn wrong(words: &str, body: impl Fn(&mut GraphBuilder, NodeId)) {
    let error = counted(body).unwrap_err();
    assert!(error.starts_with("node 'it'") && error.contains("attribute 'tied'") && error.contains(words), "{error}");
}

fn conv(channels: i64) -> Convolution {
    Convolution::new(channels, Window::same(3, 1)).bias()
}

/// The head of a detector reads a small feature map and a large one.
#[test]
fn a_tied_layer_costs_products_but_no_parameters() {
    let counts = counted(|graph, x| {
        let first = graph.convolve("first", x, conv(4));
        let small = graph.pool("small", "MaxPool", first, Window { kernel: 2, stride: 2, padding: 0 });
        let second = graph.reuse("second", first, small);
        let norm = graph.node("norm", "GroupNormalization", &[first], vec![int("num_groups", 2)]);
        graph.reuse("norm2", norm, second);
        // A layer that is tied itself passes the weights on.
        graph.reuse("third", second, x);
    })
    .unwrap();
    assert_eq!(counts.params, 4 * 4 * 9 + 4 + 8);
    assert_eq!(counts.macs, 144 * (48 + 12 + 48));
    assert_eq!(counts.flops - counts.macs, 4 * (48 + 12 + 48));
}

#[test]
fn a_tied_layer_must_equal_its_owner() {
    let pair = |owner: (&'static str, Vec<(Symbol, Attribute)>), tied: (&'static str, Vec<(Symbol, Attribute)>)| {
        move |graph: &mut GraphBuilder, x: NodeId| {
            graph.node("owner", owner.0, &[x], owner.1.clone());
            graph.node("it", tied.0, &[x], tied.1.clone());
        }
    };
    let conv = |more: &[(Symbol, Attribute)]| {
        ("Conv", [&[int("out_channels", 4), ints("kernel_shape", &[3, 3])], more].concat())
    };
    let group = |more: &[(Symbol, Attribute)]| ("GroupNormalization", [&[int("num_groups", 2)], more].concat());
    let owner = || text("tied", "owner");
    assert!(counted(pair(conv(&[]), conv(&[owner()]))).is_ok());
    wrong("differs in 'bias'", pair(conv(&[]), conv(&[int("bias", 0), owner()])));
    wrong("differs in 'strides'", pair(conv(&[ints("strides", &[2, 2])]), conv(&[owner()])));
    wrong("differs in 'epsilon'", pair(group(&[]), group(&[owner(), float("epsilon", 0.1)])));
    wrong("must name an earlier GroupNormalization", pair(conv(&[]), group(&[owner()])));
    wrong("must name an earlier Conv", pair(group(&[]), conv(&[owner()])));
    wrong("must name an earlier Conv", pair(conv(&[]), conv(&[text("tied", "it")])));
    wrong("must be a text", pair(conv(&[]), conv(&[int("tied", 0)])));
    wrong("of 4 channels, but 8 are read", |graph, x| {
        let owner = graph.convolve("owner", x, self::conv(8));
        let other = graph.convolve("other", x, self::conv(8));
        graph.reuse("it", owner, other);
    });
    wrong("tied itself", |graph, x| {
        let owner = graph.convolve("owner", x, self::conv(4));
        graph.reuse("second", owner, x);
        let tied = vec![int("out_channels", 4), ints("kernel_shape", &[3, 3]), text("tied", "second")];
        graph.node("it", "Conv", &[x], tied);
    });
    // Each batch normalisation has its own statistics.
    refused("BatchNormalization", 1, vec![owner()], &[4, 8, 6], "'tied' is not known");
}
