//! The network: a stem, residual blocks of two convolutions, pooling, and a linear head.

use nas_api::graph::builder::{float, int, ints};
use nas_api::{Graph, GraphBuilder, NodeId};

/// The normalisation after a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Norm {
    Batch,
    /// Group normalisation of eight groups, or of the largest smaller number that divides the channels.
    Group,
    Instance,
    /// No normalisation; convolutions have a bias instead.
    None,
}

/// What the head reads of every channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pooling {
    Mean,
    Max,
    /// The last position, which depends on all others if the convolutions are causal and reach far enough.
    Last,
}

/// What all blocks share.
pub struct Style {
    pub norm: Norm,
    /// The activation as an ONNX operator.
    pub activation: &'static str,
    /// Whether convolutions see no later position.
    pub causal: bool,
    /// The dropout ratio; 0 means no dropout.
    pub dropout: f64,
}

/// One residual block.
pub struct Block {
    pub channels: i64,
    /// The width of both kernels, an odd number.
    pub kernel: i64,
    pub dilation: i64,
    /// The stride of the first convolution.
    pub stride: i64,
}

/// A network for signals with all its sizes.
pub struct Network {
    pub style: Style,
    /// The length of the signal.
    pub length: i64,
    /// The channels of the stem.
    pub width: i64,
    pub blocks: Vec<Block>,
    pub pooling: Pooling,
    pub outputs: i64,
}

const STEM_KERNEL: i64 = 7;

impl Network {
    /// The graph, which maps [channels, length] to [outputs].
    pub fn graph(&self) -> Graph {
        let style = &self.style;
        let mut graph = GraphBuilder::new();
        let input = graph.input();
        let stem = Window { kernel: STEM_KERNEL, dilation: 1, stride: 1 };
        let value = style.convolve(&mut graph, "stem", input, self.width, stem);
        let mut value = graph.op("stem.activation", style.activation, &[value]);
        let (mut channels, mut length) = (self.width, self.length);
        for (number, block) in (1..).zip(&self.blocks) {
            value = block.build(&mut graph, &format!("block{number}"), value, channels, style);
            channels = block.channels;
            length = (length - 1) / block.stride + 1;
        }
        let value = match self.pooling {
            Pooling::Mean => graph.op("head.pool", "GlobalAveragePool", &[value]),
            Pooling::Max => graph.op("head.pool", "GlobalMaxPool", &[value]),
            Pooling::Last => graph.slice("head.pool", value, 2, length - 1, length),
        };
        let value = graph.op("head.flat", "Flatten", &[value]);
        let logits = graph.gemm("head.logits", value, self.outputs);
        graph.finish(&[logits])
    }
}

impl Block {
    fn build(&self, graph: &mut GraphBuilder, name: &str, input: NodeId, channels: i64, style: &Style) -> NodeId {
        let node = |part: &str| [name, part].concat();
        let first = Window { kernel: self.kernel, dilation: self.dilation, stride: self.stride };
        let mut value = style.convolve(graph, &node(".a"), input, self.channels, first);
        value = graph.op(node(".a.activation"), style.activation, &[value]);
        value = style.dropout(graph, &node(".a"), value);
        value = style.convolve(graph, &node(".b"), value, self.channels, Window { stride: 1, ..first });
        let mut shortcut = input;
        if channels != self.channels || self.stride != 1 {
            let point = Window { kernel: 1, dilation: 1, stride: self.stride };
            shortcut = style.convolve(graph, &node(".shortcut"), input, self.channels, point);
        }
        value = graph.add(node(".add"), value, shortcut);
        value = graph.op(node(".activation"), style.activation, &[value]);
        style.dropout(graph, name, value)
    }
}

/// The window of a convolution over a signal.
#[derive(Clone, Copy)]
struct Window {
    kernel: i64,
    dilation: i64,
    stride: i64,
}

impl Style {
    /// A convolution, which keeps the length at stride 1, with its normalisation.
    fn convolve(&self, graph: &mut GraphBuilder, name: &str, input: NodeId, channels: i64, window: Window) -> NodeId {
        let reach = window.dilation * (window.kernel - 1);
        let pads = if self.causal { [reach, 0] } else { [reach / 2, reach / 2] };
        let attributes = vec![
            int("out_channels", channels),
            ints("kernel_shape", &[window.kernel]),
            ints("strides", &[window.stride]),
            ints("pads", &pads),
            ints("dilations", &[window.dilation]),
            int("bias", i64::from(self.norm == Norm::None)),
        ];
        let value = graph.node([name, ".conv"].concat(), "Conv", &[input], attributes);
        let node = [name, ".norm"].concat();
        match self.norm {
            Norm::Batch => graph.op(node, "BatchNormalization", &[value]),
            Norm::Instance => graph.op(node, "InstanceNormalization", &[value]),
            Norm::Group => {
                let groups = (1..=8).rev().find(|groups| channels % groups == 0).unwrap_or(1);
                graph.node(node, "GroupNormalization", &[value], vec![int("num_groups", groups)])
            }
            Norm::None => value,
        }
    }

    fn dropout(&self, graph: &mut GraphBuilder, name: &str, value: NodeId) -> NodeId {
        if self.dropout == 0.0 {
            return value;
        }
        graph.node([name, ".dropout"].concat(), "Dropout", &[value], vec![float("ratio", self.dropout)])
    }
}
