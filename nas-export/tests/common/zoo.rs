//! Small networks for every operator and the corner cases of its attributes.

use nas_api::graph::builder::{float, int, ints, text};
use nas_api::graph::{Convolution, GraphBuilder, NodeId, Window};
use nas_api::{Attribute, Graph, Symbol};

/// A network with the shape of its input.
pub struct Case {
    pub name: String,
    pub graph: Graph,
    pub input: Vec<i64>,
}

pub fn case(name: &str, input: &[i64], body: impl FnOnce(&mut GraphBuilder, NodeId) -> NodeId) -> Case {
    let mut graph = GraphBuilder::new();
    let x = graph.input();
    let last = body(&mut graph, x);
    Case { name: name.into(), graph: graph.finish(&[last]), input: input.to_vec() }
}

/// Returns a network with one operator.
pub fn one(name: &str, op: &'static str, input: &[i64], attributes: Vec<(Symbol, Attribute)>) -> Case {
    case(name, input, |graph, x| graph.node("it", op, &[x], attributes))
}

const IMAGE: &[i64] = &[4, 7, 6];

/// Returns cases of the common operators, on vectors and on images.
pub fn common() -> Vec<Case> {
    let mut cases = Vec::new();
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
        "Softmax",
        "Dropout",
        "DropPath",
        "Flatten",
        "BatchNormalization",
    ] {
        cases.push(one(&format!("{op}-flat"), op, &[6], vec![]));
        cases.push(one(&format!("{op}-map"), op, IMAGE, vec![]));
    }
    let window = |kernel: &[i64], strides: &[i64], pads: &[i64]| {
        vec![ints("kernel_shape", kernel), ints("strides", strides), ints("pads", pads)]
    };
    let conv = |more: Vec<(Symbol, Attribute)>| [vec![int("out_channels", 6)], more].concat();
    cases.extend([
        one("gelu-tanh", "Gelu", &[6], vec![text("approximate", "tanh")]),
        one("elu-alpha", "Elu", &[6], vec![float("alpha", 0.3)]),
        one("leaky-alpha", "LeakyRelu", &[6], vec![float("alpha", 0.3)]),
        one("hard-sigmoid", "HardSigmoid", &[6], vec![float("alpha", 0.4), float("beta", 0.1)]),
        one("softmax-axis", "Softmax", IMAGE, vec![int("axis", 1)]),
        one("batch-norm", "BatchNormalization", IMAGE, vec![float("epsilon", 0.1), float("momentum", 0.7)]),
        one("gemm", "Gemm", &[6], vec![int("out_features", 5)]),
        one("gemm-no-bias", "Gemm", &[6], vec![int("out_features", 5), int("bias", 0)]),
        one("conv", "Conv", IMAGE, conv(window(&[3, 2], &[2, 1], &[1, 0, 1, 0]))),
        one("conv-uneven", "Conv", IMAGE, conv(window(&[3, 3], &[1, 2], &[1, 0, 2, 1]))),
        one(
            "conv-dilated",
            "Conv",
            IMAGE,
            conv(vec![ints("kernel_shape", &[2, 2]), ints("dilations", &[3, 2]), int("group", 2), int("bias", 0)]),
        ),
        one("max-pool", "MaxPool", IMAGE, window(&[3, 2], &[2, 1], &[1, 1, 1, 1])),
        one("max-pool-wide", "MaxPool", IMAGE, window(&[3, 3], &[2, 2], &[2, 0, 1, 2])),
        one("average-pool", "AveragePool", IMAGE, window(&[3, 3], &[1, 2], &[1, 1, 1, 1])),
        one("average-pool-uneven", "AveragePool", IMAGE, window(&[3, 3], &[1, 2], &[1, 0, 0, 2])),
        one(
            "average-pool-padding",
            "AveragePool",
            IMAGE,
            [window(&[3, 3], &[2, 2], &[1, 1, 1, 1]), vec![int("count_include_pad", 1)]].concat(),
        ),
        one(
            "average-pool-all",
            "AveragePool",
            IMAGE,
            [window(&[3, 3], &[2, 2], &[1, 0, 2, 1]), vec![int("count_include_pad", 1)]].concat(),
        ),
        one("global-average", "GlobalAveragePool", IMAGE, vec![]),
        case("zeros", IMAGE, |graph, x| graph.zeros("none", x)),
        case("scaled", &[6], |graph, x| {
            let two = graph.node("two", "Constant", &[], vec![float("value_float", -2.5)]);
            let scaled = graph.op("scaled", "Mul", &[two, x]);
            graph.op("moved", "Add", &[scaled, two])
        }),
        case("gate", IMAGE, |graph, x| {
            let mean = graph.op("mean", "GlobalAveragePool", &[x]);
            let gate = graph.op("gate", "Sigmoid", &[mean]);
            graph.op("gated", "Mul", &[gate, x])
        }),
        case("joined", IMAGE, |graph, x| {
            let (a, b) = (graph.op("a", "Relu", &[x]), graph.op("b", "Tanh", &[x]));
            let sum = graph.op("sum", "Sum", &[a, b, x]);
            let only = graph.op("only", "Sum", &[sum]);
            graph.node("cat", "Concat", &[only, a, x], vec![int("axis", -2)])
        }),
        case("names", &[6], |graph, x| {
            let a = graph.gemm("for", x, 4);
            let b = graph.gemm("for.weight", a, 4);
            let c = graph.gemm("for_weight", b, 4);
            let d = graph.gemm("é \"\"\"\\\n", c, 4);
            graph.gemm("self", d, 4)
        }),
    ]);
    cases
}

/// The case whose multiply-accumulates are not stored in ONNX.
pub const RATE: &str = "gemm-rate";

const SIGNAL: &[i64] = &[4, 9];
const SEQUENCE: &[i64] = &[5, 12];

/// Returns cases of the other operators, and of other numbers of axes.
pub fn special() -> Vec<Case> {
    let window = |kernel: &[i64], strides: &[i64], pads: &[i64]| {
        vec![ints("kernel_shape", kernel), ints("strides", strides), ints("pads", pads)]
    };
    let conv = |more: Vec<(Symbol, Attribute)>| [vec![int("out_channels", 6)], more].concat();
    let attention = |name: &str, heads: i64, kv: i64, more: Vec<(Symbol, Attribute)>| {
        case(name, SEQUENCE, |graph, x| {
            // Keys and values differ in width.
            let q = graph.gemm("q", x, heads * 4);
            let k = graph.gemm("k", x, kv * 4);
            let v = graph.gemm("v", x, kv * 3);
            let own = vec![int("q_num_heads", heads), int("kv_num_heads", kv)];
            graph.node("attention", "Attention", &[q, k, v], [own, more].concat())
        })
    };
    let rotary = |name: &str, more: Vec<(Symbol, Attribute)>| {
        one(name, "RotaryEmbedding", SEQUENCE, [vec![int("num_heads", 2)], more].concat())
    };
    let positive = |name: &str, op: &'static str| {
        case(name, SEQUENCE, |graph, x| {
            let x = graph.op("positive", "Exp", &[x]);
            graph.op("it", op, &[x])
        })
    };
    let two = |name: &str, op: &'static str| {
        case(name, SEQUENCE, |graph, x| {
            let (a, b) = (graph.op("a", "Exp", &[x]), graph.op("b", "Sigmoid", &[x]));
            let half = graph.node("half", "Constant", &[], vec![float("value_float", 0.5)]);
            let c = graph.op("c", op, &[a, b]);
            let d = graph.op("d", op, &[c, half]);
            graph.op("e", op, &[half, d])
        })
    };
    let learned = |graph: &mut GraphBuilder, name: &str, shape: &[i64]| {
        graph.node(name, "Weight", &[], vec![ints("shape", shape), text("init", "normal")])
    };
    let mut cases = vec![
        one("neg", "Neg", SEQUENCE, vec![]),
        one("abs", "Abs", SEQUENCE, vec![]),
        one("exp", "Exp", SEQUENCE, vec![]),
        one("erf", "Erf", SEQUENCE, vec![]),
        positive("log", "Log"),
        positive("sqrt", "Sqrt"),
        positive("reciprocal", "Reciprocal"),
        one("log-softmax", "LogSoftmax", SEQUENCE, vec![int("axis", 1)]),
        one("swish", "Swish", SEQUENCE, vec![]),
        one("swish-alpha", "Swish", SEQUENCE, vec![float("alpha", 1.7)]),
        one("clip", "Clip", SEQUENCE, vec![float("min", 0.0), float("max", 0.5)]),
        one("clip-below", "Clip", SEQUENCE, vec![float("min", -0.5)]),
        one("clip-above", "Clip", SEQUENCE, vec![float("max", 0.25)]),
        one("clip-not", "Clip", SEQUENCE, vec![]),
        case("lower-rank", IMAGE, |graph, x| {
            let mean = graph.node("mean", "ReduceMean", &[x], vec![ints("axes", &[1, -2]), int("keepdims", 0)]);
            let sum = graph.op("sum", "Add", &[mean, x]);
            graph.op("less", "Sub", &[sum, mean])
        }),
        case("weights", SEQUENCE, |graph, x| {
            let scale = learned(graph, "scale", &[12]);
            let place = learned(graph, "place", &[5, 12]);
            let token = learned(graph, "token", &[1, 12]);
            let x = graph.op("scaled", "Mul", &[scale, x]);
            let x = graph.op("placed", "Add", &[x, place]);
            let x = graph.node("with-token", "Concat", &[token, x], vec![int("axis", 1)]);
            let again = graph.op("again", "Mul", &[x, scale]);
            let projection = learned(graph, "projection", &[12, 3]);
            graph.op("projected", "MatMul", &[again, projection])
        }),
        case("larger-weight", &[12], |graph, x| {
            let table = learned(graph, "table", &[5, 12]);
            graph.op("table.sum", "Add", &[x, table])
        }),
        case("embedding", &[6], |graph, x| {
            let table = vec![int("num_embeddings", 11), int("embedding_dim", 8)];
            let tokens = graph.node("tokens", "Gather", &[x], table);
            let norm = graph.node("norm", "LayerNormalization", &[tokens], vec![]);
            let head = vec![int("out_features", 11), int("bias", 0), text("tied", "tokens")];
            graph.node("head", "Gemm", &[norm], head)
        }),
        case("tied", SEQUENCE, |graph, x| {
            let a = graph.gemm("a", x, 12);
            let tied = vec![int("out_features", 12), text("tied", "a")];
            graph.node("b", "Gemm", &[a], tied)
        }),
        case("tied-conv", IMAGE, |graph, x| {
            let a = graph.convolve("a", x, Convolution::new(4, Window::same(3, 1)).bias());
            let half = graph.pool("half", "MaxPool", a, Window { kernel: 2, stride: 2, padding: 0 });
            graph.reuse("b", a, half)
        }),
        case("tied-group-norm", IMAGE, |graph, x| {
            let a = graph.node("a", "GroupNormalization", &[x], vec![int("num_groups", 2)]);
            let positive = graph.op("positive", "Relu", &[a]);
            graph.reuse("b", a, positive)
        }),
        one("gemm-rank-2", "Gemm", SEQUENCE, vec![int("out_features", 7)]),
        one("gemm-rank-3", "Gemm", IMAGE, vec![int("out_features", 7), int("bias", 0)]),
        one(RATE, "Gemm", SEQUENCE, vec![int("out_features", 7), float("rate", 0.5)]),
        case("mat-mul", IMAGE, |graph, x| {
            let turned = graph.node("turned", "Transpose", &[x], vec![ints("perm", &[0, 1, 3, 2])]);
            let square = graph.op("square", "MatMul", &[x, turned]);
            let mean = graph.node("mean", "ReduceMean", &[x], vec![ints("axes", &[1]), int("keepdims", 0)]);
            graph.op("with-mean", "MatMul", &[square, mean])
        }),
        one("conv-1d", "Conv", SIGNAL, conv(window(&[3], &[2], &[1, 1]))),
        one(
            "conv-1d-uneven",
            "Conv",
            SIGNAL,
            conv([window(&[3], &[1], &[4, 0]), vec![ints("dilations", &[2]), int("group", 2)]].concat()),
        ),
        one("max-pool-1d", "MaxPool", SIGNAL, window(&[3], &[2], &[1, 1])),
        one("max-pool-1d-uneven", "MaxPool", SIGNAL, window(&[3], &[2], &[2, 0])),
        one("average-pool-1d", "AveragePool", SIGNAL, window(&[3], &[2], &[1, 1])),
        one("average-pool-1d-uneven", "AveragePool", SIGNAL, window(&[3], &[2], &[0, 2])),
        one("global-average-1d", "GlobalAveragePool", SIGNAL, vec![]),
        one("global-max-1d", "GlobalMaxPool", SIGNAL, vec![]),
        one("global-max", "GlobalMaxPool", IMAGE, vec![]),
        one("batch-norm-1d", "BatchNormalization", SIGNAL, vec![]),
        one("transposed", "ConvTranspose", IMAGE, conv(window(&[3, 3], &[2, 2], &[1, 1, 1, 1]))),
        one(
            "transposed-grouped",
            "ConvTranspose",
            IMAGE,
            conv(
                [
                    window(&[3, 2], &[2, 3], &[1, 0, 1, 0]),
                    vec![int("group", 2), ints("output_padding", &[1, 2]), int("bias", 0)],
                ]
                .concat(),
            ),
        ),
        one(
            "transposed-uneven",
            "ConvTranspose",
            IMAGE,
            conv([window(&[3, 3], &[2, 1], &[1, 0, 0, 2]), vec![ints("dilations", &[1, 2])]].concat()),
        ),
        one("transposed-1d", "ConvTranspose", SIGNAL, conv(window(&[4], &[2], &[1, 1]))),
        one("layer-norm", "LayerNormalization", SEQUENCE, vec![]),
        one(
            "layer-norm-wide",
            "LayerNormalization",
            IMAGE,
            vec![int("axis", 2), int("bias", 0), float("epsilon", 0.1)],
        ),
        one("rms-norm", "RMSNormalization", SEQUENCE, vec![]),
        one("rms-norm-wide", "RMSNormalization", IMAGE, vec![int("axis", 1), float("epsilon", 0.1)]),
        one("group-norm", "GroupNormalization", IMAGE, vec![int("num_groups", 2)]),
        one("group-norm-1d", "GroupNormalization", SIGNAL, vec![int("num_groups", 2), float("epsilon", 0.1)]),
        one("instance-norm", "InstanceNormalization", IMAGE, vec![]),
        one("instance-norm-1d", "InstanceNormalization", SIGNAL, vec![float("epsilon", 0.1)]),
        attention("attention", 3, 3, vec![]),
        attention("attention-grouped", 4, 2, vec![int("is_causal", 1), float("scale", 0.3)]),
        attention("attention-softcap", 2, 2, vec![float("softcap", 1.5)]),
        attention("attention-window", 2, 1, vec![int("is_causal", 1), int("window", 2)]),
        rotary("rotary", vec![]),
        rotary("rotary-part", vec![int("rotary_embedding_dim", 4), float("base", 500.0)]),
        rotary("rotary-interleaved", vec![int("interleaved", 1), float("base", 1_000_000.0)]),
        one("routing", "Routing", SEQUENCE, vec![int("k", 3)]),
        one("transpose", "Transpose", IMAGE, vec![ints("perm", &[0, 3, 1, 2])]),
        one("reshape", "Reshape", IMAGE, vec![ints("shape", &[2, -1, 7])]),
        one("reshape-flat", "Reshape", IMAGE, vec![ints("shape", &[-1])]),
        one("slice", "Slice", IMAGE, vec![int("axis", 2), int("start", 1), int("end", -2)]),
        one("slice-last", "Slice", IMAGE, vec![int("axis", -1), int("start", -3), int("end", 6)]),
        one("pad", "Pad", IMAGE, vec![ints("pads", &[1, 0, 2, 0, 1, 3]), float("value", 0.5)]),
        one("resize", "Resize", IMAGE, vec![ints("scales", &[2, 3])]),
        one("resize-linear", "Resize", IMAGE, vec![ints("scales", &[2, 3]), text("mode", "linear")]),
        one("depth-to-space", "DepthToSpace", IMAGE, vec![int("blocksize", 2)]),
        one("space-to-depth", "SpaceToDepth", &[2, 6, 4], vec![int("blocksize", 2)]),
    ];
    for op in ["Add", "Sub", "Mul", "Div", "Pow", "Max", "Min"] {
        cases.push(two(&format!("{op}-two"), op));
    }
    for op in ["ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin"] {
        cases.push(one(&format!("{op}-kept"), op, IMAGE, vec![ints("axes", &[2, 3])]));
        cases.push(one(&format!("{op}-gone"), op, IMAGE, vec![ints("axes", &[-1]), int("keepdims", 0)]));
        // `Mish` needs a later version of the operator set, which has axes as an input.
        cases.push(case(&format!("{op}-later"), IMAGE, |graph, x| {
            let x = graph.op("mish", "Mish", &[x]);
            graph.node("it", op, &[x], vec![ints("axes", &[1])])
        }));
    }
    cases
}

/// Returns every case.
pub fn all() -> Vec<Case> {
    [common(), special()].into_iter().flatten().collect()
}
