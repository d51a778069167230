//! Networks with arithmetic on two values and matrix products.

use nas_api::graph::builder::{float, int, ints, text};
use nas_api::{GraphBuilder, NodeId, Window};

use super::{Case, Zoo, image_network, rows_network};

/// Numbers between 0.5 and 1.5, whose quotients and powers stay small.
fn between(graph: &mut GraphBuilder, x: NodeId) -> NodeId {
    let share = graph.op("share", "Sigmoid", &[x]);
    let half = graph.node("least", "Constant", &[], vec![float("value_float", 0.5)]);
    graph.add("between", share, half)
}

pub fn arithmetic(zoo: &mut Zoo) {
    for op in ["Add", "Sub", "Mul", "Div", "Pow", "Max", "Min"] {
        zoo.add(
            format!("{op} of values and constants"),
            rows_network(|graph, x| {
                let (a, b) = (between(graph, x), graph.op("b", "Sigmoid", &[x]));
                let half = graph.node("half", "Constant", &[], vec![float("value_float", 0.6)]);
                let c = graph.op("c", op, &[a, b]);
                let d = graph.op("d", op, &[c, half]);
                graph.op("e", op, &[half, d])
            }),
        );
        zoo.add(
            format!("{op} that broadcasts"),
            rows_network(|graph, x| {
                let a = between(graph, x);
                let mean = graph.node("mean", "ReduceMean", &[a], vec![ints("axes", &[1]), int("keepdims", 0)]);
                let column = graph.node("column", "Slice", &[a], vec![int("axis", 2), int("start", 3), int("end", 4)]);
                let all = graph.node("all", "ReduceMean", &[a], vec![ints("axes", &[1, 2])]);
                let a = graph.op("b", op, &[a, mean]);
                let a = graph.op("c", op, &[column, a]);
                let square = graph.op("d", op, &[column, mean]);
                let a = graph.add("both", a, square);
                graph.op("e", op, &[a, all])
            }),
        );
        zoo.add(
            format!("{op} of weights"),
            rows_network(|graph, x| {
                let a = between(graph, x);
                let [scale, place] =
                    [("scale", &[8][..]), ("place", &[2, 5, 1])].map(|(name, shape)| graph.weight(name, shape, "ones"));
                let a = graph.op("b", op, &[scale, a]);
                graph.op("c", op, &[a, place])
            }),
        );
    }
    zoo.add(
        "Pow by whole numbers",
        rows_network(|graph, x| {
            let [two, three] = [("two", 2.0), ("three", 3.0)]
                .map(|(name, value)| graph.node(name, "Constant", &[], vec![float("value_float", value)]));
            let square = graph.op("square", "Pow", &[x, two]);
            let cube = graph.op("cube", "Pow", &[x, three]);
            graph.add("body", square, cube)
        }),
    );
}

pub fn matrices(zoo: &mut Zoo) {
    zoo.add("Gemm of images", image_network(|graph, x| graph.gemm("body", x, 7)));
    zoo.add(
        "Gemm without a bias",
        rows_network(|graph, x| {
            graph.node("body", "Gemm", &[x], vec![int("out_features", 3), int("bias", 0), float("rate", 0.5)])
        }),
    );
    zoo.add(
        "a tied Gemm",
        rows_network(|graph, x| {
            let a = graph.gemm("a", x, 8);
            graph.node("body", "Gemm", &[a], vec![int("out_features", 8), text("tied", "a")])
        }),
    );
    zoo.add(
        "a Gemm tied to a node whose value is not needed",
        rows_network(|graph, x| {
            graph.gemm("unused", x, 8);
            graph.node("body", "Gemm", &[x], vec![int("out_features", 8), text("tied", "unused")])
        }),
    );
    zoo.add(
        "MatMul",
        image_network(|graph, x| {
            let x = graph.conv("conv", x, 2, Window::same(3, 1));
            let x = graph.op("small", "Tanh", &[x]);
            let turned = graph.node("turned", "Transpose", &[x], vec![ints("perm", &[0, 1, 3, 2])]);
            let square = graph.op("square", "MatMul", &[x, turned]);
            let mean = graph.node("mean", "ReduceMean", &[x], vec![ints("axes", &[1]), int("keepdims", 0)]);
            graph.op("body", "MatMul", &[square, mean])
        }),
    );
    zoo.add(
        "MatMul with weights",
        rows_network(|graph, x| {
            let [right, left, many] = [("right", &[8, 3][..]), ("left", &[2, 5]), ("many", &[2, 3, 2])]
                .map(|(name, shape)| graph.weight(name, shape, "normal"));
            let x = graph.op("first", "MatMul", &[x, right]);
            let x = graph.op("second", "MatMul", &[left, x]);
            graph.op("third", "MatMul", &[x, many])
        }),
    );
    let tokens = image_network(|graph, x| {
        let table = vec![int("num_embeddings", 7), int("embedding_dim", 2)];
        let tokens = graph.node("tokens", "Gather", &[x], table);
        let square = graph.op("square", "Mul", &[tokens, tokens]);
        let tied = vec![int("out_features", 7), int("bias", 0), text("tied", "tokens")];
        let scores = graph.node("scores", "Gemm", &[square], tied);
        graph.node("body", "ReduceMean", &[scores], vec![ints("axes", &[1, 3])])
    });
    zoo.0.push(Case { name: "Gather and a Gemm tied to it".into(), graph: tokens, tokens: Some(7) });
    zoo.add(
        "Concat with weights and along any axis",
        rows_network(|graph, x| {
            let token = graph.weight("token", &[1, 8], "normal");
            let x = graph.node("a", "Concat", &[token, x], vec![int("axis", 1)]);
            let place = graph.weight("place", &[6, 2], "normal");
            graph.node("b", "Concat", &[x, place, x], vec![int("axis", -1)])
        }),
    );
}
