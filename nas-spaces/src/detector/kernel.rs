//! The 3×3 convolutions of neck and head.

use nas_api::graph::Convolution;
use nas_api::{GraphBuilder, NodeId};

use crate::blocks::{conv, depthwise};

/// What a 3×3 convolution is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// All channels to all.
    Full,
    /// Each channel by itself, then all to all at every place.
    Separable,
}

impl Kernel {
    /// Its convolutions, one after the other, with the ends of their names. The bias is that of the last.
    pub fn parts(self, channels: i64, out: i64, stride: i64, bias: bool) -> Vec<(&'static str, Convolution)> {
        let biased = |conv: Convolution| if bias { conv.bias() } else { conv };
        match self {
            Self::Full => vec![("conv", biased(conv(out, 3, stride)))],
            Self::Separable => {
                vec![("depthwise", depthwise(channels, 3, stride)), ("pointwise", biased(conv(out, 1, 1)))]
            }
        }
    }

    /// With a bias, and as many channels as before.
    pub fn apply(self, graph: &mut GraphBuilder, name: &str, from: NodeId, channels: i64, stride: i64) -> NodeId {
        let parts = self.parts(channels, channels, stride, true);
        parts.into_iter().fold(from, |value, (part, conv)| graph.convolve(format!("{name}.{part}"), value, conv))
    }
}
