//! Networks with operators on sequences and operators that rearrange numbers.

use nas_api::graph::builder::{float, int, ints};

use super::{Body, Zoo, map_network, rows_network};

pub fn sequences(zoo: &mut Zoo) {
    let rows = |body: &Body<'_>| rows_network(body);
    for (heads, groups, more) in [
        (3, 3, vec![]),
        (4, 2, vec![int("is_causal", 1), float("scale", 0.3)]),
        (2, 2, vec![float("softcap", 1.5)]),
        (2, 1, vec![int("is_causal", 1), int("window", 2), float("softcap", 2.0)]),
    ] {
        zoo.add(
            format!("Attention {more:?}"),
            rows_network(|graph, x| {
                // The keys differ in width from the values, and in number from the queries.
                let q = graph.gemm("q", x, heads * 4);
                let x = if more.is_empty() {
                    graph.node("some", "Slice", &[x], vec![int("axis", 1), int("start", 0), int("end", 3)])
                } else {
                    x
                };
                let (k, v) = (graph.gemm("k", x, groups * 4), graph.gemm("v", x, groups * 3));
                let own = vec![int("q_num_heads", heads), int("kv_num_heads", groups)];
                graph.node("body", "Attention", &[q, k, v], [own, more.clone()].concat())
            }),
        );
    }
    zoo.one(rows, "RotaryEmbedding", vec![int("num_heads", 2)]);
    zoo.one(rows, "RotaryEmbedding", vec![int("num_heads", 2), int("rotary_embedding_dim", 2), float("base", 500.0)]);
    zoo.one(rows, "RotaryEmbedding", vec![int("num_heads", 1), int("interleaved", 1), int("rotary_embedding_dim", 6)]);
    zoo.one(rows, "Routing", vec![int("k", 3)]);
}

pub fn arrangements(zoo: &mut Zoo) {
    let map = |body: &Body<'_>| map_network(body);
    let rows = |body: &Body<'_>| rows_network(body);
    zoo.one(map, "Transpose", vec![ints("perm", &[0, 3, 1, 2])]);
    zoo.one(map, "Reshape", vec![ints("shape", &[2, -1, 5])]);
    zoo.one(map, "Slice", vec![int("axis", 2), int("start", 1), int("end", -2)]);
    zoo.one(rows, "Slice", vec![int("axis", -1), int("start", -3), int("end", 8)]);
    zoo.one(map, "Pad", vec![ints("pads", &[1, 0, 2, 0, 1, 1]), float("value", 0.5)]);
    for op in ["ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin"] {
        zoo.one(map, op, vec![ints("axes", &[2, 3])]);
        zoo.one(map, op, vec![ints("axes", &[-1, 1]), int("keepdims", 0)]);
    }
    zoo.add(
        "values of eight axes",
        rows_network(|graph, x| {
            let x = graph.reshape("many", x, &[1, 5, 1, 2, 2, 1, 2, 1]);
            let x = graph.node("turned", "Transpose", &[x], vec![ints("perm", &[0, 8, 5, 4, 7, 1, 6, 2, 3])]);
            let mean = graph.node("mean", "ReduceMean", &[x], vec![ints("axes", &[2, 7]), int("keepdims", 0)]);
            let x = graph.op("less", "Sub", &[x, mean]);
            let wide = graph.gemm("wide", x, 2);
            graph.op("body", "Tanh", &[wide])
        }),
    );
}
