//! The network: patches, positions, encoder layers that start with normalisation, and the head.

use nas_api::graph::builder::float;
use nas_api::{Convolution, Graph, GraphBuilder, Heads, NodeId, Window};

/// One encoder layer.
pub struct Block {
    pub heads: i64,
    /// The hidden width of the feed-forward layer, as a multiple of the network's width.
    pub ratio: f64,
}

/// A vision transformer with all its sizes.
pub struct Network {
    /// Height and width of the image in pixels, each at least one patch.
    pub sides: [i64; 2],
    /// The side of a patch in pixels.
    pub patch: i64,
    /// Features of a token.
    pub width: i64,
    /// Whether the head reads a class token; otherwise it reads the mean of all patches.
    pub class_token: bool,
    pub head_size: i64,
    pub blocks: Vec<Block>,
    pub outputs: i64,
    /// The dropout ratio; 0 means no dropout.
    pub dropout: f64,
}

impl Network {
    /// The graph, which maps [channels, height, width] to [outputs].
    pub fn graph(&self) -> Graph {
        let mut graph = GraphBuilder::new();
        let input = graph.input();
        let mut value = self.embed(&mut graph, input);
        for (number, block) in (1..).zip(&self.blocks) {
            value = self.block(&mut graph, &format!("layer{number}"), value, block);
        }
        let value = graph.layer_norm("head.norm", value);
        let value = if self.class_token {
            let class = graph.slice("head.class", value, 1, 0, 1);
            graph.op("head.flat", "Flatten", &[class])
        } else {
            graph.mean("head.mean", value, &[1])
        };
        let logits = graph.gemm("head.logits", value, self.outputs);
        graph.finish(&[logits])
    }

    /// The tokens [tokens, width] with learned positions: the patches, and perhaps a class token.
    fn embed(&self, graph: &mut GraphBuilder, input: NodeId) -> NodeId {
        let Self { patch, width, .. } = *self;
        let window = Window { kernel: patch, stride: patch, padding: 0 };
        // Rows and columns that do not fill a patch are left out.
        let patches = self.sides.iter().map(|side| side / patch).product::<i64>();
        let value = graph.convolve("embed.patches", input, Convolution::new(width, window).bias());
        let value = graph.reshape("embed.flat", value, &[width, patches]);
        let mut value = graph.transpose("embed.tokens", value, &[0, 2, 1]);
        let mut tokens = patches;
        if self.class_token {
            let class = graph.weight("embed.class", &[1, width], "normal");
            value = graph.concat("embed.with_class", &[class, value], 1);
            tokens += 1;
        }
        let positions = graph.weight("embed.positions", &[tokens, width], "normal");
        let value = graph.add("embed.placed", value, positions);
        self.dropout(graph, "embed.dropout", value)
    }

    fn block(&self, graph: &mut GraphBuilder, name: &str, input: NodeId, block: &Block) -> NodeId {
        let node = |part: &str| [name, part].concat();
        let inner = block.heads * self.head_size;
        let value = graph.layer_norm(node(".norm1"), input);
        let qkv = [".query", ".key", ".value"].map(|part| graph.gemm(node(part), value, inner));
        let value = graph.attention(node(".attention"), qkv, Heads::new(block.heads));
        let value = graph.gemm(node(".project"), value, self.width);
        let value = self.dropout(graph, &node(".dropout1"), value);
        let middle = graph.add(node(".add1"), input, value);

        let value = graph.layer_norm(node(".norm2"), middle);
        // Narrow widths with small ratios would round to 0.
        let hidden = libm::round(self.width as f64 * block.ratio).max(1.0) as i64;
        let value = graph.gemm(node(".expand"), value, hidden);
        let value = graph.op(node(".gelu"), "Gelu", &[value]);
        let value = graph.gemm(node(".contract"), value, self.width);
        let value = self.dropout(graph, &node(".dropout2"), value);
        graph.add(node(".add2"), middle, value)
    }

    fn dropout(&self, graph: &mut GraphBuilder, name: &str, value: NodeId) -> NodeId {
        if self.dropout == 0.0 {
            value
        } else {
            graph.node(name, "Dropout", &[value], vec![float("ratio", self.dropout)])
        }
    }
}
