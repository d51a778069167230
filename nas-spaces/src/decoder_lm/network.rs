//! The network around the layers: embedding, positions, the last normalisation, and the head over the vocabulary.

use nas_api::graph::builder::{float, int, text};
use nas_api::{Graph, GraphBuilder, NodeId};

use super::block::{Activation, Block};

/// What all layers share.
pub struct Style {
    pub width: i64,
    pub head_size: i64,
    pub gated: bool,
    pub activation: Activation,
    /// RMS normalisation, else layer normalisation.
    pub root_mean_square: bool,
    /// Before attention and feed-forward layer, else after the sum.
    pub norm_first: bool,
    /// Rotary positions, else learned ones.
    pub rotary: bool,
    /// Of rotary positions.
    pub base: f64,
    pub bias: bool,
    /// Ratio; 0: none.
    pub dropout: f64,
}

/// A language model, all sizes known.
pub struct Network {
    pub style: Style,
    pub blocks: Vec<Block>,
    pub positions: i64,
    pub vocabulary: i64,
    /// The head uses the matrix of the embedding.
    pub tied: bool,
}

impl Network {
    /// [positions] to [positions, vocabulary].
    pub fn graph(&self) -> Graph {
        let style = &self.style;
        let mut graph = GraphBuilder::new();
        let input = graph.input();
        let mut value = graph.embedding("embed.tokens", input, self.vocabulary, style.width);
        if !style.rotary {
            let positions = graph.weight("embed.positions", &[self.positions, style.width], "normal");
            value = graph.add("embed.placed", value, positions);
        }
        value = style.drop(&mut graph, "embed.dropout".into(), value);
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
    /// A linear layer on the last axis.
    pub fn linear(&self, graph: &mut GraphBuilder, name: String, input: NodeId, out: i64) -> NodeId {
        if self.bias { graph.gemm(name, input, out) } else { graph.gemm_without_bias(name, input, out) }
    }

    /// A normalisation of every position.
    pub fn norm(&self, graph: &mut GraphBuilder, name: String, input: NodeId) -> NodeId {
        match (self.root_mean_square, self.bias) {
            (true, _) => graph.rms_norm(name, input),
            (false, true) => graph.layer_norm(name, input),
            (false, false) => graph.node(name, "LayerNormalization", &[input], vec![int("bias", 0)]),
        }
    }

    /// Dropout, where there is any.
    pub fn drop(&self, graph: &mut GraphBuilder, name: String, value: NodeId) -> NodeId {
        if self.dropout == 0.0 {
            value
        } else {
            graph.node(name, "Dropout", &[value], vec![float("ratio", self.dropout)])
        }
    }
}
