//! Published networks that are in the space.

use super::design::{ACTIVATIONS, Block, Design, STAGES, Stage};

/// Depth, width, kernel, expansion and squeeze-excite of a stage.
type Row = (usize, i64, i64, i64, bool);

/// Name, activation and stages of each network.
const NAMED: [(&str, &str, [Row; STAGES]); 4] = [
    // Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018, table 2.
    (
        "mobilenet_v2",
        "relu6",
        [
            (1, 16, 3, 1, false),
            (2, 24, 3, 6, false),
            (3, 32, 3, 6, false),
            (4, 64, 3, 6, false),
            (3, 96, 3, 6, false),
            (3, 160, 3, 6, false),
            (1, 320, 3, 6, false),
        ],
    ),
    // Tan et al., "MnasNet: Platform-Aware Neural Architecture Search for Mobile", CVPR 2019, figure 7.
    (
        "mnasnet_a1",
        "relu",
        [
            (1, 16, 3, 1, false),
            (2, 24, 3, 6, false),
            (3, 40, 5, 3, true),
            (4, 80, 3, 6, false),
            (2, 112, 3, 6, true),
            (3, 160, 5, 6, true),
            (1, 320, 3, 6, false),
        ],
    ),
    // From the same paper, found by a separate search without squeeze-excite.
    (
        "mnasnet_b1",
        "relu",
        [
            (1, 16, 3, 1, false),
            (3, 24, 3, 3, false),
            (3, 40, 5, 3, false),
            (3, 80, 5, 6, false),
            (2, 96, 3, 6, false),
            (4, 192, 5, 6, false),
            (1, 320, 3, 6, false),
        ],
    ),
    // Tan & Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019, table 1.
    (
        "efficientnet_b0",
        "swish",
        [
            (1, 16, 3, 1, true),
            (2, 24, 3, 6, true),
            (2, 40, 5, 6, true),
            (3, 80, 3, 6, true),
            (3, 112, 5, 6, true),
            (4, 192, 5, 6, true),
            (1, 320, 3, 6, true),
        ],
    ),
];

/// The names of all networks.
pub fn names() -> Vec<&'static str> {
    NAMED.iter().map(|(name, ..)| *name).collect()
}

/// The design of the network with this name.
pub fn design(name: &str) -> Option<Design> {
    let (_, activation, rows) = NAMED.iter().find(|(known, ..)| *known == name)?;
    let stage = |&(depth, width, kernel, expansion, squeeze): &Row| Stage {
        width,
        squeeze,
        skip: true,
        blocks: vec![Block { kernel, expansion }; depth],
    };
    let (_, activation) = ACTIVATIONS.iter().find(|(known, _)| known == activation)?;
    Some(Design { activation: *activation, multiplier: 100, stages: rows.iter().map(stage).collect() })
}
