#![allow(clippy::unwrap_used)]

use std::collections::HashSet;

use nas_api::graph::{Counts, count, shape};
use nas_api::{SearchSpace, Setting, Settings, Task, Value};

use super::{MULTIPLIERS, Mobile, named};

fn counts(space: &Mobile, genotype: &[u32], stem: &str, shape: [i64; 3], outputs: u32) -> Counts {
    let set = [Setting { name: "stem".into(), value: Value::Text(stem.into()) }];
    let settings = Settings::checked(&space.task_parameters(), &set).unwrap();
    let task = Task { input_shape: shape.to_vec(), outputs, kind: "classification".into(), settings };
    let graph = space.build(genotype, &task).unwrap();
    count::count(&graph, &shape::infer(&graph, &task.input_shape).unwrap()).unwrap()
}

/// The counts are those of torchvision and, for MnasNet-A1, of timm, with the multiply-accumulates of convolutions and
/// linear layers.
#[test]
fn published_networks_have_the_counts_of_torchvision_and_timm() {
    let expected = [
        ("mobilenet_v2", 3_504_872, 300_774_272),
        ("mnasnet_a1", 3_887_038, 311_579_072),
        ("mnasnet_b1", 4_383_312, 314_415_872),
        ("efficientnet_b0", 5_288_548, 385_814_752),
    ];
    for space in [Mobile::per_stage(), Mobile::per_block()] {
        for (name, params, macs) in expected {
            let counts = counts(&space, &space.parse(name).unwrap(), "imagenet", [3, 224, 224], 1000);
            assert_eq!((counts.params, counts.macs), (params, macs), "{name}");
        }
    }
}

/// The counts are those of MobileNetV2 with other multipliers in timm.
#[test]
fn multipliers_round_as_published() {
    let space = Mobile::per_stage();
    let mut genotype = space.parse("mobilenet_v2").unwrap();
    for (multiplier, params, macs) in [(50, 1_968_680, 97_131_840), (140, 6_108_776, 582_195_824)] {
        genotype[1] = MULTIPLIERS.iter().position(|&known| known == multiplier).unwrap() as u32;
        let counts = counts(&space, &genotype, "imagenet", [3, 224, 224], 1000);
        assert_eq!((counts.params, counts.macs), (params, macs), "{multiplier}");
    }
}

#[test]
fn the_small_stem_omits_two_halvings() {
    let space = Mobile::per_stage();
    let genotype = space.parse("mobilenet_v2").unwrap();
    let whole = counts(&space, &genotype, "imagenet", [3, 128, 128], 10);
    let small = counts(&space, &genotype, "small", [3, 32, 32], 10);
    assert_eq!(whole.params, small.params);
    // All layers except the stem and the first block of the second stage see the same sizes.
    assert!(small.macs < whole.macs && small.macs > whole.macs / 2, "{} {}", small.macs, whole.macs);
}

#[test]
fn texts_name_every_decision_that_is_made() {
    let stage = Mobile::per_stage();
    let text = stage.format(&stage.parse("efficientnet_b0").unwrap());
    let start = "activation=swish,multiplier=1.00,depth1=1,width1=16,squeeze1=yes,kernel1=3,expansion1=1,depth2=2,\
                 width2=24,squeeze2=yes,skip2=yes,kernel2=3,expansion2=6,depth3=2,";
    assert!(text.starts_with(start), "{text}");
    let block = Mobile::per_block();
    let text = block.format(&block.parse("efficientnet_b0").unwrap());
    assert!(text.contains("skip2=yes,kernel2_1=3,expansion2_1=6,kernel2_2=3,expansion2_2=6,depth3=2,"), "{text}");
    let error = stage.parse("mobilenet_v9").unwrap_err().to_string();
    assert!(error.contains("or is a name: mobilenet_v2, mnasnet_a1"), "{error}");
    assert_eq!(named::names().len(), 4);
}

/// A narrow network rounds different widths to the same number of channels.
#[test]
fn equal_networks_have_equal_keys() {
    let space = Mobile::per_stage();
    let of = |text: &str| space.key(&space.parse(text).unwrap());
    let base = space.format(&space.parse("mobilenet_v2").unwrap()).replace("multiplier=1.00", "multiplier=0.35");
    assert_eq!(of(&base), of(&base.replace("width1=16", "width1=24")));
    assert_ne!(of(&base), of(&base.replace("width7=320", "width7=384")));
    assert_ne!(of(&base), of(&base.replace("skip2=yes", "skip2=no")));
    let names: HashSet<String> = named::names().into_iter().map(of).collect();
    assert_eq!(names.len(), 4);
}
