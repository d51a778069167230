//! The network: an embedding, a linear layer, residual blocks that start with normalisation, and the head.

use nas_api::graph::builder::float;
use nas_api::{Graph, GraphBuilder, NodeId};

use super::embedding::Embedding;

/// The normalisation before every block and before the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Norm {
    Batch,
    Layer,
    None,
}

/// One residual block.
pub struct Block {
    pub hidden: i64,
    /// The dropout ratio after the activation; 0 means no dropout.
    pub dropout: f64,
}

/// A residual perceptron with all its sizes.
pub struct Network {
    /// The number of input features.
    pub features: i64,
    pub embedding: Option<Embedding>,
    pub width: i64,
    pub norm: Norm,
    /// The activation as an ONNX operator.
    pub activation: &'static str,
    pub blocks: Vec<Block>,
    pub outputs: i64,
    /// The dropout ratio at the end of a block; 0 means no dropout.
    pub residual_dropout: f64,
}

impl Network {
    /// The graph, which maps an input of any shape to [outputs].
    pub fn graph(&self) -> Graph {
        let mut graph = GraphBuilder::new();
        let input = graph.input();
        let mut value = graph.op("flatten", "Flatten", &[input]);
        if let Some(embedding) = self.embedding {
            value = embedding.build(&mut graph, value, self.features);
        }
        value = graph.gemm("first", value, self.width);
        for (number, block) in (1..).zip(&self.blocks) {
            value = self.block(&mut graph, &format!("block{number}"), value, block);
        }
        value = self.normalize(&mut graph, "head.norm".into(), value);
        value = graph.op("head.activation", self.activation, &[value]);
        let logits = graph.gemm("head.logits", value, self.outputs);
        graph.finish(&[logits])
    }

    fn block(&self, graph: &mut GraphBuilder, name: &str, input: NodeId, block: &Block) -> NodeId {
        let node = |part: &str| [name, part].concat();
        let mut value = self.normalize(graph, node(".norm"), input);
        value = graph.gemm(node(".expand"), value, block.hidden);
        value = graph.op(node(".activation"), self.activation, &[value]);
        value = dropout(graph, node(".dropout1"), value, block.dropout);
        value = graph.gemm(node(".contract"), value, self.width);
        value = dropout(graph, node(".dropout2"), value, self.residual_dropout);
        graph.add(node(".add"), input, value)
    }

    fn normalize(&self, graph: &mut GraphBuilder, name: String, value: NodeId) -> NodeId {
        match self.norm {
            Norm::Batch => graph.op(name, "BatchNormalization", &[value]),
            Norm::Layer => graph.layer_norm(name, value),
            Norm::None => value,
        }
    }
}

fn dropout(graph: &mut GraphBuilder, name: String, value: NodeId, ratio: f64) -> NodeId {
    if ratio == 0.0 { value } else { graph.node(name, "Dropout", &[value], vec![float("ratio", ratio)]) }
}
