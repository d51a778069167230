//! Small networks around every operator, with weights before it and behind it, so that gradients flow through it.

use nas_api::graph::builder::{float, int, ints, text};
use nas_api::graph::operators;
use nas_api::{Attribute, Graph, GraphBuilder, NodeId, Window, Word};

use super::OUTPUTS;

/// A network for examples of the shape `IMAGE`.
pub struct Case {
    pub name: String,
    pub graph: Graph,
    /// The examples are places in a table of so many rows, not numbers.
    pub tokens: Option<u32>,
}

type Attributes = Vec<(Word, Attribute)>;

/// A network around `body`: an image goes in, its value comes out through a linear layer.
pub fn image_network(body: impl Fn(&mut GraphBuilder, NodeId) -> NodeId) -> Graph {
    let mut graph = GraphBuilder::new();
    let input = graph.input();
    let value = body(&mut graph, input);
    let flat = graph.op("flatten", "Flatten", &[value]);
    let head = graph.gemm("head", flat, OUTPUTS as i64);
    graph.finish(&[head])
}

/// The same with a flat value of five numbers.
pub fn flat_network(body: impl Fn(&mut GraphBuilder, NodeId) -> NodeId) -> Graph {
    image_network(|graph, input| {
        let flat = graph.op("first.flatten", "Flatten", &[input]);
        let hidden = graph.gemm("hidden", flat, 5);
        body(graph, hidden)
    })
}

/// The same with five positions of eight numbers.
fn rows_network(body: impl Fn(&mut GraphBuilder, NodeId) -> NodeId) -> Graph {
    image_network(|graph, input| {
        let rows = graph.reshape("rows", input, &[5, 12]);
        let hidden = graph.gemm("hidden", rows, 8);
        body(graph, hidden)
    })
}

/// The same with a signal of four channels.
fn signal_network(body: impl Fn(&mut GraphBuilder, NodeId) -> NodeId) -> Graph {
    image_network(|graph, input| {
        let signal = graph.reshape("signal", input, &[6, 10]);
        let hidden = graph.node("hidden", "Conv", &[signal], vec![int("out_channels", 4), ints("kernel_shape", &[1])]);
        body(graph, hidden)
    })
}

/// The same with an image of four channels.
fn map_network(body: impl Fn(&mut GraphBuilder, NodeId) -> NodeId) -> Graph {
    image_network(|graph, input| {
        let hidden = graph.conv("hidden", input, 4, Window { kernel: 1, stride: 1, padding: 0 });
        body(graph, hidden)
    })
}

struct Zoo(Vec<Case>);

impl Zoo {
    fn add(&mut self, name: impl Into<String>, graph: Graph) {
        self.0.push(Case { name: name.into(), graph, tokens: None });
    }

    /// One operator on the value of such a network.
    fn one(
        &mut self,
        on: fn(&dyn Fn(&mut GraphBuilder, NodeId) -> NodeId) -> Graph,
        op: &'static str,
        set: Attributes,
    ) {
        let graph = on(&|graph, x| graph.node("body", op, &[x], set.clone()));
        let shown = if set.is_empty() { String::new() } else { format!(" {set:?}") };
        self.add(format!("{op}{shown}"), graph);
    }
}

/// All of them.
pub fn networks() -> Vec<Case> {
    let mut zoo = Zoo(Vec::new());
    activations(&mut zoo);
    images(&mut zoo);
    arithmetic(&mut zoo);
    matrices(&mut zoo);
    windows(&mut zoo);
    norms(&mut zoo);
    sequences(&mut zoo);
    arrangements(&mut zoo);
    let used = |op: &str| zoo.0.iter().any(|case| case.graph.nodes.iter().any(|node| node.op == op));
    let forgotten: Vec<&str> =
        operators::names().filter(|op| !used(op) && !["Choice", "Dropout"].contains(op)).collect();
    assert!(forgotten.is_empty(), "no network for {forgotten:?}");
    zoo.0
}

fn activations(zoo: &mut Zoo) {
    let flat = |body: &dyn Fn(&mut GraphBuilder, NodeId) -> NodeId| flat_network(body);
    let rows = |body: &dyn Fn(&mut GraphBuilder, NodeId) -> NodeId| rows_network(body);
    let map = |body: &dyn Fn(&mut GraphBuilder, NodeId) -> NodeId| map_network(body);
    for op in [
        "Identity",
        "Relu",
        "Sigmoid",
        "Tanh",
        "Gelu",
        "Elu",
        "Selu",
        "LeakyRelu",
        "HardSigmoid",
        "HardSwish",
        "Mish",
        "Softplus",
        "Swish",
        "Clip",
        "Neg",
        "Abs",
        "Erf",
        "Softmax",
        "LogSoftmax",
    ] {
        zoo.one(flat, op, vec![]);
    }
    for (op, set) in [
        ("Gelu", vec![text("approximate", "tanh")]),
        ("Elu", vec![float("alpha", 0.7)]),
        ("LeakyRelu", vec![float("alpha", 0.3)]),
        ("HardSigmoid", vec![float("alpha", 0.3), float("beta", 0.4)]),
        ("Swish", vec![float("alpha", 1.7)]),
        ("Clip", vec![float("min", -0.5), float("max", 0.7)]),
        ("Clip", vec![float("min", -0.5)]),
        ("Clip", vec![float("max", 0.7)]),
    ] {
        zoo.one(flat, op, set);
    }
    // Exponentials of small numbers, which single precision still tells apart.
    zoo.add(
        "Exp",
        flat_network(|graph, x| {
            let small = graph.op("small", "Tanh", &[x]);
            graph.op("body", "Exp", &[small])
        }),
    );
    for op in ["Log", "Sqrt", "Reciprocal"] {
        zoo.add(
            op,
            flat_network(|graph, x| {
                let positive = graph.op("positive", "Softplus", &[x]);
                graph.op("body", op, &[positive])
            }),
        );
    }
    zoo.one(rows, "Gelu", vec![]);
    for op in ["Softmax", "LogSoftmax"] {
        zoo.one(rows, op, vec![int("axis", 1)]);
        zoo.one(rows, op, vec![]);
        zoo.one(map, op, vec![int("axis", -2)]);
    }
}

/// What spaces of images use.
fn images(zoo: &mut Zoo) {
    let same = Window::same(3, 1);
    zoo.add("BatchNormalization of numbers", flat_network(|graph, x| graph.op("body", "BatchNormalization", &[x])));
    zoo.add("Conv", image_network(|graph, x| graph.conv("body", x, 4, same)));
    zoo.add(
        "Conv with everything set",
        image_network(|graph, x| {
            let attributes = vec![
                int("out_channels", 4),
                ints("kernel_shape", &[3, 2]),
                ints("strides", &[2, 1]),
                ints("pads", &[2, 0, 1, 1]),
                ints("dilations", &[1, 2]),
                int("group", 2),
            ];
            graph.node("body", "Conv", &[x], attributes)
        }),
    );
    zoo.add(
        "BatchNormalization of images",
        image_network(|graph, x| {
            let conv = graph.conv("conv", x, 3, same);
            graph.node("body", "BatchNormalization", &[conv], vec![float("epsilon", 1e-3)])
        }),
    );
    let window = vec![ints("kernel_shape", &[3, 2]), ints("strides", &[2, 1]), ints("pads", &[1, 0, 1, 1])];
    let all = [window.clone(), vec![int("count_include_pad", 1)]].concat();
    for (op, set) in [("MaxPool", &window), ("AveragePool", &window), ("AveragePool", &all)] {
        zoo.add(
            format!("{op} {set:?}"),
            image_network(|graph, x| {
                let conv = graph.conv("conv", x, 3, same);
                graph.node("body", op, &[conv], set.clone())
            }),
        );
    }
    for op in ["GlobalAveragePool", "GlobalMaxPool"] {
        zoo.add(
            op,
            image_network(|graph, x| {
                let conv = graph.conv("conv", x, 3, same);
                graph.op("body", op, &[conv])
            }),
        );
    }
    zoo.add(
        "Add, Mul, Sum and Concat of values used twice",
        image_network(|graph, x| {
            let a = graph.conv("a", x, 2, same);
            let b = graph.conv("b", a, 2, same);
            let sum = graph.op("add", "Add", &[a, b]);
            let product = graph.op("mul", "Mul", &[sum, b]);
            let all = graph.op("sum", "Sum", &[a, sum, product]);
            let concat = graph.node("concat", "Concat", &[all, x, all], vec![int("axis", 1)]);
            graph.op("body", "Tanh", &[concat])
        }),
    );
    zoo.add(
        "a constant and a zero",
        image_network(|graph, x| {
            let a = graph.conv("a", x, 2, same);
            let half = graph.node("half", "Constant", &[], vec![float("value_float", 0.5)]);
            let scaled = graph.op("scaled", "Mul", &[a, half]);
            let shifted = graph.op("shifted", "Add", &[scaled, half]);
            let zeros = graph.zeros("none", a);
            graph.op("body", "Add", &[shifted, zeros])
        }),
    );
}

/// Numbers between 0.5 and 1.5, whose quotients and powers stay small.
fn between(graph: &mut GraphBuilder, x: NodeId) -> NodeId {
    let share = graph.op("share", "Sigmoid", &[x]);
    let half = graph.node("least", "Constant", &[], vec![float("value_float", 0.5)]);
    graph.add("between", share, half)
}

fn arithmetic(zoo: &mut Zoo) {
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

fn matrices(zoo: &mut Zoo) {
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

fn window(kernel: &[i64], strides: &[i64], pads: &[i64]) -> Attributes {
    vec![ints("kernel_shape", kernel), ints("strides", strides), ints("pads", pads)]
}

fn windows(zoo: &mut Zoo) {
    let signal = |body: &dyn Fn(&mut GraphBuilder, NodeId) -> NodeId| signal_network(body);
    let map = |body: &dyn Fn(&mut GraphBuilder, NodeId) -> NodeId| map_network(body);
    let with = |window: Attributes, more: &[(Word, Attribute)]| [window, more.to_vec()].concat();
    let six = int("out_channels", 6);
    let grouped = [six.clone(), int("group", 2), int("bias", 0)];
    zoo.one(signal, "Conv", with(window(&[3], &[2], &[1, 1]), &[six.clone()]));
    zoo.one(signal, "Conv", with(window(&[3], &[1], &[4, 0]), &[&grouped[..], &[ints("dilations", &[2])]].concat()));
    for op in ["MaxPool", "AveragePool"] {
        zoo.one(signal, op, window(&[3], &[2], &[1, 1]));
        zoo.one(signal, op, window(&[3], &[2], &[2, 0]));
        zoo.one(map, op, window(&[3, 3], &[2, 2], &[2, 0, 1, 2]));
    }
    zoo.one(signal, "AveragePool", with(window(&[3], &[2], &[2, 0]), &[int("count_include_pad", 1)]));
    zoo.one(signal, "GlobalAveragePool", vec![]);
    zoo.one(signal, "GlobalMaxPool", vec![]);
    zoo.one(signal, "BatchNormalization", vec![]);
    zoo.one(signal, "ConvTranspose", with(window(&[4], &[2], &[1, 1]), &[six.clone()]));
    zoo.one(map, "ConvTranspose", with(window(&[3, 3], &[2, 2], &[1, 1, 1, 1]), &[int("out_channels", 2)]));
    let more = [&grouped[..], &[ints("output_padding", &[1, 2])]].concat();
    zoo.one(map, "ConvTranspose", with(window(&[3, 2], &[2, 3], &[1, 0, 1, 0]), &more));
    let dilated = [int("out_channels", 2), ints("dilations", &[1, 2])];
    zoo.one(map, "ConvTranspose", with(window(&[3, 3], &[2, 1], &[1, 0, 0, 2]), &dilated));
    zoo.add(
        "a tied Conv",
        image_network(|graph, x| {
            let a = graph.conv("a", x, 2, Window::same(3, 1));
            let half = graph.pool("half", "MaxPool", a, Window { kernel: 2, stride: 2, padding: 0 });
            graph.again("body", a, half)
        }),
    );
    zoo.one(map, "Resize", vec![ints("scales", &[2, 1])]);
    zoo.one(map, "Resize", vec![ints("scales", &[1, 3]), text("mode", "linear")]);
    zoo.one(map, "DepthToSpace", vec![int("blocksize", 2)]);
    zoo.add(
        "SpaceToDepth",
        image_network(|graph, x| {
            let x = graph.node("x", "Pad", &[x], vec![ints("pads", &[0, 0, 0, 0, 0, 1])]);
            let x = graph.conv("conv", x, 2, Window::same(3, 1));
            graph.node("body", "SpaceToDepth", &[x], vec![int("blocksize", 2)])
        }),
    );
}

fn norms(zoo: &mut Zoo) {
    let rows = |body: &dyn Fn(&mut GraphBuilder, NodeId) -> NodeId| rows_network(body);
    let signal = |body: &dyn Fn(&mut GraphBuilder, NodeId) -> NodeId| signal_network(body);
    let map = |body: &dyn Fn(&mut GraphBuilder, NodeId) -> NodeId| map_network(body);
    zoo.one(rows, "LayerNormalization", vec![]);
    zoo.one(map, "LayerNormalization", vec![int("axis", 2), int("bias", 0), float("epsilon", 0.1)]);
    zoo.one(rows, "RMSNormalization", vec![]);
    zoo.one(map, "RMSNormalization", vec![int("axis", 1), float("epsilon", 0.1)]);
    zoo.one(map, "GroupNormalization", vec![int("num_groups", 2)]);
    zoo.one(signal, "GroupNormalization", vec![int("num_groups", 2), float("epsilon", 0.1)]);
    zoo.one(map, "InstanceNormalization", vec![]);
    zoo.one(signal, "InstanceNormalization", vec![float("epsilon", 0.1)]);
    zoo.add(
        "a tied GroupNormalization",
        map_network(|graph, x| {
            let a = graph.node("a", "GroupNormalization", &[x], vec![int("num_groups", 2)]);
            let positive = graph.op("positive", "Softplus", &[a]);
            graph.again("body", a, positive)
        }),
    );
}

fn sequences(zoo: &mut Zoo) {
    let rows = |body: &dyn Fn(&mut GraphBuilder, NodeId) -> NodeId| rows_network(body);
    for (heads, groups, more) in [
        (3, 3, vec![]),
        (4, 2, vec![int("is_causal", 1), float("scale", 0.3)]),
        (2, 2, vec![float("softcap", 1.5)]),
        (2, 1, vec![int("is_causal", 1), int("window", 2), float("softcap", 2.0)]),
    ] {
        zoo.add(
            format!("Attention {more:?}"),
            rows_network(|graph, x| {
                // Keys of another width than the values, and others than the positions that ask.
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

fn arrangements(zoo: &mut Zoo) {
    let map = |body: &dyn Fn(&mut GraphBuilder, NodeId) -> NodeId| map_network(body);
    let rows = |body: &dyn Fn(&mut GraphBuilder, NodeId) -> NodeId| rows_network(body);
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
