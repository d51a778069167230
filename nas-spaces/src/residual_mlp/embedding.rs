//! Embeddings of numeric features: every feature has its own weights, which map its number to a vector.

use nas_api::graph::builder::float;
use nas_api::{GraphBuilder, NodeId};

/// How an embedding maps a number to a vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A linear map.
    Linear,
    /// The piecewise linear encoding, how much of each bin lies below the number (from 0 to 1), followed by a linear
    /// map.
    Piecewise,
}

/// The embedding of all features.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Embedding {
    pub kind: Kind,
    /// The length of a vector.
    pub width: i64,
    /// Whether a ReLU follows.
    pub relu: bool,
}

/// The edges of eight bins: the octiles of the normal distribution, because evaluators standardise features and a space
/// sees no data (the paper uses the quantiles of each feature). The outer bins are unbounded, and their outer edges
/// only set their slope.
const EDGES: [f64; 9] = [-2.5, -1.1503, -0.6745, -0.3186, 0.0, 0.3186, 0.6745, 1.1503, 2.5];

impl Embedding {
    /// Maps [features] to [features · width].
    pub fn build(self, graph: &mut GraphBuilder, input: NodeId, features: i64) -> NodeId {
        let column = graph.reshape("embed.column", input, &[features, 1]);
        let value = match self.kind {
            Kind::Linear => {
                let weight = graph.weight("embed.weight", &[features, self.width], "normal");
                graph.mul("embed.scaled", column, weight)
            }
            Kind::Piecewise => {
                let bins = bins(graph, column);
                let count = EDGES.len() as i64 - 1;
                let rows = graph.reshape("embed.rows", bins, &[features, 1, count]);
                let weight = graph.weight("embed.weight", &[features, count, self.width], "normal");
                let value = graph.op("embed.product", "MatMul", &[rows, weight]);
                graph.reshape("embed.vectors", value, &[features, self.width])
            }
        };
        let bias = graph.weight("embed.bias", &[features, self.width], "zeros");
        let mut value = graph.add("embed.shifted", value, bias);
        if self.relu {
            value = graph.op("embed.relu", "Relu", &[value]);
        }
        graph.op("embed.flat", "Flatten", &[value])
    }
}

/// Maps [features, 1] to [features, bins]: (x − begin) / (end − begin), clipped to 0 to 1 except at the two outer ends.
fn bins(graph: &mut GraphBuilder, column: NodeId) -> NodeId {
    let last = EDGES.len() - 2;
    let mut bins = Vec::with_capacity(EDGES.len() - 1);
    for (number, edges) in EDGES.windows(2).enumerate() {
        let node = |part: &str| format!("embed.bin{}{part}", number + 1);
        let constant = |graph: &mut GraphBuilder, part: &str, value: f64| {
            graph.node(node(part), "Constant", &[], vec![float("value_float", value)])
        };
        let begin = constant(graph, ".begin", edges[0]);
        let size = constant(graph, ".size", edges[1] - edges[0]);
        let value = graph.op(node(".from"), "Sub", &[column, begin]);
        let value = graph.op(node(".share"), "Div", &[value, size]);
        let mut bounds = Vec::with_capacity(2);
        if number > 0 {
            bounds.push(float("min", 0.0));
        }
        if number < last {
            bounds.push(float("max", 1.0));
        }
        bins.push(graph.node(node(".held"), "Clip", &[value], bounds));
    }
    graph.concat("embed.bins", &bins, 2)
}
