//! Measures how long a table takes to look up architectures.
//!
//! `NAS_DATA=tables cargo bench -p nas-evaluator-table --bench look_up`

#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use nas_api::{Candidate, Evaluator, EvaluatorPlugin, Graph, Request, SearchSpace, Setting, Settings, Value};
use nas_evaluator_table::TableEvaluator;
use nas_spaces::NasBench201;

const CELLS: u32 = 1000;

fn open() -> TableEvaluator {
    let data = Setting { name: "data".into(), value: Value::Text("nas-bench-201/c10".into()) };
    let settings = Settings::checked(&TableEvaluator::info().parameters, &[data]).unwrap();
    TableEvaluator::open(&settings, None).unwrap()
}

fn request(space: &NasBench201, trial: u32) -> Request {
    let genotype = space.sample(trial);
    let text = space.format(&genotype);
    Request {
        trial,
        candidate: Candidate::Discrete(genotype),
        key: text.clone(),
        text,
        graph: Graph::default(),
        fidelity: None,
        resume: None,
        keep_checkpoint: false,
        seed: trial,
        prunable: false,
    }
}

fn look_up(c: &mut Criterion) {
    let evaluator = open();
    let space = NasBench201::new();
    let requests: Vec<Request> = (0..CELLS).map(|trial| request(&space, trial)).collect();
    let mut group = c.benchmark_group("nas-bench-201");
    group.throughput(Throughput::Elements(CELLS.into()));
    group.bench_function("look-ups", |b| {
        b.iter(|| {
            for request in &requests {
                black_box(evaluator.evaluate(black_box(request), &|| false).unwrap());
            }
        });
    });
    group.finish();
}

criterion_group!(benches, look_up);
criterion_main!(benches);
