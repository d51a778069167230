//! The auxiliary head, which is used in training only (Liu et al. 2019, appendix A.2; `AuxiliaryHeadCIFAR` and
//! `AuxiliaryHeadImageNet` in the authors' model.py).

use nas_api::graph::Convolution;
use nas_api::{GraphBuilder, NodeId, Window};

use super::skeleton::Stem;
use crate::blocks::conv_norm;

/// The side of the window of the average pooling.
const POOL: i64 = 5;

/// The least side of the map that it reads. The average pooling must leave 2×2 values for the last convolution.
pub fn least_side(stem: Stem) -> i64 {
    POOL + stride(stem)
}

fn stride(stem: Stem) -> i64 {
    if stem == Stem::Cifar { 3 } else { 2 }
}

/// Adds the head to the output of a cell. The authors' head reads maps of one size, of which one pixel remains for the
/// linear layer; for larger maps the linear layer reads the mean.
pub fn head(graph: &mut GraphBuilder, from: NodeId, stem: Stem, outputs: i64) {
    let convolution = |channels, kernel| Convolution::new(channels, Window { kernel, stride: 1, padding: 0 });
    let relu = |graph: &mut GraphBuilder, name: &str, from| graph.op(name, "Relu", &[from]);
    let value = relu(graph, "auxiliary.relu", from);
    let window = Window { kernel: POOL, stride: stride(stem), padding: 0 };
    let value = graph.pool("auxiliary.pool", "AveragePool", value, window);
    let value = conv_norm(graph, "auxiliary.a", value, convolution(128, 1));
    let value = relu(graph, "auxiliary.a.relu", value);
    let value = match stem {
        Stem::Cifar => conv_norm(graph, "auxiliary.b", value, convolution(768, 2)),
        // The authors left out this normalisation "for consistency with the experiments in the paper".
        Stem::ImageNet => graph.convolve("auxiliary.b.conv", value, convolution(768, 2)),
    };
    let value = relu(graph, "auxiliary.b.relu", value);
    let value = graph.global_average("auxiliary.average", value);
    let logits = graph.gemm("auxiliary.logits", value, outputs);
    graph.auxiliary("auxiliary", logits);
}
