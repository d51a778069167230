//! The 3×3 convolutions in neck and head.

use nas_api::graph::Convolution;
use nas_api::{GraphBuilder, NodeId};

use crate::blocks::{conv, depthwise};

/// The kind of a 3×3 convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// One convolution of all channels.
    Full,
    /// A depthwise convolution, followed by a 1×1 convolution.
    Separable,
}

impl Kernel {
    /// Its convolutions in order, with the last parts of their names. Only the last one has the bias.
    pub fn parts(self, channels: i64, out: i64, stride: i64, bias: bool) -> Vec<(&'static str, Convolution)> {
        let biased = |conv: Convolution| if bias { conv.bias() } else { conv };
        match self {
            Self::Full => vec![("conv", biased(conv(out, 3, stride)))],
            Self::Separable => {
                vec![("depthwise", depthwise(channels, 3, stride)), ("pointwise", biased(conv(out, 1, 1)))]
            }
        }
    }

    /// Applies it with a bias, and keeps the number of channels.
    pub fn apply(self, graph: &mut GraphBuilder, name: &str, from: NodeId, channels: i64, stride: i64) -> NodeId {
        let parts = self.parts(channels, channels, stride, true);
        parts.into_iter().fold(from, |value, (part, conv)| graph.convolve(format!("{name}.{part}"), value, conv))
    }
}
