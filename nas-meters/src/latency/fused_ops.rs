//! Splits a network into the units that runtimes execute: an operator with the element-wise operators that follow it,
//! which runtimes fuse.

use std::collections::BTreeMap;
use std::fmt::Write;

use nas_api::graph::Shape;
use nas_api::graph::count::count;
use nas_api::{Attribute, Graph, Node, Settings, Symbol, Task};
use nas_export::{About, Model};

use crate::{LatencyError, Work};

/// Operators that neither move nor compute numbers.
const FREE: [&str; 7] = ["Input", "Constant", "Weight", "Identity", "Dropout", "Flatten", "Reshape"];
/// Operators that are fused with the one before: those that are element-wise, at least in a trained network.
const FUSED: [&str; 20] = [
    "Abs",
    "BatchNormalization",
    "Clip",
    "Dropout",
    "Elu",
    "Erf",
    "Exp",
    "Gelu",
    "HardSigmoid",
    "HardSwish",
    "Identity",
    "LeakyRelu",
    "Mish",
    "Neg",
    "Relu",
    "Selu",
    "Sigmoid",
    "Softplus",
    "Swish",
    "Tanh",
];
/// The name of a unit's first operator in the network of the unit alone.
const HEAD: &str = "unit";
/// Attributes that do not affect the cost.
const NAMES: [&str; 3] = ["tied", "init", "decision"];

/// An operator with the operators that are fused with it, and how often the network has this combination.
#[derive(Clone, Debug)]
pub struct Unit {
    /// Operators, attributes and shapes of its inputs, as in `Conv(3x32x32 kernel_shape=3x3 …)+Relu`. Units with equal
    /// texts have equal costs.
    pub text: String,
    /// Number of such units in the network.
    pub count: u32,
    /// The nodes of a network of this unit alone.
    nodes: Vec<Node>,
    input_shape: Shape,
}

impl Unit {
    /// The network of the unit alone, which can be run.
    ///
    /// # Errors
    ///
    /// Fails if that network is not valid.
    pub fn model(&self) -> Result<Model, LatencyError> {
        let outputs = vec![self.nodes.len() as u32 - 1];
        let graph = Graph { nodes: self.nodes.clone(), outputs };
        Ok(Model::new(
            &graph,
            &task(self.input_shape.clone()),
            About { space: "unit".into(), text: self.text.clone() },
        )?)
    }

    /// The work of the unit for one example.
    ///
    /// # Errors
    ///
    /// Fails if the network of the unit alone is not valid.
    pub fn work(&self) -> Result<Work, LatencyError> {
        let model = self.model()?;
        let counts = count(&model.graph, &model.shapes)?;
        let sizes = |node: &Node| node.inputs.iter().map(|&input| size(&model.shapes[input as usize])).sum::<f64>();
        let first = model.graph.nodes.iter().find(|node| node.name == HEAD);
        let ends = first.map_or(0.0, sizes) + model.shapes.last().map_or(0.0, size);
        Ok(Work { macs: counts.macs as f64, numbers: counts.params as f64 + ends })
    }

    /// A network that does nothing. Its latency is the overhead of every run.
    ///
    /// # Errors
    ///
    /// Does not fail in practice, since the network is fixed and valid.
    pub fn nothing() -> Result<Model, LatencyError> {
        let nodes = vec![input(), Node { inputs: vec![0], ..node("nothing", "Identity") }];
        Ok(Model::new(&Graph { nodes, outputs: vec![1] }, &task(vec![1]), About::default())?)
    }
}

/// The different units of a network, in the order of their first occurrence.
///
/// # Errors
///
/// Fails if the graph is not valid for an input of this shape.
pub fn units(graph: &Graph, input_shape: &[i64]) -> Result<Vec<Unit>, LatencyError> {
    let model = Model::new(graph, &task(input_shape.to_vec()), About::default())?;
    let readers = readers(&model.graph);
    let mut taken = vec![false; model.graph.nodes.len()];
    let mut found: Vec<Unit> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for at in 0..model.graph.nodes.len() {
        if taken[at] || FREE.contains(&model.graph.nodes[at].op.as_str()) {
            continue;
        }
        let chain = chain(&model.graph, &readers, at);
        chain.iter().for_each(|&node| taken[node] = true);
        let text = text(&model, &chain);
        if let Some(&place) = places.get(&text) {
            found[place].count += 1;
            continue;
        }
        places.insert(text.clone(), found.len());
        let (nodes, input_shape) = alone(&model, &chain);
        found.push(Unit { text, count: 1, nodes, input_shape });
    }
    Ok(found)
}

fn size(shape: &Shape) -> f64 {
    shape.iter().product::<i64>() as f64
}

fn task(input_shape: Shape) -> Task {
    Task { input_shape, outputs: 1, kind: "latency".into(), settings: Settings::default() }
}

fn input() -> Node {
    node("input", "Input")
}

fn node(name: &str, op: &'static str) -> Node {
    Node { name: name.into(), op: op.into(), inputs: Vec::new(), attributes: Vec::new() }
}

/// The nodes that read each node's value. An output of the network counts as a reader.
fn readers(graph: &Graph) -> Vec<Vec<usize>> {
    let mut readers = vec![Vec::new(); graph.nodes.len()];
    for (at, node) in graph.nodes.iter().enumerate() {
        node.inputs.iter().for_each(|&input| readers[input as usize].push(at));
    }
    graph.outputs.iter().for_each(|&output| readers[output as usize].push(graph.nodes.len()));
    readers
}

/// A node, and the element-wise nodes after it, each of which is the only reader of the one before.
fn chain(graph: &Graph, readers: &[Vec<usize>], first: usize) -> Vec<usize> {
    let mut chain = vec![first];
    let mut last = first;
    while let [next] = readers[last][..]
        && let Some(node) = graph.nodes.get(next)
        && node.inputs.len() == 1
        && FUSED.contains(&node.op.as_str())
    {
        chain.push(next);
        last = next;
    }
    chain
}

fn text(model: &Model, chain: &[usize]) -> String {
    let mut text = String::new();
    for (place, &at) in chain.iter().enumerate() {
        let node = &model.graph.nodes[at];
        if place > 0 {
            text.push('+');
        }
        text.push_str(&node.op);
        let mut words: Vec<String> = Vec::new();
        if place == 0 {
            let shapes = node.inputs.iter().map(|&input| sizes(&model.shapes[input as usize]));
            words.push(shapes.collect::<Vec<_>>().join(","));
        }
        let mut attributes: Vec<&(Symbol, Attribute)> =
            node.attributes.iter().filter(|(name, _)| !NAMES.contains(&name.as_str())).collect();
        attributes.sort_by(|a, b| a.0.cmp(&b.0));
        words.extend(attributes.into_iter().map(|(name, value)| format!("{name}={}", shown(value))));
        if !words.is_empty() {
            // Writing to a string cannot fail.
            let _ = write!(text, "({})", words.join(" "));
        }
    }
    text
}

fn sizes(shape: &[i64]) -> String {
    if shape.is_empty() { "scalar".into() } else { shape.iter().map(i64::to_string).collect::<Vec<_>>().join("x") }
}

fn shown(value: &Attribute) -> String {
    match value {
        Attribute::Int(value) => value.to_string(),
        Attribute::Ints(values) => sizes(values),
        Attribute::Float(value) => value.to_string(),
        Attribute::Floats(values) => values.iter().map(f64::to_string).collect::<Vec<_>>().join("x"),
        Attribute::Text(value) => value.clone(),
    }
}

/// The nodes of a network of this chain alone, and the shape of its input, which is that of the largest value that the
/// chain reads. Other values of this shape are that same input, and weights stay weights. All other values are slices
/// of the input for `Attention`, and weights for other operators.
fn alone(model: &Model, chain: &[usize]) -> (Vec<Node>, Shape) {
    let head = &model.graph.nodes[chain[0]];
    let read: Vec<(&Node, &Shape)> =
        head.inputs.iter().map(|&at| (&model.graph.nodes[at as usize], &model.shapes[at as usize])).collect();
    let fixed = |node: &Node| node.op == "Constant" || node.op == "Weight";
    let largest = read.iter().filter(|(node, _)| !fixed(node)).max_by_key(|(_, shape)| shape.iter().product::<i64>());
    let input_shape = largest.map_or_else(|| vec![1], |(_, shape)| (*shape).clone());
    let mut nodes = vec![input()];
    let mut inputs = Vec::with_capacity(read.len());
    for (place, (source, shape)) in read.into_iter().enumerate() {
        let name = format!("operand{place}");
        if fixed(source) {
            nodes.push(Node { name, ..source.clone() });
        } else if *shape == input_shape {
            inputs.push(0);
            continue;
        } else if head.op == "Attention" {
            // Values with fewer positions or features are taken from the beginning of the input.
            let mut from = 0;
            for (axis, (&size, &whole)) in (1..).zip(shape.iter().zip(&input_shape)) {
                if size < whole {
                    let cut = [("axis", axis), ("start", 0), ("end", size)];
                    let attributes = cut.map(|(name, value)| (name.into(), Attribute::Int(value))).to_vec();
                    nodes.push(Node {
                        name: format!("{name}.{axis}"),
                        op: "Slice".into(),
                        inputs: vec![from],
                        attributes,
                    });
                    from = nodes.len() as u32 - 1;
                }
            }
            inputs.push(from);
            continue;
        } else {
            let attributes = vec![("shape".into(), Attribute::Ints(shape.clone()))];
            nodes.push(Node { attributes, ..node(&name, "Weight") });
        }
        inputs.push(nodes.len() as u32 - 1);
    }
    for (place, &at) in chain.iter().enumerate() {
        let mut copy = model.graph.nodes[at].clone();
        copy.name = if place == 0 { HEAD.to_owned() } else { format!("then{place}") };
        copy.attributes.retain(|(name, _)| name != "tied");
        copy.inputs = if place == 0 { std::mem::take(&mut inputs) } else { vec![nodes.len() as u32 - 1] };
        nodes.push(copy);
    }
    (nodes, input_shape)
}
