//! Tests of embeddings, matrix products, attention and mixtures of experts, and of their memory.

use super::super::builder::{Heads, float, int, text};
use super::super::memory::{Memory, memory};
use super::super::shape::infer;
use super::super::{Attribute, Graph, GraphBuilder, Node, NodeId, Shape, Symbol, count};
use super::{cost, one, refused};

/// Returns the graph of an input and the nodes that `body` adds, with the shapes of all nodes.
fn built(input: &[i64], body: impl Fn(&mut GraphBuilder, NodeId) -> NodeId) -> Result<(Graph, Vec<Shape>), String> {
    let mut graph = GraphBuilder::new();
    let x = graph.input();
    let last = body(&mut graph, x);
    let graph = graph.finish(&[last]);
    let shapes = infer(&graph, input).map_err(|error| error.to_string())?;
    Ok((graph, shapes))
}

#[track_caller]
fn wrong(input: &[i64], words: &str, body: impl Fn(&mut GraphBuilder, NodeId) -> NodeId) {
    let error = built(input, body).unwrap_err();
    assert!(error.contains(words), "{error}");
}

#[test]
fn gemm_costs_every_position_and_its_rate() {
    let gemm = |more: &[(Symbol, Attribute)]| [&[int("out_features", 5)], more].concat();
    assert_eq!(cost("Gemm", 1, gemm(&[]), &[7, 3]), [20, 7 * 15, 7 * 5]);
    assert_eq!(cost("Gemm", 1, gemm(&[int("bias", 0)]), &[2, 7, 3]), [15, 14 * 15, 0]);
    assert_eq!(cost("Gemm", 1, gemm(&[float("rate", 0.25)]), &[8, 3]), [20, 2 * 15, 2 * 5]);
    assert_eq!(cost("Gemm", 1, gemm(&[float("rate", 0.0)]), &[8, 3]), [20, 0, 0]);
    refused("Gemm", 1, gemm(&[float("rate", 1.5)]), &[3], "between 0 and 1");
    refused("Gemm", 1, gemm(&[float("rate", f64::NAN)]), &[3], "finite");
}

#[test]
fn embeddings_add_an_axis() {
    let sizes = vec![int("num_embeddings", 100), int("embedding_dim", 8)];
    assert_eq!(one("Gather", 1, sizes.clone(), &[12]).unwrap(), [12, 8]);
    assert_eq!(cost("Gather", 1, sizes, &[2, 12]), [800, 0, 0]);
    refused("Gather", 1, vec![int("num_embeddings", 100)], &[12], "'embedding_dim' is missing");
    refused("Gather", 1, vec![int("num_embeddings", 1 << 20), int("embedding_dim", 1 << 20)], &[12], "its weights");
}

#[test]
fn a_tied_matrix_counts_once_and_must_fit() {
    let tie = |graph: &mut GraphBuilder, x, owner: &str, out: i64| {
        let attributes = vec![int("out_features", out), text("tied", owner)];
        graph.node("head", "Gemm", &[x], attributes)
    };
    let language = |owner: &'static str, out: i64| {
        move |graph: &mut GraphBuilder, x| {
            let x = graph.embedding("words", x, 100, 8);
            let x = graph.op("norm", "LayerNormalization", &[x]);
            tie(graph, x, owner, out)
        }
    };
    let (graph, shapes) = built(&[12], language("words", 100)).unwrap();
    assert_eq!(shapes[3], [12, 100]);
    let counts = count::count(&graph, &shapes).unwrap();
    assert_eq!(counts.params, 800 + 16 + 100);
    assert_eq!(counts.macs, 12 * 800);
    assert_eq!(counts.flops, 12 * 800 + 12 * 100);
    wrong(&[12], "whose matrix is [100, 8], but [99, 8]", language("words", 99));
    wrong(&[12], "node 'head' (Gemm): attribute 'tied' must name an earlier", language("norm", 100));
    wrong(&[12], "must name an earlier", language("head", 100));
    wrong(&[12], "must name an earlier", language("nobody", 100));
    let twice = |graph: &mut GraphBuilder, x| {
        let first = graph.gemm("first", x, 8);
        let second = graph.node("second", "Gemm", &[first], vec![int("out_features", 8), text("tied", "first")]);
        tie(graph, second, "second", 8)
    };
    wrong(&[8], "tied itself", twice);
    let shared = |graph: &mut GraphBuilder, x| {
        let first = graph.gemm("first", x, 8);
        tie(graph, first, "first", 8)
    };
    let (graph, shapes) = built(&[8], shared).unwrap();
    assert_eq!(count::count(&graph, &shapes).unwrap().params, 64 + 8 + 8);
}

#[test]
fn weights_are_inputs_only_beside_values() {
    let (graph, shapes) = built(&[3, 16], |graph, x| {
        let x = graph.gemm("patches", x, 8);
        let class = graph.weight("class", &[1, 8], "zeros");
        let x = graph.concat("tokens", &[class, x], 1);
        let places = graph.weight("places", &[4, 8], "normal");
        let x = graph.add("placed", x, places);
        let scale = graph.weight("scale", &[8], "ones");
        let x = graph.mul("scaled", scale, x);
        let matrix = graph.weight("matrix", &[8, 5], "normal");
        graph.op("out", "MatMul", &[x, matrix])
    })
    .unwrap();
    assert_eq!(shapes[shapes.len() - 1], [4, 5]);
    let counts = count::count(&graph, &shapes).unwrap();
    assert_eq!(counts.params, (16 * 8 + 8) + 8 + 32 + 8 + 40);
    assert_eq!(counts.macs, 3 * 16 * 8 + 4 * 5 * 8);
    // Only the values count: weights are no activations.
    let expected = 4 * (48 + 24 + 32 + 32 + 32 + 20);
    assert_eq!(memory(&graph, &shapes, 1, 4).unwrap().training, expected);

    wrong(&[3], "a weight can only stand beside a value", |graph, _| {
        let weight = graph.weight("weight", &[3], "zeros");
        graph.op("relu", "Relu", &[weight])
    });
    wrong(&[3], "a weight can only stand beside a value", |graph, _| {
        let weight = graph.weight("weight", &[3], "zeros");
        graph.add("sum", weight, weight)
    });
    wrong(&[3], "a weight cannot be an output", |graph, _| graph.weight("weight", &[3], "zeros"));
    for shape in [&[][..], &[0], &[-1, 2], &[1 << 31, 2], &[1; 9]] {
        wrong(&[3], "node 'weight' (Weight)", |graph, _| graph.weight("weight", shape, "zeros"));
    }
    wrong(&[3], "'zeros', 'ones' or 'normal'", |graph, _| graph.weight("weight", &[3], "uniform"));
}

#[test]
fn arithmetic_broadcasts_as_numpy_does() {
    let two = |a: &[i64], b: &[i64]| -> Result<Shape, String> {
        let size = |shape: &[i64]| shape.iter().product::<i64>();
        let (graph, shapes) = built(&[1], |graph, x| {
            let left = graph.gemm("left", x, size(a));
            let left = graph.reshape("a", left, a);
            let right = graph.gemm("right", x, size(b));
            let right = graph.reshape("b", right, b);
            graph.op("it", "Sub", &[left, right])
        })?;
        Ok(shapes[graph.outputs[0] as usize].clone())
    };
    assert_eq!(two(&[4, 5], &[5]).unwrap(), [4, 5]);
    assert_eq!(two(&[5], &[4, 5]).unwrap(), [4, 5]);
    assert_eq!(two(&[4, 1, 6], &[5, 1]).unwrap(), [4, 5, 6]);
    assert!(two(&[4, 5], &[4]).unwrap_err().contains("[4, 5] and [4] cannot be broadcast"));
    for op in ["Add", "Sub", "Mul", "Div", "Pow", "Max", "Min"] {
        for order in [[0, 1], [1, 0]] {
            let (_, shapes) = built(&[3, 2], |graph, x| {
                let two = graph.node("two", "Constant", &[], vec![float("value_float", 2.0)]);
                let both = [x, two];
                graph.op("it", op, &order.map(|at: usize| both[at]))
            })
            .unwrap();
            assert_eq!(shapes[2], [3, 2]);
        }
    }
}

#[test]
fn matrix_products_match_inner_sizes() {
    let (graph, shapes) = built(&[2, 6, 4], |graph, x| {
        let turned = graph.transpose("turned", x, &[0, 1, 3, 2]);
        graph.op("it", "MatMul", &[x, turned])
    })
    .unwrap();
    assert_eq!(shapes[2], [2, 6, 6]);
    assert_eq!(count::count(&graph, &shapes).unwrap().macs, 2 * 6 * 4 * 6);
    let (_, shapes) = built(&[2, 6, 4], |graph, x| {
        let shared = graph.weight("shared", &[4, 3], "normal");
        graph.op("it", "MatMul", &[x, shared])
    })
    .unwrap();
    assert_eq!(shapes[2], [2, 6, 3]);
    refused("MatMul", 2, vec![], &[6, 4], "no matrices");
    refused("MatMul", 2, vec![], &[6], "no matrices");
}

/// Queries have 4 heads of width 8, keys 2 heads of width 8, and values 2 heads of width 5.
fn grouped(graph: &mut GraphBuilder, x: NodeId, heads: Heads) -> NodeId {
    let q = graph.gemm_without_bias("q", x, 32);
    let k = graph.gemm_without_bias("k", x, 16);
    let v = graph.gemm_without_bias("v", x, 10);
    let q = graph.node("rotated", "RotaryEmbedding", &[q], vec![int("num_heads", 4)]);
    graph.attention("it", [q, k, v], heads)
}

#[test]
fn attention_counts_its_two_products() {
    let heads = Heads { key_value: 2, ..Heads::new(4) };
    let causal = Heads { causal: true, ..heads };
    let macs = |heads: Heads| {
        let (graph, shapes) = built(&[6, 16], |graph, x| grouped(graph, x, heads)).unwrap();
        assert_eq!(shapes[5], [6, 20]);
        let counts = count::count(&graph, &shapes).unwrap();
        assert_eq!(counts.params, 16 * (32 + 16 + 10));
        assert_eq!(counts.depth, 2);
        (counts.macs - 6 * 16 * 58, memory(&graph, &shapes, 3, 2).unwrap().cache_per_token)
    };
    assert_eq!(macs(heads), (6 * 6 * 4 * (8 + 5), 0));
    assert_eq!(macs(causal), (6 * 6 * 4 * (8 + 5), (16 + 10) * 2));
    assert_eq!(macs(Heads { window: 2, ..causal }), (6 * 2 * 4 * (8 + 5), (16 + 10) * 2));
    assert_eq!(macs(Heads { window: 7, ..causal }).0, 6 * 6 * 4 * (8 + 5));

    for (heads, words) in [
        (Heads { query: 3, ..heads }, "'kv_num_heads' is 2, which does not divide the 3 heads"),
        (Heads { key_value: 4, ..heads }, "'kv_num_heads' is 4, which does not divide the 10 numbers of a value"),
        (Heads { key_value: 1, ..heads }, "a head has 8 numbers in a query, but 16 in a key"),
        (Heads { window: 2, ..heads }, "'window' needs is_causal"),
        (Heads { window: -1, ..causal }, "'window' is -1"),
        (Heads { query: 0, ..heads }, "'q_num_heads' is 0"),
    ] {
        wrong(&[6, 16], words, |graph, x| grouped(graph, x, heads));
    }
    wrong(&[6, 16], "5 keys, but 6 values", |graph, x| {
        let short = graph.slice("short", x, 1, 0, 5);
        graph.attention("it", [x, short, x], Heads::new(4))
    });
    wrong(&[6, 16], "as many queries as keys", |graph, x| {
        let short = graph.slice("short", x, 1, 0, 5);
        graph.attention("it", [short, x, x], Heads { causal: true, ..Heads::new(4) })
    });
    refused("Attention", 3, vec![int("q_num_heads", 1), int("kv_num_heads", 1)], &[6], "2 axes");
    let attributes = |name, value| vec![int("q_num_heads", 1), int("kv_num_heads", 1), float(name, value)];
    refused("Attention", 3, attributes("scale", 0.0), &[6, 4], "above 0");
    refused("Attention", 3, attributes("softcap", -1.0), &[6, 4], "'softcap'");
}

#[test]
fn positions_rotate_in_pairs() {
    let rotary = |more: &[(Symbol, Attribute)]| [&[int("num_heads", 2)], more].concat();
    assert_eq!(one("RotaryEmbedding", 1, rotary(&[]), &[6, 16]).unwrap(), [6, 16]);
    assert_eq!(cost("RotaryEmbedding", 1, rotary(&[int("rotary_embedding_dim", 4)]), &[6, 16]), [0, 0, 0]);
    refused("RotaryEmbedding", 1, rotary(&[]), &[6, 6], "3 numbers of a head are odd");
    refused("RotaryEmbedding", 1, rotary(&[int("rotary_embedding_dim", 3)]), &[6, 16], "odd");
    refused("RotaryEmbedding", 1, rotary(&[int("rotary_embedding_dim", 10)]), &[6, 16], "between 0 and 8");
    refused("RotaryEmbedding", 1, rotary(&[float("base", 0.0)]), &[6, 16], "above 0");
    refused("RotaryEmbedding", 1, vec![int("num_heads", 3)], &[6, 16], "does not divide the 16");
}

#[test]
fn routing_chooses_among_experts() {
    assert_eq!(one("Routing", 1, vec![int("k", 2)], &[6, 8]).unwrap(), [6, 8]);
    refused("Routing", 1, vec![], &[6, 8], "'k' is missing");
    refused("Routing", 1, vec![int("k", 9)], &[6, 8], "between 1 and 8");
    refused("Routing", 1, vec![int("k", 0)], &[6, 8], "between 1 and 8");
}

#[test]
fn memory_follows_the_lifetimes_of_values() {
    // 64 → 100 → 100 → sum with the first 100 → 10. A node that no output needs is not computed.
    let (graph, shapes) = built(&[64], |graph, x| {
        let a = graph.gemm("a", x, 100);
        let b = graph.op("b", "Relu", &[a]);
        graph.gemm("unused", b, 1000);
        let c = graph.add("c", a, b);
        let d = graph.add("d", c, c);
        graph.gemm("e", d, 10)
    })
    .unwrap();
    let found = memory(&graph, &shapes, 2, 4).unwrap();
    let expected = Memory { inference: 8 * 300, training: 8 * (64 + 100 + 100 + 100 + 100 + 10), cache_per_token: 0 };
    assert_eq!(found, expected);
    assert!(memory(&graph, &shapes[..2], 1, 1).unwrap_err().to_string().contains("infer them first"));
    assert!(memory(&graph, &shapes, u32::MAX, u32::MAX).unwrap_err().to_string().contains("64 bits"));
}

#[test]
fn a_trillion_parameters_are_counted() {
    let node = |name: &str, op: &'static str, inputs: &[u32], attributes: Vec<(Symbol, Attribute)>| Node {
        name: name.into(),
        op: op.into(),
        inputs: inputs.to_vec(),
        attributes,
    };
    let width = 1 << 15;
    let mut nodes = vec![node("input", "Input", &[], vec![])];
    for layer in 0..1000 {
        nodes.push(node(&format!("layer{layer}"), "Gemm", &[layer], vec![int("out_features", width)]));
    }
    let graph = Graph { nodes, outputs: vec![1000] };
    let counts = count::count(&graph, &infer(&graph, &[width]).unwrap()).unwrap();
    assert_eq!(counts.params, 1000 * ((1 << 30) + (1 << 15)));
    assert!(counts.params > 1_000_000_000_000);
}
