//! The design that a genotype describes, and its network.

use nas_api::graph::Convolution;
use nas_api::{Graph, GraphBuilder, NodeId};

use crate::blocks::{classifier, conv, conv_norm, depthwise};

/// The number of stages between stem and head.
pub const STAGES: usize = 7;
/// The stride of the first block of each stage.
const STRIDES: [i64; STAGES] = [1, 2, 2, 2, 1, 2, 1];
const STEM: i64 = 32;
const HEAD: i64 = 1280;
/// How many times fewer channels a squeeze-excite has than the input of its block.
const SQUEEZE: i64 = 4;

/// The activation after every normalisation except the last one of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// max(x, 0).
    Relu,
    /// min(max(x, 0), 6).
    Relu6,
    /// x·sigmoid(x), also called SiLU.
    Swish,
    /// The approximation of swish with a piecewise linear sigmoid.
    HardSwish,
}

/// The choices of `activation` by name.
pub const ACTIVATIONS: [(&str, Activation); 4] = [
    ("relu", Activation::Relu),
    ("relu6", Activation::Relu6),
    ("swish", Activation::Swish),
    ("hard_swish", Activation::HardSwish),
];

/// One inverted bottleneck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// The side of the depthwise convolution's kernel.
    pub kernel: i64,
    /// Inner channels per input channel. If it is 1, there is no expanding convolution.
    pub expansion: i64,
}

/// Consecutive blocks of one width.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Channels before the multiplier is applied.
    pub width: i64,
    /// Whether its blocks have a squeeze-excite.
    pub squeeze: bool,
    /// Whether blocks that keep the shape add their input.
    pub skip: bool,
    /// The blocks in order.
    pub blocks: Vec<Block>,
}

/// A whole network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Design {
    /// The activation of all blocks, stem and head.
    pub activation: Activation,
    /// The multiplier of every width, in hundredths.
    pub multiplier: i64,
    /// The seven stages.
    pub stages: Vec<Stage>,
}

/// The published rounding (Sandler et al. 2018): the nearest multiple of 8, but at least 8 and at least nine tenths of
/// the product.
fn channels(width: i64, multiplier: i64) -> i64 {
    let hundredths = width * multiplier;
    let nearest = ((hundredths + 400) / 800 * 8).max(8);
    if 1000 * nearest < 9 * hundredths { nearest + 8 } else { nearest }
}

/// A block with all its sizes.
struct ResolvedBlock {
    block: Block,
    input: i64,
    output: i64,
    stride: i64,
    squeeze: bool,
    adds: bool,
}

impl Design {
    fn stem(&self) -> i64 {
        channels(STEM, self.multiplier)
    }

    /// Channels of the head, which does not become narrower than published.
    fn head(&self) -> i64 {
        channels(HEAD, self.multiplier.max(100))
    }

    /// All blocks in order, each with the number of its stage and its number in the stage.
    fn resolved_blocks(&self, small: bool) -> Vec<(usize, usize, ResolvedBlock)> {
        let mut all = Vec::new();
        let mut input = self.stem();
        for (at, stage) in self.stages.iter().enumerate() {
            let output = channels(stage.width, self.multiplier);
            for (number, &block) in stage.blocks.iter().enumerate() {
                // Small images are not halved by the second stage.
                let stride = if number == 0 && !(small && at == 1) { STRIDES[at] } else { 1 };
                let adds = stage.skip && stride == 1 && input == output;
                all.push((
                    at + 1,
                    number + 1,
                    ResolvedBlock { block, input, output, stride, squeeze: stage.squeeze, adds },
                ));
                input = output;
            }
        }
        all
    }

    /// The key of the network, which is equal for two designs exactly if they are the same network.
    pub fn key(&self) -> String {
        let mut key = format!("{:?}:{}", self.activation, self.stem()).to_lowercase();
        for (stage, _, resolved) in self.resolved_blocks(false) {
            let ResolvedBlock { block: Block { kernel, expansion }, output, squeeze, adds, .. } = resolved;
            let marks = [(squeeze, "s"), (adds, "+")].map(|(present, mark)| if present { mark } else { "" }).concat();
            key.push_str(&format!(";{stage}k{kernel}e{expansion}c{output}{marks}"));
        }
        format!("{key};{}", self.head())
    }

    /// The network with this number of outputs. If `small`, stem and second stage keep the size of the image.
    pub fn network(&self, outputs: i64, small: bool) -> Graph {
        let mut graph = GraphBuilder::new();
        let input = graph.input();
        let stride = if small { 1 } else { 2 };
        let mut value = self.conv_norm_act(&mut graph, "stem", input, conv(self.stem(), 3, stride));
        for (stage, number, resolved) in self.resolved_blocks(small) {
            value = self.block(&mut graph, &format!("stage{stage}.block{number}"), value, &resolved);
        }
        let value = self.conv_norm_act(&mut graph, "head", value, conv(self.head(), 1, 1));
        let logits = classifier(&mut graph, value, outputs);
        graph.finish(&[logits])
    }

    fn activate(&self, graph: &mut GraphBuilder, name: String, from: NodeId) -> NodeId {
        match self.activation {
            Activation::Relu => graph.op(name, "Relu", &[from]),
            Activation::Relu6 => graph.relu6(name, from),
            Activation::Swish => graph.op(name, "Swish", &[from]),
            Activation::HardSwish => graph.op(name, "HardSwish", &[from]),
        }
    }

    fn conv_norm_act(&self, graph: &mut GraphBuilder, name: &str, from: NodeId, conv: Convolution) -> NodeId {
        let value = conv_norm(graph, name, from, conv);
        self.activate(graph, format!("{name}.activation"), value)
    }

    fn block(&self, graph: &mut GraphBuilder, name: &str, from: NodeId, resolved: &ResolvedBlock) -> NodeId {
        let &ResolvedBlock { block: Block { kernel, expansion }, input, output, stride, squeeze, adds } = resolved;
        let inner = input * expansion;
        let mut value = from;
        if expansion > 1 {
            value = self.conv_norm_act(graph, &format!("{name}.expand"), value, conv(inner, 1, 1));
        }
        let spatial = depthwise(inner, kernel, stride);
        value = self.conv_norm_act(graph, &format!("{name}.depthwise"), value, spatial);
        if squeeze {
            value = self.squeeze_excite(graph, &format!("{name}.squeeze"), value, inner, (input / SQUEEZE).max(1));
        }
        value = conv_norm(graph, &format!("{name}.project"), value, conv(output, 1, 1));
        if adds { graph.op(format!("{name}.sum"), "Add", &[value, from]) } else { value }
    }

    /// Scales every channel by a gate that is computed from the averages of all channels (Hu et al. 2018).
    fn squeeze_excite(&self, graph: &mut GraphBuilder, name: &str, from: NodeId, channels: i64, inner: i64) -> NodeId {
        let value = graph.op(format!("{name}.average"), "GlobalAveragePool", &[from]);
        let value = graph.convolve(format!("{name}.reduce"), value, conv(inner, 1, 1).bias());
        let value = self.activate(graph, format!("{name}.activation"), value);
        let value = graph.convolve(format!("{name}.expand"), value, conv(channels, 1, 1).bias());
        let gate = graph.op(format!("{name}.gate"), "Sigmoid", &[value]);
        graph.mul(format!("{name}.scale"), from, gate)
    }
}
