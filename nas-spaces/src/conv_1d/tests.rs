#![allow(clippy::unwrap_used)]

use nas_api::graph::{Counts, Shape, count, shape};
use nas_api::{Setting, Value};

use super::*;

fn space(per_layer: bool) -> Conv1d {
    let set = [Setting { name: "per_layer".into(), value: Value::Truth(per_layer) }];
    Conv1d::open(&Settings::checked(&Conv1d::parameters(), &set).unwrap()).unwrap()
}

fn task(space: &Conv1d, input: &[i64]) -> Task {
    let settings = Settings::defaults(&space.task_parameters());
    Task { input_shape: input.to_vec(), outputs: 5, kind: "classification".into(), settings }
}

fn built(space: &Conv1d, text: &str, input: &[i64]) -> (Graph, Vec<Shape>, Counts) {
    let graph = space.build(&space.parse(text).unwrap(), &task(space, input)).unwrap();
    let shapes = shape::infer(&graph, input).unwrap();
    let counts = count::count(&graph, &shapes).unwrap();
    (graph, shapes, counts)
}

/// The expected counts are worked out by hand and equal those of a PyTorch module built from the description.
#[test]
fn counts_agree_with_hand_calculation() {
    let text = "layers=2,width=16,norm=batch,activation=relu,causal=no,pooling=mean,\
                multiple1=1,kernel1=3,dilation1=1,stride1=1,multiple2=2,kernel2=5,dilation2=4,stride2=2";
    let (_, _, counts) = built(&space(true), text, &[3, 101]);
    let stem = 3 * 16 * 7;
    let first = 2 * 16 * 16 * 3;
    let (a, b, short) = (16 * 32 * 5, 32 * 32 * 5, 16 * 32);
    let norms = 2 * (16 + 16 + 16 + 32 + 32 + 32);
    assert_eq!(counts.params, stem + first + a + b + short + norms + 32 * 5 + 5);
    assert_eq!(counts.params, 10_517);
    // The second block halves 101 positions to 51.
    assert_eq!(counts.macs, 101 * (stem + first) + 51 * (a + b + short) + 32 * 5);
    assert_eq!(counts.depth, 1 + 4 + 1);
}

#[test]
fn every_block_keeps_or_halves_the_length() {
    let per_layer = space(true);
    for causal in ["no", "yes"] {
        for length in [1, 2, 9, 64] {
            let text = format!(
                "layers=2,width=16,norm=group,activation=silu,causal={causal},pooling=last,\
                 multiple1=1,kernel1=15,dilation1=8,stride1=1,multiple2=1,kernel2=3,dilation2=1,stride2=2"
            );
            let (graph, shapes, _) = built(&per_layer, &text, &[2, length]);
            let of = |name: &str| &shapes[graph.nodes.iter().position(|node| node.name == name).unwrap()];
            assert_eq!(of("block1.add"), &[16, length]);
            assert_eq!(of("block2.add"), &[16, (length + 1) / 2]);
            assert_eq!(of("head.pool"), &[16, 1]);
        }
    }
}

/// As in TCN, with kernel k and doubling dilation the last position sees 1 + 2(k − 1)(2ⁿ − 1) positions.
#[test]
fn one_layer_may_stand_for_all_with_doubling_dilation() {
    let shared = space(false);
    let text = "layers=4,width=32,norm=none,activation=relu,causal=yes,pooling=last,\
                multiple=1,kernel=3,dilation=doubling,stride=1";
    let (graph, _, counts) = built(&shared, text, &[1, 200]);
    let dilations: Vec<i64> = graph
        .nodes
        .iter()
        .filter(|node| node.name.ends_with(".a.conv"))
        .map(|node| node.ints("dilations", 1, Some(1)).unwrap()[0])
        .collect();
    assert_eq!(dilations, [1, 2, 4, 8]);
    let pads = |node: &nas_api::Node| node.ints("pads", 2, None).unwrap();
    assert!(graph.nodes.iter().filter(|node| node.op == "Conv").all(|node| pads(node)[1] == 0));
    // Convolutions have biases because there is no normalisation.
    assert_eq!(counts.params, (7 * 32 + 32) + 8 * (32 * 32 * 3 + 32) + 32 * 5 + 5);
    assert!(!shared.info().conditional && shared.info().standard);
}

#[test]
fn inputs_other_than_signals_and_even_kernels_are_refused() {
    let per_layer = space(true);
    let error = per_layer.build(&per_layer.sample(1), &task(&per_layer, &[3, 8, 8])).unwrap_err().to_string();
    assert!(error.contains("takes signals [channels, length], not [3, 8, 8]"), "{error}");
    let set = [Setting { name: "kernels".into(), value: Value::Numbers(vec![3.0, 4.0]) }];
    let error = Conv1d::open(&Settings::checked(&Conv1d::parameters(), &set).unwrap()).unwrap_err().to_string();
    assert!(error.contains("odd, but one is 4"), "{error}");
}
