//! Small networks around every operator and the corners of its attributes.

use nas_api::graph::GraphBuilder;
use nas_api::graph::NodeId;
use nas_api::{Attribute, Graph};

pub fn int(name: &str, value: i64) -> (String, Attribute) {
    (name.into(), Attribute::Int(value))
}

pub fn ints(name: &str, values: &[i64]) -> (String, Attribute) {
    (name.into(), Attribute::Ints(values.to_vec()))
}

pub fn float(name: &str, value: f64) -> (String, Attribute) {
    (name.into(), Attribute::Float(value))
}

pub fn text(name: &str, value: &str) -> (String, Attribute) {
    (name.into(), Attribute::Text(value.into()))
}

/// A network that is to be exported, with the shape of its input.
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

/// One operator on the input.
pub fn one(name: &str, op: &str, input: &[i64], attributes: Vec<(String, Attribute)>) -> Case {
    case(name, input, |graph, x| graph.node("it", op, &[x], attributes))
}

const IMAGE: &[i64] = &[4, 7, 6];

/// Operators whose values have one or three axes.
pub fn plain() -> Vec<Case> {
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
        "Flatten",
        "BatchNormalization",
    ] {
        cases.push(one(&format!("{op}-flat"), op, &[6], vec![]));
        cases.push(one(&format!("{op}-map"), op, IMAGE, vec![]));
    }
    let window = |kernel: &[i64], strides: &[i64], pads: &[i64]| {
        vec![ints("kernel_shape", kernel), ints("strides", strides), ints("pads", pads)]
    };
    let conv = |more: Vec<(String, Attribute)>| [vec![int("out_channels", 6)], more].concat();
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

/// Every case.
pub fn all() -> Vec<Case> {
    plain()
}
