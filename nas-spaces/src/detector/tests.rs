#![allow(clippy::unwrap_used)]

use nas_api::graph::{Counts, Graph, Shape, count, shape};
use nas_api::{SearchSpace, Setting, Settings, Task, Value};

use super::{Detector, FCOS, FCOS_NAME};

fn built(text: &str, sides: [i64; 2], outputs: u32, stem: &str) -> (Graph, Vec<Shape>) {
    let space = Detector::new();
    let set = [Setting { name: "stem".into(), value: Value::Text(stem.into()) }];
    let settings = Settings::checked(&space.task_parameters(), &set).unwrap();
    let input_shape = vec![3, sides[0], sides[1]];
    let task = Task { input_shape, outputs, kind: "detection".into(), settings };
    let graph = space.build(&space.parse(text).unwrap(), &task).unwrap();
    let shapes = shape::infer(&graph, &task.input_shape).unwrap();
    (graph, shapes)
}

fn counts(text: &str, sides: [i64; 2], outputs: u32) -> Counts {
    let (graph, shapes) = built(text, sides, outputs, "imagenet");
    count::count(&graph, &shapes).unwrap()
}

/// The published network with some of its choices replaced.
fn with(choices: &[(&str, &str)]) -> String {
    choices.iter().fold(FCOS.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from} is not in {text}");
        text.replace(from, to)
    })
}

/// The multiply-accumulates of FCOS on ResNet-50 for 91 classes, summed layer by layer.
fn published_macs(height: u64, width: u64) -> u64 {
    let half = |sides: [u64; 2]| sides.map(|side| side.div_ceil(2));
    let locations = |sides: [u64; 2]| sides[0] * sides[1];
    let c1 = half([height, width]);
    let mut macs = 49 * 3 * 64 * locations(c1);
    let (mut sides, mut channels) = (half(c1), 64);
    let mut pyramid = Vec::new();
    for (stage, blocks) in (0..).zip([3, 4, 6, 3]) {
        let inner = 64 << stage;
        for block in 0..blocks {
            macs += channels * inner * locations(sides);
            if block == 0 {
                sides = if stage == 0 { sides } else { half(sides) };
                macs += channels * 4 * inner * locations(sides);
            }
            macs += (9 * inner * inner + inner * 4 * inner) * locations(sides);
            channels = 4 * inner;
        }
        if stage > 0 {
            // The neck has a lateral 1×1 convolution and a 3×3 convolution for each level.
            macs += (channels * 256 + 9 * 256 * 256) * locations(sides);
            pyramid.push(sides);
        }
    }
    for _ in 0..2 {
        sides = half(sides);
        macs += 9 * 256 * 256 * locations(sides);
        pyramid.push(sides);
    }
    let all: u64 = pyramid.into_iter().map(locations).sum();
    macs + all * 9 * 256 * (2 * 4 * 256 + 91 + 4 + 1)
}

/// torchvision states 32,269,600 parameters and 128.207 · 10^9 operations for `fcos_resnet50_fpn`. It does not count
/// the scales and shifts of its frozen batch normalisations.
#[test]
fn the_published_network_has_the_counts_of_torchvision() {
    let frozen = 2 * 26_560;
    for sides in [[800, 800], [800, 1088], [427, 640]] {
        let counts = counts(FCOS_NAME, sides, 91);
        assert_eq!(counts.params, 32_269_600 + frozen);
        assert_eq!(counts.macs, published_macs(sides[0] as u64, sides[1] as u64), "{sides:?}");
    }
    let macs = counts(FCOS_NAME, [800, 800], 91).macs;
    assert_eq!((macs as f64 / 1e6).round(), 128_207.0, "{macs}");
}

/// The parameters of a head of 256 channels for 91 classes: two towers of four layers, and three predictions.
const HEAD: u64 = 2 * 4 * (9 * 256 * 256 + 256 + 512) + 9 * 256 * 96 + 96;

#[test]
fn levels_share_their_weights_or_have_their_own() {
    let params = |choices: &[(&str, &str)]| counts(&with(choices), [64, 64], 91).params;
    let shared = params(&[]);
    assert_eq!(HEAD, 4_946_016);
    assert_eq!(params(&[("shared", "separate")]), shared + 4 * HEAD);
    // Three levels remain.
    let extra = 2 * (9 * 256 * 256 + 256);
    assert_eq!(params(&[("extra_levels=2", "extra_levels=0")]), shared - extra);
    assert_eq!(params(&[("extra_levels=2", "extra_levels=0"), ("shared", "separate")]), shared - extra + 2 * HEAD);
    // Every level has its own batch normalisations, and convolutions have no bias.
    assert_eq!(params(&[("group", "batch")]), shared - 8 * (256 + 512) + 5 * 8 * 512);
    // Only the predictions remain.
    let none = [("head_depth=4", "head_depth=0"), (",head_norm=group", "")];
    assert_eq!(params(&none), shared - 8 * (9 * 256 * 256 + 256 + 512));
}

#[test]
fn necks_and_separable_convolutions_have_their_parameters() {
    let params = |choices: &[(&str, &str)]| counts(&with(choices), [64, 64], 91).params;
    let full = params(&[]);
    let (conv, separable) = (9 * 256 * 256, 9 * 256 + 256 * 256);
    // Two levels have one convolution that halves and one after the sum.
    assert_eq!(params(&[("fpn", "pan")]), full + 4 * (conv + 256));
    assert_eq!(params(&[("neck_conv=full", "neck_conv=separable")]), full - 5 * (conv - separable));
    let predictions = 9 * 256 * 96 - 256 * 96 - 3 * 9 * 256;
    let head = params(&[("head_conv=full", "head_conv=separable")]);
    assert_eq!(head, full - 8 * (conv - separable) - predictions);
    let narrow = params(&[("neck_width=256", "neck_width=64")]);
    let (neck, head) = (3584 * 192 + 3 * 192, 8 * (192 * 3));
    let squares = (5 + 8) * 9 * (256 * 256 - 64 * 64) + 5 * 192;
    assert_eq!(full - narrow, neck + head + squares + 9 * 192 * 96);
}

/// The sides of an image need not be divisible by the strides.
#[test]
fn images_of_every_size_have_a_row_for_every_location() {
    let small = "block=basic,width=16,depth1=1,depth2=1,depth3=1,depth4=1,neck=pan,neck_width=64,neck_conv=separable,\
                 extra_levels=1,head_depth=1,head_conv=separable,head_weights=shared,head_norm=batch";
    for (stem, first) in [("imagenet", 8), ("small", 2)] {
        for height in 1..70 {
            let width = 131 - 2 * height.min(65);
            let (graph, shapes) = built(small, [height, width], 7, stem);
            let strides = [1, 2, 4, 8].map(|times| first * times);
            let rows: i64 = strides.map(|stride| div_ceil(height, stride) * div_ceil(width, stride)).iter().sum();
            let outputs: Vec<&[i64]> = graph.outputs.iter().map(|&output| &shapes[output as usize][..]).collect();
            assert_eq!(outputs, [[rows, 7], [rows, 4], [rows, 1]], "{height}x{width}");
        }
    }
}

fn div_ceil(side: i64, stride: i64) -> i64 {
    (side + stride - 1) / stride
}

/// Doubling the size and cutting reads the same locations as resizing to the finer size (`nearest` in torchvision).
#[test]
fn cut_maps_are_enlarged_as_published() {
    for fine in 1..2000_i64 {
        let coarse = div_ceil(fine, 2);
        assert!((0..fine).all(|location| location / 2 == location * coarse / fine), "{fine}");
    }
}

#[test]
fn decisions_without_effect_are_not_made() {
    let space = Detector::new();
    let genotype = space.parse(FCOS_NAME).unwrap();
    assert_eq!(space.format(&genotype), FCOS);
    assert_eq!(genotype.len(), 15);
    let bare = with(&[("head_depth=4", "head_depth=0"), (",head_norm=group", "")]);
    assert_eq!(space.parse(&bare).unwrap().len(), 14);
    let basic = with(&[("bottleneck", "basic"), ("cardinality=1x64d,", "")]);
    assert_eq!(space.parse(&basic).unwrap().len(), 14);
    let error = space.parse(&with(&[("head_depth=4", "head_depth=0")])).unwrap_err().to_string();
    assert!(error.contains("head_norm") && error.contains(FCOS_NAME), "{error}");
    let size = 51_840.0 * (2.0 * 5.0 * 2.0 * 3.0) * (4.0 + 4.0 * 2.0 * 4.0);
    assert!((space.info().log10_size.unwrap() - f64::log10(size)).abs() < 1e-12);
}

#[test]
fn inputs_other_than_images_are_refused() {
    let space = Detector::new();
    let settings = Settings::defaults(&space.task_parameters());
    let task = Task { input_shape: vec![64], outputs: 3, kind: "detection".into(), settings };
    let error = space.build(&space.sample(1), &task).unwrap_err().to_string();
    assert!(error.contains("detector takes images [channels, height, width], not [64]"), "{error}");
}

/// Narrow and shallow networks suit small images and slow processors.
#[test]
fn settings_replace_the_choices() {
    let open = |widths: &[f64], depth: f64, necks: &[f64]| {
        let numbers =
            |name: &str, numbers: &[f64]| Setting { name: name.into(), value: Value::Numbers(numbers.to_vec()) };
        let depth = Setting { name: "max_depth".into(), value: Value::Number(depth) };
        let given = [numbers("widths", widths), depth, numbers("neck_widths", necks)];
        Detector::open(&Settings::checked(&Detector::parameters(), &given).unwrap())
    };
    let default = Detector::open(&Settings::defaults(&Detector::parameters())).unwrap();
    assert_eq!(default.info(), Detector::new().info());
    let space = open(&[16.0, 32.0], 2.0, &[32.0]).unwrap();
    let text = "block=basic,width=16,depth1=1,depth2=2,depth3=1,depth4=2,neck=fpn,neck_width=32,neck_conv=separable,\
                extra_levels=0,head_depth=1,head_conv=separable,head_weights=shared,head_norm=group";
    let settings = Settings::defaults(&space.task_parameters());
    let task = Task { input_shape: vec![3, 32, 32], outputs: 2, kind: "detection".into(), settings };
    let graph = space.build(&space.parse(text).unwrap(), &task).unwrap();
    let shapes = shape::infer(&graph, &task.input_shape).unwrap();
    assert!(count::count(&graph, &shapes).unwrap().params < 1_000_000);
    // There are two widths, two depths of each stage, and one width of the neck.
    let size = (9.0 * 2.0 * 16.0) * (2.0 * 2.0 * 3.0) * 36.0;
    assert!((space.info().log10_size.unwrap() - f64::log10(size)).abs() < 1e-12);
    assert!(space.parse(FCOS_NAME).is_err());
    // The narrowest groups have one channel, and all cardinalities differ.
    let bottleneck = |cardinality: &str| {
        let block = format!("block=bottleneck,width=16,cardinality={cardinality},");
        let graph = space.build(&space.parse(&text.replace("block=basic,width=16,", &block)).unwrap(), &task).unwrap();
        let shapes = shape::infer(&graph, &task.input_shape).unwrap();
        count::count(&graph, &shapes).unwrap().params
    };
    let cardinality = space.info().decisions.into_iter().find(|decision| decision.name == "cardinality").unwrap();
    let different: std::collections::BTreeSet<u64> = cardinality.choices.iter().map(|name| bottleneck(name)).collect();
    assert_eq!(different.len(), cardinality.choices.len());
    let error = open(&[16.0], 2.0, &[48.0]).unwrap_err().to_string();
    assert!(error.contains("multiples of 32") && error.contains("not 48"), "{error}");
    let error = open(&[8.0], 2.0, &[32.0]).unwrap_err().to_string();
    assert!(error.contains("16 or more, not 8"), "{error}");
}
