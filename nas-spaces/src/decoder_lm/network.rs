//! The network around the layers: embedding, positions, the last normalisation, and the head over the vocabulary.

use nas_api::graph::builder::{float, int, text};
use nas_api::{Graph, GraphBuilder, NodeId};

use super::block::{Activation, Block};

/// What all layers share.
pub struct Style {
    /// Features of a token.
    pub width: i64,
    /// Features of one head.
    pub head_size: i64,
    /// Whether a second linear layer gates the feed-forward layer.
    pub gated: bool,
    pub activation: Activation,
    /// Whether normalisations are RMS normalisations; otherwise they are layer normalisations.
    pub root_mean_square: bool,
    /// Whether normalisations come before attention and feed-forward layer; otherwise they come after the sums.
    pub norm_first: bool,
    /// Whether positions are rotary; otherwise they are learned.
    pub rotary: bool,
    /// The base of rotary positions.
    pub base: f64,
    pub bias: bool,
    /// The dropout ratio; 0 means no dropout.
    pub dropout: f64,
}

/// A language model with all its sizes.
pub struct Network {
    pub style: Style,
    pub blocks: Vec<Block>,
    pub positions: i64,
    pub vocabulary: i64,
    /// Whether the head uses the matrix of the embedding.
    pub tied: bool,
}

impl Network {
    /// The graph, which maps [positions] to [positions, vocabulary].
    pub fn graph(&self) -> Graph {
        let style = &self.style;
        let mut graph = GraphBuilder::new();
        let input = graph.input();
        let mut value = graph.embedding("embed.tokens", input, self.vocabulary, style.width);
        if !style.rotary {
            let positions = graph.weight("embed.positions", &[self.positions, style.width], "normal");
            value = graph.add("embed.placed", value, positions);
        }
        value = style.dropout(&mut graph, "embed.dropout".into(), value);
        for (number, block) in (1..).zip(&self.blocks) {
            value = block.build(&mut graph, &format!("layer{number}"), value, style);
        }
        if style.norm_first {
            value = style.norm(&mut graph, "head.norm".into(), value);
        }
        let mut attributes = vec![int("out_features", self.vocabulary), int("bias", 0)];
        if self.tied {
            attributes.push(text("tied", "embed.tokens"));
        }
        let logits = graph.node("head.logits", "Gemm", &[value], attributes);
        graph.finish(&[logits])
    }
}

impl Style {
    /// Adds a linear layer on the last axis.
    pub fn linear(&self, graph: &mut GraphBuilder, name: String, input: NodeId, out: i64) -> NodeId {
        if self.bias { graph.gemm(name, input, out) } else { graph.gemm_without_bias(name, input, out) }
    }

    /// Adds a normalisation of every position.
    pub fn norm(&self, graph: &mut GraphBuilder, name: String, input: NodeId) -> NodeId {
        match (self.root_mean_square, self.bias) {
            (true, _) => graph.rms_norm(name, input),
            (false, true) => graph.layer_norm(name, input),
            (false, false) => graph.node(name, "LayerNormalization", &[input], vec![int("bias", 0)]),
        }
    }

    /// Adds dropout, unless its ratio is 0.
    pub fn dropout(&self, graph: &mut GraphBuilder, name: String, value: NodeId) -> NodeId {
        if self.dropout == 0.0 {
            value
        } else {
            graph.node(name, "Dropout", &[value], vec![float("ratio", self.dropout)])
        }
    }
}
