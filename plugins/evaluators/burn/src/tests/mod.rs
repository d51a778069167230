//! Tests the evaluator through the interface that the host uses.

#![allow(clippy::unwrap_used, clippy::panic)]

mod detection;
mod final_training;
mod precision;
mod reports;
mod steps;
mod tables;
mod text;
mod training;

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use nas_api::rng::{RngExt, seeded};
use nas_api::{
    Attribute, Candidate, Evaluator, EvaluatorPlugin, Graph, GraphBuilder, Measurement, Metric, Request, SearchSpace,
    Setting, Settings, Task, Value, Window,
};

use crate::BurnEvaluator;

pub fn settings(given: &[(&str, Value)]) -> Settings {
    let given: Vec<Setting> =
        given.iter().map(|(name, value)| Setting { name: (*name).into(), value: value.clone() }).collect();
    Settings::checked(&BurnEvaluator::info().parameters, &given).unwrap()
}

pub fn open(given: &[(&str, Value)]) -> BurnEvaluator {
    BurnEvaluator::open(&settings(given), None).unwrap()
}

pub fn number(value: f64) -> Value {
    Value::Number(value)
}

pub fn text(value: impl AsRef<Path>) -> Value {
    Value::Text(value.as_ref().to_string_lossy().into_owned())
}

/// A perceptron with hidden layers of these widths.
pub fn mlp(widths: &[i64], outputs: i64) -> Graph {
    let mut graph = GraphBuilder::new();
    let input = graph.input();
    let mut value = graph.op("flatten", "Flatten", &[input]);
    for (layer, &width) in widths.iter().enumerate() {
        value = graph.gemm(format!("hidden{layer}"), value, width);
        value = graph.op(format!("relu{layer}"), "Relu", &[value]);
    }
    let head = graph.gemm("head", value, outputs);
    graph.finish(&[head])
}

/// A network with everything that has a state, draws random numbers or exists only in training: normalisation, dropout,
/// a droppable path and an auxiliary head.
pub fn cnn() -> Graph {
    let mut graph = GraphBuilder::new();
    let input = graph.input();
    let conv = graph.conv("conv", input, 6, Window::same(3, 1));
    let norm = graph.op("norm", "BatchNormalization", &[conv]);
    let relu = graph.op("relu", "Relu", &[norm]);
    let path = graph.drop_path("path", relu);
    let sum = graph.add("sum", norm, path);
    let pool = graph.op("pool", "GlobalAveragePool", &[sum]);
    let flat = graph.op("flatten", "Flatten", &[pool]);
    let dropped = graph.node("dropout", "Dropout", &[flat], vec![("ratio".into(), Attribute::Float(0.2))]);
    let aside = graph.global_average("aside.average", conv);
    let aside = graph.gemm("aside.logits", aside, 10);
    graph.auxiliary("aside", aside);
    let head = graph.gemm("head", dropped, 10);
    graph.finish(&[head])
}

pub fn request(graph: &Graph, fidelity: f64) -> Request {
    Request {
        trial: 0,
        candidate: Candidate::Discrete(vec![0]),
        key: "k".into(),
        text: "t".into(),
        graph: graph.clone(),
        fidelity: Some(fidelity),
        resume: None,
        keep_checkpoint: false,
        seed: 7,
        prunable: false,
    }
}

pub fn measure(evaluator: &BurnEvaluator, request: &Request) -> Measurement {
    evaluator.evaluate(request, &|| false).unwrap().unwrap()
}

/// The metrics as bits, without times.
pub fn bits(measurement: &Measurement) -> Vec<(String, u64)> {
    assert_eq!(measurement.failure, None);
    let metrics = measurement.metrics.iter().filter(|metric| metric.name != "train_seconds");
    metrics.map(|metric| (metric.name.clone(), metric.value.to_bits())).collect()
}

pub fn metric(measurement: &Measurement, name: &str) -> f64 {
    assert_eq!(measurement.failure, None);
    Metric::find(&measurement.metrics, name).unwrap()
}

pub fn failure(evaluator: &BurnEvaluator, request: &Request) -> String {
    measure(evaluator, request).failure.unwrap().reason
}

#[test]
fn an_opened_evaluator_declares_its_task_and_fidelities() {
    let opened = open(&[("epochs", number(4.0))]).instance_info();
    assert_eq!(opened.fidelities, [1.0, 2.0, 3.0, 4.0]);
    let task = opened.task.unwrap();
    assert_eq!((task.input_shape, task.outputs, task.kind.as_str()), (vec![1, 8, 8], 10, "classification"));
}

#[test]
fn resumed_trainings_give_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    for optimizer in ["sgd", "adam", "adamw"] {
        for state in [None, Some(folder.path())] {
            let given = [("epochs", number(5.0)), ("optimizer", text(optimizer)), ("train_limit", number(300.0))];
            let evaluator = BurnEvaluator::open(&settings(&given), state).unwrap();
            let straight = measure(&evaluator, &request(&cnn(), 5.0));
            let first = Request { trial: 1, keep_checkpoint: true, ..request(&cnn(), 2.0) };
            measure(&evaluator, &first);
            let second = Request { trial: 2, keep_checkpoint: true, resume: Some(1), ..request(&cnn(), 3.0) };
            measure(&evaluator, &second);
            // The seed of the first trial stays in effect.
            let third = Request { trial: 3, resume: Some(2), seed: 99, ..request(&cnn(), 5.0) };
            assert_eq!(bits(&measure(&evaluator, &third)), bits(&straight), "{optimizer}");
        }
    }
}

#[test]
fn a_trial_that_cannot_be_resumed_fails() {
    let evaluator = open(&[("epochs", number(3.0)), ("train_limit", number(100.0))]);
    measure(&evaluator, &Request { trial: 1, keep_checkpoint: true, ..request(&mlp(&[8], 10), 2.0) });
    measure(&evaluator, &Request { trial: 2, ..request(&mlp(&[8], 10), 2.0) });
    let on = |trial, graph: &Graph, epochs| Request { trial: 9, resume: Some(trial), ..request(graph, epochs) };
    assert!(failure(&evaluator, &on(2, &mlp(&[8], 10), 3.0)).contains("its state was not saved"));
    assert!(failure(&evaluator, &on(1, &mlp(&[9], 10), 3.0)).contains("another network"));
    assert!(failure(&evaluator, &on(1, &mlp(&[8], 10), 1.0)).contains("already trained for 2 epochs"));
}

#[test]
fn a_state_that_cannot_be_written_is_not_the_fault_of_the_candidate() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("no-folder");
    fs::write(&file, "").unwrap();
    let evaluator = BurnEvaluator::open(&settings(&[("train_limit", number(100.0))]), Some(&file)).unwrap();
    let keeping = Request { trial: 1, keep_checkpoint: true, ..request(&mlp(&[8], 10), 1.0) };
    let broken = evaluator.evaluate(&keeping, &|| false).unwrap_err().to_string();
    assert!(broken.contains("no-folder"), "{broken}");
    // A trial that saves nothing succeeds.
    measure(&evaluator, &request(&mlp(&[8], 10), 1.0));
}

#[test]
fn concurrent_trials_give_the_same_bits() {
    let evaluator = open(&[("epochs", number(2.0)), ("train_limit", number(400.0))]);
    let requests: Vec<Request> = (0..6)
        .map(|trial| Request {
            trial,
            seed: trial,
            ..request(&if trial % 2 == 0 { cnn() } else { mlp(&[32], 10) }, 2.0)
        })
        .collect();
    let alone: Vec<_> = requests.iter().map(|request| bits(&measure(&evaluator, request))).collect();
    let together: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            requests.iter().map(|request| scope.spawn(|| bits(&measure(&evaluator, request)))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(alone, together);
    assert_ne!(alone[0], alone[2], "another seed gives other numbers");
}

#[test]
fn every_optimizer_schedule_and_loss_learns() {
    for (optimizer, rate) in [("sgd", 0.05), ("adam", 0.003), ("adamw", 0.003)] {
        for schedule in ["cosine", "constant"] {
            for loss in ["cross_entropy", "mse"] {
                let given = [
                    ("optimizer", text(optimizer)),
                    ("learning_rate", number(rate)),
                    ("schedule", text(schedule)),
                    ("loss", text(loss)),
                    ("epochs", number(20.0)),
                ];
                let measured = measure(&open(&given), &request(&mlp(&[64], 10), 20.0));
                let accuracy = metric(&measured, "val_accuracy");
                assert!(accuracy > 0.8, "{optimizer}, {schedule}, {loss}: {accuracy}");
                assert!(measured.metrics.iter().all(|metric| !metric.name.starts_with("test")));
            }
        }
    }
}

#[test]
fn penalties_shrink_the_weights() {
    let trained = |l1: f64, l2: f64| {
        let given = [("l1", number(l1)), ("l2", number(l2)), ("weight_decay", number(0.0)), ("epochs", number(5.0))];
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.safetensors");
        let mut quiet = |_| {};
        open(&given).train_final(&mlp(&[32], 10), 5, 1, Some(&path), &|| false, &mut quiet).unwrap().unwrap();
        let bytes = fs::read(path).unwrap();
        let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let weight = tensors.tensor("hidden0.weight").unwrap();
        assert_eq!(weight.shape(), [32, 64]);
        let values = weight.data().chunks(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()).abs());
        let values: Vec<f32> = values.collect();
        let small = values.iter().filter(|value| **value < 0.01).count();
        (values.iter().map(|value| value * value).sum::<f32>(), small)
    };
    let (plain, few_small) = trained(0.0, 0.0);
    let (squares, _) = trained(0.0, 0.03);
    let (_, many_small) = trained(0.01, 0.0);
    assert!(squares < 0.8 * plain, "{squares} of {plain}");
    assert!(many_small > 3 * few_small, "{many_small} and {few_small} weights near 0");
}

#[test]
fn diverged_trainings_fail_with_advice() {
    let given = [("optimizer", text("sgd")), ("learning_rate", number(100.0)), ("loss", text("mse"))];
    let reason = failure(&open(&given), &request(&mlp(&[64, 64], 10), 10.0));
    assert!(reason.starts_with("training diverged") && reason.contains("'learning_rate'"), "{reason}");
}

#[test]
fn candidates_that_cannot_be_trained_fail_with_a_message() {
    let evaluator = open(&[("epochs", number(3.0))]);
    for epochs in [0.0, 2.5, 4.0, f64::NAN] {
        assert!(failure(&evaluator, &request(&mlp(&[8], 10), epochs)).contains("a whole number from 1 to 3"));
    }
    assert!(failure(&evaluator, &request(&mlp(&[8], 9), 1.0)).contains("the task has 10"));
    let relaxed = Request { candidate: Candidate::Relaxed(vec![]), ..request(&mlp(&[8], 10), 1.0) };
    assert!(failure(&evaluator, &relaxed).contains("single architectures"));
}

#[test]
fn training_stops_soon_after_it_is_asked_to() {
    let evaluator = open(&[("epochs", number(100_000.0))]);
    let asked = AtomicU32::new(0);
    let stop = || asked.fetch_add(1, Ordering::Relaxed) >= 5;
    assert_eq!(evaluator.evaluate(&request(&mlp(&[8], 10), 100_000.0), &stop).unwrap(), None);
    assert_eq!(asked.into_inner(), 6);
}

#[test]
fn networks_without_weights_are_measured() {
    let mut graph = GraphBuilder::new();
    let input = graph.input();
    let pool = graph.pool("pool", "MaxPool", input, Window { kernel: 4, stride: 4, padding: 0 });
    let flat = graph.op("flatten", "Flatten", &[pool]);
    let two = graph.op("same", "Identity", &[flat]);
    let graph = graph.finish(&[two]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("images");
    fs::create_dir(&path).unwrap();
    for (part, count) in [("train", 40_u32), ("t10k", 8)] {
        let words = |words: &[u32]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>();
        let labels: Vec<u8> = (0..count).map(|image| (image % 4) as u8).collect();
        let pixels = vec![3; count as usize * 64];
        fs::write(path.join(format!("{part}-images-idx3-ubyte")), [words(&[0x803, count, 8, 8]), pixels].concat())
            .unwrap();
        fs::write(path.join(format!("{part}-labels-idx1-ubyte")), [words(&[0x801, count]), labels].concat()).unwrap();
    }
    let measured = measure(&open(&[("data", text(path)), ("epochs", number(2.0))]), &request(&graph, 2.0));
    assert_eq!(metric(&measured, "val_accuracy"), 0.25);
}

#[test]
fn a_regression_fits_a_plane() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plane.csv");
    let mut rng = seeded(1);
    let rows: String = (0..400)
        .map(|_| {
            let (a, b) = (rng.random::<f64>() * 10.0, rng.random::<f64>());
            format!("{a},{},{b}\n", 300.0 * a - 2000.0 * b + 50.0)
        })
        .collect();
    fs::write(&path, format!("a,price,b\n{rows}")).unwrap();
    let given =
        [("data", text(path)), ("task", text("regression")), ("target", text("price")), ("epochs", number(40.0))];
    let evaluator = open(&given);
    assert_eq!(evaluator.instance_info().task.unwrap().kind, "regression");
    let measured = measure(&evaluator, &request(&mlp(&[32], 1), 40.0));
    assert!(metric(&measured, "val_r2") > 0.99, "{measured:?}");
    // The error has the unit of the price, whose standard deviation is about a thousand.
    let error = metric(&measured, "val_mae");
    assert!((1.0..100.0).contains(&error), "{error}");
    let ratio = metric(&measured, "val_mse").sqrt() / error;
    assert!((1.0..2.0).contains(&ratio), "{ratio}");
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    let refused = |given: &[(&str, Value)]| BurnEvaluator::open(&settings(given), None).unwrap_err().to_string();
    assert!(refused(&[("validation", number(0.6)), ("test", number(0.6))]).contains("leave nothing for training"));
    let loss = refused(&[("task", text("regression")), ("loss", text("cross_entropy"))]);
    assert!(loss.contains("there are no classes"), "{loss}");
}

#[test]
fn cells_of_nas_bench_201_are_trained() {
    let space = nas_spaces::NasBench201::new();
    let set = |name: &str, value| Setting { name: name.into(), value: number(value) };
    let task = Task {
        input_shape: vec![1, 8, 8],
        outputs: 10,
        kind: "classification".into(),
        settings: Settings::checked(&space.task_parameters(), &[set("channels", 8.0), set("cells", 1.0)]).unwrap(),
    };
    let evaluator = open(&[("epochs", number(4.0)), ("learning_rate", number(0.01))]);
    let accuracy = |cell: &str| {
        let graph = space.build(&space.parse(cell).unwrap(), &task).unwrap();
        metric(&measure(&evaluator, &request(&graph, 4.0)), "val_accuracy")
    };
    let good =
        accuracy("|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|");
    let cut = accuracy("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|");
    assert!(good > 0.9, "{good}");
    assert!(cut < 0.2, "nothing flows through this cell: {cut}");
}
