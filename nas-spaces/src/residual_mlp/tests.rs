#![allow(clippy::unwrap_used)]

use nas_api::graph::{Counts, count, shape};

use super::*;

fn space() -> ResidualMlp {
    ResidualMlp::open(&Settings::defaults(&ResidualMlp::parameters())).unwrap()
}

fn task(features: i64) -> Task {
    let settings = Settings::defaults(&space().task_parameters());
    Task { input_shape: vec![features], outputs: 3, kind: "regression".into(), settings }
}

fn counts(text: &str) -> Counts {
    let space = space();
    let graph = space.build(&space.parse(text).unwrap(), &task(10)).unwrap();
    let shapes = shape::infer(&graph, &[10]).unwrap();
    assert_eq!(shapes[graph.outputs[0] as usize], [3]);
    count::count(&graph, &shapes).unwrap()
}

/// The number of parameters is that of the ResNet in the authors' package `rtdl_revisiting_models`, with 3 blocks.
#[test]
fn the_published_resnet_has_its_parameters() {
    let text = "layers=3,width=192,embedding=none,norm=batch,activation=relu,ratio=2,dropout=0.25";
    let block = 2 * 192 + (192 * 384 + 384) + (384 * 192 + 192);
    assert_eq!(counts(text).params, (10 * 192 + 192) + 3 * block + 2 * 192 + (192 * 3 + 3));
    assert_eq!(counts(text).params, 448_323);
    assert_eq!(counts(text).macs, 10 * 192 + 3 * 2 * 192 * 384 + 192 * 3);
    assert_eq!(counts(text).depth, 1 + 6 + 1);
}

#[test]
fn embeddings_have_separate_weights_for_every_feature() {
    let with = |embedding: &str| {
        counts(&format!("layers=1,width=32,embedding={embedding},norm=none,activation=selu,ratio=1,dropout=0"))
    };
    let none = with("none");
    let first = |inputs: u64| inputs * 32;
    let linear = with("linear,embedding_width=8");
    assert_eq!(linear.params - none.params, 10 * 8 + 10 * 8 + first(80) - first(10));
    assert_eq!(linear.macs - none.macs, first(80) - first(10));
    assert_eq!(with("linear-relu,embedding_width=8"), linear);
    let piecewise = with("piecewise,embedding_width=16");
    assert_eq!(piecewise.params - none.params, 10 * 8 * 16 + 10 * 16 + first(160) - first(10));
    assert_eq!(piecewise.macs - none.macs, 10 * 8 * 16 + first(160) - first(10));
    assert_eq!(with("piecewise-relu,embedding_width=16"), piecewise);
}

#[test]
fn the_embedding_width_is_decided_only_with_an_embedding() {
    let space = space();
    assert!(space.parse("layers=1,width=32,embedding=none,norm=none,activation=selu,ratio=1,dropout=0").is_ok());
    let error = space.parse("layers=1,width=32,embedding=linear,norm=none").unwrap_err().to_string();
    assert!(error.contains("'embedding_width' comes next"), "{error}");
    // There are 6 depths, 7 widths, no embedding or 4 of 4 widths, 3 norms, 4 activations, 3 ratios and 4 dropouts.
    let size = 6.0 * 7.0 * 17.0 * 12.0 * 12.0;
    assert!((space.info().log10_size.unwrap() - f64::log10(size)).abs() < 1e-12);
}

#[test]
fn inputs_of_any_shape_are_accepted() {
    let space = space();
    for shape in [&[4][..], &[2, 3], &[1, 5, 5]] {
        let task = Task { input_shape: shape.to_vec(), ..task(1) };
        for seed in 0..20 {
            let graph = space.build(&space.sample(seed), &task).unwrap();
            shape::infer(&graph, shape).unwrap();
        }
    }
    let error = space.build(&space.sample(0), &Task { input_shape: vec![], ..task(1) }).unwrap_err().to_string();
    assert!(error.contains("takes numbers"), "{error}");
}
