//! The head, which predicts class scores, a box and its centreness for every location of every level.

use std::collections::HashMap;

use nas_api::graph::Convolution;
use nas_api::graph::builder::int;
use nas_api::{GraphBuilder, NodeId};

use super::kernel::Kernel;

/// The groups of group normalisations, as in Tian et al. and torchvision. Every width of the neck is a multiple of it.
pub const GROUPS: i64 = 32;

/// A head.
#[derive(Clone, Debug)]
pub struct Head {
    /// The number of layers in each of the two towers.
    pub depth: u32,
    pub kernel: Kernel,
    /// Whether the towers use batch normalisation; otherwise they use group normalisation.
    pub batch: bool,
    /// Whether all levels share their convolutions and group normalisations.
    pub shared: bool,
}

impl Head {
    /// Builds the head and returns classes [locations, `outputs`], boxes [locations, 4] and centreness [locations, 1].
    /// Locations are ordered by level, then row by row.
    pub fn build(
        &self,
        graph: &mut GraphBuilder,
        levels: &[(String, NodeId)],
        width: i64,
        outputs: i64,
    ) -> [NodeId; 3] {
        let mut layers = Layers { graph, shared: self.shared, known: HashMap::new() };
        let (mut classes, mut boxes, mut centreness) = (Vec::new(), Vec::new(), Vec::new());
        for (level, value) in levels {
            let tower = self.tower(&mut layers, level, "classes", *value, width);
            classes.push(self.predict(&mut layers, level, "classes", tower, [width, outputs]));
            let tower = self.tower(&mut layers, level, "boxes", *value, width);
            boxes.push(self.predict(&mut layers, level, "boxes", tower, [width, 4]));
            centreness.push(self.predict(&mut layers, level, "centreness", tower, [width, 1]));
        }
        let classes = graph.concat("classes", &classes, 1);
        // The distances to the sides of a box cannot be negative.
        let distances = graph.concat("distances", &boxes, 1);
        let boxes = graph.op("boxes", "Relu", &[distances]);
        [classes, boxes, graph.concat("centreness", &centreness, 1)]
    }

    fn tower(&self, layers: &mut Layers<'_>, level: &str, branch: &str, from: NodeId, width: i64) -> NodeId {
        let mut value = from;
        for layer in 1..=self.depth {
            let part = format!("{branch}.layer{layer}");
            value = self.convolve(layers, level, &part, value, [width, width], !self.batch);
            value = layers.norm(level, &part, value, self.batch);
            value = layers.graph.op(format!("head.{level}.{part}.relu"), "Relu", &[value]);
        }
        value
    }

    /// The prediction of a level, [locations, `out`], from a tower with `width` channels.
    fn predict(
        &self,
        layers: &mut Layers<'_>,
        level: &str,
        branch: &str,
        from: NodeId,
        [width, out]: [i64; 2],
    ) -> NodeId {
        let value = self.convolve(layers, level, &format!("{branch}.out"), from, [width, out], true);
        let name = format!("head.{level}.{branch}");
        let turned = layers.graph.transpose(format!("{name}.turned"), value, &[0, 2, 3, 1]);
        layers.graph.reshape(format!("{name}.rows"), turned, &[-1, out])
    }

    fn convolve(
        &self,
        layers: &mut Layers<'_>,
        level: &str,
        part: &str,
        from: NodeId,
        [width, out]: [i64; 2],
        bias: bool,
    ) -> NodeId {
        let parts = self.kernel.parts(width, out, 1, bias);
        parts.into_iter().fold(from, |value, (end, conv)| layers.conv(level, &format!("{part}.{end}"), value, conv))
    }
}

/// Makes the layers of all levels. If they are shared, only the first level has weights, and the other levels reuse its
/// layers.
struct Layers<'g> {
    graph: &'g mut GraphBuilder,
    shared: bool,
    /// The layers of the first level, by their names in the level.
    known: HashMap<String, NodeId>,
}

impl Layers<'_> {
    fn conv(&mut self, level: &str, part: &str, from: NodeId, conv: Convolution) -> NodeId {
        self.layer(level, part, from, |graph, name| graph.convolve(name, from, conv))
    }

    /// Batch normalisations are never shared, because the statistics of the levels differ. MMDetection's head for
    /// NAS-FPN (`RetinaSepBNHead`) does the same.
    fn norm(&mut self, level: &str, part: &str, from: NodeId, batch: bool) -> NodeId {
        if batch {
            return self.graph.op(format!("head.{level}.{part}.norm"), "BatchNormalization", &[from]);
        }
        let groups = vec![int("num_groups", GROUPS)];
        let part = format!("{part}.norm");
        self.layer(level, &part, from, |graph, name| graph.node(name, "GroupNormalization", &[from], groups))
    }

    fn layer(
        &mut self,
        level: &str,
        part: &str,
        from: NodeId,
        make: impl FnOnce(&mut GraphBuilder, String) -> NodeId,
    ) -> NodeId {
        let name = format!("head.{level}.{part}");
        match self.known.get(part) {
            Some(&layer) if self.shared => self.graph.reuse(name, layer, from),
            _ => {
                let layer = make(self.graph, name);
                self.known.insert(part.to_owned(), layer);
                layer
            }
        }
    }
}
