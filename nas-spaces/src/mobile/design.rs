//! What a genotype of the space says, and the network of it.

use nas_api::graph::Convolution;
use nas_api::{Graph, GraphBuilder, NodeId};

use crate::blocks::{classifier, conv, conv_norm, depthwise};

/// Stages between stem and head.
pub const STAGES: usize = 7;
/// Of each stage's first block.
const STRIDES: [i64; STAGES] = [1, 2, 2, 2, 1, 2, 1];
const STEM: i64 = 32;
const HEAD: i64 = 1280;
/// A squeeze-excite has so many times fewer channels than its block's input.
const SQUEEZE: i64 = 4;

/// What follows every normalisation but a block's last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// Nothing below 0.
    Relu,
    /// The same, and nothing above 6.
    Relu6,
    /// x·sigmoid(x), called SiLU too.
    Swish,
    /// Its approximation by lines.
    HardSwish,
}

/// Names of the choices.
pub const ACTIVATIONS: [(&str, Activation); 4] = [
    ("relu", Activation::Relu),
    ("relu6", Activation::Relu6),
    ("swish", Activation::Swish),
    ("hard_swish", Activation::HardSwish),
];

/// One inverted bottleneck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Of the depthwise convolution.
    pub kernel: i64,
    /// Inner channels per input channel; where it is 1 there is no expanding convolution.
    pub expansion: i64,
}

/// Blocks of one width.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Channels before the multiplier.
    pub width: i64,
    /// Whether its blocks have a squeeze-excite.
    pub squeeze: bool,
    /// Whether blocks that keep the shape add their input.
    pub skip: bool,
    /// In order.
    pub blocks: Vec<Block>,
}

/// A whole network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Design {
    /// Everywhere.
    pub activation: Activation,
    /// Of every width, in hundredths.
    pub multiplier: i64,
    /// Seven.
    pub stages: Vec<Stage>,
}

/// The published rounding (Sandler et al. 2018): the nearest multiple of 8, at least 8 and at least nine tenths.
fn channels(width: i64, multiplier: i64) -> i64 {
    let hundredths = width * multiplier;
    let nearest = ((hundredths + 400) / 800 * 8).max(8);
    if 1000 * nearest < 9 * hundredths { nearest + 8 } else { nearest }
}

/// A block with every number settled.
struct Settled {
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

    /// The head does not get narrower than published.
    fn head(&self) -> i64 {
        channels(HEAD, self.multiplier.max(100))
    }

    /// Stage, number within it, block.
    fn settled(&self, small: bool) -> Vec<(usize, usize, Settled)> {
        let mut all = Vec::new();
        let mut input = self.stem();
        for (at, stage) in self.stages.iter().enumerate() {
            let output = channels(stage.width, self.multiplier);
            for (number, &block) in stage.blocks.iter().enumerate() {
                // For small images the first halving after the stem is left out.
                let stride = if number == 0 && !(small && at == 1) { STRIDES[at] } else { 1 };
                let adds = stage.skip && stride == 1 && input == output;
                all.push((at + 1, number + 1, Settled { block, input, output, stride, squeeze: stage.squeeze, adds }));
                input = output;
            }
        }
        all
    }

    /// Equal for two designs just where they are the same network.
    pub fn key(&self) -> String {
        let mut key = format!("{:?}:{}", self.activation, self.stem()).to_lowercase();
        for (stage, _, settled) in self.settled(false) {
            let Settled { block: Block { kernel, expansion }, output, squeeze, adds, .. } = settled;
            let marks = [(squeeze, "s"), (adds, "+")].map(|(there, mark)| if there { mark } else { "" }).concat();
            key.push_str(&format!(";{stage}k{kernel}e{expansion}c{output}{marks}"));
        }
        format!("{key};{}", self.head())
    }

    /// The network of so many outputs. `small`: images keep their size in the stem and in the second stage.
    pub fn network(&self, outputs: i64, small: bool) -> Graph {
        let mut graph = GraphBuilder::new();
        let input = graph.input();
        let stride = if small { 1 } else { 2 };
        let mut value = self.conv_norm_act(&mut graph, "stem", input, conv(self.stem(), 3, stride));
        for (stage, number, settled) in self.settled(small) {
            value = self.block(&mut graph, &format!("stage{stage}.block{number}"), value, &settled);
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

    fn block(&self, graph: &mut GraphBuilder, name: &str, from: NodeId, settled: &Settled) -> NodeId {
        let &Settled { block: Block { kernel, expansion }, input, output, stride, squeeze, adds } = settled;
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

    /// Every channel times a number that the averages of all of them give (Hu et al. 2018).
    fn squeeze_excite(&self, graph: &mut GraphBuilder, name: &str, from: NodeId, channels: i64, inner: i64) -> NodeId {
        let value = graph.op(format!("{name}.average"), "GlobalAveragePool", &[from]);
        let value = graph.convolve(format!("{name}.reduce"), value, conv(inner, 1, 1).bias());
        let value = self.activate(graph, format!("{name}.activation"), value);
        let value = graph.convolve(format!("{name}.expand"), value, conv(channels, 1, 1).bias());
        let gate = graph.op(format!("{name}.gate"), "Sigmoid", &[value]);
        graph.mul(format!("{name}.scale"), from, gate)
    }
}
