//! What convolutional spaces build their networks from.

use nas_api::{Attribute, Error, GraphBuilder, NodeId, Result, Window};

/// A convolution: square window, equal padding on all sides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Conv {
    /// Output channels.
    pub channels: i64,
    /// Side length of the kernel.
    pub kernel: i64,
    /// Step.
    pub stride: i64,
    /// Channel groups; the number of channels where it is depthwise.
    pub group: i64,
    /// Distance of the kernel's points.
    pub dilation: i64,
    /// Adds a trained number to each channel.
    pub bias: bool,
}

impl Conv {
    /// All channels to all, no bias.
    pub fn new(channels: i64, kernel: i64, stride: i64) -> Self {
        Self { channels, kernel, stride, group: 1, dilation: 1, bias: false }
    }

    /// Each channel by itself, no bias.
    pub fn depthwise(channels: i64, kernel: i64, stride: i64) -> Self {
        Self { group: channels, ..Self::new(channels, kernel, stride) }
    }

    /// Adds it to the graph, padded so that stride 1 keeps height and width (odd kernels).
    pub fn add(self, graph: &mut GraphBuilder, name: impl Into<String>, from: NodeId) -> NodeId {
        let padding = self.dilation * (self.kernel - 1) / 2;
        self.padded(graph, name, from, [padding; 4])
    }

    /// Adds it to the graph with this padding: top, left, bottom, right.
    pub fn padded(self, graph: &mut GraphBuilder, name: impl Into<String>, from: NodeId, pads: [i64; 4]) -> NodeId {
        let mut attributes = vec![
            ("out_channels".to_owned(), Attribute::Int(self.channels)),
            ("kernel_shape".to_owned(), Attribute::Ints(vec![self.kernel; 2])),
            ("strides".to_owned(), Attribute::Ints(vec![self.stride; 2])),
            ("pads".to_owned(), Attribute::Ints(pads.to_vec())),
            ("bias".to_owned(), Attribute::Int(i64::from(self.bias))),
        ];
        if self.dilation != 1 {
            attributes.push(("dilations".to_owned(), Attribute::Ints(vec![self.dilation; 2])));
        }
        if self.group != 1 {
            attributes.push(("group".to_owned(), Attribute::Int(self.group)));
        }
        graph.node(name, "Conv", &[from], attributes)
    }
}

/// Convolution and batch normalisation: `NAME.conv`, `NAME.norm`.
pub(crate) fn conv_norm(graph: &mut GraphBuilder, name: &str, from: NodeId, conv: Conv) -> NodeId {
    let value = conv.add(graph, format!("{name}.conv"), from);
    graph.op(format!("{name}.norm"), "BatchNormalization", &[value])
}

/// Convolution, batch normalisation and ReLU: `NAME.conv`, `NAME.norm`, `NAME.relu`.
pub(crate) fn conv_norm_relu(graph: &mut GraphBuilder, name: &str, from: NodeId, conv: Conv) -> NodeId {
    let value = conv_norm(graph, name, from, conv);
    graph.op(format!("{name}.relu"), "Relu", &[value])
}

/// A 3×3 maximum with padding, as in front of a network.
pub(crate) fn max_pool(graph: &mut GraphBuilder, name: impl Into<String>, from: NodeId, stride: i64) -> NodeId {
    graph.pool(name, "MaxPool", from, Window::same(3, stride))
}

/// Average over all positions and a linear layer.
pub(crate) fn classifier(graph: &mut GraphBuilder, from: NodeId, outputs: i64) -> NodeId {
    let value = graph.op("head.average", "GlobalAveragePool", &[from]);
    let value = graph.op("head.flatten", "Flatten", &[value]);
    graph.gemm("head.logits", value, outputs)
}

/// Channels, height and width of a task's images, or that `space` takes nothing else.
pub(crate) fn image(space: &str, shape: &[i64]) -> Result<[i64; 3]> {
    match *shape {
        [channels, height, width] if channels > 0 && height > 0 && width > 0 => Ok([channels, height, width]),
        _ => Err(Error::new(format!("{space} takes images [channels, height, width], not {shape:?}"))),
    }
}

/// What a padded window of stride 2 leaves of a side.
pub(crate) fn half(side: i64) -> i64 {
    side / 2 + side % 2
}
