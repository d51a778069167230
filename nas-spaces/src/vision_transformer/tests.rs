#![allow(clippy::unwrap_used)]

use nas_api::graph::{Counts, count, memory, shape};
use nas_api::{Setting, Value};

use super::*;

fn space(set: &[(&str, Value)]) -> VisionTransformer {
    let set: Vec<Setting> =
        set.iter().map(|(name, value)| Setting { name: (*name).into(), value: value.clone() }).collect();
    VisionTransformer::open(&Settings::checked(&VisionTransformer::parameters(), &set).unwrap()).unwrap()
}

fn task(space: &VisionTransformer, input: &[i64], outputs: u32) -> Task {
    let settings = Settings::defaults(&space.task_parameters());
    Task { input_shape: input.to_vec(), outputs, kind: "classification".into(), settings }
}

fn counts(space: &VisionTransformer, text: &str, input: &[i64], outputs: u32) -> Counts {
    let task = task(space, input, outputs);
    let graph = space.build(&space.parse(text).unwrap(), &task).unwrap();
    let shapes = shape::infer(&graph, input).unwrap();
    assert_eq!(shapes[graph.outputs[0] as usize], [i64::from(outputs)]);
    count::count(&graph, &shapes).unwrap()
}

/// The parameters are those that torchvision (ViT-B/16, B/32, L/16) and timm (Ti/16, S/16) report.
#[test]
fn published_networks_have_their_parameters() {
    let space = space(&[]);
    for (layers, patch, width, heads, params) in [
        (12, 16, 192, 3, 5_717_416),
        (12, 16, 384, 6, 22_050_664),
        (12, 16, 768, 12, 86_567_656),
        (12, 32, 768, 12, 88_224_232),
        (24, 16, 1024, 16, 304_326_632),
    ] {
        let text = format!("layers={layers},patch={patch},width={width},pooling=class,heads={heads},ratio=4");
        assert_eq!(counts(&space, &text, &[3, 224, 224], 1000).params, params, "{text}");
    }
}

/// torchvision states 17.564 "GFLOPS" for ViT-B/16, which are multiply-accumulates with those of the attention. The
/// exact number is half the count of PyTorch's flop counter.
#[test]
fn vit_b_16_costs_what_is_published() {
    let space = space(&[]);
    let text = "layers=12,patch=16,width=768,pooling=class,heads=12,ratio=4";
    let counts = counts(&space, text, &[3, 224, 224], 1000);
    let patches = 196 * 768 * 3 * 16 * 16;
    let layer = 197 * (4 * 768 * 768 + 2 * 768 * 3072) + 2 * 197 * 197 * 768;
    assert_eq!(counts.macs, patches + 12 * layer + 768 * 1000);
    assert_eq!(counts.macs, 17_563_828_224);
    // The longest path has the patches, five products in every layer, and the head.
    assert_eq!(counts.depth, 1 + 12 * 5 + 1);
}

#[test]
fn every_layer_can_have_its_own_sizes() {
    let per_layer = space(&[
        ("per_layer", Value::Truth(true)),
        ("widths", Value::Numbers(vec![192.0, 216.0, 240.0])),
        ("layers", Value::Numbers(vec![2.0, 3.0])),
        ("heads", Value::Numbers(vec![3.0, 4.0])),
        ("ratios", Value::Numbers(vec![3.5, 4.0])),
        ("patches", Value::Numbers(vec![16.0])),
    ]);
    let text = "layers=2,patch=16,width=216,pooling=mean,heads1=3,ratio1=3.5,heads2=4,ratio2=4";
    let layer = |inner: u64, hidden: u64| {
        2 * 2 * 216 + 3 * (216 * inner + inner) + (inner * 216 + 216) + (216 * hidden + hidden) + (hidden * 216 + 216)
    };
    let outside = (768 * 216 + 216) + 4 * 216 + 2 * 216 + (216 * 10 + 10);
    let found = counts(&per_layer, text, &[3, 32, 32], 10).params;
    assert_eq!(found, outside + layer(3 * 64, 756) + layer(4 * 64, 864));
    // There are 3 widths, 2 poolings, and 4 choices for each of 2 or 3 layers.
    let expected = 3.0 * 2.0 * (16.0 + 64.0);
    assert!((per_layer.info().log10_size.unwrap() - f64::log10(expected)).abs() < 1e-12);
}

#[test]
fn small_images_and_other_inputs_are_refused() {
    let space = space(&[]);
    let genotype = space.parse("layers=2,patch=32,width=192,pooling=mean,heads=3,ratio=1").unwrap();
    for (input, words) in [(&[3, 31, 64][..], "smaller than a patch of 32x32"), (&[64], "takes images")] {
        let error = space.build(&genotype, &task(&space, input, 10)).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    assert!(space.build(&genotype, &task(&space, &[3, 33, 95], 10)).is_ok());
}

#[test]
fn dropout_costs_only_memory() {
    let space = space(&[]);
    let genotype = space.parse("layers=2,patch=8,width=192,pooling=class,heads=3,ratio=2").unwrap();
    let mut task = task(&space, &[1, 16, 16], 10);
    let plain = space.build(&genotype, &task).unwrap();
    task.settings = Settings(vec![Setting { name: "dropout".into(), value: Value::Number(0.1) }]);
    let dropped = space.build(&genotype, &task).unwrap();
    assert_eq!(dropped.nodes.len(), plain.nodes.len() + 5);
    let count = |graph: &Graph| count::count(graph, &shape::infer(graph, &[1, 16, 16]).unwrap()).unwrap();
    assert_eq!(count(&plain), count(&dropped));
    let memory =
        |graph: &Graph| memory::memory(graph, &shape::infer(graph, &[1, 16, 16]).unwrap(), 1, 4).unwrap().training;
    // There are five more values of 5 tokens each.
    assert_eq!(memory(&dropped), memory(&plain) + 4 * 5 * 5 * 192);
}
