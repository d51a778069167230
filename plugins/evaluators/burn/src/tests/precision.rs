//! Tests trainings with narrow products.

#![allow(clippy::unwrap_used)]

use std::fs;

use burn::tensor::Device;
use nas_api::{EvaluatorPlugin, Graph, GraphBuilder, Metric, Request, Value, Window};
use nas_data::{Examples, Targets};
use nas_network::Precision;
use nas_network::loss::Loss;
use nas_network::weights_file::Archive;

use crate::hyperparameters::Training;
use crate::loss_scale::LossScale;
use crate::tests::training::everything;
use crate::tests::{bits, cnn, failure, measure, metric, mlp, number, open, request, settings, text};
use crate::trainer::Trainer;
use crate::{BurnEvaluator, Cpu, Devices, Place};

const NARROW: [&str; 2] = ["bf16", "f16"];

/// A network with two normalised convolutions.
fn convolutions() -> Graph {
    let mut graph = GraphBuilder::new();
    let mut value = graph.input();
    for (layer, channels) in ["first", "second"].into_iter().zip([8, 16]) {
        value = graph.conv(layer, value, channels, Window::same(3, 1));
        value = graph.op(format!("{layer}.norm"), "BatchNormalization", &[value]);
        value = graph.op(format!("{layer}.relu"), "Relu", &[value]);
        value = graph.pool(format!("{layer}.pool"), "MaxPool", value, Window { kernel: 2, stride: 2, padding: 0 });
    }
    let flat = graph.op("flatten", "Flatten", &[value]);
    let head = graph.gemm("head", flat, 10);
    graph.finish(&[head])
}

#[test]
fn narrow_products_recognise_digits_as_well_as_wide_ones() {
    let accuracy = |precision: &str, seed: u32| {
        let evaluator = open(&[("epochs", number(10.0)), ("batch_size", number(32.0)), ("precision", text(precision))]);
        metric(&measure(&evaluator, &Request { seed, ..request(&convolutions(), 10.0) }), "val_accuracy")
    };
    let mean = |precision: &str| (0..3).map(|seed| accuracy(precision, seed)).sum::<f64>() / 3.0;
    let wide = mean("f32");
    assert!(wide > 0.93, "{wide}");
    for precision in NARROW {
        let narrow = mean(precision);
        println!("{precision} {narrow:.4}, f32 {wide:.4}");
        assert!((narrow - wide).abs() < 0.02, "{precision}: {narrow}, f32: {wide}");
    }
}

#[test]
fn concurrent_narrow_trainings_give_the_same_bits() {
    for precision in NARROW {
        let given = [("epochs", number(2.0)), ("train_limit", number(200.0)), ("precision", text(precision))];
        let evaluator = open(&given);
        let trained = |seed| bits(&measure(&evaluator, &Request { seed, ..request(&cnn(), 2.0) }));
        let alone: Vec<_> = (0..2).map(trained).collect();
        let together: Vec<_> = std::thread::scope(|scope| {
            let running: Vec<_> = (0..2).map(|seed| scope.spawn(move || trained(seed))).collect();
            running.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(together, alone, "{precision}");
    }
}

#[test]
fn resumed_narrow_trainings_give_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    for precision in NARROW {
        let given = [everything(), vec![("precision", text(precision))]].concat();
        let evaluator = BurnEvaluator::open(&settings(&given), Some(folder.path())).unwrap();
        let straight = measure(&evaluator, &request(&cnn(), 6.0));
        measure(&evaluator, &Request { trial: 1, keep_checkpoint: true, ..request(&cnn(), 2.0) });
        let last = measure(&evaluator, &Request { trial: 3, resume: Some(1), seed: 99, ..request(&cnn(), 6.0) });
        assert_eq!(bits(&last), bits(&straight), "{precision}");
    }
}

/// Four examples with the target `target`, for a network with one output.
fn regression(target: f32) -> Examples {
    let inputs: Vec<f32> = (0..8).map(|at| at as f32 / 8.0).collect();
    Examples { shape: vec![1, 1, 2], inputs: inputs.into(), targets: Targets::Values(vec![target; 4]) }
}

/// A training in half precision that takes all examples in one step.
fn half(rate: f64) -> Training {
    Training { precision: Precision::F16, ..Training::plain(4, Loss::MeanSquaredError, rate) }
}

fn trainer(training: &Training) -> Trainer {
    let plan = nas_network::plan(&mlp(&[4], 1), &[1, 1, 2], 1).unwrap().in_precision(training.precision);
    Trainer::new(plan, training, 3, &Device::flex().autodiff())
}

fn scale(archive: &Archive) -> f32 {
    LossScale::kept(archive, "here").unwrap().factor()
}

#[test]
fn steps_that_overflow_are_skipped_and_the_scale_settles() {
    let (examples, training) = (regression(10.0), half(0.001));
    let mut trainer = trainer(&training);
    let initial = trainer.archive().unwrap();
    assert_eq!(scale(&initial), 65_536.0);
    // The gradient is at least 2 · -10 / 4 per example, which times the scale exceeds the range of f16.
    trainer.epoch(&training, &examples, 20, &|| false).unwrap();
    let skipped = trainer.archive().unwrap();
    assert_eq!((scale(&skipped), &skipped.arrays), (32_768.0, &initial.arrays), "nothing was changed");
    assert!(trainer.train_loss > 50.0, "the loss itself was finite: {}", trainer.train_loss);
    (1..20).for_each(|_| assert!(trainer.epoch(&training, &examples, 20, &|| false).unwrap()));
    let trained = trainer.archive().unwrap();
    assert!((1_024.0..16_384.0).contains(&scale(&trained)), "{}", scale(&trained));
    assert_ne!(trained.arrays, initial.arrays);
    // Resumed, it continues with the same scale and gives the same bits.
    let plan = nas_network::plan(&mlp(&[4], 1), &[1, 1, 2], 1).unwrap().in_precision(Precision::F16);
    let kept = trainer.archive().unwrap();
    let mut other = Trainer::carry_on(kept, plan, &training, &Device::flex().autodiff()).unwrap();
    for trainer in [&mut trainer, &mut other] {
        trainer.epoch(&training, &examples, 21, &|| false).unwrap();
    }
    let [one, two] = [trainer, other].map(|trainer| trainer.archive().unwrap());
    assert_eq!(scale(&one), scale(&two));
    assert_eq!(one, two);
}

#[test]
fn overflows_at_every_scale_fail() {
    let (examples, training) = (regression(1e9), half(1e-12));
    let mut trainer = trainer(&training);
    let ended = (0..30).find_map(|_| trainer.epoch(&training, &examples, 30, &|| false).err());
    let words = ended.unwrap().to_string();
    assert!(words.contains("overflow f16") && words.contains("epoch 17") && words.contains("bf16"), "{words}");
}

#[test]
fn an_epoch_without_a_finite_loss_fails_with_its_last_batch() {
    // The squared error does not fit into 32 bits, while the scale of the loss could still fall.
    let (examples, training) = (regression(1e30), Training { batch_size: 1, ..half(0.5) });
    let words = trainer(&training).epoch(&training, &examples, 30, &|| false).unwrap_err().to_string();
    assert!(words.contains("became inf in epoch 1, batch 4 (learning rate 5.00e-1)"), "{words}");
}

#[test]
fn a_loss_that_stays_infinite_fails_the_trial() {
    for precision in NARROW {
        let given = [("learning_rate", number(100.0)), ("optimizer", text("sgd")), ("precision", text(precision))];
        let words = failure(&open(&given), &request(&mlp(&[64, 64], 10), 10.0));
        assert!(words.contains("training diverged"), "{words}");
    }
}

#[test]
fn final_training_saves_wide_weights_with_the_same_test_loss() {
    let folder = tempfile::tempdir().unwrap();
    let (file, graph) = (folder.path().join("w.safetensors"), mlp(&[16], 10));
    let evaluator = open(&[("train_limit", number(300.0)), ("precision", text("bf16"))]);
    let trained = evaluator.train_final(&graph, 2, 1, Some(&file), &|| false, &mut |_| {}).unwrap().unwrap();
    let read = evaluator.evaluate_weights(&graph, &file).unwrap();
    let of = |metrics: &[Metric]| Metric::find(metrics, "test_loss").unwrap();
    assert_eq!(of(&read).to_bits(), of(&trained.metrics).to_bits());
    let archive = Archive::from_bytes(&fs::read(&file).unwrap(), "w").unwrap();
    let finer = |value: &f32| value.to_bits() & 0xffff != 0;
    assert!(archive.arrays[0].values.iter().any(finer), "weights have more bits than bf16");
}

/// A device that computes in 32 bits only.
#[derive(Debug)]
struct Plain;

impl Devices for Plain {
    const NAME: &'static str = "plain";
    const DESCRIPTION: &'static str = "";
    const DEFAULT: Place = Place::Cpu;

    fn open(place: Place) -> nas_api::Result<Device> {
        Cpu::open(place)
    }

    fn has(_place: Place, _device: &Device, precision: Precision) -> bool {
        precision == Precision::F32
    }
}

#[test]
fn a_device_without_the_precision_is_refused() {
    let open = |precision: &str| crate::Burn::<Plain>::open(&settings(&[("precision", text(precision))]), None);
    assert!(open("f32").is_ok());
    let words = open("bf16").unwrap_err().to_string();
    assert!(words.contains("'precision' is bf16") && words.contains("cpu") && words.contains("f32"), "{words}");
    let wrong = nas_api::Setting { name: "precision".into(), value: Value::Text("f8".into()) };
    let words = nas_api::Settings::checked(&BurnEvaluator::info().parameters, &[wrong]).unwrap_err().to_string();
    assert!(words.contains("precision") && words.contains("bf16"), "{words}");
}
