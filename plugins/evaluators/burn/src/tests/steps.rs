//! Tests single steps of a training, and graphs that are refused before the first step.

#![allow(clippy::unwrap_used)]

use burn::tensor::Device;
use nas_api::rng::{RngExt, seeded};
use nas_api::{Graph, GraphBuilder, Window};
use nas_data::{Examples, Targets};
use nas_network::loss::Loss;
use nas_network::{Network, first, plan};

use super::mlp;
use crate::hyperparameters::Training;
use crate::trainer::{self, Trainer};

const IMAGE: [usize; 3] = [2, 6, 5];
const LABELS: [u32; 4] = [0, 2, 1, 2];
const OUTPUTS: usize = 3;

fn inputs(examples: usize) -> Vec<f32> {
    let mut rng = seeded(5);
    (0..examples * IMAGE.iter().product::<usize>()).map(|_| rng.random::<f32>() * 4.0 - 2.0).collect()
}

/// A normalised convolution before a linear layer.
fn convolution() -> Graph {
    let mut graph = GraphBuilder::new();
    let input = graph.input();
    let conv = graph.conv("conv", input, 4, Window::same(3, 1));
    let norm = graph.op("norm", "BatchNormalization", &[conv]);
    let relu = graph.op("relu", "Relu", &[norm]);
    let flat = graph.op("flatten", "Flatten", &[relu]);
    let head = graph.gemm("head", flat, OUTPUTS as i64);
    graph.finish(&[head])
}

/// The gradient of the mean loss by the outputs, and the loss itself.
fn slope(loss: Loss, outputs: &[f32]) -> (Vec<f32>, f64) {
    let mut slope = Vec::new();
    let mut total = 0.0;
    for (output, &label) in outputs.chunks(OUTPUTS).zip(&LABELS) {
        let target: Vec<f32> = (0..OUTPUTS).map(|class| f32::from(class == label as usize)).collect();
        total += loss.example(output, &target) / LABELS.len() as f64;
        let exponentials: Vec<f64> = output.iter().map(|&x| f64::from(x).exp()).collect();
        let sum: f64 = exponentials.iter().sum();
        for ((&output, &target), exponential) in output.iter().zip(&target).zip(exponentials) {
            slope.push(match loss {
                Loss::CrossEntropy => ((exponential / sum - f64::from(target)) / LABELS.len() as f64) as f32,
                Loss::MeanSquaredError => 2.0 * (output - target) / (LABELS.len() * OUTPUTS) as f32,
            });
        }
    }
    (slope, total)
}

/// One step of plain gradient descent at rate 1 moves each weight by its gradient, including that of the penalties.
#[test]
fn a_plain_step_moves_every_weight_by_its_gradient() {
    let device = Device::flex().autodiff();
    let (l1, l2) = (0.01, 0.02);
    for graph in [convolution(), mlp(&[5], OUTPUTS as i64)] {
        for loss in [Loss::CrossEntropy, Loss::MeanSquaredError] {
            let made = plan(&graph, &IMAGE, OUTPUTS).unwrap();
            let mut network = Network::new(made.clone(), 1, &device);
            let before = network.arrays().unwrap();
            let output = first(network.forward_training(inputs(LABELS.len()), 0));
            let (directions, expected_loss) = slope(loss, &output.into_data().try_to_vec::<f32>().unwrap());
            let gradients = network.gradients(inputs(LABELS.len()), directions).unwrap();

            let training = Training { l1, l2, ..Training::plain(LABELS.len(), loss, 1.0) };
            let mut trainer = Trainer::new(made, &training, 1, &device);
            let targets = Targets::Labels { labels: LABELS.to_vec(), classes: OUTPUTS as u32 };
            let inputs = inputs(LABELS.len()).into();
            let examples = Examples { shape: IMAGE.to_vec(), inputs, targets };
            // The examples are one batch in some order, on which batch statistics and the mean loss do not depend.
            assert!(trainer.epoch(&training, &examples, 1, &|| false).unwrap());
            let after = trainer.network.arrays().unwrap();

            let mut penalties = 0.0;
            let learned = before.iter().zip(&after).filter(|(array, _)| !array.name.contains("running"));
            for ((before, after), gradient) in learned.zip(&gradients) {
                assert_eq!(before.name, gradient.name);
                let penalised = ["conv.weight", "hidden0.weight", "head.weight"].contains(&before.name.as_str());
                for ((&before, &after), &gradient) in before.values.iter().zip(&after.values).zip(&gradient.values) {
                    let (w, mut expected) = (f64::from(before), f64::from(gradient));
                    if penalised {
                        penalties += l1 * w.abs() + l2 * w * w;
                        expected += l1 * w.signum() + 2.0 * l2 * w;
                    }
                    let found = f64::from(before) - f64::from(after);
                    let error = (found - expected).abs();
                    assert!(error <= 1e-5 + 1e-3 * expected.abs(), "{loss:?}: {found}, not {expected}");
                }
            }
            let expected = expected_loss + penalties;
            assert!((trainer.train_loss - expected).abs() < 1e-4 * expected, "{}, not {expected}", trainer.train_loss);
        }
    }
}

#[test]
fn outputs_at_every_position_are_refused_if_an_example_has_one_target() {
    let mut graph = GraphBuilder::new();
    let input = graph.input();
    let head = graph.gemm("head", input, OUTPUTS as i64);
    let graph = graph.finish(&[head]);
    let targets = Targets::Labels { labels: vec![0, 1], classes: OUTPUTS as u32 };
    let examples = Examples { shape: IMAGE.to_vec(), inputs: inputs(2).into(), targets };
    let refused = trainer::plan(&graph, &examples).unwrap_err().to_string();
    assert!(refused.contains("'head' (Gemm)") && refused.contains("3 numbers 12 times"), "{refused}");
}
