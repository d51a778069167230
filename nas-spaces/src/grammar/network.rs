//! Builds the network of a term in normal form, between the stem and the head of NAS-Bench-201.

use nas_api::graph::Attribute;
use nas_api::{Graph, GraphBuilder, NodeId, Window};

use super::term::{Combinator, Op, Primitive, Term};
use crate::blocks::{self, half};
use crate::nas_bench_201::{EDGES, reduction};

/// What one part of the network passes to the next.
#[derive(Clone, Copy)]
struct Value {
    /// The value; if it is zero, a node of the same shape.
    node: NodeId,
    zero: bool,
    channels: i64,
    sides: [i64; 2],
}

/// The network that maps images of these sides to `outputs` values, with `channels` channels in the stem.
pub fn network(term: &Term, sides: [i64; 2], outputs: i64, channels: i64) -> Graph {
    let mut graph = GraphBuilder::new();
    let input = graph.input();
    let node = blocks::conv_norm(&mut graph, "stem", input, blocks::conv(channels, 3, 1));
    let mut body = Body { graph };
    let value = body.apply(term, "body", Value { node, zero: false, channels, sides });
    let value = body.materialize("body", value);
    let mut graph = body.graph;
    let value = graph.op("head.norm", "BatchNormalization", &[value]);
    let value = graph.op("head.relu", "Relu", &[value]);
    let logits = blocks::classifier(&mut graph, value, outputs);
    graph.finish(&[logits])
}

struct Body {
    graph: GraphBuilder,
}

impl Body {
    /// Nodes are named by their position: `body.3.op_0_1.2.conv` is in step 2 of a cell's edge in step 3.
    fn apply(&mut self, term: &Term, name: &str, value: Value) -> Value {
        match term {
            Term::Primitive(primitive) => self.primitive(primitive, name, value),
            Term::Combined(Combinator::Linear, terms) => {
                let mut value = value;
                for (step, term) in (1..).zip(terms) {
                    value = self.apply(term, &format!("{name}.{step}"), value);
                }
                value
            }
            Term::Combined(Combinator::Sum | Combinator::Residual, terms) => {
                let branches = self.branches(terms, name, value);
                self.sum(&format!("{name}.sum"), &branches, value)
            }
            Term::Combined(Combinator::Concat, terms) => self.concat(terms, name, value),
            Term::Combined(Combinator::Cell, terms) => self.cell(terms, name, value),
            // A derived term has no rules left.
            Term::Rule(_) => value,
        }
    }

    fn branches(&mut self, terms: &[Term], name: &str, value: Value) -> Vec<Value> {
        let branch = |(number, term)| self.apply(term, &format!("{name}.branch{number}"), value);
        (1..).zip(terms).map(branch).collect()
    }

    /// The value as a node, with zeros made explicit.
    fn materialize(&mut self, name: &str, value: Value) -> NodeId {
        if value.zero { self.graph.zeros(format!("{name}.zeros"), value.node) } else { value.node }
    }

    /// The sum of the terms that are not zero. `like` gives the shape if there are no terms.
    fn sum(&mut self, name: &str, terms: &[Value], like: Value) -> Value {
        let shape = terms.first().copied().unwrap_or(like);
        let nodes: Vec<NodeId> = terms.iter().filter(|term| !term.zero).map(|term| term.node).collect();
        match nodes[..] {
            [] => Value { zero: true, ..shape },
            [node] => Value { node, zero: false, ..shape },
            _ => Value { node: self.graph.op(name, "Sum", &nodes), zero: false, ..shape },
        }
    }

    fn concat(&mut self, terms: &[Term], name: &str, value: Value) -> Value {
        let branches = self.branches(terms, name, value);
        let shape = branches.first().copied().unwrap_or(value);
        let nodes: Vec<NodeId> = (1..)
            .zip(branches)
            .map(|(number, branch)| self.materialize(&format!("{name}.branch{number}"), branch))
            .collect();
        let joined = self.graph.concat(format!("{name}.concat"), &nodes, 1);
        let node = self.graph.convolve(format!("{name}.project"), joined, blocks::conv(shape.channels, 1, 1));
        Value { node, zero: false, ..shape }
    }

    /// A cell. As in NAS-Bench-201, edges that do not reach the output are built too, because their parameters count.
    fn cell(&mut self, terms: &[Term], name: &str, value: Value) -> Value {
        let mut nodes = vec![value];
        for target in 1..4 {
            let mut incoming = Vec::with_capacity(target);
            for (&(source, _), term) in EDGES.iter().zip(terms).filter(|((_, to), _)| *to == target) {
                incoming.push(self.apply(term, &format!("{name}.op_{source}_{target}"), nodes[source]));
            }
            nodes.push(self.sum(&format!("{name}.node{target}"), &incoming, value));
        }
        nodes[3]
    }

    fn primitive(&mut self, primitive: &Primitive, name: &str, value: Value) -> Value {
        let Primitive { op, kernel, dilation, groups, .. } = *primitive;
        match op {
            Op::Id => return value,
            Op::Zero => return Value { zero: true, ..value },
            Op::Down => {
                let from = self.materialize(name, value);
                let channels = 2 * value.channels;
                let node = reduction(&mut self.graph, name, from, channels, value.sides);
                return Value { node, zero: false, channels, sides: value.sides.map(half) };
            }
            _ => {}
        }
        let from = self.materialize(name, value);
        let window = Window { kernel, stride: 1, padding: dilation * (kernel / 2) };
        let conv = blocks::conv(value.channels, kernel, 1).dilation(dilation);
        let (conv, graph) = (nas_api::graph::Convolution { window, ..conv }, &mut self.graph);
        let node = match op {
            Op::Conv => graph.convolve(format!("{name}.conv"), from, conv.groups(groups)),
            Op::Depthwise => graph.convolve(format!("{name}.depthwise"), from, conv.groups(value.channels)),
            Op::Pool(op) => graph.pool(format!("{name}.pool"), op, from, window),
            Op::GroupNorm => {
                let groups = vec![("num_groups".into(), Attribute::Int(groups))];
                graph.node(format!("{name}.norm"), "GroupNormalization", &[from], groups)
            }
            Op::Plain(op) => graph.op(format!("{name}.{}", node_suffix(op)), op, &[from]),
            Op::Id | Op::Zero | Op::Down => from,
        };
        Value { node, zero: false, ..value }
    }
}

/// The last part of a node's name.
fn node_suffix(op: &str) -> String {
    if op.ends_with("Normalization") { "norm".into() } else { op.to_lowercase() }
}
