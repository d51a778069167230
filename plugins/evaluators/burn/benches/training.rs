//! Measures the training time of five networks on one thread: 8 batches of each, from fresh weights.
//!
//! Run with `cargo bench -p nas-evaluator-burn --bench training [-- NAME]`. `benches/training_speed.py` compares the
//! same networks with PyTorch.

#![allow(missing_docs, clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use nas_api::rng::{Random, RngExt, seeded};
use nas_api::{
    Candidate, Evaluator, EvaluatorPlugin, Graph, Metric, Request, SearchSpace, Setting, Settings, Task, Value,
    space_defaults,
};
use nas_evaluator_burn::BurnEvaluator;
use nas_spaces::{DecoderLm, Mlp, Mobile, NasBench201, ResNet};

const BATCHES: usize = 8;

fn number(name: &str, value: f64) -> Setting {
    Setting { name: name.into(), value: Value::Number(value) }
}

fn text(name: &str, value: impl Into<String>) -> Setting {
    Setting { name: name.into(), value: Value::Text(value.into()) }
}

/// Writes a folder in the format of CIFAR-10 with random pixels.
fn images(folder: &Path, count: usize) {
    let mut rng = seeded(1);
    let record = |at: usize, rng: &mut Random| {
        let pixels = std::iter::repeat_with(|| rng.random::<u8>()).take(3072).collect::<Vec<u8>>();
        [vec![(at % 10) as u8], pixels].concat()
    };
    for name in (1..=5).map(|batch| format!("data_batch_{batch}.bin")).chain(["test_batch.bin".to_owned()]) {
        let bytes: Vec<u8> = (0..count.div_ceil(5)).flat_map(|at| record(at, &mut rng)).collect();
        fs::write(folder.join(name), bytes).unwrap();
    }
}

/// Writes a text of random characters, of which 65 are different.
fn characters(file: &Path, count: usize) {
    let mut rng = seeded(2);
    let of = |at: u32| char::from_u32(u32::from('0') + at).unwrap();
    // All 65 come first, so that each occurs whatever is drawn.
    let drawn = std::iter::repeat_with(|| rng.random_range(0..65)).take(count).map(of);
    fs::write(file, (0..65).map(of).chain(drawn).collect::<String>()).unwrap();
}

struct ProbedNetwork {
    evaluator: BurnEvaluator,
    graph: Graph,
}

impl ProbedNetwork {
    fn new<S: SearchSpace>(network: &str, task: &[Setting], data: &str, batch: usize, more: &[Setting]) -> Self {
        let given = [text("data", data), number("batch_size", batch as f64), number("epochs", 1.0)];
        let limits = [number("train_limit", (batch * BATCHES) as f64), number("validation_limit", batch as f64)];
        let given = [&given[..], &limits, more].concat();
        let settings = Settings::checked(&BurnEvaluator::info().parameters, &given).unwrap();
        let evaluator = BurnEvaluator::open(&settings, None).unwrap();
        let space = S::open(&Settings::defaults(&S::parameters())).unwrap();
        let settings = Settings::checked(&space.task_parameters(), task).unwrap();
        let task = Task { settings, ..evaluator.instance_info().task.unwrap() };
        let graph = space.build(&space.parse(network).unwrap(), &task).unwrap();
        Self { evaluator, graph }
    }

    /// The seconds that one training takes.
    fn train(&self) -> Duration {
        let request = Request {
            trial: 0,
            candidate: Candidate::Discrete(Vec::new()),
            key: String::new(),
            text: String::new(),
            graph: self.graph.clone(),
            fidelity: Some(1.0),
            resume: None,
            keep_checkpoint: false,
            prunable: false,
            seed: 1,
        };
        let measured = self.evaluator.evaluate(&request, &|| false).unwrap().unwrap();
        assert!(measured.failure.is_none(), "{:?}", measured.failure);
        Duration::from_secs_f64(Metric::find(&measured.metrics, "train_seconds").unwrap())
    }
}

fn training(c: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    images(folder.path(), 2 * 64 * BATCHES);
    let file = folder.path().join("text.txt");
    characters(&file, 129 * 16 * BATCHES * 2);
    let (folder_name, file_name) = (folder.path().display().to_string(), file.display().to_string());
    let cell = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|";
    let small = [text("stem", "small")];
    let residual = "block=basic,width=16,depth1=1,depth2=1,depth3=1,depth4=1";
    let mobile = Mobile::open(&Settings::defaults(&Mobile::parameters())).unwrap();
    let inverted = space_defaults::format(&mobile, &mobile.parse("mobilenet_v2").unwrap());
    let inverted = inverted.replace("multiplier=1.00", "multiplier=0.50");
    let layers = "layers=4,width=128,head_size=32,gated=no,activation=gelu,norm=layer,norm_place=pre,positions=learned,\
                  tied=yes,bias=yes,heads=4,queries_per_key=1,ratio=4,window=all,experts=1";
    let perceptron = "layers=2,width1=128,activation1=relu,width2=128,activation2=relu";
    let subjects = [
        ("nas-bench-201", ProbedNetwork::new::<NasBench201>(cell, &[number("cells", 1.0)], &folder_name, 64, &[])),
        ("resnet", ProbedNetwork::new::<ResNet>(residual, &small, "digits", 64, &[])),
        ("mobile", ProbedNetwork::new::<Mobile>(&inverted, &small, &folder_name, 64, &[])),
        ("decoder-lm", ProbedNetwork::new::<DecoderLm>(layers, &[], &file_name, 16, &[number("context", 128.0)])),
        ("mlp", ProbedNetwork::new::<Mlp>(perceptron, &[], "digits", 64, &[])),
    ];
    let mut group = c.benchmark_group("8 batches");
    group.sample_size(10).warm_up_time(Duration::from_millis(100)).measurement_time(Duration::from_secs(5));
    for (name, subject) in subjects {
        let times = |count: u64| (0..count).map(|_| subject.train()).sum::<Duration>();
        group.bench_function(name, |b| b.iter_custom(times));
    }
}

criterion_group!(benches, training);
criterion_main!(benches);
