//! Small networks around every operator, with weights before and after it, so that gradients flow through it.

mod arithmetic;
mod sequences;
mod windows;

use nas_api::graph::builder::{float, int, ints, text};
use nas_api::graph::operators;
use nas_api::{Attribute, Graph, GraphBuilder, NodeId, Symbol, Window};

use super::OUTPUTS;

/// A network for examples of the shape `IMAGE`.
pub struct Case {
    pub name: String,
    pub graph: Graph,
    /// If set, the examples are row indices of a table with this number of rows instead of numbers.
    pub tokens: Option<u32>,
}

type Attributes = Vec<(Symbol, Attribute)>;
/// Adds the operators in the middle of a network.
type Body<'b> = dyn Fn(&mut GraphBuilder, NodeId) -> NodeId + 'b;
/// Makes a network around a body.
type Around = fn(&Body<'_>) -> Graph;

/// A network around `body`, which receives an image. Its value goes through a linear layer.
pub fn image_network(body: impl Fn(&mut GraphBuilder, NodeId) -> NodeId) -> Graph {
    let mut graph = GraphBuilder::new();
    let input = graph.input();
    let value = body(&mut graph, input);
    let flat = graph.op("flatten", "Flatten", &[value]);
    let head = graph.gemm("head", flat, OUTPUTS as i64);
    graph.finish(&[head])
}

/// The same where the body receives a vector of five numbers.
pub fn flat_network(body: impl Fn(&mut GraphBuilder, NodeId) -> NodeId) -> Graph {
    image_network(|graph, input| {
        let flat = graph.op("first.flatten", "Flatten", &[input]);
        let hidden = graph.gemm("hidden", flat, 5);
        body(graph, hidden)
    })
}

/// The same where the body receives five positions of eight numbers.
fn rows_network(body: impl Fn(&mut GraphBuilder, NodeId) -> NodeId) -> Graph {
    image_network(|graph, input| {
        let rows = graph.reshape("rows", input, &[5, 12]);
        let hidden = graph.gemm("hidden", rows, 8);
        body(graph, hidden)
    })
}

/// The same where the body receives a signal of four channels.
fn signal_network(body: impl Fn(&mut GraphBuilder, NodeId) -> NodeId) -> Graph {
    image_network(|graph, input| {
        let signal = graph.reshape("signal", input, &[6, 10]);
        let hidden = graph.node("hidden", "Conv", &[signal], vec![int("out_channels", 4), ints("kernel_shape", &[1])]);
        body(graph, hidden)
    })
}

/// The same where the body receives an image of four channels.
pub fn map_network(body: impl Fn(&mut GraphBuilder, NodeId) -> NodeId) -> Graph {
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

    /// Adds a network with a single operator in the middle.
    fn one(&mut self, on: Around, op: &'static str, set: Attributes) {
        let graph = on(&|graph, x| graph.node("body", op, &[x], set.clone()));
        let shown = if set.is_empty() { String::new() } else { format!(" {set:?}") };
        self.add(format!("{op}{shown}"), graph);
    }
}

/// All networks; every operator must be in one of them.
pub fn networks() -> Vec<Case> {
    let mut zoo = Zoo(Vec::new());
    activations(&mut zoo);
    windows::images(&mut zoo);
    arithmetic::arithmetic(&mut zoo);
    arithmetic::matrices(&mut zoo);
    windows::windows(&mut zoo);
    windows::norms(&mut zoo);
    sequences::sequences(&mut zoo);
    sequences::arrangements(&mut zoo);
    let used = |op: &str| zoo.0.iter().any(|case| case.graph.nodes.iter().any(|node| node.op == op));
    let forgotten: Vec<&str> = operators::names()
        .filter(|op| !used(op) && !["Choice", "Dropout", "DropPath", "Auxiliary"].contains(op))
        .collect();
    assert!(forgotten.is_empty(), "no network for {forgotten:?}");
    zoo.0
}

fn activations(zoo: &mut Zoo) {
    let flat = |body: &Body<'_>| flat_network(body);
    let rows = |body: &Body<'_>| rows_network(body);
    let map = |body: &Body<'_>| map_network(body);
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
    // The exponentials of small numbers, which single precision still resolves.
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
