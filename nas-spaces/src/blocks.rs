//! Building blocks of convolutional networks, which several spaces share.

use nas_api::graph::Convolution;
use nas_api::{Error, GraphBuilder, NodeId, Result, Window};

/// A convolution of all input channels without bias. An odd kernel keeps height and width at stride 1.
pub(crate) fn conv(channels: i64, kernel: i64, stride: i64) -> Convolution {
    Convolution::new(channels, Window::same(kernel, stride))
}

/// A depthwise convolution without bias. An odd kernel keeps height and width at stride 1.
pub(crate) fn depthwise(channels: i64, kernel: i64, stride: i64) -> Convolution {
    conv(channels, kernel, stride).groups(channels)
}

/// Convolution and batch normalisation: `NAME.conv`, `NAME.norm`.
pub(crate) fn conv_norm(graph: &mut GraphBuilder, name: &str, from: NodeId, conv: Convolution) -> NodeId {
    let value = graph.convolve(format!("{name}.conv"), from, conv);
    graph.op(format!("{name}.norm"), "BatchNormalization", &[value])
}

/// Convolution, batch normalisation and ReLU: `NAME.conv`, `NAME.norm`, `NAME.relu`.
pub(crate) fn conv_norm_relu(graph: &mut GraphBuilder, name: &str, from: NodeId, conv: Convolution) -> NodeId {
    let value = conv_norm(graph, name, from, conv);
    graph.op(format!("{name}.relu"), "Relu", &[value])
}

/// A 3×3 max pooling with padding.
pub(crate) fn max_pool(graph: &mut GraphBuilder, name: impl Into<String>, from: NodeId, stride: i64) -> NodeId {
    graph.pool(name, "MaxPool", from, Window::same(3, stride))
}

/// Global average pooling and a linear layer.
pub(crate) fn classifier(graph: &mut GraphBuilder, from: NodeId, outputs: i64) -> NodeId {
    let value = graph.global_average("head.average", from);
    graph.gemm("head.logits", value, outputs)
}

/// Channels, height and width of a task's images.
///
/// # Errors
/// If the task's inputs are not images. The message names the space.
pub(crate) fn image_shape(space: &str, shape: &[i64]) -> Result<[i64; 3]> {
    match *shape {
        [channels, height, width] if channels > 0 && height > 0 && width > 0 => Ok([channels, height, width]),
        _ => Err(Error::new(format!("{space} takes images [channels, height, width], not {shape:?}"))),
    }
}

/// Half of a side, rounded up, as a padded window of stride 2 leaves it.
pub(crate) fn half(side: i64) -> i64 {
    side / 2 + side % 2
}
