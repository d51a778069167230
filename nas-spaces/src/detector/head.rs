//! The head: for every place of every level the scores of the classes, a box, and how near its centre the place is.

use std::collections::HashMap;

use nas_api::graph::Convolution;
use nas_api::graph::builder::int;
use nas_api::{GraphBuilder, NodeId};

use super::kernel::Kernel;

/// Of group normalisations, as Tian et al. and torchvision have it; divides every width of the neck.
pub const GROUPS: i64 = 32;

/// A head.
#[derive(Clone, Debug)]
pub struct Head {
    /// Layers of each of the two towers.
    pub depth: u32,
    pub kernel: Kernel,
    /// Batch normalisation, else group normalisation.
    pub batch: bool,
    /// All levels have the same convolutions and group normalisations.
    pub shared: bool,
}

impl Head {
    /// Classes [places, `outputs`], boxes [places, 4] and centreness [places, 1], level after level, row after row.
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
        // Distances to the sides of a box are not negative.
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

    /// [places, `out`]: one row for every place of the level. Sizes: channels, and numbers of a row.
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

/// Makes the layers of every level: those of the first level have weights, and where they are shared, those of the
/// others are the same layers again.
struct Layers<'g> {
    graph: &'g mut GraphBuilder,
    shared: bool,
    /// The layers of the first level, by their names within it.
    known: HashMap<String, NodeId>,
}

impl Layers<'_> {
    fn conv(&mut self, level: &str, part: &str, from: NodeId, conv: Convolution) -> NodeId {
        self.layer(level, part, from, |graph, name| graph.convolve(name, from, conv))
    }

    /// Batch normalisations are never shared, because the statistics of the levels differ; so it is in the head of
    /// NAS-FPN as MMDetection has it (`RetinaSepBNHead`).
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
            Some(&layer) if self.shared => self.graph.again(name, layer, from),
            _ => {
                let layer = make(self.graph, name);
                self.known.insert(part.to_owned(), layer);
                layer
            }
        }
    }
}
