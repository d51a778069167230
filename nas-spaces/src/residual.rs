//! Residual stages, which make up `resnet` and the backbone of `detector`. The file `resnet.rs` names the papers.

use nas_api::{Decision, GraphBuilder, NodeId, Parameter};

use crate::blocks::{conv, conv_norm, conv_norm_relu, half, max_pool};
use crate::choices::decision;

const BLOCKS: [&str; 2] = ["basic", "bottleneck"];
/// The narrowest first stage. With a narrower one, groups would have no channel, and cardinalities would differ in name
/// only.
pub const MIN_WIDTH: u32 = 16;
/// The default choices of the channels of the first stage.
pub const WIDTHS: [u32; 6] = [16, 32, 48, 64, 96, 128];
/// Groups of a bottleneck's 3×3 convolution, and channels of a group at width 64.
const CARDINALITIES: [(i64, i64); 8] = [(1, 64), (1, 128), (2, 40), (4, 24), (8, 14), (32, 4), (32, 8), (64, 4)];
/// The choices of the number of blocks of each stage.
const DEPTHS: [&[u32]; STAGES] =
    [&[1, 2, 3, 4], &[1, 2, 3, 4, 6, 8], &[1, 2, 3, 4, 6, 9, 12, 18, 23, 36], &[1, 2, 3, 4]];
/// Output channels of a bottleneck for each channel of its stage's width.
const EXPANSION: i64 = 4;
const BASIC: u32 = 0;
/// The index of the decision `cardinality`.
const CARDINALITY: usize = 2;

/// The number of stages.
pub const STAGES: usize = 4;
/// The number of decisions: block, width, cardinality, and the depth of each stage.
pub const DECISIONS: usize = 3 + STAGES;

/// The widths and depths to choose among.
#[derive(Clone, Debug)]
pub struct BackboneChoices {
    widths: Vec<u32>,
    /// The depths of each stage.
    depths: [Vec<u32>; STAGES],
}

impl Default for BackboneChoices {
    /// The widths and depths of the published networks, and some between them.
    fn default() -> Self {
        Self { widths: WIDTHS.to_vec(), depths: DEPTHS.map(<[u32]>::to_vec) }
    }
}

impl BackboneChoices {
    /// These widths, and the default depths of at most `max_depth` blocks.
    pub fn new(widths: Vec<u32>, max_depth: u32) -> Self {
        let shallow = |depths: &[u32]| depths.iter().copied().filter(|&depth| depth <= max_depth).collect();
        Self { widths, depths: DEPTHS.map(shallow) }
    }

    /// The decisions `block`, `width`, `cardinality` (made for bottlenecks only), and `depth1` to `depth4`.
    pub fn decisions(&self) -> Vec<Decision> {
        let cardinalities = CARDINALITIES.map(|(groups, width)| format!("{groups}x{width}d"));
        let mut decisions = vec![
            Decision::new("block", BLOCKS),
            decision("width", &self.widths),
            Decision::new("cardinality", cardinalities),
        ];
        let depths = (1..).zip(&self.depths).map(|(stage, depths)| decision(&format!("depth{stage}"), depths));
        decisions.extend(depths);
        decisions
    }

    /// The number of combinations.
    pub fn count(&self) -> usize {
        let depths: usize = self.depths.iter().map(Vec::len).product();
        depths * self.widths.len() * (1 + CARDINALITIES.len())
    }
}

/// The number of decisions that a prefix has skipped, because basic blocks have no cardinality.
pub fn skipped(prefix: &[u32]) -> usize {
    usize::from(prefix.first() == Some(&BASIC) && prefix.len() >= CARDINALITY)
}

/// The parameter of a task that chooses the stem.
pub fn stem_parameter() -> Parameter {
    Parameter::one_of(
        "stem",
        "imagenet",
        &["imagenet", "small"],
        "The stem before the stages: 7x7 of stride 2 and pooling, or 3x3 of stride 1 for small images.",
    )
}

/// The side of the map after each stage, for an image of this side.
pub fn stage_sides(side: i64, small: bool) -> [i64; STAGES] {
    let first = if small { side } else { half(half(side)) };
    let mut sides = [first; STAGES];
    for stage in 1..STAGES {
        sides[stage] = half(sides[stage - 1]);
    }
    sides
}

/// The stages that a genotype describes.
#[derive(Clone, Debug)]
pub struct Stages {
    width: i64,
    /// Groups of bottlenecks and channels of a group at width 64; `None` for basic blocks.
    bottleneck: Option<(i64, i64)>,
    depths: [u32; STAGES],
}

impl Stages {
    /// Reads the choices at the beginning of a valid genotype.
    pub fn read(genotype: &[u32], known: &BackboneChoices) -> Option<Self> {
        let mut choices = genotype.iter().map(|&choice| choice as usize);
        let block = choices.next()?;
        let width = i64::from(*known.widths.get(choices.next()?)?);
        let bottleneck = match block == BASIC as usize {
            true => None,
            false => Some(*CARDINALITIES.get(choices.next()?)?),
        };
        let mut depths = [0; STAGES];
        for (depth, known) in depths.iter_mut().zip(&known.depths) {
            *depth = *known.get(choices.next()?)?;
        }
        Some(Self { width, bottleneck, depths })
    }

    /// Builds stem and stages, and returns the output of each stage.
    pub fn build(&self, graph: &mut GraphBuilder, input: NodeId, small: bool) -> [NodeId; STAGES] {
        let mut value = if small {
            conv_norm_relu(graph, "stem", input, conv(self.width, 3, 1))
        } else {
            let value = conv_norm_relu(graph, "stem", input, conv(self.width, 7, 2));
            max_pool(graph, "stem.pool", value, 2)
        };
        let mut channels = self.width;
        let mut stages = [value; STAGES];
        for (stage, &depth) in self.depths.iter().enumerate() {
            let width = self.width << stage;
            for block in 1..=depth {
                let name = format!("stage{}.block{block}", stage + 1);
                let stride = if block == 1 && stage > 0 { 2 } else { 1 };
                let out = if self.bottleneck.is_some() { EXPANSION * width } else { width };
                value = self.block(graph, &name, value, [channels, width, out], stride);
                channels = out;
            }
            stages[stage] = value;
        }
        stages
    }

    /// One block. `sizes` are [channels in, width, channels out]. The stride belongs to its (first) 3×3 convolution.
    fn block(&self, graph: &mut GraphBuilder, name: &str, from: NodeId, sizes: [i64; 3], stride: i64) -> NodeId {
        let [channels, width, out] = sizes;
        let main = match self.bottleneck {
            None => {
                let value = conv_norm_relu(graph, &format!("{name}.a"), from, conv(width, 3, stride));
                conv_norm(graph, &format!("{name}.b"), value, conv(out, 3, 1))
            }
            Some((groups, channels_at_64)) => {
                let inner = width * channels_at_64 / 64 * groups;
                let value = conv_norm_relu(graph, &format!("{name}.a"), from, conv(inner, 1, 1));
                let spatial = conv(inner, 3, stride).groups(groups);
                let value = conv_norm_relu(graph, &format!("{name}.b"), value, spatial);
                conv_norm(graph, &format!("{name}.c"), value, conv(out, 1, 1))
            }
        };
        let shortcut = if stride == 1 && channels == out {
            from
        } else {
            conv_norm(graph, &format!("{name}.shortcut"), from, conv(out, 1, stride))
        };
        let sum = graph.op(format!("{name}.sum"), "Add", &[main, shortcut]);
        graph.op(format!("{name}.relu"), "Relu", &[sum])
    }
}
